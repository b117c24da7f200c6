/** From the options of `rxsteer analyze` to scenarios: every combination of what is given more than once. */
import { basename } from 'node:path';
import type { Scenario } from '../analyze/index.ts';
import { shown } from '../errors.ts';
import { oneOf, usageError, wholeNumber } from './args.ts';
import { DEFAULT_QUEUES, type SteeringValues, steeringOptions } from './steering-options.ts';

const ALTERNATIVES = ['hkey', 'hfunc', 'xfrm', 'indir', 'table-size'] as const;

export interface AnalyzeSteering {
  nic?: string[];
  ethtool?: string[];
  hkey?: string[];
  hfunc?: string[];
  xfrm?: string[];
  indir?: string[];
  'table-size'?: string[];
  'rx-flow-hash'?: string[];
  rule?: string[];
  context?: string[];
  level?: string;
}

const MOST_SCENARIOS = 1000;

/** `4,8,16` as numbers, ascending and each once. */
export function queueList(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  const counts = text.split(',').map((part) => wholeNumber('queues', part.trim(), 1, 256)!);
  return [...new Set(counts)].sort((a, b) => a - b);
}

/**
 * What the options ask for; nothing when they say nothing of steering but `--queues`.
 *
 * @throws RxSteerError `ERR_RXSTEER_USAGE`, and what `steeringOptions` throws
 */
export function givenScenarios(values: AnalyzeSteering, queues: readonly number[] | undefined): Scenario[] {
  const { rule, context, level } = values;
  oneOf('level', level, ['outer', 'inner']);
  const devices: Partial<SteeringValues>[] = [
    ...(values.nic ?? []).map((nic) => ({ nic })),
    ...(values.ethtool ?? []).map((file) => ({ ethtool: [file] })),
  ];
  let combinations: Partial<SteeringValues>[] = devices;
  for (const option of ALTERNATIVES) {
    const given = values[option];
    if (given !== undefined)
      combinations = cross(
        combinations,
        given.map((value) => ({ [option]: value })),
      );
  }
  const letters = values['rx-flow-hash'];
  // One set of letters is one value here, so that several can be compared: esp=sd,natt=udp.
  if (letters !== undefined)
    combinations = cross(
      combinations,
      letters.map((set) => ({ 'rx-flow-hash': set.split(',') })),
    );
  if (combinations.length === 0 && (rule ?? context ?? level) !== undefined) combinations = [{}];
  const scenarios = combinations.flatMap((combination) =>
    (queues ?? [undefined]).map((n) => makeScenario({ ...combination, rule, context }, n, level)),
  );
  if (scenarios.length > MOST_SCENARIOS)
    throw usageError(`expected at most ${MOST_SCENARIOS} combinations, got ${scenarios.length}`);
  return scenarios;
}

function cross(
  some: readonly Partial<SteeringValues>[],
  others: readonly Partial<SteeringValues>[],
): Partial<SteeringValues>[] {
  return (some.length === 0 ? [{}] : some).flatMap((one) => others.map((other) => ({ ...one, ...other })));
}

function makeScenario(
  values: Partial<SteeringValues>,
  queues: number | undefined,
  level: string | undefined,
): Scenario {
  const device = steeringOptions(values);
  const own = values.ethtool === undefined ? undefined : device.queues;
  const steering = {
    ...device,
    queues: queues ?? own ?? DEFAULT_QUEUES,
    level: level as 'outer' | 'inner' | undefined,
  };
  // The table of a saved ethtool -x is of its own number of queues: for another one it would be filled anew.
  if (values.indir === undefined && own !== undefined && steering.queues !== own) delete steering.indirection;
  return { name: nameOf(values, level), kind: 'given', steering };
}

function nameOf(values: Partial<SteeringValues>, level: string | undefined): string {
  const parts = [
    values.nic,
    values.ethtool && basename(values.ethtool[0]),
    values.hkey && keyName(values.hkey),
    values.hfunc,
    values.xfrm,
    values['rx-flow-hash']?.join(','),
    values.indir && (/^(equal|weight):/.test(values.indir) ? values.indir : basename(values.indir)),
    values['table-size'] && `table ${values['table-size']}`,
    values.rule && (values.rule.length === 1 ? 'a rule' : `${values.rule.length} rules`),
    level,
  ];
  return parts.filter((part) => part !== undefined).join(' ') || 'default';
}

/** A key by its name, or its first bytes. */
function keyName(text: string): string {
  if (/^(microsoft|symmetric|random:)/.test(text)) return `hkey ${text.slice(0, 30)}`;
  return `hkey ${shown(text.slice(0, 8)).slice(1, -1)}..`;
}
