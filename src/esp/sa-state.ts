/**
 * What all threads know of SAs while packets arrive, in shared memory, so that an SA can come, go, and move between lanes. Each SA has
 * a slot, whose number is what descriptors and batches call it by (+ 1). Access is plain: the receiver's thread writes a slot before it
 * is found by anybody (`SaTable`), and one lane at a time uses an SA.
 *
 *     facts:    slot 0 | slot 1 | ...   8 words each, half a cache line
 *     counters: slot 0 | slot 1 | ...   8 doubles each, one cache line
 *     windows:  see `window-room.ts`    top low, top high, ring of words
 *
 * The ring is RFC 6479's: one word more than the window covers, so that moving on clears words and shifts nothing.
 */
import type { SaFacts, SaMode } from './sa-config.ts';
import { WindowRoom } from './window-room.ts';

/** Counters of an SA, in doubles: all packets; authentic and well formed ones; dummies; failures; payload bytes of the opened. */
export const SA_PACKETS = 0;
export const SA_OPENED = 1;
export const SA_DUMMY = 2;
export const SA_ICV = 3;
export const SA_REPLAY = 4;
export const SA_SHORT = 5;
export const SA_PADDING = 6;
export const SA_BYTES = 7;

/** Words of a window: halves of its top, then the ring. */
export const W_TOP_LOW = 0;
export const W_TOP_HIGH = 1;
export const W_RING = 2;

/**
 * Facts of a slot, in words: first word of the window, words of its ring less 1, packets of the window; lengths (IV | ICV << 8 |
 * block - 1 << 16); flags and mode; the first selector + 1 (`SaSelectors`), 0: none; a number that no other SA ever has had; from which
 * sequence number on its life must be asked, unsigned (`SaLife`).
 */
export const FACTS_SHIFT = 3;
export const F_BASE = 0;
export const F_RING_MASK = 1;
export const F_WINDOW = 2;
export const F_LENGTHS = 3;
export const F_FLAGS = 4;
export const F_SELECTORS = 5;
export const F_SERIAL = 6;
export const F_GATE = 7;

/** In F_FLAGS; the mode stands above them. */
export const FLAG_ESN = 1;
export const FLAG_TRUST_ICV = 2;
/** NULL encryption without authentication: every packet is its own plaintext. */
export const FLAG_PLAIN = 4;
export const MODE_SHIFT = 8;

/** Modes of SAs, at the numbers that stand in F_FLAGS. */
export const MODES: readonly SaMode[] = ['transport', 'tunnel', 'any'];

const FACTS_BYTES = 4 << FACTS_SHIFT;
const COUNTERS_BYTES = 64;

/** What a slot is started with. Where nothing is opened, lengths and mode may be left out. */
export type SaShape = Pick<SaFacts, 'replayWindow' | 'esn' | 'initialSeq'> &
  Partial<Pick<SaFacts, 'transform' | 'mode' | 'trustIcv'>>;

/** Counters of an SA as reports show them. */
export interface SaCounts {
  packets: number;
  opened: number;
  dummy: number;
  failed: { icv: number; replay: number; short: number; padding: number };
  bytes: number;
}

export class SaState {
  readonly capacity: number;
  readonly facts: Int32Array;
  readonly counters: Float64Array;
  readonly words: Int32Array;

  /** Bytes of address space that so many slots need: 3 KiB each, of which 32 to 160 are used by an SA with a window of up to 224. */
  static bytes(capacity: number): number {
    return countersAt(capacity) + capacity * COUNTERS_BYTES + WindowRoom.words(capacity) * 4;
  }

  /** Makes state in memory of its own and starts every SA, in slots of their order. */
  static create(sas: readonly SaShape[]): SaState {
    const state = new SaState(new SharedArrayBuffer(SaState.bytes(sas.length)), 0, sas.length);
    const room = new WindowRoom(sas.length);
    sas.forEach((sa, slot) => {
      state.start(slot, sa, room.take(sa.replayWindow), slot + 1);
    });
    return state;
  }

