/**
 * What changes about SAs while packets arrive: replay windows and counters, in shared memory, so that an SA can move between
 * lanes. Access is plain: one lane at a time uses an SA.
 *
 *     counters: SA 0 | SA 1 | ...      8 doubles each, one cache line
 *     windows:  SA 0 | SA 1 | ...      top low, top high, ring of words; rounded up to whole cache lines
 *
 * The ring is RFC 6479's: one word more than the window covers, so that moving on clears words and shifts nothing.
 */
import type { SaFacts } from './sa-config.ts';

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

const LINE_WORDS = 16;

export type SaShape = Pick<SaFacts, 'replayWindow' | 'esn' | 'initialSeq'>;

/** Counters of an SA as reports show them. */
export interface SaCounts {
  packets: number;
  opened: number;
  dummy: number;
  failed: { icv: number; replay: number; short: number; padding: number };
  bytes: number;
}

export class SaState {
  readonly counters: Float64Array;
  readonly words: Int32Array;
  /** First word of an SA's window, words of its ring less 1, packets of its window, 1 with ESN. */
  readonly base: Int32Array;
  readonly ringMask: Int32Array;
  readonly window: Int32Array;
  readonly esn: Uint8Array;
  private readonly tops: readonly bigint[];

  /** Bytes that the state of these SAs needs. */
  static bytes(sas: readonly Pick<SaShape, 'replayWindow'>[]): number {
    let words = sas.length * LINE_WORDS;
    for (const sa of sas) words += windowWords(sa.replayWindow);
    return words * 4;
  }

  /** Makes state in memory of its own and starts every SA. */
  static create(sas: readonly SaShape[]): SaState {
    const state = new SaState(new SharedArrayBuffer(SaState.bytes(sas)), 0, sas);
    state.reset();
    return state;
  }

  /** Attaches to the state of these SAs in `buffer` from `byteOffset` (a multiple of 8) on. `reset` starts it, once. */
  constructor(buffer: ArrayBufferLike, byteOffset: number, sas: readonly SaShape[]) {
    const n = sas.length;
    this.counters = new Float64Array(buffer, byteOffset, n * 8);
    this.words = new Int32Array(buffer, byteOffset + n * LINE_WORDS * 4, SaState.bytes(sas) / 4 - n * LINE_WORDS);
    this.base = new Int32Array(n);
    this.ringMask = new Int32Array(n);
    this.window = new Int32Array(n);
    this.esn = new Uint8Array(n);
    this.tops = sas.map((sa) => sa.initialSeq);
    let at = 0;
    for (let i = 0; i < n; i++) {
      this.base[i] = at;
      this.ringMask[i] = ringWords(sas[i].replayWindow) - 1;
      this.window[i] = sas[i].replayWindow;
      this.esn[i] = sas[i].esn ? 1 : 0;
      at += windowWords(sas[i].replayWindow);
    }
  }

  /** What other threads construct their state with. */
  get buffer(): ArrayBufferLike {
    return this.counters.buffer;
  }

  /** Starts an SA, or all: counters at 0, the window at its `initialSeq`, with all numbers up to it seen. */
  reset(sa?: number): void {
    if (sa === undefined) {
      for (let i = 0; i < this.base.length; i++) this.reset(i);
      return;
    }
    this.counters.fill(0, sa * 8, sa * 8 + 8);
    this.restartWindow(sa);
  }

  /** Starts the window of an SA again; its counters go on. */
  restartWindow(sa: number): void {
    const base = this.base[sa];
    const ring = base + W_RING;
    const mask = this.ringMask[sa];
    const top = this.tops[sa];
    const low = Number(top & 0xffffffffn) | 0;
    this.words[base + W_TOP_LOW] = low;
    this.words[base + W_TOP_HIGH] = Number(top >> 32n) | 0;
    this.words.fill(-1, ring, ring + mask + 1);
    this.words[ring + ((low >>> 5) & mask)] = (2 << (low & 31)) - 1;
  }

  /** The highest authenticated sequence number. */
  top(sa: number): bigint {
    const base = this.base[sa];
    return (BigInt(this.words[base + W_TOP_HIGH] >>> 0) << 32n) | BigInt(this.words[base + W_TOP_LOW] >>> 0);
  }

  /** The words of an SA's window: its top, then its ring. */
  windowOf(sa: number): Int32Array {
    const base = this.base[sa];
    return this.words.subarray(base, base + W_RING + this.ringMask[sa] + 1);
  }

  /** Whether that is the highest authenticated number, in halves. */
  isTop(sa: number, low: number, high: number): boolean {
    const base = this.base[sa];
    return this.words[base + W_TOP_LOW] === (low | 0) && this.words[base + W_TOP_HIGH] === (high | 0);
  }

  counts(sa: number): SaCounts {
    const c = this.counters;
    const b = sa * 8;
    return {
      packets: c[b + SA_PACKETS],
      opened: c[b + SA_OPENED],
      dummy: c[b + SA_DUMMY],
      failed: { icv: c[b + SA_ICV], replay: c[b + SA_REPLAY], short: c[b + SA_SHORT], padding: c[b + SA_PADDING] },
      bytes: c[b + SA_BYTES],
    };
  }
}

/** Words of the ring: a power of two that holds the window and one word more. */
function ringWords(window: number): number {
  let words = 2;
  while (words < Math.ceil(window / 32) + 1) words *= 2;
  return words;
}

function windowWords(window: number): number {
  return Math.ceil((W_RING + ringWords(window)) / LINE_WORDS) * LINE_WORDS;
}
