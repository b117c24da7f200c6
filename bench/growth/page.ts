/** Growth as one page that needs nothing else: no script, nothing fetched. */
import type { Machine } from '../../src/bench/machine.ts';
import { el, Markup } from '../../src/report/page/markup.ts';
import { figure as chartFigure } from '../../src/report/page/scenario-view.ts';
import { STYLE } from '../../src/report/page/style.ts';
import { byteText, grouped } from '../../src/report/terminal.ts';
import { machineLine } from '../table.ts';
import {
  type ChartSection,
  delayNs,
  figure,
  type Plot,
  type PointResult,
  sections,
  takenAway,
  workNs,
} from './charts.ts';
import { logChart } from './log-chart.ts';
import type { GrowthRow } from './point.ts';

/** Colours that can be told apart by those who see few of them (Okabe and Ito), darker on paper than on a dark screen. */
const LIGHT = ['#0b63a5', '#b4530a', '#11795a', '#8a3a86', '#6b6100', '#4a5560', '#a01c3c'];
const DARK = ['#6cb8f0', '#f0a05a', '#4fcf9f', '#dd92d8', '#d8c84a', '#a9b4bf', '#ff8fa6'];
const DASHES = ['none', '7 3', '2 3', '9 3 2 3', '5 5', '1 4', '12 4'];

const colours = (list: readonly string[]): string => list.map((colour, i) => `--g${i}:${colour}`).join(';');
const CURVES = `:root{${colours(LIGHT)}}
@media (prefers-color-scheme:dark){:root{${colours(DARK)}}}
@media print{:root{${colours(LIGHT)}}}
${LIGHT.map((_, i) => `.curve.g${i}{stroke:var(--g${i});stroke-dasharray:${DASHES[i]}}.mark.g${i}{fill:var(--g${i})}`).join('')}
svg .name{fill:var(--fg);font-size:12px}.grid{opacity:.45}.grid.ten{opacity:1}
@media print{.charts{display:block}.charts svg{max-width:11cm!important}figure{margin-bottom:.6cm}}
`;

export function growthPage(results: readonly PointResult[], machine: Machine): string {
  const title = 'rxsteer: how cost and memory grow';
  const page = el(
    'html',
    { lang: 'en' },
    el(
      'head',
      {},
      el('meta', { charset: 'utf-8' }),
      el('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      el('meta', {
        'http-equiv': 'Content-Security-Policy',
        content: "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
      }),
      el('link', { rel: 'icon', href: 'data:,' }),
      el('title', {}, title),
      el('style', {}, new Markup(STYLE + CURVES)),
    ),
    el(
      'body',
      {},
      el('header', {}, el('h1', {}, title), el('p', { class: 'soft' }, machineLine(machine))),
      el('main', {}, ...sections(results).map(section), ...skipped(results)),
    ),
  );
  return `<!doctype html>\n${page.text}\n`;
}

function section({ title, bound, ticks, plots, findings }: ChartSection): Markup {
  return el(
    'section',
    {},
    el('h2', {}, title),
    el(
      'ul',
      {},
      findings.map((text) => el('li', {}, text)),
    ),
    el('p', { class: 'soft' }, `Bound: ${bound}`),
    el('div', { class: 'charts' }, ...plots.map((plot) => plotFigure(plot, ticks))),
  );
}

function plotFigure({ title, axes, curves, rows }: Plot, ticks: readonly number[]): Markup {
  const isMemory = axes.y === 'bytes';
  const head = isMemory
    ? ['Case', 'Resident', 'JavaScript heap', 'Tables', 'Reserved']
    : [
        'Case',
        'ns',
        'least',
        'M/s',
        'Gb/s',
        ...(axes.x === 'lanes' ? ['work ns', 'waiting ns', 'taken off', 'found full'] : []),
      ];
  const cells = rows.map((row) => [row.case, ...(isMemory ? memoryCells(row) : timeCells(row, axes.x === 'lanes'))]);
  return chartFigure(title, logChart(curves, ticks, axes, `${title}, by ${axes.x}`), head, cells);
}

function timeCells(row: GrowthRow, threaded: boolean): string[] {
  const { ns, nsMin, mpps, gbps, threadUse } = row;
  const cells = [figure(ns), figure(nsMin), mpps.toFixed(2), gbps === null ? '' : figure(gbps)];
  if (!threaded) return cells;
  return [
    ...cells,
    figure(workNs(row)),
    figure(delayNs(row)),
    takenAway(row).toFixed(2),
    threadUse?.full.toFixed(2) ?? '',
  ];
}

function memoryCells({ memory }: GrowthRow): string[] {
  return [memory.residentBytes, memory.jsHeapBytes, memory.tableBytes, memory.reservedBytes].map(byteText);
}

function skipped(results: readonly PointResult[]): Markup[] {
  const lines = results.flatMap((result) => ('skipped' in result ? [`${result.case}: ${result.skipped}`] : []));
  if (lines.length === 0) return [];
  return [
    el(
      'section',
      {},
      el('h2', {}, `Not measured (${grouped(lines.length)})`),
      el(
        'ul',
        {},
        lines.map((line) => el('li', {}, line)),
      ),
    ),
  ];
}
