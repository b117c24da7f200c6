import { RxSteerError } from '../errors.ts';
import {
  entriesOf,
  LifeClock,
  SA_STATE_SCHEMA,
  type SaCopy,
  type SaSnapshot,
  type SaSnapshotEntry,
} from '../esp/index.ts';
import { laneOf } from '../lane/owners.ts';
import { turn } from './lanes.ts';
import type { SaMoves } from './sa-moves.ts';
import { type SaEntry, type SaStore, saName } from './sa-store.ts';

/** SAs that a lane copies between two polls: 50 microseconds that its packets wait. */
const CHUNK = 256;

export interface SaSnapshotsParts {
  readonly store: SaStore;
  readonly owners: Int32Array;
  readonly saMoves: SaMoves | undefined;
  readonly deterministic: boolean;
  /** Has a lane copy those of these slots that are its own; resolves with undefined when it ends meanwhile. */
  copy(lane: number, slots: Int32Array): Promise<SaCopy | undefined>;
  /** The lanes have ended: nobody uses an SA any more. */
  isEnded(): boolean;
}

/**
 * Snapshots of SAs while packets flow. A window that a lane is writing cannot be read from here without being torn, so each is copied by
 * the lane that owns it, between two polls. No SA changes its lane meanwhile; one that no lane has had yet is copied here, and that
 * counts if it still is nobody's afterwards.
 */
export class SaSnapshots {
  private readonly parts: SaSnapshotsParts;
  private readonly clock: LifeClock;

  constructor(parts: SaSnapshotsParts) {
    this.parts = parts;
    this.clock = new LifeClock(parts.deterministic);
  }

  /** @throws RxSteerError `ERR_RXSTEER_TIMEOUT`: a lane has not come to it in so many milliseconds */
  async take(keys: boolean, timeout: number): Promise<SaSnapshot> {
    const { store, saMoves } = this.parts;
    const until = performance.now() + timeout;
    const entries = [...store.values()];
    const made = new Map<SaEntry, SaSnapshotEntry>();
    saMoves?.hold();
    try {
      for (let from = 0; from < entries.length; from += CHUNK) {
        // The dispatcher is in this thread.
        if (from > 0) await turn();
        await this.chunk(entries.slice(from, from + CHUNK), keys, until, made);
      }
    } finally {
      saMoves?.release();
    }
    const sas = entries.flatMap((entry) => made.get(entry) ?? []);
    return { schema: SA_STATE_SCHEMA, time: Date.now(), sas };
  }

  private async chunk(
    entries: readonly SaEntry[],
    keys: boolean,
    until: number,
    made: Map<SaEntry, SaSnapshotEntry>,
  ): Promise<void> {
    const { store, isEnded } = this.parts;
    for (let left = entries; left.length > 0; ) {
      const bySlot = new Map(left.map((entry) => [entry.slot, entry]));
      const copies = isEnded() ? [store.copy([...bySlot.keys()])] : await this.round(left, until);
      for (const copy of copies) {
        const copied = Array.from(copy.slots, (slot) => bySlot.get(slot)!);
        const sas = copied.map(({ sa }) => sa);
        entriesOf(copy, sas, this.clock, keys).forEach((one, i) => {
          made.set(copied[i], one);
        });
      }
      // One that was removed or replaced meanwhile is none of the snapshot.
      for (const entry of left) if (store.get(saName(entry.sa)) !== entry) made.delete(entry);
      left = left.filter((entry) => !made.has(entry) && store.get(saName(entry.sa)) === entry);
      if (left.length > 0) await turn();
    }
  }

  /** Asks everybody once; what is missing afterwards has come to a lane in between, or its lane has ended. */
  private async round(entries: readonly SaEntry[], until: number): Promise<SaCopy[]> {
    const { store, owners, copy } = this.parts;
    const byLane = new Map<number, number[]>();
    for (const { slot, unit } of entries) {
      const lane = laneOf(owners, unit);
      const slots = byLane.get(lane);
      if (slots === undefined) byLane.set(lane, [slot]);
      else slots.push(slot);
    }
    const nobodys = byLane.get(-1) ?? [];
    byLane.delete(-1);
    const here = store.copy(nobodys);
    const units = new Map(entries.map(({ slot, unit }) => [slot, unit]));
    const torn = nobodys.some((slot) => laneOf(owners, units.get(slot)!) !== -1);
    const asked = [...byLane].map(([lane, slots]) => copy(lane, Int32Array.from(slots)));
    const answers = await within(Promise.all(asked), until - performance.now());
    return [...(torn ? [] : [here]), ...answers.filter((answer) => answer !== undefined)];
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  // Longer than a timer can be set for is as good as forever.
  if (ms >= 2 ** 31) return promise;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new RxSteerError('ERR_RXSTEER_TIMEOUT', 'snapshot: a lane has not answered in time')),
      Math.max(0, ms),
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
