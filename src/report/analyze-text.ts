import type { AnalyzeReport, HeavyUnit, ScenarioReport, UnitsReport, VerdictEntry } from '../analyze/report.ts';
import type { Analyzed } from './analyze.ts';
import { approximations } from './approximations.ts';
import { bar, byteText, columns, counts, grouped, type Style, section } from './terminal.ts';
import { wrapped } from './wrap.ts';

const BAR = 24;
const WIDTH = 100;
/** Rows of heaviest units. */
const HEAVIEST = 3;

/** The report of an analysis for people. */
export function analyzeText({ report, milliseconds }: Analyzed, style: Style): string {
  const { input, scenarios, verdict } = report;
  const lines: string[] = [];
  const seconds = milliseconds / 1000;
  const loop = input.loop === undefined ? '' : ` in ${input.loop} rounds`;
  lines.push(
    `${style.bold(grouped(input.packets))} packets, ${byteText(input.wireBytes)}${loop}, in ${milliseconds.toFixed(0)} ms ` +
      style.dim(`(${grouped(input.packets / seconds)} packets/s, ${scenarios.length} scenarios)`),
  );
  if (report.damage !== undefined)
    lines.push(style.bad(`damaged: ${report.damage.message}; this is what lies before it`));
  if (report.interrupted) lines.push(style.bad('interrupted: this is what was seen until then'));
  section(lines, style, 'Classes', counts(report.classes));
  section(lines, style, 'Flows', unitRows(report.flows));
  section(lines, style, 'Security associations', report.sas.count > 0 ? unitRows(report.sas) : []);
  section(lines, style, 'Busiest queue, in fair shares (1.00 is even; packets)', scenarioRows(report));
  section(
    lines,
    style,
    'Not bit for bit',
    approximations(scenarios).flatMap((text) => wrapped(text, WIDTH - 2, '')),
  );
  const base = shownScenario(report);
  section(lines, style, `Queues of ${base.name}`, queueRows(base, input.packets, style));
  section(
    lines,
    style,
    'Verdict',
    verdict.flatMap((entry, i) => verdictRows(entry, i, style)),
  );
  return `${lines.join('\n')}\n`;
}

/** The scenario whose queues are shown: what was asked for, else the best model of the most telling number of queues. */
export function shownScenario({ scenarios }: AnalyzeReport): ScenarioReport {
  const given = scenarios.find(({ kind }) => kind === 'given');
  const counted = [...new Set(scenarios.map(({ queues }) => queues.length))].sort((a, b) => a - b);
  const middle = counted[counted.length >> 1];
  return given ?? scenarios.find(({ name }) => name === `spi-natt/${middle}`) ?? scenarios[0];
}

function unitRows(units: UnitsReport): string[] {
  const how = units.exact
    ? ''
    : `, about: of more than ${grouped(units.sample!.limit)} one in ${units.sample!.oneOf} is kept (${grouped(units.sample!.kept)})`;
  return [
    `${grouped(units.count)}${how}, worth ${units.effective.toFixed(1)} equal ones`,
    ...columns(units.heaviest.slice(0, HEAVIEST).map(heavyRow)),
  ];
}

function heavyRow(unit: HeavyUnit): string[] {
  return [
    `${(100 * unit.packetShare).toFixed(1)}%`,
    `${grouped(unit.packets)} packets`,
    byteText(unit.bytes),
    unit.text,
  ];
}

/** A line for each name, a column for each number of queues. */
function scenarioRows({ scenarios }: AnalyzeReport): string[] {
  const counted = [...new Set(scenarios.map(({ queues }) => queues.length))].sort((a, b) => a - b);
  const names = [...new Set(scenarios.map(nameOf))];
  const cell = (name: string, queues: number): string => {
    const scenario = scenarios.find((s) => nameOf(s) === name && s.queues.length === queues);
    if (scenario === undefined) return '';
    const { packets, idleQueues, overTime } = scenario.measures;
    const p95 = overTime === null ? '' : ` p95 ${overTime.packets.p95.toFixed(2)}`;
    return `${packets.maxOverMean.toFixed(2)}${p95}${idleQueues > 0 ? `, ${idleQueues} idle` : ''}`;
  };
  const bounds = counted.map((queues) => {
    const one = scenarios.find((s) => s.queues.length === queues)!;
    return one.measures.packets.bound.toFixed(2);
  });
  return columns([
    ['', ...counted.map((queues) => `${queues} queue${queues === 1 ? '' : 's'}`)],
    ...names.map((name) => [name, ...counted.map((queues) => cell(name, queues))]),
    ['(least possible)', ...bounds],
  ]);
}

function nameOf({ name, queues }: ScenarioReport): string {
  return name.slice(0, -`/${queues.length}`.length);
}

function queueRows({ queues }: ScenarioReport, total: number, style: Style): string[] {
  const most = Math.max(...queues.map(({ packets }) => packets));
  const texts = columns(
    queues.map((q) => [
      `queue ${q.queue}`,
      grouped(q.packets).padStart(grouped(most).length),
      `${((100 * q.packets) / Math.max(1, total)).toFixed(1)}%`.padStart(6),
    ]),
  );
  return texts.map((text, i) => {
    const { packets, flows, sas } = queues[i];
    const carries = style.dim(`${grouped(flows)} flows${sas > 0 ? `, ${grouped(sas)} SAs` : ''}`);
    return `${text.padEnd(24)} ${style.accent(bar(packets, most, BAR).padEnd(BAR))} ${carries}`;
  });
}

function verdictRows(entry: VerdictEntry, number: number, style: Style): string[] {
  const title = `${number + 1}. ${entry.cause}`;
  const lines = [
    entry.severity === 'cause' ? style.bad(title) : style.good(title),
    ...wrapped(entry.says, WIDTH - 6, '   '),
  ];
  for (const remedy of entry.remedies) {
    const effect =
      remedy.before === undefined || remedy.after === undefined
        ? ''
        : ` (max/mean ${remedy.before.toFixed(2)} -> ${remedy.after.toFixed(2)})`;
    const [first, ...more] = wrapped(`${remedy.says}${effect}`, WIDTH - 8, '');
    lines.push(`   - ${first}`, ...more.map((line) => `     ${line}`));
    lines.push(...remedy.commands.map((command) => style.accent(`       ${command}`)));
  }
  return lines;
}
