import { bar, type Style } from '../report/terminal.ts';
import type { Machine } from './machine.ts';
import { panels, SETTING } from './panels.ts';
import type { FailedScenario, HistogramRow } from './row.ts';

const BAR = 24;
const HEADS = ['', '', 'Gb/s', 'Mp/s', 'CPUs', 'peak', 'ms/Gb'];
const STAGES = ['read', 'dispatch', 'lane', 'open', 'GRO'];

/** The histogram for a terminal. */
export function histogramText(
  rows: readonly (HistogramRow | FailedScenario)[],
  machine: Machine,
  style: Style,
): string {
  const groups = panels(rows);
  const most = Math.max(0, ...groups.flatMap(({ bars }) => bars.map(({ row }) => row.goodputGbps)));
  const lines = [style.dim(`Node ${machine.node}, OpenSSL ${machine.openssl}, ${machine.cpu}, ${machine.cores} cores`)];
  for (const { title, bars } of groups) {
    const heads = bars.some(({ row }) => row.stages !== undefined) ? [...HEADS, ...STAGES] : HEADS;
    const table = aligned([heads, ...bars.map(({ label, row }) => cells(label, row, most))]);
    lines.push('', style.bold(title), style.dim(table[0]), ...table.slice(1));
  }
  for (const row of rows) if ('failed' in row) lines.push('', style.bad(`${row.case} was not measured: ${row.failed}`));
  lines.push(
    '',
    ...SETTING,
    'CPUs: processors in use, all threads; peak: the busiest thread; ms/Gb: processor time for a gigabit. read to GRO: nanoseconds of a',
    'packet by stage.',
  );
  return `${lines.join('\n')}\n`;
}

function cells(label: string, row: HistogramRow, most: number): string[] {
  const { stages } = row;
  return [
    label,
    bar(row.goodputGbps, most, BAR).padEnd(BAR),
    row.goodputGbps.toFixed(1),
    row.mpps === null ? '' : row.mpps.toFixed(2),
    row.cpu.toFixed(2),
    row.peakCpu === null ? '' : `${Math.round(100 * row.peakCpu)} %`,
    row.cpuMsPerGb.toFixed(0),
    ...(stages === undefined
      ? []
      : [stages.read, stages.dispatch, stages.lane, stages.open, stages.gro].map((ns) => ns.toFixed(0))),
  ];
}

/** Columns: names and bars to the left, figures to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join('  ')
      .trimEnd(),
  );
}
