import { CLASS_KEEPALIVE4, CLASS_MALFORMED, DROP_MALFORMED, DROP_RULE, DROP_UNKNOWN_SPI } from '../counters.ts';
import type { SaTable } from '../esp/index.ts';
import { isAh, isProtected } from '../lane/esp-stage.ts';
import { ownerOf } from '../lane/owners.ts';
import type { UnknownWatch } from '../lane/unknown-watch.ts';
import type { RingProducer } from '../memory/ring.ts';
import { type FlowSlots, hasPassed } from '../steer/flow-slots.ts';
import type { FlowTable } from '../steer/flow-table.ts';
import type { Steerer } from '../steer/steerer.ts';
import type { Dissection } from '../wire/dissect.ts';
import type { DispatchPlan } from './plan.ts';
import { Transition } from './transition.ts';

/** Verdicts beside the drop reasons. */
export const GOES_ON = -1;
export const ABSORBED = -2;

/** What slots are for: nothing; buckets of a table that was swapped; flows of RFS. */
export const SLOTS_IDLE = 0;
export const SLOTS_BUCKETS = 1;
export const SLOTS_FLOWS = 2;

export interface PlacementParts {
  readonly d: Dissection;
  readonly steerer: Steerer;
  readonly rings: readonly RingProducer[];
  readonly plan: DispatchPlan;
  /** Absent: ESP is steered by its hash alone. */
  readonly esp?: {
    readonly table: SaTable;
    readonly units: Int32Array;
    readonly owners: Int32Array;
    readonly unknown: UnknownWatch;
    readonly deliverUnknown: boolean;
  };
  /** Absent: no RFS. `inOrder`: a flow moves only when its lane has delivered it. */
  readonly rfs?: { readonly flows: FlowTable; readonly inOrder: boolean };
}

/**
 * Decides where a packet goes: to the lane that owns its SA; where a rule sends it; to the lane that has claimed its flow; or
 * where its hash falls. A flow, or a bucket of a table that was swapped, changes its lane only when that has delivered what it
 * has of it.
 */
export class Placement {
  /** What `judge` chose. */
  lane = 0;
  sa = 0;
  steerer: Steerer;
  /** The way from an earlier steerer to this one, while it lasts. */
  transition: Transition | undefined;
  readonly esp: PlacementParts['esp'];
  readonly slots: FlowSlots;
  private readonly d: Dissection;
  private readonly rings: readonly RingProducer[];
  private readonly plan: DispatchPlan;
  private readonly flows: FlowTable | undefined;
  private readonly inOrder: boolean;
  private readonly tails: Int32Array;
  /** Order group of the packet's SA, or -1; its slot, or -1; whether it goes where the transition keeps it. */
  private unit = -1;
  private slot = -1;
  private kept = false;

  constructor(parts: PlacementParts) {
    const { plan, rfs } = parts;
    this.d = parts.d;
    this.steerer = parts.steerer;
    this.rings = parts.rings;
    this.plan = plan;
    this.esp = parts.esp;
    this.slots = plan.slots;
    this.flows = rfs?.flows;
    this.inOrder = rfs?.inOrder ?? true;
    this.tails = plan.unitTails;
  }

  /**
   * Chooses `lane` and `sa` for the frame in the record. What a rule drops is dropped before its SA is looked for; a rule that
   * names a queue for an SA's packet chooses its first owner, as the hash does.
   *
   * @returns GOES_ON, ABSORBED (a keepalive), or a drop reason
   */
  judge(source: Uint8Array, cls: number): number {
    const d = this.d;
    const queue = this.steerer.steer(source, d);
    this.sa = 0;
    this.unit = -1;
    this.slot = -1;
    this.kept = false;
    if (queue < 0) {
      this.lane = this.steerer.hashedQueue;
      return DROP_RULE;
    }
    this.lane = queue;
    if (isProtected(cls)) {
      const esp = this.esp;
      if (esp !== undefined) {
        const v6 = (cls & 1) !== 0;
        const sa = esp.table.lookup(source, d.l3 + (v6 ? 24 : 16), v6, d.spi, isAh(cls));
        if (sa >= 0) {
          this.sa = sa + 1;
          this.unit = esp.units[sa];
          this.lane = ownerOf(esp.owners, this.unit, queue);
          return GOES_ON;
        }
        if (!esp.deliverUnknown) {
          esp.unknown.add(source, d.l3, v6, d.spi);
          return DROP_UNKNOWN_SPI;
        }
      }
    } else if (cls === CLASS_MALFORMED) return DROP_MALFORMED;
    else if ((cls & ~1) === CLASS_KEEPALIVE4) return ABSORBED;
    this.follow(source);
    return GOES_ON;
  }

