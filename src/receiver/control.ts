import { SaLifeState, SaSelectors, SaState, SaTable } from '../esp/index.ts';
import type { ControlPlaces } from '../lane/config.ts';
import { LANE_COUNTERS } from '../lane/counters.ts';
import { handoverBytes, handoverSlots } from '../lane/handover-rings.ts';
import { UNKNOWN_SPIS_BYTES } from '../lane/unknown-spis.ts';
import { Mailbox } from '../memory/mailbox.ts';
import { ringWords } from '../memory/ring.ts';
import { SharedKey } from '../memory/shared-key.ts';
import { SharedLayout } from '../memory/shared-layout.ts';
import { FlowTable } from '../steer/flow-table.ts';
import { TABLE_MAX } from '../steer/indirection.ts';
import type { Resolved } from './options.ts';
import { DispatchPlan } from './plan.ts';

/** The control memory: everything that threads share beside frames. */
export interface Control {
  readonly buffer: ArrayBufferLike;
  readonly places: ControlPlaces;
  readonly dispatcherUnknown: number;
  readonly plan: DispatchPlan;
  readonly key: SharedKey;
}

/**
 * Lays the control memory out.
 *
 * @param base where it begins in the buffer: behind the frames, in the frame memory itself, so that kernels reach it
 * @param ruleBytes bytes of the tables of rules, at most
 * @param reserve makes the buffer, of so many bytes
 */
export function layControl(
  { queues, slots, esp, rfs, steerer }: Resolved,
  base: number,
  ruleBytes: number,
  reserve: (bytes: number) => ArrayBufferLike,
): Control {
  const layout = new SharedLayout((base + 63) & ~63);
  const each = (bytes: number): number[] => Array.from({ length: queues }, () => layout.take(bytes));
  const maxSas = esp?.maxSas ?? 0;
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
    units: layout.take(4 * maxSas),
    owners: layout.take(4 * Math.max(1, maxSas)),
    saTable: layout.take(SaTable.bytes(maxSas)),
    saState: layout.take(SaState.bytes(maxSas)),
    saLife: layout.take(SaLifeState.bytes(maxSas)),
    selectors: layout.take(SaSelectors.bytes(esp?.maxSelectors ?? 0)),
  };
  const dispatcherUnknown = layout.take(UNKNOWN_SPIS_BYTES);
  const shape = { lanes: queues, units: maxSas, slots: Math.max(TABLE_MAX, rfs?.entries ?? 0), ruleBytes };
  const planAt = layout.take(DispatchPlan.bytes(shape));
  const buffer = reserve(layout.bytes);
  const key = new SharedKey(buffer, places.key);
  key.write(steerer.key);
  return {
    buffer,
    places,
    dispatcherUnknown,
    plan: new DispatchPlan(buffer, planAt, shape),
    key,
  };
}
