/**
 * Where flows are: RFS's second table (Linux: `rps_dev_flow`, `get_rps_cpu` in net/core/dev.c). A slot holds the lane that its flows
 * go to now, and where the lane's ring ended when the last of them was put there:
 *
 *     slot:  | lane + 1, 0: none yet | tail |
 *
 * A slot moves to another lane only when everything before its tail is delivered: then none of its flows can be overtaken by
 * itself. Flows that share a slot move together; that is safe, and only delays them.
 *
 * Slots are indexed by a hash of the hash (Linux since 2025: `hash_32`). Its low bits choose the queue, and are the same in all
 * flows of one.
 */
const GOLDEN_RATIO = 0x61c88647;
const SLOT_WORDS = 2;

/**
 * Whether a lane has delivered all that was put in front of `tail`. Both are counts of its ring that wrap; the difference is
 * taken as a signed one, so it holds as long as they lie less than 2^31 apart.
 */
export function hasPassed(delivered: number, tail: number): boolean {
  return ((delivered - tail) | 0) >= 0;
}

export class FlowSlots {
  /** Bytes that so many slots need. */
  static bytes(slots: number): number {
    return 4 * SLOT_WORDS * slots;
  }

  readonly count: number;
  /** Right shift that makes an index of a mixed hash. */
  readonly shift: number;
  private readonly words: Int32Array;

  /** @param count a power of two, 2 or more */
  constructor(buffer: ArrayBufferLike, byteOffset: number, count: number) {
    this.words = new Int32Array(buffer, byteOffset, SLOT_WORDS * count);
    this.count = count;
    this.shift = Math.clz32(count) + 1;
  }

  /** Number of the slot of a hash. */
  index(hash: number): number {
    return Math.imul(hash, GOLDEN_RATIO) >>> this.shift;
  }

  /** The lane of a slot, or -1. */
  lane(slot: number): number {
    return this.words[SLOT_WORDS * slot] - 1;
  }

  tail(slot: number): number {
    return this.words[SLOT_WORDS * slot + 1];
  }

  /** A packet of the slot's flows was put into a lane's ring, which ends at `tail` now. */
  put(slot: number, lane: number, tail: number): void {
    this.words[SLOT_WORDS * slot] = lane + 1;
    this.words[SLOT_WORDS * slot + 1] = tail;
  }

  /** What all slots hold, as a copy that stays as it is. */
  snapshot(): FlowSlots {
    return new FlowSlots(Int32Array.from(this.words).buffer, 0, this.count);
  }

  clear(): void {
    this.words.fill(0);
  }
}
