/** The page of an analysis: one file, everything in it, nothing fetched. */
import type { AnalyzeReport, Remedy, ScenarioReport, UnitsReport, VerdictEntry } from '../../analyze/report.ts';
import { approximations } from '../approximations.ts';
import { byteText, grouped } from '../terminal.ts';
import { lorenzChart, sparkBars } from './charts.ts';
import { el, Markup } from './markup.ts';
import { describeHash, figure, percent, ratio, scenarioFigures, table } from './scenario-view.ts';
import { SORT_SCRIPT, STYLE } from './style.ts';

/** Scenarios that are drawn large: what was asked for comes first. */
const MOST_LARGE = 4;

export function analyzePage(report: AnalyzeReport): string {
  const { input } = report;
  const title = `How ${input.files.map((file) => file.split('/').at(-1)).join(', ')} spreads`;
  const page = el(
    'html',
    { lang: 'en' },
    el(
      'head',
      {},
      el('meta', { charset: 'utf-8' }),
      el('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      // Nothing may be fetched, whatever the page holds.
      el('meta', {
        'http-equiv': 'Content-Security-Policy',
        content: "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:",
      }),
      el('link', { rel: 'icon', href: 'data:,' }),
      el('title', {}, title),
      el('style', {}, new Markup(STYLE)),
    ),
    el(
      'body',
      {},
      el('header', {}, el('h1', {}, title), ...summary(report)),
      el('main', {}, ...sections(report)),
      el('script', {}, new Markup(SORT_SCRIPT)),
    ),
  );
  return `<!doctype html>\n${page.text}\n`;
}

function summary({ input, classes, damage, interrupted }: AnalyzeReport): Markup[] {
  const parts = Object.entries(classes).map(([name, n]) => `${name} ${grouped(n)}`);
  const span = input.seconds > 0 ? ` in ${input.seconds} s` : '';
  return [
    el(
      'p',
      {},
      `${grouped(input.packets)} packets, ${byteText(input.wireBytes)}${span}${input.loop === undefined ? '' : `, read ${input.loop} times`}`,
    ),
    el('p', { class: 'soft' }, parts.join(' · ')),
    ...(damage === undefined
      ? []
      : [el('p', { class: 'warn' }, `Damaged: ${damage.message}. This is what lies before it.`)]),
    ...(interrupted ? [el('p', { class: 'warn' }, 'Interrupted: this is what was seen until then.')] : []),
  ];
}

/** All of the page below its head. */
function sections(report: AnalyzeReport): Markup[] {
  return [
    el('section', {}, el('h2', {}, 'Verdict'), verdictList(report.verdict)),
    el(
      'section',
      {},
      el('h2', {}, 'Scenarios'),
      el('div', { class: 'wide' }, scenarioTable(report.scenarios, true)),
      ...approximations(report.scenarios).map((text) => el('p', { class: 'soft' }, text)),
    ),
    ...largeScenarios(report).map((scenario) =>
      el(
        'section',
        {},
        el('h2', {}, scenario.name),
        el('p', { class: 'soft' }, describeHash(scenario)),
        el('div', { class: 'charts' }, ...scenarioFigures(scenario, report.input.packets)),
      ),
    ),
    el(
      'section',
      {},
      el('h2', {}, 'Sizes of flows and SAs'),
      el(
        'div',
        { class: 'charts' },
        sizesFigure(report),
        heaviestFigure('Heaviest flows', report.flows),
        ...(report.sas.count > 0 ? [heaviestFigure('Heaviest SAs', report.sas)] : []),
      ),
    ),
  ];
}

export function verdictList(verdict: readonly VerdictEntry[]): Markup {
  return el(
    'ol',
    { class: 'verdict' },
    verdict.map(({ cause, severity, says, evidence, remedies }) =>
      el(
        'li',
        { class: severity },
        el('h3', {}, cause),
        el('p', {}, says),
        ...(remedies.length === 0 ? [] : [el('ul', {}, remedies.map(remedyItem))]),
        ...(Object.keys(evidence).length === 0
          ? []
          : [el('details', {}, el('summary', {}, 'Evidence'), table(['What', 'Value'], Object.entries(evidence)))]),
      ),
    ),
  );
}

function remedyItem({ says, before, after, commands }: Remedy): Markup {
  const effect =
    before === undefined || after === undefined
      ? []
      : [' ', el('span', { class: 'effect' }, `max/mean ${ratio(before)} \u2192 ${ratio(after)}`)];
  return el('li', {}, says, ...effect, ...(commands.length === 0 ? [] : [el('pre', {}, commands.join('\n'))]));
}

const COLUMNS: readonly [string, (scenario: ScenarioReport) => number][] = [
  ['Queues', ({ queues }) => queues.length],
  ['Max/mean', ({ measures }) => measures.packets.maxOverMean],
  ['of bytes', ({ measures }) => measures.bytes.maxOverMean],
  ['Least possible', ({ measures }) => measures.packets.bound],
  ['95 % over time', ({ measures }) => measures.overTime?.packets.p95 ?? 0],
  ['Idle', ({ measures }) => measures.idleQueues],
  ['Jain', ({ measures }) => measures.packets.jain],
  ['Gini', ({ measures }) => measures.packets.gini],
  ['Ways parted', ({ measures }) => measures.directions.parted],
  ['Strays', ({ measures }) => measures.reordering.strays],
];
const WHOLE: ReadonlySet<string> = new Set(['Queues', 'Idle', 'Ways parted', 'Strays']);

/** All scenarios, each with its queues drawn small. `sortable`: the page has {@link SORT_SCRIPT}. */
export function scenarioTable(scenarios: readonly ScenarioReport[], sortable: boolean): Markup {
  const heading = (name: string): Markup =>
    el('th', { scope: 'col' }, sortable ? el('button', { type: 'button' }, name) : name);
  return el(
    'table',
    {},
    el(
      'thead',
      {},
      el('tr', {}, heading('Scenario'), el('th', { scope: 'col' }, 'Load'), ...COLUMNS.map(([name]) => heading(name))),
    ),
    el(
      'tbody',
      {},
      scenarios.map((scenario) =>
        el(
          'tr',
          {},
          el('td', {}, scenario.name),
          el(
            'td',
            {},
            sparkBars(
              scenario.queues.map(({ packets }) => packets),
              `packets of the queues of ${scenario.name}`,
            ),
          ),
          ...COLUMNS.map(([name, of]) => {
            const value = of(scenario);
            const missing = name.startsWith('95') && value === 0;
            return el(
              'td',
              { 'data-v': String(value) },
              missing ? '' : WHOLE.has(name) ? grouped(value) : ratio(value),
            );
          }),
        ),
      ),
    ),
  );
}

/** What was asked for, else what is judged; and the most even one. */
function largeScenarios({ scenarios, verdict }: AnalyzeReport): ScenarioReport[] {
  const given = scenarios.filter(({ kind }) => kind === 'given');
  const named = verdict.flatMap(({ evidence, remedies }) => [
    evidence.scenario,
    ...remedies.map(({ scenario }) => scenario),
  ]);
  const shown = scenarios.filter(({ name }) => named.includes(name));
  const counted = [...new Set(scenarios.map(({ queues }) => queues.length))].sort((a, b) => a - b);
  const middle = counted[counted.length >> 1];
  const same = scenarios.filter(({ queues, kind }) => queues.length === middle && kind !== 'nic');
  const [best] = [...same].sort((a, b) => a.measures.packets.maxOverMean - b.measures.packets.maxOverMean);
  const base = scenarios.find(({ name }) => name === `ports/${middle}`);
  const wanted = [...given, ...shown, ...(base === undefined ? [] : [base]), best];
  return [...new Set(wanted)].slice(0, MOST_LARGE);
}

function sizesFigure({ flows, sas }: AnalyzeReport): Markup {
  const curves = [
    { name: `flows (${grouped(flows.count)})`, points: flows.lorenz.packets },
    ...(sas.count > 0 ? [{ name: `SAs (${grouped(sas.count)})`, points: sas.lorenz.packets }] : []),
  ];
  return figure(
    'Share of packets that the lighter ones carry (Lorenz)',
    lorenzChart(curves, curves.map(({ name }) => name).join(', ')),
    ['', 'Number', 'Worth equal ones', 'Gini, packets', 'Gini, bytes'],
    [
      ['Flows', grouped(flows.count), flows.effective.toFixed(1), ratio(flows.gini.packets), ratio(flows.gini.bytes)],
      ['SAs', grouped(sas.count), sas.effective.toFixed(1), ratio(sas.gini.packets), ratio(sas.gini.bytes)],
    ],
  );
}

function heaviestFigure(title: string, units: UnitsReport): Markup {
  const sampled = units.exact
    ? ''
    : ` (of about ${grouped(units.count)}, of which one in ${units.sample!.oneOf} is kept; these may be short of ${grouped(units.sample!.shortPackets)} packets)`;
  return el(
    'figure',
    {},
    el('figcaption', {}, title + sampled),
    el(
      'div',
      { class: 'wide' },
      table(
        ['', 'Packets', 'Of all', 'Bytes', 'Of all'],
        units.heaviest.map((unit) => [
          unit.text,
          grouped(unit.packets),
          percent(unit.packetShare),
          byteText(unit.bytes),
          percent(unit.byteShare),
        ]),
      ),
    ),
  );
}
