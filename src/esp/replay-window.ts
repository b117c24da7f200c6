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
import { type SaState, W_RING, W_TOP_HIGH, W_TOP_LOW } from './sa-state.ts';
import { inferHigh } from './sequence.ts';

export class ReplayWindow {
  /** High half of the number that `check` last allowed, int32; 0 without ESN. */
  high = 0;
  private readonly state: SaState;

  constructor(state: SaState) {
    this.state = state;
  }

  /**
   * Could a packet with this sequence number be new?
   * @param low the 32 bits on the wire, int32 or uint32
   */
  check(sa: number, low: number): boolean {
    const state = this.state;
    const base = state.base[sa];
    const window = state.window[sa];
    const topLow = state.words[base + W_TOP_LOW] >>> 0;
    const lo = low >>> 0;
    this.high = 0;
    if (state.esn[sa] === 0) {
      if (lo > topLow) return true;
      // 0 is never sent (RFC 4303 section 3.3.3) and needs no case of its own: whatever the top, everything up to
      // `initialSeq` is marked as seen or left of the window, and 0 is always among it.
      if (topLow - lo >= window) return false;
      return ((state.words[base + W_RING + ((lo >>> 5) & state.ringMask[sa])] >>> (lo & 31)) & 1) === 0;
    }
    const topHigh = state.words[base + W_TOP_HIGH] >>> 0;
    const hi = inferHigh(topHigh, topLow, window, lo);
    if (hi < 0) return false;
    this.high = hi | 0;
    // The inferred number is right of the top or inside the window: never left of it.
    if (hi > topHigh || (hi === topHigh && lo > topLow)) return true;
    return ((state.words[base + W_RING + ((lo >>> 5) & state.ringMask[sa])] >>> (lo & 31)) & 1) === 0;
  }

  /**
   * Marks an authenticated number as seen and moves the window up to it.
   * @param low and `high`: its halves, int32 or uint32
   * @returns false when it was seen meanwhile or lies left of the window: the packet is a replay
   */
  mark(sa: number, low: number, high: number): boolean {
    const state = this.state;
    const words = state.words;
    const base = state.base[sa];
    const mask = state.ringMask[sa];
    const ring = base + W_RING;
    const topLow = words[base + W_TOP_LOW] >>> 0;
    const topHigh = words[base + W_TOP_HIGH] >>> 0;
    const lo = low >>> 0;
    const hi = high >>> 0;
    const word = ring + ((lo >>> 5) & mask);
    const bit = 1 << (lo & 31);
    if (hi > topHigh || (hi === topHigh && lo > topLow)) {
      // Steps in words; halves far apart lose precision here, but stay far more than a ring.
      const steps = Math.min((hi - topHigh) * 0x8000000 + (lo >>> 5) - (topLow >>> 5), mask + 1);
      const from = topLow >>> 5;
      for (let i = 1; i <= steps; i++) words[ring + ((from + i) & mask)] = 0;
      words[word] |= bit;
      words[base + W_TOP_LOW] = lo | 0;
      words[base + W_TOP_HIGH] = hi | 0;
      return true;
    }
    if ((topHigh - hi) * 0x100000000 + (topLow - lo) >= state.window[sa]) return false;
    if ((words[word] & bit) !== 0) return false;
    words[word] |= bit;
    return true;
  }
}
