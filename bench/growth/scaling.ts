/**
 * `npm run bench -- scaling [--cores LIST] [--dispatch NS] [--lane NS] [--bytes N] [--line NS] [--overlap N] [--bandwidth GB]
 * [--passes N]`: the table of `docs/scaling.md`, or one for figures of your own. Nothing is measured here.
 */
import { parseArgs } from 'node:util';
import { best, type Capacity, capacity, lanesFed, type ModelFigures } from './model.ts';

interface Kind extends Pick<ModelFigures, 'dispatchNs' | 'laneNs' | 'bytes'> {
  readonly name: string;
}

/** Where they come from stands in `docs/scaling.md`. */
export const KINDS: readonly Kind[] = [
  { name: 'clear, 1,500-byte packets', dispatchNs: 20, laneNs: 160, bytes: 1514 },
  { name: 'clear, 64-byte packets', dispatchNs: 20, laneNs: 120, bytes: 78 },
  { name: 'clear, 9,000-byte packets', dispatchNs: 20, laneNs: 320, bytes: 9014 },
  { name: 'AES-256-GCM by ipsec-mb, 1,500 bytes inside', dispatchNs: 35, laneNs: 765, bytes: 1570 },
  { name: 'AES-256-GCM by node:crypto, 1,400 bytes inside', dispatchNs: 35, laneNs: 4350, bytes: 1470 },
];

/** An EPYC of the third generation or later: eight cores share an L3, and a line from another one takes longer. */
const EPYC: Pick<ModelFigures, 'lineNs' | 'overlap' | 'bandwidth' | 'passes'> = {
  lineNs: (cores) => (cores <= 8 ? 23 : 107),
  overlap: 2,
  bandwidth: 0.8 * 460.8e9,
  passes: 2,
};

const CORES = [2, 4, 8, 16, 64];

/** The table as Markdown. */
export function scalingTable(
  kinds: readonly Kind[] = KINDS,
  machine: typeof EPYC = EPYC,
  cores: readonly number[] = CORES,
): string {
  const lines = [
    '| traffic | lanes that one dispatcher feeds | cores | one receiver | used up first | several receivers |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  for (const kind of kinds) {
    const figures = { ...kind, ...machine };
    cores.forEach((count, i) => {
      const one = capacity(figures, count);
      const many = best(figures, count);
      const cells = [
        i === 0 ? kind.name : '',
        i === 0 ? String(lanesFed(figures)) : '',
        String(count),
        rateText(one, kind.bytes),
        one.limit,
        many.receivers === 1 ? 'no gain' : `${many.receivers}: ${rateText(many, kind.bytes)}, ${many.limit}`,
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    });
  }
  return `${lines.join('\n')}\n`;
}

function rateText({ rate }: Capacity, bytes: number): string {
  return `${(rate / 1e6).toFixed(1)} M/s, ${Math.round((8 * rate * bytes) / 1e9)} Gb/s`;
}

/** Runs with the arguments behind `scaling`; returns the exit code. */
export function scalingCommand(args: readonly string[]): number {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      cores: text,
      dispatch: text,
      lane: text,
      bytes: text,
      line: text,
      overlap: text,
      bandwidth: text,
      passes: text,
    },
  });
  const given = new Map<string, number>();
  for (const name of ['dispatch', 'lane', 'bytes', 'line', 'overlap', 'bandwidth', 'passes'] as const) {
    const value = values[name];
    if (value === undefined) continue;
    if (!(Number(value) > 0)) return refuse(`--${name}: expected a number above 0, got ${value}`);
    given.set(name, Number(value));
  }
  const cores = values.cores?.split(',').map(Number) ?? CORES;
  if (!cores.every((count) => Number.isInteger(count) && count >= 2)) {
    return refuse(`--cores: expected whole numbers from 2 on, got ${values.cores}`);
  }
  const own = ['dispatch', 'lane', 'bytes'].map((name) => given.get(name));
  const [dispatchNs, laneNs, bytes] = own;
  const isOwn = dispatchNs !== undefined && laneNs !== undefined && bytes !== undefined;
  if (!isOwn && own.some((value) => value !== undefined)) {
    return refuse('--dispatch, --lane and --bytes go together: they are one kind of traffic');
  }
  const line = given.get('line');
  const bandwidth = given.get('bandwidth');
  const machine = {
    lineNs: line === undefined ? EPYC.lineNs : () => line,
    overlap: given.get('overlap') ?? EPYC.overlap,
    bandwidth: bandwidth === undefined ? EPYC.bandwidth : 1e9 * bandwidth,
    passes: given.get('passes') ?? EPYC.passes,
  };
  const kinds = isOwn ? [{ name: 'yours', dispatchNs, laneNs, bytes }] : KINDS;
  process.stdout.write(scalingTable(kinds, machine, cores));
  return 0;
}

function refuse(message: string): number {
  process.stderr.write(`bench: scaling: ${message}\n`);
  return 2;
}