  /**
   * Goes over to another steerer. What the old one has put somewhere stays there until it is delivered.
   *
   * @param rehashed the hashes of flows become others
   */
  swap(steerer: Steerer, rehashed: boolean): void {
    const { plan, slots, rings } = this;
    const old = this.steerer;
    const { size } = old.indirection;
    const flows = plan.slotMode === SLOTS_FLOWS;
    // With RFS a flow would be kept in order without a transition, but nobody would know when the last one has gone over.
    const byBucket =
      !flows &&
      !rehashed &&
      old.rules === undefined &&
      steerer.rules === undefined &&
      steerer.indirection.size === size;
    if (!byBucket) {
      this.transition = new Transition(old, flows ? slots.snapshot() : undefined, rings);
      if (flows && rehashed) {
        slots.clear();
        this.flows!.clear();
      }
    } else if (plan.slotMode === SLOTS_IDLE) {
      for (let bucket = 0; bucket < size; bucket++) {
        const lane = old.indirection.entries[bucket];
        slots.put(bucket, lane, rings[lane].head);
      }
      plan.slotMode = SLOTS_BUCKETS;
    }
    this.steerer = steerer;
    plan.steer(steerer);
  }

  /** Whether everything goes where the steerer says. Ends what only lasted until then. */
  isSettled(): boolean {
    const { plan, slots, rings, transition } = this;
    if (transition !== undefined) {
      if (!transition.isOver()) return false;
      this.transition = undefined;
    }
    if (plan.slotMode !== SLOTS_BUCKETS) return true;
    const { entries, size } = this.steerer.indirection;
    for (let bucket = 0; bucket < size; bucket++) {
      const lane = slots.lane(bucket);
      if (lane !== entries[bucket] && !hasPassed(rings[lane].refresh(), slots.tail(bucket))) return false;
    }
    plan.slotMode = SLOTS_IDLE;
    slots.clear();
    return true;
  }

  /** The packet was put into its lane's ring. */
  put(): void {
    const { lane, slot, unit } = this;
    const tail = this.rings[lane].head;
    if (unit >= 0) this.tails[unit] = tail;
    else if (this.kept) this.transition!.put(tail);
    else if (slot >= 0) {
      const before = this.slots.lane(slot);
      if (before >= 0 && before !== lane) this.plan.moves[0]++;
      this.slots.put(slot, lane, tail);
    }
  }

  /** The lane that the consumer wants, or the one where the flow still is. */
  private follow(source: Uint8Array): void {
    const { steerer, transition } = this;
    if (transition !== undefined) {
      const lane = transition.lane(source, this.d);
      if (lane >= 0) {
        this.lane = lane;
        this.kept = true;
        return;
      }
    }
    const mode = this.plan.slotMode;
    if (mode === SLOTS_IDLE || steerer.valid === 0 || steerer.matched >= 0) return;
    if (mode === SLOTS_FLOWS) {
      const wanted = this.flows!.lane(steerer.hash);
      if (wanted >= 0) this.lane = wanted;
      this.slot = this.slots.index(steerer.hash);
    } else this.slot = steerer.indirection.index(steerer.hash);
    const before = this.slots.lane(this.slot);
    if (before < 0 || before === this.lane) return;
    if (this.inOrder && !hasPassed(this.rings[before].refresh(), this.slots.tail(this.slot))) this.lane = before;
  }
}
