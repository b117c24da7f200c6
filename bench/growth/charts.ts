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
  /** What its numbers are of. */
  readonly rows: readonly GrowthRow[];
}

export interface ChartSection {
  readonly title: string;
  /** What is bounded, and by what. */
  readonly bound: string;
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
      'esp.maxSas SAs at most (262,144). Each has 3.7 KiB of address space, memory of it as it is used; a lane makes the keys of an SA when its first packet comes, and only the lane that owns it.',
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
        : [
            {
              title: 'Nanoseconds a packet, the least of the repeats',
              axes: { x, y: 'ns' },
              curves: timeCurves(rows),
              rows,
            },
          ];
    plots.push({ title: 'Memory', axes: { x, y: 'bytes' }, curves: memoryCurves(rows), rows });
    const ticks = [...new Set(rows.map((row) => row.x))].sort((a, b) => a - b);
    const drawn = plots.filter(({ curves }) => curves.length > 0);
    return [{ title, bound, ticks, plots: drawn, findings: chart === 'lanes' ? laneFindings(rows) : findings(rows) }];
  });
}

/** A curve for each series; what is 0 has no place on a logarithmic axis. */
function curvesOf(rows: readonly GrowthRow[], value: (row: GrowthRow) => number): LogCurve[] {
  return [...new Set(rows.map(({ series }) => series))].flatMap((series) =>
    curve(
      series,
      rows.filter((row) => row.series === series),
      value,
    ),
  );
}

/** The curve of these rows, or none. */
function curve(name: string, rows: readonly GrowthRow[], value: (row: GrowthRow) => number): LogCurve[] {
  const points = rows
    .map((row): [number, number] => [row.x, value(row)])
    .filter(([, y]) => y > 0)
    .sort(([a], [b]) => a - b);
  return points.length === 0 ? [] : [{ name, points }];
}

const timeCurves = (rows: readonly GrowthRow[]): LogCurve[] => curvesOf(rows, (row) => row.nsMin);

/** What the resident set grew by; and the tables, as they are reserved, of the series that has the most of them. */
function memoryCurves(rows: readonly GrowthRow[]): LogCurve[] {
  const ours = rows.filter(({ case: name, series }) => !/_(bare|copy)/.test(name) && !series.includes(PINNED));
  const most = Math.max(...ours.map((row) => row.memory.tableBytes));
  const largest = ours.find((row) => row.memory.tableBytes === most);
  return [
    ...curvesOf(ours, (row) => row.memory.residentBytes),
    ...curve(
      'tables, as they are reserved',
      ours.filter((row) => row.series === largest?.series),
      (row) => row.memory.tableBytes,
    ),
  ];
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

/** One for each kind of traffic: what the clock says, what threads worked, and what they waited. */
function lanePlots(rows: readonly GrowthRow[]): Plot[] {
  return kindsOf(rows).map((kind) => {
    const spread = rows.filter(({ series }) => series === kind);
    const alone = rows.filter(({ series }) => series === `${kind}, ${PINNED}`);
    const inline = rows.filter(({ series }) => series === `${kind}, ${INLINE}`);
    return {
      title: `${kind}: nanoseconds a packet`,
      axes: { x: 'lanes', y: 'ns' },
      rows: [...inline, ...spread, ...alone],
      curves: [
        ...curve('wall clock', spread, (row) => row.ns),
        ...curve('work of dispatcher and lanes', spread, workNs),
        ...curve('ready to run, but waiting', spread, delayNs),
        ...curve(`wall clock, ${PINNED}`, alone, (row) => row.ns),
        ...curve(`work, ${PINNED}`, alone, workNs),
        ...curve(`wall clock, ${INLINE}`, inline, (row) => row.ns),
      ],
    };
  });
}

const kindsOf = (rows: readonly GrowthRow[]): string[] =>
  [...new Set(rows.map(({ series }) => series))].filter((name) => !name.includes(PINNED) && !name.includes(INLINE));

function findings(rows: readonly GrowthRow[]): string[] {
  return timeCurves(rows).map(({ name, points }) => {
    const [first, last] = [points[0], points[points.length - 1]];
    const times = (last[1] / first[1]).toFixed(2);
    return `${name}: ${figure(first[1])} ns at ${compact(first[0])}, ${figure(last[1])} ns at ${compact(last[0])} (${times} times).`;
  });
}

/** For each kind, of the fewest lanes and of the most: contention shows where processors suffice, time-slicing where they do not. */
function laneFindings(rows: readonly GrowthRow[]): string[] {
  return kindsOf(rows).flatMap((kind) => {
    const spread = rows
      .filter(({ series, threadUse }) => series === kind && threadUse !== undefined && threadUse.threads.length > 0)
      .sort((a, b) => a.x - b.x);
    return [...new Set([spread[0], spread[spread.length - 1]])].flatMap((row) =>
      row === undefined ? [] : [laneFinding(kind, row, rows)],
    );
  });
}

function laneFinding(kind: string, row: GrowthRow, rows: readonly GrowthRow[]): string {
  const { processors, full } = row.threadUse!;
  const alone = rows.find(({ series, x }) => series === `${kind}, ${PINNED}` && x === row.x);
  const ratio = alone === undefined ? '' : ` (${(workNs(row) / workNs(alone)).toFixed(2)} times that on one processor)`;
  return `${kind}, ${1 + row.x} threads on ${processors} processors: ${figure(row.ns)} ns a packet by the clock, ${figure(workNs(row))} of work${ratio}, ${figure(delayNs(row))} of waiting for a processor; in 1,000 packets a thread was taken off ${takenAway(row).toFixed(2)} times, and a lane found full ${full.toFixed(2)} times.`;
}

export function figure(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : 1);
}
