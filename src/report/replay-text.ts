import type { Replay, ReplayReport } from './replay.ts';
import { eventRow } from './replay-events.ts';
import { bar, byteText, columns, grouped, type Style } from './terminal.ts';

/** Rows of a table before the rest is only counted. */
const MOST_ROWS = 20;
const BAR = 24;

/** The report of a replay for people. */
export function replayText({ report, milliseconds }: Replay, style: Style): string {
  const { input } = report;
  const lines: string[] = [];
  const seconds = milliseconds / 1000;
  const round = input.loop === undefined ? '' : ` in ${input.loop} rounds, replay windows started again in each`;
  lines.push(
    `${style.bold(grouped(input.packets))} packets, ${byteText(input.bytes)}${round}, ${milliseconds.toFixed(1)} ms ` +
      style.dim(
        `(${grouped(input.packets / seconds)} packets/s, ${((input.bytes * 8) / seconds / 1e9).toFixed(2)} Gb/s)`,
      ),
  );
  if (report.damage !== undefined)
    lines.push(style.bad(`damaged: ${report.damage.message}; this is what lies before it`));
  section(lines, style, 'Classes', counts(report.classes));
  section(lines, style, 'Queues', queueRows(report, style));
  section(lines, style, 'Dropped', counts(report.drops));
  section(lines, style, 'Absorbed', counts(report.absorbed));
  section(lines, style, 'Security associations', saRows(report));
  section(lines, style, 'Cryptography', cryptoRows(report));
  section(
    lines,
    style,
    'Unknown SPIs',
    shortened(report.unknownSpis, (u) => [u.spi, u.src, u.dst, grouped(u.packets)]),
  );
  const { counts: kinds, list } = report.events;
  const all = Object.values(kinds).reduce((sum, n) => sum + n, 0);
  section(lines, style, 'Events', shortened(list, eventRow, all));
  const { merged, flushes } = report.gro;
  if (merged > 0) {
    const why = Object.entries(flushes)
      .sort((a, b) => b[1] - a[1])
      .map(([reason, n]) => `${reason} ${grouped(n)}`);
    section(lines, style, 'Coalescing', [
      `${grouped(merged)} segments merged into others; runs ended by ${why.join(', ')}`,
    ]);
  }
  section(
    lines,
    style,
    'Flows',
    shortened(report.flows, (f) => [
      f.proto,
      `${f.src} ${f.sport}`,
      '>',
      `${f.dst} ${f.dport}`,
      `${f.protected ? 'esp' : 'clear'}${f.tunnel === undefined ? '' : `, ${f.tunnel.type} ${f.tunnel.id}`}`,
      `queue ${f.queues.join(',')}`,
      `${grouped(f.segments)} in ${grouped(f.packets)}`,
      byteText(f.payloadBytes),
    ]),
  );
  lines.push('', verdict(report, style));
  return `${lines.join('\n')}\n`;
}

/** One line: was anything lost or reordered? */
export function verdict(report: ReplayReport, style: Style): string {
  const { conserved, reordered } = report.invariants;
  const lost = conserved ? style.good('every packet accounted for') : style.bad('packets are unaccounted for');
  const order = reordered === 0 ? style.good('none reordered') : style.bad(`${grouped(reordered)} reordered`);
  const across = report.acrossSas.reordered;
  return `${lost}, ${order}${across > 0 ? style.dim(` (${grouped(across)} across SAs or tunnels)`) : ''}`;
}

function queueRows(report: ReplayReport, style: Style): string[] {
  const most = Math.max(...report.queues.map((queue) => queue.packets));
  const total = Math.max(1, report.input.packets);
  const texts = columns(
    report.queues.map((q) => [
      `queue ${q.queue}`,
      grouped(q.packets).padStart(grouped(most).length),
      `${((100 * q.packets) / total).toFixed(1)}%`.padStart(6),
    ]),
  );
  return texts.map((text, i) => {
    const queue = report.queues[i];
    const out = style.dim(`${grouped(queue.segments)} delivered in ${grouped(queue.delivered)}`);
    return `${text.padEnd(24)} ${style.accent(bar(queue.packets, most, BAR).padEnd(BAR))} ${out}`;
  });
}

function saRows(report: ReplayReport): string[] {
  const { formerSas: former } = report;
  const rows = shortened(report.sas, (sa) => {
    const failed = Object.entries(sa.failed).flatMap(([why, n]) => (n > 0 ? [`${why} ${grouped(n)}`] : []));
    if (sa.life !== 'mature') failed.push(sa.life);
    if (sa.dummy > 0) failed.push(`dummy ${grouped(sa.dummy)}`);
    const how = `${sa.proto === 'ah' ? 'AH, ' : ''}${sa.mode}${sa.natt ? ', NAT-T' : ''}`;
    return [
      sa.spi,
      sa.dst,
      sa.transform,
      how,
      `${grouped(sa.opened)} of ${grouped(sa.packets)} opened`,
      failed.join(', '),
    ];
  });
  if (former === undefined) return rows;
  const { sas, opened, packets } = former;
  return [...rows, `${grouped(sas)} replaced or removed meanwhile: ${grouped(opened)} of ${grouped(packets)} opened`];
}

/** What opens each transform, and in the words of the backends why nothing faster does. */
function cryptoRows(report: ReplayReport): string[] {
  return shortened(report.crypto, ({ transform, backend, bursts, instead }) => [
    transform,
    bursts === undefined ? backend : `${backend}, bursts ${bursts}`,
    Object.entries(instead)
      .map(([name, reason]) => `${name}: ${reason}`)
      .join('; '),
  ]);
}

/** @param all how many there are, where not all are among the items */
function shortened<T>(
  items: readonly T[],
  row: (item: T) => (string | number)[],
  all: number = items.length,
): string[] {
  const lines = columns(items.slice(0, MOST_ROWS).map(row));
  const more = all > items.length ? 'has more' : 'has all';
  if (all > MOST_ROWS) lines.push(`... and ${grouped(all - MOST_ROWS)} more (--json ${more})`);
  return lines;
}

function counts(named: Readonly<Record<string, number | undefined>>): string[] {
  return columns(Object.entries(named).flatMap(([name, n]) => (n !== undefined && n > 0 ? [[name, grouped(n)]] : [])));
}

function section(lines: string[], style: Style, title: string, body: readonly string[]): void {
  if (body.length === 0) return;
  lines.push('', style.bold(title), ...body.map((line) => `  ${line}`));
}
