import type { Kernels } from '../kernels/kernels.ts';
import type { PacketTable } from '../memory/packet-table.ts';
import type { TakeWords } from '../memory/words.ts';
import type { GroSettings } from './options.ts';
import type { Scratch } from './run.ts';
import type { HeldTable } from './table.ts';

/** Rows that wait for the kernel at most: what was decrypted last is in the cache yet. */
export const WAITING_MOST = 16;
/** Most bytes of headers that the kernel copies for a row. */
const SLOT = 128;

/** Words of the plan: what `kernels/assembly/coalesce.ts` is told. Addresses are bytes of the frame memory. */
const PLAN_WORDS = 18;
const ROOM = 8;
const OUT_COUNT = 17;

/** What the kernel that coalesces works with, in the frame memory. */
export class GroPlan {
  /** Numbers of rows that wait to be taken in. */
  readonly waiting: Int32Array;
  /** Rows that came out, in order, each with the flush reason. */
  readonly out: Int32Array;
  private readonly words: Int32Array;
  private readonly address: number;

  constructor(take: TakeWords, packets: PacketTable, table: HeldTable, settings: GroSettings) {
    this.words = take(PLAN_WORDS);
    this.address = this.words.byteOffset;
    this.waiting = take(WAITING_MOST);
    // A row that is taken in puts out two at most: what it would make too large, and the oldest of a full bucket.
    this.out = take(2 * 2 * WAITING_MOST);
    this.words.set([
      packets.w.byteOffset,
      packets.pieceOff.byteOffset,
      packets.pieceLen.byteOffset,
      packets.pieceNext.byteOffset,
      packets.pieceCount.byteOffset,
      table.words.byteOffset,
      table.buckets,
      table.perBucket,
      0,
      settings.maxSize,
      settings.maxSize4,
      settings.verify ? 1 : 0,
      settings.acrossSas ? 1 : 0,
      settings.rules.idNeedsDf ? 1 : 0,
      settings.isFlowOrder ? 1 : 0,
      this.waiting.byteOffset,
      this.out.byteOffset,
      0,
    ]);
  }

  /**
   * Lets the kernel take in rows `from` to `count` of those that wait.
   *
   * @returns the first that it left; `from`, when there is no room for headers
   */
  run(kernels: Kernels, scratch: Scratch, from: number, count: number): number {
    const { words } = this;
    const room = scratch.take((count - from) * SLOT, count - from);
    if (room < 0) return from;
    words[ROOM] = room;
    const next = kernels.coalesce!(this.address, from, count);
    scratch.trim(words[ROOM]);
    return next;
  }

  /** How many came out since this was asked last. */
  takeOutCount(): number {
    const count = this.words[OUT_COUNT];
    this.words[OUT_COUNT] = 0;
    return count;
  }
}
