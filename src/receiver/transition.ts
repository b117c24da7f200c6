import type { RingProducer } from '../memory/ring.ts';
import { type FlowSlots, hasPassed } from '../steer/flow-slots.ts';
import type { Steerer } from '../steer/steerer.ts';
import type { Dissection } from '../wire/dissect.ts';

/** Of a unit's lane: not seen since the swap; gone over to the new steerer. */
const UNSEEN = 0;
const GONE = -1;

/**
 * The way from one steerer (key, table, rules) to another while packets flow. What the old one steered as one (a bucket of its
 * table, a rule, a flow slot of RFS) goes over as one, when its lane has delivered all that it has of it; until then its
 * packets go where they went. Exact whatever the new hash is: each packet belongs to one unit of the old steerer.
 */
export class Transition {
  private readonly old: Steerer;
  /** Slots of RFS as they were at the swap. */
  private readonly slots: FlowSlots | undefined;
  private readonly rings: readonly RingProducer[];
  /** At units: lane + 1, or a state; where its last packet ends. */
  private readonly lanes: Int32Array;
  private readonly tails: Int32Array;
  /** At lanes: where the last packet ends that was put there by the old steerer: at the swap; by now. */
  private readonly before: Int32Array;
  private readonly last: Int32Array;
  private unit = 0;

  constructor(old: Steerer, slots: FlowSlots | undefined, rings: readonly RingProducer[]) {
    this.old = old;
    this.slots = slots;
    this.rings = rings;
    const units = old.units + (slots?.count ?? 0);
    this.lanes = new Int32Array(units);
    this.tails = new Int32Array(units);
    this.before = Int32Array.from(rings, (ring) => ring.head);
    this.last = this.before.slice();
  }

  /** The lane that the packet must still go to, or -1: it goes where the new steerer says. */
  lane(source: Uint8Array, d: Dissection): number {
    const { old, slots, lanes, tails } = this;
    const queue = old.steer(source, d);
    if (queue < 0) return -1;
    const slot = slots === undefined || old.matched >= 0 || old.valid === 0 ? -1 : slots.index(old.hash);
    const unit = slot < 0 ? old.unit : old.units + slot;
    if (lanes[unit] === UNSEEN) {
      lanes[unit] = (slot < 0 ? queue : slots!.lane(slot)) + 1;
      // A slot without a lane: none of its flows has had a packet.
      if (lanes[unit] === 0) lanes[unit] = GONE;
      else tails[unit] = slot < 0 ? this.before[queue] : slots!.tail(slot);
    }
    if (lanes[unit] === GONE) return -1;
    this.unit = unit;
    const lane = lanes[unit] - 1;
    if (!hasPassed(this.rings[lane].refresh(), tails[unit])) return lane;
    lanes[unit] = GONE;
    return -1;
  }

  /** The packet that `lane` was asked about last was put there; its lane's ring ends at `tail` now. */
  put(tail: number): void {
    this.tails[this.unit] = tail;
    this.last[this.lanes[this.unit] - 1] = tail;
  }

  /** Whether everything that the old steerer has put somewhere is delivered. */
  isOver(): boolean {
    return this.rings.every((ring, lane) => hasPassed(ring.refresh(), this.last[lane]));
  }
}
