import type { GroReport } from './gro.ts';
import { columns, grouped, type Style } from './terminal.ts';

/** Frames shown before the rest is only counted. */
const MOST_ROWS = 100;

/** The report of a GRO run for people: each frame that came out, the frames in it, and why runs ended. */
export function groText(report: GroReport, style: Style): string {
  const { input, frames, notDelivered, flushes, passes } = report;
  const lines = [
    `${style.bold(grouped(input.packets))} frames in, ${style.bold(grouped(frames.length))} out, ` +
      `${grouped(frames.filter((f) => f.gsoSegs > 0).length)} of them merged`,
    '',
    ...columns([
      ['#', 'bytes', 'segments', 'of', 'type', 'from'],
      ...frames
        .slice(0, MOST_ROWS)
        .map((frame, i) => [
          i,
          frame.len,
          frame.gsoSegs === 0 ? '-' : frame.gsoSegs,
          frame.gsoSegs === 0 ? '-' : frame.gsoSize,
          frame.fromWire ? 'as it came' : frame.gsoType,
          ranges(frame.from),
        ]),
    ]),
  ];
  if (frames.length > MOST_ROWS) lines.push(`... and ${grouped(frames.length - MOST_ROWS)} more (--json has all)`);
  if (notDelivered.length > 0) lines.push('', `${style.bad('not delivered')}: ${ranges(notDelivered)}`);
  section(lines, style, 'Held packets came out because', flushes);
  section(lines, style, 'Never held', passes);
  return `${lines.join('\n')}\n`;
}

function section(lines: string[], style: Style, title: string, by: Readonly<Record<string, number>>): void {
  const rows = Object.entries(by).sort((a, b) => b[1] - a[1]);
  if (rows.length > 0) lines.push('', style.bold(title), ...columns(rows).map((row) => `  ${row}`));
}

/** `0-5,7`. */
function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    let last = i;
    while (numbers[last + 1] === numbers[last] + 1) last++;
    parts.push(last === i ? `${numbers[i]}` : `${numbers[i]}-${numbers[last]}`);
    i = last + 1;
  }
  return parts.join(',');
}
