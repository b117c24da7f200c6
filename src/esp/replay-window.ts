/**
 * The replay window, RFC 4303 section 3.4.3 and appendix A2, on rings as in RFC 6479. `check` comes before any cryptography and
 * changes nothing; `mark` comes after authentication and is test-and-set: of two packets with one number, one wins.
 *
 *     ring word of a number: (number >> 5) & mask, its bit: number & 31
 *
 *     | seen .. | top - window + 1 ...... top | cleared as the top moves into it |
 *
 * The low half alone finds the word, because a ring divides 2^32.
 */
import {
  F_BASE,
  F_FLAGS,
  F_RING_MASK,
  F_WINDOW,
  FACTS_SHIFT,
  FLAG_ESN,
  type SaState,
  W_RING,
  W_TOP_HIGH,
  W_TOP_LOW,
} from './sa-state.ts';
import { inferHigh } from './sequence.ts';

export class ReplayWindow {
  /** High half of the number that `check` last allowed, int32; 0 without ESN. */
  high = 0;
  private readonly facts: Int32Array;
  private readonly words: Int32Array;

  constructor(state: SaState) {
    this.facts = state.facts;
    this.words = state.words;
  }

  /**
   * Could a packet with this sequence number be new?
   * @param low the 32 bits on the wire, int32 or uint32
   */
  check(sa: number, low: number): boolean {
    const { facts, words } = this;
    const f = sa << FACTS_SHIFT;
    const base = facts[f + F_BASE];
    const topLow = words[base + W_TOP_LOW];
    if ((facts[f + F_FLAGS] & FLAG_ESN) === 0) {
      this.high = 0;
      if (low >>> 0 > topLow >>> 0) return true;
      // 0 is never sent (RFC 4303 section 3.3.3) and needs no case of its own: whatever the top, everything up to
      // `initialSeq` is marked as seen or left of the window, and 0 is always among it.
      if ((topLow - low) >>> 0 >= facts[f + F_WINDOW]) return false;
    } else {
      const topHigh = words[base + W_TOP_HIGH];
      const high = inferHigh(topHigh >>> 0, topLow >>> 0, facts[f + F_WINDOW], low >>> 0);
      if (high < 0) return false;
      this.high = high | 0;
      // The inferred number is right of the top or inside the window: never left of it.
      if (high > topHigh >>> 0 || ((high | 0) === topHigh && low >>> 0 > topLow >>> 0)) return true;
    }
    return ((words[base + W_RING + ((low >>> 5) & facts[f + F_RING_MASK])] >>> (low & 31)) & 1) === 0;
  }

  /**
   * Marks an authenticated number as seen and moves the window up to it.
   * @param low and `high`: its halves, int32 or uint32
   * @returns false when it was seen meanwhile or lies left of the window: the packet is a replay
   */
  mark(sa: number, low: number, high: number): boolean {
    const { facts, words } = this;
    const f = sa << FACTS_SHIFT;
    const base = facts[f + F_BASE];
    const mask = facts[f + F_RING_MASK];
    const ring = base + W_RING;
    const topLow = words[base + W_TOP_LOW];
    const topHigh = words[base + W_TOP_HIGH];
    const word = ring + ((low >>> 5) & mask);
    const bit = 1 << (low & 31);
    // Differences of words, not of numbers: inside one subspace they are small integers.
    const same = (high | 0) === topHigh;
    if (same ? low >>> 0 > topLow >>> 0 : high >>> 0 > topHigh >>> 0) {
      const from = topLow >>> 5;
      const steps = same ? (low >>> 5) - from : wordsAhead(topHigh, topLow, high, low);
      const clear = steps <= mask ? steps : mask + 1;
      for (let i = 1; i <= clear; i++) words[ring + ((from + i) & mask)] = 0;
      words[word] |= bit;
      words[base + W_TOP_LOW] = low;
      words[base + W_TOP_HIGH] = high;
      return true;
    }
    if (!same && ((topHigh - high) >>> 0 !== 1 || low >>> 0 <= topLow >>> 0)) return false;
    if ((topLow - low) >>> 0 >= facts[f + F_WINDOW]) return false;
    if ((words[word] & bit) !== 0) return false;
    words[word] |= bit;
    return true;
  }
}

/** How many words a number with a greater high half lies ahead of the top; inexact only where it is far more than a ring. */
function wordsAhead(topHigh: number, topLow: number, high: number, low: number): number {
  return Math.min(((high >>> 0) - (topHigh >>> 0)) * 0x8000000 + (low >>> 5) - (topLow >>> 5), 0x7fffffff);
}
