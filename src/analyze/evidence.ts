/** What the verdict rests on, gathered from a report and its counts. */
import type { Running } from './analysis.ts';
import type { Facts } from './facts.ts';
import { bound, effectiveCount } from './measures.ts';
import { keyFaults, otherKeyName } from './plan.ts';
import type { AnalyzeReport, ScenarioReport } from './report.ts';

export interface Evidence extends Pick<Facts, 'pairs' | 'sasOfPair' | 'nattSas' | 'nattTuples' | 'heaviestClear'> {
  readonly report: Omit<AnalyzeReport, 'verdict'>;
  /** The number of queues that is judged: the middle one of those that were looked at. */
  readonly queues: number;
  /** What is judged: the first scenario that was asked for, else the model of ports. */
  readonly base: ScenarioReport;
  /** All that was asked for. */
  readonly given: readonly ScenarioReport[];
  /** All that were looked at under the same name. */
  readonly baseAt: readonly ScenarioReport[];
  readonly models: Readonly<Record<string, ScenarioReport>>;
  /** Shares of the packets. */
  readonly protectedShare: number;
  readonly nattShare: number;
  readonly fragmentShare: number;
  readonly families: readonly string[];
  /** SAs that each have more than a queue's fair share. */
  readonly heavySas: number;
  /** Flows and SAs that must each stay in order, and the equal ones that they are worth. */
  readonly units: number;
  readonly effectiveUnits: number;
  /** Bound on max over mean were each of the heavy SAs so many equal ones as there are queues. */
  readonly boundIfSplit: number;
  /** Scenarios whose keys have faults, with the same under another key. */
  readonly keys: readonly {
    readonly scenario: ScenarioReport;
    readonly other: ScenarioReport;
    readonly says: string;
    readonly id: string;
  }[];
}

export function evidenceOf(
  report: Omit<AnalyzeReport, 'verdict'>,
  facts: Facts,
  running: readonly Running[],
): Evidence {
  const { scenarios } = report;
  const counts = [...new Set(scenarios.map(({ queues }) => queues.length))].sort((a, b) => a - b);
  const queues = counts[counts.length >> 1];
  const at = (kind: string, name?: string): ScenarioReport | undefined =>
    scenarios.find(
      (s) => s.kind === kind && s.queues.length === queues && (name === undefined || s.name === `${name}/${queues}`),
    ) ?? scenarios.find((s) => s.kind === kind && (name === undefined || nameOf(s) === name));
  const models = Object.fromEntries(
    ['addresses', 'ports', 'spi', 'spi-natt'].flatMap((name) => {
      const model = at('model', name);
      return model === undefined ? [] : [[name, model]];
    }),
  );
  const base = at('given') ?? models.ports ?? scenarios[0];
  const { classes } = report;
  const of = (...bases: string[]): number =>
    bases.reduce((sum, name) => sum + (classes[`${name}4` as 'esp4'] ?? 0) + (classes[`${name}6` as 'esp6'] ?? 0), 0) /
    report.input.packets;
  const { pairs, sasOfPair, nattSas, nattTuples, heaviestClear } = facts;
  const weights = facts.order.packets;
  const heavy = report.sas.heaviest.filter(({ packetShare }) => packetShare * base.queues.length > 1.25);
  const split = splitUp(
    weights,
    heavy.map(({ packets }) => packets),
    base.queues.length,
  );
  return {
    report,
    queues: base.queues.length,
    base,
    given: scenarios.filter(({ kind }) => kind === 'given'),
    baseAt: scenarios.filter((s) => s.kind === base.kind && nameOf(s) === nameOf(base)),
    models,
    protectedShare: of('esp', 'natt', 'ah'),
    nattShare: of('natt'),
    fragmentShare: of('fragment'),
    families: ['4', '6'].filter((family) => (classes[`esp${family}` as 'esp4'] ?? 0) > 0),
    pairs,
    sasOfPair,
    nattSas,
    nattTuples,
    heavySas: heavy.length,
    heaviestClear,
    units: report.flows.exact && report.sas.exact ? weights.length : report.flows.count,
    effectiveUnits: report.flows.exact && report.sas.exact ? effectiveCount(weights) : report.flows.effective,
    boundIfSplit: bound(split, report.input.packets, base.queues.length),
    keys: keysOf(report, running),
  };
}

/** The weights with some of them in so many equal parts each, the heaviest first. */
function splitUp(weights: Float64Array, heavy: readonly number[], parts: number): Float64Array {
  const rest = [...weights];
  for (const weight of heavy) rest.splice(rest.indexOf(weight), 1);
  for (const weight of heavy) rest.push(...new Array<number>(parts).fill(weight / parts));
  return Float64Array.from(rest).sort().reverse();
}

function nameOf({ name, queues }: ScenarioReport): string {
  return name.slice(0, -`/${queues.length}`.length);
}

function keysOf({ scenarios }: Omit<AnalyzeReport, 'verdict'>, running: readonly Running[]): Evidence['keys'] {
  return scenarios.flatMap((scenario, i) => {
    if (scenario.kind !== 'given') return [];
    const other = scenarios.find(
      ({ name, queues }) =>
        queues.length === scenario.queues.length && name === `${otherKeyName(nameOf(scenario))}/${queues.length}`,
    );
    const [fault] = other === undefined ? [] : keyFaults(running[i].prepared.scenario);
    return fault === undefined ? [] : [{ scenario, other: other!, says: fault.says, id: fault.id }];
  });
}
