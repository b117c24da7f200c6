/** The result for a terminal. */
import { columns, grouped, type Style } from '../../src/report/terminal.ts';
import type { Percentiles, SteadyResult } from './measure.ts';
import { findings, type LevelSummary, micros, percent, summaries } from './verdict.ts';

const HEADS = ['', 'packets', 'drops', 'p50', 'p90', 'p99', 'p99.9', 'max', 'slices'];

export const TITLES: Readonly<Record<SteadyResult['traffic'], string>> = {
  clear: 'TCP in clear',
  esp: 'ESP, AES-256-GCM',
};

export function steadyText(result: SteadyResult, style: Style): string {
  const { traffic, opens, idle, capacity } = result;
  const rows = summaries(result).flatMap((level) => [
    row(percent(level.level), level.packets, level.drops, level.latency, `${level.slices}`),
    ...(level.quiet === undefined || level.disturbed === 0 ? [] : [quietRow(level)]),
  ]);
  const [heads, ...table] = columns([HEADS, ...rows].map(padded));
  return [
    '',
    style.bold(
      `${TITLES[traffic]}${opens === null ? '' : ` by ${opens}`}: capacity ${(capacity / 1e6).toFixed(2)} million packets/s, idle: ${idle}`,
    ),
    'From push to delivery, microseconds, by load:',
    style.dim(heads),
    ...table,
    ...findings(result).map(({ good, says }) => `  ${good ? style.good('ok') : style.bad('!!')}  ${says}`),
    '',
  ].join('\n');
}

function quietRow({ quiet, slices, disturbed }: LevelSummary): string[] {
  return row('  undisturbed', undefined, quiet!.drops, quiet!.latency, `${slices - disturbed}`);
}

function row(
  label: string,
  packets: number | undefined,
  drops: number,
  latency: Percentiles,
  slices: string,
): string[] {
  const { p50, p90, p99, p999, max } = latency;
  return [
    label,
    packets === undefined ? '' : grouped(packets),
    grouped(drops),
    ...[p50, p90, p99, p999, max].map(micros),
    slices,
  ];
}

/** All figures to the right. */
function padded(cells: readonly string[]): string[] {
  return cells.map((cell, i) => (i === 0 ? cell : cell.padStart(WIDTHS[i] ?? 9)));
}

const WIDTHS = [0, 13, 9, 8, 8, 8, 9, 10, 7];
