/** A scenario: one way to steer the traffic, with a name. */
import { type FlowFields, fieldsInForce, type Xfrm } from '../hash/fields.ts';
import type { Hfunc } from '../hash/hfunc.ts';
import { microsoftKey } from '../hash/keys.ts';
import type { IndirectionOption } from '../steer/indirection.ts';
import { applyNic, nicKeyLength, nicProfile } from '../steer/nic/index.ts';
import type { SteererOptions } from '../steer/options.ts';
import { Steerer } from '../steer/steerer.ts';
import { hex } from '../wire/bytes.ts';

/** `given`: asked for. `model`: a way of hashing that is always looked at. `nic`: a device's default. `probe`: a remedy, tried out. */
export type ScenarioKind = 'given' | 'model' | 'nic' | 'probe';

export interface Scenario {
  /** Without the number of queues; scenarios of one name are one line of the table. */
  readonly name: string;
  readonly kind: ScenarioKind;
  readonly steering: SteererOptions;
}

/** How ESP is hashed, from what a device does that knows nothing of it to what a device should do. */
export const MODELS: readonly { readonly name: string; readonly title: string; readonly fields: FlowFields }[] = [
  {
    name: 'addresses',
    title: 'addresses of everything, and nothing else',
    fields: { tcp: 'sd', udp: 'sd', sctp: 'sd', esp: 'sd', ah: 'sd', natt: 'udp', ip: 'sd' },
  },
  {
    name: 'ports',
    title: 'ports of TCP and UDP (so the 4-tuple of ESP in UDP), addresses of ESP',
    fields: { sctp: 'sdfn', esp: 'sd', ah: 'sd', natt: 'udp' },
  },
  { name: 'spi', title: 'the SPI of ESP too; ESP in UDP as any UDP', fields: { natt: 'udp' } },
  { name: 'spi-natt', title: 'the SPI of ESP and of ESP in UDP', fields: {} },
];

/** Devices whose defaults are looked at when nothing is asked for. */
const USUAL_NICS: readonly string[] = ['mlx5', 'ice', 'i40e', 'ixgbe'];
export const USUAL_QUEUES: readonly number[] = [4, 8, 16];

export function modelScenarios(queues: readonly number[], key?: Uint8Array): Scenario[] {
  return MODELS.flatMap(({ name, fields }) =>
    queues.map((n): Scenario => ({ name, kind: 'model', steering: { queues: n, fields, ...(key && { key }) } })),
  );
}

export function nicScenarios(nics: readonly string[], queues: readonly number[]): Scenario[] {
  return nics.flatMap((nic) => queues.map((n): Scenario => ({ name: nic, kind: 'nic', steering: { queues: n, nic } })));
}

/** What is looked at when nothing is asked for: 24 scenarios. */
export function usualScenarios(): Scenario[] {
  return [...modelScenarios(USUAL_QUEUES), ...nicScenarios(USUAL_NICS, USUAL_QUEUES)];
}

/** A scenario with everything that its options leave open. */
export interface Prepared {
  readonly scenario: Scenario;
  readonly steerer: Steerer;
  readonly key: Uint8Array;
  readonly hfunc: Hfunc | undefined;
  readonly xfrm: Xfrm;
  /** Letters in force at flow types; `natt4: 'udp'` where ESP in UDP is hashed as UDP. */
  readonly fields: Readonly<Record<string, string>>;
  /** How the table was filled. */
  readonly fill: string;
  /** Equal for scenarios that hash alike. */
  readonly hashing: string;
}

/**
 * @throws RxSteerError `ERR_RXSTEER_OPTION`, `ERR_RXSTEER_KEY`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_INDIRECTION`,
 *   `ERR_RXSTEER_RULE`, as {@link Steerer}
 */
export function prepare(scenario: Scenario): Prepared {
  const { steering } = scenario;
  const steerer = new Steerer(steering);
  const nic = steering.nic === undefined ? undefined : nicProfile(steering.nic);
  const applied = nic === undefined ? steering : applyNic(nic, steering);
  const key = applied.key ?? microsoftKey(nicKeyLength(steering.nic));
  const xfrm = applied.xfrm ?? 'none';
  const hfunc = nic !== undefined && nic.hfuncs.length === 0 ? undefined : (applied.hfunc ?? 'toeplitz');
  const fields = fieldsInForce(applied.fields, xfrm);
  for (const type of ['natt4', 'natt6']) fields[type] ??= 'udp';
  const ether = applied.fields?.ether;
  if (ether !== undefined) fields.ether = ether;
  const { rules, contexts } = steering;
  const hashing = JSON.stringify([
    hex(key, 0, key.length),
    hfunc,
    xfrm,
    fields,
    nic?.variant ?? 'plain',
    steerer.tunnels,
    // Rules decide apart from the hash: nothing is shared.
    rules === undefined ? '' : [scenario.name, steering.queues, rules, contexts],
  ]);
  return {
    scenario,
    steerer,
    key,
    hfunc,
    xfrm,
    fields,
    fill: fillText(steering.indirection, steering.queues),
    hashing,
  };
}

function fillText(option: IndirectionOption | undefined, queues: number): string {
  if (option === undefined) return `equal ${queues}`;
  if (Array.isArray(option)) return 'as given';
  const start = 'start' in option && option.start !== undefined ? ` start ${option.start}` : '';
  if ('equal' in option) return `equal ${option.equal}${start}`;
  return `weight ${(option as { weight: readonly number[] }).weight.join(' ')}${start}`;
}

/** Share of the table that each queue has. */
export function tableShares(entries: ArrayLike<number>, queues: number): Float64Array {
  const shares = new Float64Array(queues);
  for (let i = 0; i < entries.length; i++) shares[entries[i]] += 1 / entries.length;
  return shares;
}
