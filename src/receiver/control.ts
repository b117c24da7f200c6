import { RxSteerError, shown } from '../errors.ts';
import { LifeClock, type Sa, SaLifeState, SaState, SaTable, transformName } from '../esp/index.ts';
import type { ControlPlaces } from '../lane/config.ts';
import { LANE_COUNTERS } from '../lane/counters.ts';
import { handoverBytes, handoverSlots } from '../lane/handover-rings.ts';
import { pinnedOwner } from '../lane/owners.ts';
import { UNKNOWN_SPIS_BYTES } from '../lane/unknown-spis.ts';
import { Mailbox } from '../memory/mailbox.ts';
import { ringWords } from '../memory/ring.ts';
import { SharedKey } from '../memory/shared-key.ts';
import { SharedLayout } from '../memory/shared-layout.ts';
import { FlowTable } from '../steer/flow-table.ts';
import { TABLE_MAX } from '../steer/indirection.ts';
import type { Resolved } from './options.ts';
import { DispatchPlan } from './plan.ts';
import type { SaStats } from './stats.ts';

/** The control memory: everything that threads share beside frames. */
export interface Control {
  readonly buffer: ArrayBufferLike;
  readonly places: ControlPlaces;
  readonly dispatcherUnknown: number;
  readonly plan: DispatchPlan;
  readonly key: SharedKey;
  /** Order group of each SA. */
  readonly units: Int32Array;
  saStats(): SaStats[];
  /** Starts all replay windows again; no lane may be working. */
  restartWindows(): void;
}

/**
 * Lays the control memory out and fills in what is known: the SA table, initial windows, pinned owners.
 *
 * @param base where it begins in the buffer: behind the frames, in the frame memory itself, so that kernels reach it
 * @param ruleBytes bytes of the tables of rules, at most
 * @param reserve makes the buffer, of so many bytes
 */
export function layControl(
  { queues, slots, esp, rfs, steerer, deterministic }: Resolved,
  base: number,
  ruleBytes: number,
  reserve: (bytes: number) => ArrayBufferLike,
): Control {
  const layout = new SharedLayout((base + 63) & ~63);
  const each = (bytes: number): number[] => Array.from({ length: queues }, () => layout.take(bytes));
  const sas = esp?.sas ?? [];
  const handed = queues > 1 && esp !== undefined;
  const places: ControlPlaces = {
    stop: layout.take(4),
    key: layout.take(SharedKey.BYTES),
    keySeen: each(4),
    rings: each(4 * ringWords(slots)),
    counters: each(8 * LANE_COUNTERS),
    unknownSpis: each(UNKNOWN_SPIS_BYTES),
    flows: rfs === undefined ? 0 : layout.take(FlowTable.bytes(rfs.entries)),
    mailboxes: rfs?.saAffinity ? each(Mailbox.BYTES) : [],
    handover: handed
      ? {
          at: layout.take(handoverBytes(queues)),
          slots: handoverSlots(queues),
          handed: layout.take(8 * queues * queues),
        }
      : undefined,
    owners: layout.take(4 * Math.max(1, sas.length)),
    saTable: layout.take(SaTable.bytes(sas.length)),
    saState: layout.take(SaState.bytes(sas)),
    saLife: layout.take(SaLifeState.bytes(sas.length)),
  };
  const dispatcherUnknown = layout.take(UNKNOWN_SPIS_BYTES);
  const shape = { lanes: queues, units: sas.length, slots: Math.max(TABLE_MAX, rfs?.entries ?? 0), ruleBytes };
  const planAt = layout.take(DispatchPlan.bytes(shape));
  const buffer = reserve(layout.bytes);
  const { units, pins } = orderGroups(sas);
  new Int32Array(buffer, places.owners, pins.length).set(pins);
  const key = new SharedKey(buffer, places.key);
  key.write(steerer.key);
  SaTable.build(buffer, places.saTable, sas);
  const state = new SaState(buffer, places.saState, sas);
  state.reset();
  const lives = new SaLifeState(buffer, places.saLife, sas.length);
  const clock = new LifeClock(deterministic);
  const begin = (sa: number): void => lives.reset(sa, clock.start);
  for (let i = 0; i < sas.length; i++) begin(i);
  return {
    buffer,
    places,
    dispatcherUnknown,
    plan: new DispatchPlan(buffer, planAt, shape),
    key,
    units,
    restartWindows() {
      for (let i = 0; i < sas.length; i++) {
        state.restartWindow(i);
        begin(i);
      }
    },
    saStats: () =>
      sas.map((sa, i) => ({
        spi: sa.spi,
        proto: sa.proto,
        src: sa.src,
        dst: sa.dst,
        transform: transformName(sa),
        crypto: esp!.choices[i].backend,
        mode: sa.mode,
        natt: sa.encap === 'udp',
        trustIcv: sa.trustIcv,
        ...saCounts(state, lives, i),
      })),
  };
}

function saCounts(state: SaState, lives: SaLifeState, sa: number) {
  const { failed, ...counts } = state.counts(sa);
  return { ...counts, failed: { ...failed, expired: lives.refused(sa) }, life: lives.stage(sa) };
}

/**
 * SAs with the same `group` are one unit of order and share an owner lane; any other SA is a unit of its own. `pins` holds
 * the owners of the units that are pinned.
 */
function orderGroups(sas: readonly Sa[]): { units: Int32Array; pins: Int32Array } {
  const units = new Int32Array(sas.length);
  const pins = new Int32Array(sas.length);
  const groups = new Map<string, number>();
  let count = 0;
  sas.forEach((sa, i) => {
    const known = sa.group === undefined ? undefined : groups.get(sa.group);
    const unit = known ?? count++;
    if (sa.group !== undefined) groups.set(sa.group, unit);
    units[i] = unit;
    if (sa.queue === undefined) return;
    if (pins[unit] !== 0 && pins[unit] !== pinnedOwner(sa.queue)) {
      throw new RxSteerError(
        'ERR_RXSTEER_SA',
        `sas[${i}].queue: expected queue ${sas.find((other, k) => units[k] === unit && other.queue !== undefined)?.queue}, as others of group ${shown(sa.group)} have, got ${sa.queue}`,
      );
    }
    pins[unit] = pinnedOwner(sa.queue);
  });
  return { units, pins };
}
