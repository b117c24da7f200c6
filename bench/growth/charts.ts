/** What the page draws: from rows to curves, and what they say in words. */
import { compact } from '../../src/report/page/charts.ts';
import type { LogCurve } from './log-chart.ts';
import { CHARTS, type Chart, type GrowthRow, INLINE, PINNED, type SkippedPoint } from './point.ts';
import type { ThreadFigures } from './threads.ts';

export type PointResult = GrowthRow | SkippedPoint;

export interface Plot {
  readonly title: string;
  readonly axes: { readonly x: string; readonly y: string };
  readonly curves: readonly LogCurve[];
}

export interface ChartSection {
  readonly title: string;
  /** What is bounded, and by what. */
  readonly bound: string;
  readonly rows: readonly GrowthRow[];
  readonly ticks: readonly number[];
  readonly plots: readonly Plot[];
  /** A sentence for each curve. */
  readonly findings: readonly string[];
}

const ABOUT: Readonly<Record<Chart, { title: string; x: string; bound: string }>> = {
  flows: {
    title: 'Flows',
    x: 'flows',
    bound:
      'Claims and slots have 12 bytes an entry, rfs.entries of them (32,768 by default, 4,194,304 at most), whatever the number of flows: those that do not fit share entries. Without claims nothing is kept of a flow in clear but what GRO holds of it: 8 packets in each of 8 buckets by default, until the end of the poll.',
  },
  sas: {
    title: 'Security associations',
    x: 'SAs',
    bound:
      'esp.maxSas SAs at most (262,144). Each has 3.6 KiB of address space, memory of it as it is used; a lane makes the keys of an SA when its first packet comes, and only the lane that owns it.',
  },
  lanes: {
    title: 'Lanes',
    x: 'lanes',
    bound:
      '16 MiB of frame memory a lane, a thread with a heap of its own, and with ESP rings between lanes that grow with their square. The frame memory is reserved once (option memory, 2 GiB at most) and never grows.',
  },
  sizes: {
    title: 'Packet sizes',
    x: 'bytes of the IP packet',
    bound: 'Frames lie in windows and arenas of the frame memory, of a fixed size: full ones wait or drop.',
  },
};

/** Rows as sections, in the order of the charts. */
export function sections(results: readonly PointResult[]): ChartSection[] {
  const measured = results.filter((result): result is GrowthRow => !('skipped' in result));
  return CHARTS.flatMap((chart): ChartSection[] => {
    const rows = measured.filter((row) => row.chart === chart);
    if (rows.length === 0) return [];
    const { title, x, bound } = ABOUT[chart];
    const plots: Plot[] =
      chart === 'lanes'
        ? lanePlots(rows)
        : [{ title: 'Nanoseconds a packet', axes: { x, y: 'ns' }, curves: curvesOf(rows, (row) => row.ns) }];
    plots.push({
      title: 'Memory: what the resident set grew by',
      axes: { x, y: 'bytes' },
      curves: curvesOf(
        rows.filter(({ series }) => !series.includes(PINNED)),
        (row) => row.memory.residentBytes,
      ),
    });
    if (chart === 'flows' || chart === 'sas') {
      plots.push({
        title: 'Memory: tables, as they are reserved',
        axes: { x, y: 'bytes' },
        curves: curvesOf(rows, (row) => row.memory.tableBytes),
      });
    }
    const ticks = [...new Set(rows.map((row) => row.x))].sort((a, b) => a - b);
    const drawn = plots.filter(({ curves }) => curves.length > 0);
    return [
      { title, bound, rows, ticks, plots: drawn, findings: chart === 'lanes' ? laneFindings(rows) : findings(rows) },
    ];
  });
}

/** A curve for each series; what is 0 has no place on a logarithmic axis. */
function curvesOf(rows: readonly GrowthRow[], value: (row: GrowthRow) => number): LogCurve[] {
  return [...new Set(rows.map(({ series }) => series))].flatMap((series) => {
    const points = rows
      .filter((row) => row.series === series)
      .map((row): [number, number] => [row.x, value(row)])
      .filter(([, y]) => y > 0)
      .sort(([a], [b]) => a - b);
    return points.length === 0 ? [] : [{ name: series, points }];
  });
}

/** Processor time of the dispatcher and the lanes for a packet. Compiling and collecting garbage are left out: they end. */
export function workNs({ threadUse }: GrowthRow): number {
  return sum(workers(threadUse?.threads), ({ cpuNs }) => cpuNs);
}

/** What these threads waited for a processor, for a packet. */
export function delayNs({ threadUse }: GrowthRow): number {
  return sum(workers(threadUse?.threads), (thread) => thread.delayNs);
}

/** How often another thread took the processor from one of these, for 1,000 packets. */
export function takenAway({ threadUse }: GrowthRow): number {
  return sum(workers(threadUse?.threads), ({ involuntary }) => involuntary);
}

const workers = (threads: readonly ThreadFigures[] = []): readonly ThreadFigures[] =>
  threads.filter(({ role }) => role !== 'helpers');

const sum = (threads: readonly ThreadFigures[], of: (thread: ThreadFigures) => number): number =>
  threads.reduce((all, thread) => all + of(thread), 0);

function lanePlots(rows: readonly GrowthRow[]): Plot[] {
  const axes = { x: 'lanes', y: 'ns' };
  return [
    { title: 'Wall clock: nanoseconds a packet', axes, curves: curvesOf(rows, (row) => row.ns) },
    {
      title: 'Work: processor time of dispatcher and lanes (more on several processors than on one: contention)',
      axes,
      curves: curvesOf(rows, workNs),
    },
    {
      title: 'Waiting: ready to run, without a processor (time-slicing)',
      axes,
      curves: curvesOf(rows, delayNs),
    },
  ];
}

function findings(rows: readonly GrowthRow[]): string[] {
  return curvesOf(rows, (row) => row.ns).map(({ name, points }) => {
    const [first, last] = [points[0], points[points.length - 1]];
    const times = (last[1] / first[1]).toFixed(2);
    return `${name}: ${figure(first[1])} ns at ${compact(first[0])}, ${figure(last[1])} ns at ${compact(last[0])} (${times} times).`;
  });
}

function laneFindings(rows: readonly GrowthRow[]): string[] {
  const at = (series: string, lanes: number): GrowthRow | undefined =>
    rows.find((row) => row.series === series && row.x === lanes);
  const kinds = [...new Set(rows.map(({ series }) => series))].filter(
    (name) => !name.includes(PINNED) && !name.includes(INLINE),
  );
  return kinds.flatMap((kind) =>
    rows
      .filter(({ series }) => series === kind)
      .flatMap((row) => {
        if (row.threadUse === undefined || row.threadUse.threads.length === 0) return [];
        const one = at(`${kind}, ${PINNED}`, row.x);
        const threads = 1 + row.x;
        const { processors } = row.threadUse;
        const contention =
          one === undefined ? '' : `, ${(workNs(row) / workNs(one)).toFixed(2)} times that on one processor`;
        return [
          `${kind}, ${threads} threads on ${processors} processors: ${figure(row.ns)} ns a packet, work ${figure(workNs(row))}${contention}; ready but waiting ${figure(delayNs(row))}, taken off ${takenAway(row).toFixed(2)} times in 1,000 packets, a lane found full ${row.threadUse.full.toFixed(2)} times.`,
        ];
      }),
  );
}

export function figure(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 1);
}
