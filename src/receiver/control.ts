import { RxSteerError, shown } from '../errors.ts';
import { type Sa, SaState, SaTable, transformName } from '../esp/index.ts';
import type { ControlPlaces } from '../lane/config.ts';
import { LANE_COUNTERS } from '../lane/counters.ts';
import { UNKNOWN_SPIS_BYTES } from '../lane/unknown-spis.ts';
import type { Region } from '../memory/frame-memory.ts';
import { ringWords } from '../memory/ring.ts';
import { SharedLayout } from '../memory/shared-layout.ts';
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
  /** Where the tables of rules go. */
  readonly rules: Region;
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
  { queues, slots, esp }: Resolved,
  base: number,
  ruleBytes: number,
  reserve: (bytes: number) => ArrayBufferLike,
): Control {
  const layout = new SharedLayout((base + 63) & ~63);
  const each = (bytes: number): number[] => Array.from({ length: queues }, () => layout.take(bytes));
  const sas = esp?.sas ?? [];
  const places = {
    stop: layout.take(4),
    rings: each(4 * ringWords(slots)),
    counters: each(8 * LANE_COUNTERS),
    unknownSpis: each(UNKNOWN_SPIS_BYTES),
    owners: layout.take(4 * Math.max(1, sas.length)),
    saTable: layout.take(SaTable.bytes(sas.length)),
    saState: layout.take(SaState.bytes(sas)),
  };
  const dispatcherUnknown = layout.take(UNKNOWN_SPIS_BYTES);
  const planAt = layout.take(DispatchPlan.bytes(queues, TABLE_MAX, sas.length));
  const rules = { offset: layout.take(ruleBytes), length: ruleBytes };
  const buffer = reserve(layout.bytes);
  const { units, pins } = orderGroups(sas);
  new Int32Array(buffer, places.owners, pins.length).set(pins);
  SaTable.build(buffer, places.saTable, sas);
  const state = new SaState(buffer, places.saState, sas);
  state.reset();
  return {
    buffer,
    places,
    dispatcherUnknown,
    plan: new DispatchPlan(buffer, planAt, queues, TABLE_MAX, sas.length),
    rules,
    units,
    restartWindows() {
      for (let i = 0; i < sas.length; i++) state.restartWindow(i);
    },
    saStats: () =>
      sas.map((sa, i) => ({
        spi: sa.spi,
        src: sa.src,
        dst: sa.dst,
        transform: transformName(sa),
        mode: sa.mode,
        natt: sa.encap === 'udp',
        ...state.counts(i),
      })),
  };
}

/**
 * SAs with the same `group` are one unit of order and share an owner lane; any other SA is a unit of its own. `pins` holds
 * queue + 1 of the units that are pinned.
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
    if (pins[unit] !== 0 && pins[unit] !== sa.queue + 1) {
      throw new RxSteerError(
        'ERR_RXSTEER_SA',
        `sas[${i}].queue: expected queue ${pins[unit] - 1}, as others of group ${shown(sa.group)} have, got ${sa.queue}`,
      );
    }
    pins[unit] = sa.queue + 1;
  });
  return { units, pins };
}