  /** Attaches to state of so many slots in `buffer` from `byteOffset` (a multiple of 64) on. */
  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number) {
    const counters = byteOffset + countersAt(capacity);
    this.capacity = capacity;
    this.facts = new Int32Array(buffer, byteOffset, capacity << FACTS_SHIFT);
    this.counters = new Float64Array(buffer, counters, capacity * 8);
    this.words = new Int32Array(buffer, counters + capacity * COUNTERS_BYTES, WindowRoom.words(capacity));
  }

  /** What other threads construct their state with. */
  get buffer(): ArrayBufferLike {
    return this.counters.buffer;
  }

  /**
   * Starts an SA in a slot that nobody uses: counters at 0, the window at its `initialSeq`, with all numbers up to it seen.
   *
   * @param base first word of its window, from `WindowRoom`
   * @param serial a number that no other SA has or has had
   */
  start(slot: number, sa: SaShape, base: number, serial: number): void {
    const { facts } = this;
    const f = slot << FACTS_SHIFT;
    const { transform, mode = 'transport', trustIcv = false } = sa;
    facts[f + F_BASE] = base;
    facts[f + F_RING_MASK] = ringWords(sa.replayWindow) - 1;
    facts[f + F_WINDOW] = sa.replayWindow;
    facts[f + F_LENGTHS] =
      transform === undefined ? 0 : transform.ivBytes | (transform.icvBytes << 8) | ((transform.blockBytes - 1) << 16);
    facts[f + F_FLAGS] =
      (sa.esn ? FLAG_ESN : 0) |
      (trustIcv ? FLAG_TRUST_ICV : 0) |
      (transform?.cipher === 'null' && transform.auth === 'none' ? FLAG_PLAIN : 0) |
      (MODES.indexOf(mode) << MODE_SHIFT);
    facts[f + F_SELECTORS] = 0;
    facts[f + F_SERIAL] = serial;
    facts[f + F_GATE] = -1;
    this.counters.fill(0, slot * 8, slot * 8 + 8);
    this.restartWindow(slot, sa.initialSeq);
  }

  /** Starts the window of an SA again, with `top` and everything below seen; its counters go on. */
  restartWindow(slot: number, top: bigint): void {
    const base = this.facts[(slot << FACTS_SHIFT) + F_BASE];
    const mask = this.facts[(slot << FACTS_SHIFT) + F_RING_MASK];
    const ring = base + W_RING;
    const low = Number(top & 0xffffffffn) | 0;
    this.words[base + W_TOP_LOW] = low;
    this.words[base + W_TOP_HIGH] = Number(top >> 32n) | 0;
    this.words.fill(-1, ring, ring + mask + 1);
    this.words[ring + ((low >>> 5) & mask)] = (2 << (low & 31)) - 1;
  }

  /** The highest authenticated sequence number. */
  top(slot: number): bigint {
    const base = this.facts[(slot << FACTS_SHIFT) + F_BASE];
    return (BigInt(this.words[base + W_TOP_HIGH] >>> 0) << 32n) | BigInt(this.words[base + W_TOP_LOW] >>> 0);
  }

  /** The words of an SA's window: its top, then its ring. */
  windowOf(slot: number): Int32Array {
    const base = this.facts[(slot << FACTS_SHIFT) + F_BASE];
    return this.words.subarray(base, base + W_RING + this.facts[(slot << FACTS_SHIFT) + F_RING_MASK] + 1);
  }

  /** Whether that is the highest authenticated number, in halves. */
  isTop(slot: number, low: number, high: number): boolean {
    const base = this.facts[(slot << FACTS_SHIFT) + F_BASE];
    return this.words[base + W_TOP_LOW] === (low | 0) && this.words[base + W_TOP_HIGH] === (high | 0);
  }

  counts(slot: number): SaCounts {
    const c = this.counters;
    const b = slot * 8;
    return {
      packets: c[b + SA_PACKETS],
      opened: c[b + SA_OPENED],
      dummy: c[b + SA_DUMMY],
      failed: { icv: c[b + SA_ICV], replay: c[b + SA_REPLAY], short: c[b + SA_SHORT], padding: c[b + SA_PADDING] },
      bytes: c[b + SA_BYTES],
    };
  }
}

function countersAt(capacity: number): number {
  return (capacity * FACTS_BYTES + 63) & ~63;
}

/** Words of the ring: a power of two that holds the window and one word more. */
function ringWords(window: number): number {
  let words = 2;
  while (words < Math.ceil(window / 32) + 1) words *= 2;
  return words;
}
