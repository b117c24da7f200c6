/** One scenario as charts, each with its numbers in a table. */
import type { ScenarioReport } from '../../analyze/report.ts';
import { byteText, grouped } from '../terminal.ts';
import { heatMap, loadBars, timeChart } from './charts.ts';
import { type Child, el, type Markup } from './markup.ts';

/** Rows of a table of a long series, and of the busiest entries. */
const MOST_ROWS = 24;

export function figure(
  title: string,
  chart: Markup,
  head: readonly string[],
  rows: readonly (readonly Child[])[],
): Markup {
  return el(
    'figure',
    {},
    el('figcaption', {}, title),
    chart,
    el('details', {}, el('summary', {}, 'Numbers'), el('div', { class: 'wide' }, table(head, rows))),
  );
}

export function table(head: readonly string[], rows: readonly (readonly Child[])[]): Markup {
  return el(
    'table',
    {},
    el(
      'thead',
      {},
      el(
        'tr',
        {},
        head.map((name) => el('th', { scope: 'col' }, name)),
      ),
    ),
    el(
      'tbody',
      {},
      rows.map((row) =>
        el(
          'tr',
          {},
          row.map((cell) => el('td', {}, cell)),
        ),
      ),
    ),
  );
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

export function ratio(value: number): string {
  return value.toFixed(2);
}

/** How a scenario hashes, in a line. */
export function describeHash({ nic, hfunc, xfrm, fields, table: { size, fill }, level, hkey }: ScenarioReport): string {
  const letters = Object.entries(fields).map(([type, set]) => `${type}=${set}`);
  return [
    ...(nic === null ? [] : [`as ${nic}`]),
    `hfunc ${hfunc}`,
    ...(xfrm === 'none' ? [] : [`xfrm ${xfrm}`]),
    ...(level === 'outer' ? [] : ['level inner']),
    `table of ${size}, ${fill}`,
    letters.join(' '),
    `hkey ${hkey}`,
  ].join(' · ');
}

export function scenarioFigures(scenario: ScenarioReport, total: number): Markup[] {
  return [queuesFigure(scenario, total), tableFigure(scenario), ...timeFigures(scenario)];
}

function queuesFigure({ name, queues, measures }: ScenarioReport, total: number): Markup {
  const packets = queues.map((queue) => queue.packets);
  const mean = packets.reduce((sum, n) => sum + n, 0) / queues.length || 1;
  const { maxOverMean } = measures.packets;
  return figure(
    'Packets of each queue against a fair share',
    loadBars(
      packets,
      `${name}: the busiest queue has ${ratio(maxOverMean)} times its fair share, ${measures.idleQueues} of ${queues.length} have nothing`,
      'packets',
    ),
    ['Queue', 'Packets', 'Of all', 'Fair shares', 'Bytes', 'Flows', 'SAs'],
    queues.map((q) => [
      q.queue,
      grouped(q.packets),
      percent(total === 0 ? 0 : q.packets / total),
      ratio(q.packets / mean),
      byteText(q.bytes),
      grouped(q.flows),
      grouped(q.sas),
    ]),
  );
}

function tableFigure({ name, table: { size, entries, buckets } }: ScenarioReport): Markup {
  const loads = new Float64Array(size);
  for (const { index, packets } of buckets) loads[index] = packets;
  const busiest = [...buckets].sort((a, b) => b.packets - a.packets || a.index - b.index).slice(0, MOST_ROWS);
  return figure(
    `Indirection table: packets of its ${size} entries`,
    heatMap(loads, entries, `${name}: ${buckets.length} of ${size} entries have packets`, 'packets'),
    ['Entry (the busiest)', 'Queue', 'Packets', 'Bytes'],
    busiest.map(({ index, queue, packets, bytes }) => [index, queue, grouped(packets), byteText(bytes)]),
  );
}

function timeFigures({ name, measures: { overTime } }: ScenarioReport): Markup[] {
  if (overTime === null) return [];
  const { series, windowSeconds, packets, thin } = overTime;
  const every = Math.ceil(series.length / MOST_ROWS);
  const rows = series.flatMap((value, i) =>
    i % every === 0 ? [[`${(i * windowSeconds).toPrecision(3)} s`, value === 0 ? 'too few' : ratio(value)]] : [],
  );
  return [
    figure(
      `Busiest queue over time, in fair shares (windows of ${windowText(windowSeconds)}${thin > 0 ? `, ${thin} with too few packets left out` : ''})`,
      timeChart(
        series,
        series.length * windowSeconds,
        [{ name: `95 % below ${ratio(packets.p95)}`, value: packets.p95 }],
        `${name}: half of the windows are below ${ratio(packets.p50)}, 95 % below ${ratio(packets.p95)}, the worst is ${ratio(packets.max)}`,
      ),
      ['From', 'Max over mean'],
      [['median', ratio(packets.p50)], ['95 %', ratio(packets.p95)], ['worst', ratio(packets.max)], ...rows],
    ),
  ];
}

function windowText(seconds: number): string {
  return seconds >= 1 ? `${seconds} s` : `${Math.round(seconds * 1000)} ms`;
}
