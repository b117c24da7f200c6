/** Which scenarios are looked at. */

import { seededKey } from '../hash/keys.ts';
import { lintKey } from '../hash/lint.ts';
import { NIC_PROFILES } from '../steer/nic/index.ts';
import { modelScenarios, nicScenarios, prepare, type Scenario, USUAL_QUEUES, usualScenarios } from './scenario.ts';

export interface PlanOptions {
  /** What is asked for; empty: the usual ones. */
  readonly given: readonly Scenario[];
  /** Queue counts of what is added. Default: those of `given`, or 4, 8 and 16. */
  readonly queues?: readonly number[];
  /** Adds all devices. */
  readonly sweep?: boolean;
}

/**
 * The scenarios of an analysis: what is asked for, each one whose key repeats with another key too, and beside them the models, by
 * which the verdict is made.
 *
 * @throws RxSteerError as `Steerer`: one cannot be
 */
export function planScenarios({ given, sweep = false, ...options }: PlanOptions): Scenario[] {
  const asked = [...new Set(given.map(({ steering }) => steering.queues))];
  const queues = options.queues ?? (asked.length > 0 ? asked : USUAL_QUEUES);
  const nics = sweep
    ? nicScenarios(
        NIC_PROFILES.map(({ name }) => name),
        queues,
      )
    : [];
  if (given.length === 0 && options.queues === undefined && !sweep) return usualScenarios();
  const known = new Set<string>();
  const asGiven = given.filter((scenario) => {
    const id = identity(scenario);
    return !known.has(id) && known.add(id);
  });
  return [...asGiven, ...asGiven.flatMap(probesOf), ...modelScenarios(queues), ...nics];
}

function identity(scenario: Scenario): string {
  const { hashing, steerer } = prepare(scenario);
  return JSON.stringify([scenario.name, hashing, steerer.queues, [...steerer.indirection.entries]]);
}

/** Findings that say that a key wastes what it hashes. */
const WASTEFUL: ReadonlySet<string> = new Set(['periodic', 'low-rank', 'blind-spi', 'idle-field']);

/** What the linear algebra of a key says against it, in its scenario; nothing where the hash has no such key. */
export function keyFaults(scenario: Scenario): readonly { readonly id: string; readonly says: string }[] {
  const { steerer, key, hfunc, xfrm } = prepare(scenario);
  if (hfunc !== 'toeplitz' || xfrm === 'sort') return [];
  const { fields } = scenario.steering;
  return lintKey(key, { fields, xfrm, entries: steerer.indirection.entries }).filter(
    ({ id, severity }) => WASTEFUL.has(id) && severity !== 'note',
  );
}

/** The name of a scenario with another key. */
export function otherKeyName(name: string): string {
  return `${name} with another key`;
}

function probesOf(scenario: Scenario): Scenario[] {
  if (keyFaults(scenario).length === 0) return [];
  const { key } = prepare(scenario);
  const other = seededKey('rxsteer analyze', key.length);
  return [{ name: otherKeyName(scenario.name), kind: 'probe', steering: { ...scenario.steering, key: other } }];
}
