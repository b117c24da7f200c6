/**
 * A replay window as text: one bit for each of its numbers, the highest number first, 1 where it counts as seen; hexadecimal, filled up
 * with ones. It does not depend on how windows lie in memory.
 */
import { W_RING, W_TOP_HIGH, W_TOP_LOW } from '../sa-state.ts';

/** The top of the window whose words begin at `at`. */
export function topOf(words: Int32Array, at: number): bigint {
  return (BigInt(words[at + W_TOP_HIGH] >>> 0) << 32n) | BigInt(words[at + W_TOP_LOW] >>> 0);
}

/** Hex digits of the text of a window of so many packets. */
export function digitsOf(window: number): number {
  return Math.ceil(window / 4);
}

/**
 * @param at where the words of the window begin: its top, then a ring of `mask + 1` words
 * @param window packets that it covers
 */
export function windowText(words: Int32Array, at: number, mask: number, window: number): string {
  const top = words[at + W_TOP_LOW];
  let text = '';
  for (let k = 0; k < window; k += 4) {
    let digit = 0;
    for (let i = k; i < k + 4; i++) {
      const number = (top - i) | 0;
      const isSeen = i >= window || ((words[at + W_RING + ((number >>> 5) & mask)] >>> (number & 31)) & 1) === 1;
      digit = (digit << 1) | (isSeen ? 1 : 0);
    }
    text += digit.toString(16);
  }
  return text;
}

/**
 * Writes a window: with this top, and everything below seen but for what the text says. Without a text, everything is.
 */
export function writeWindow(words: Int32Array, at: number, mask: number, window: number, top: bigint, text = ''): void {
  const low = Number(top & 0xffffffffn) | 0;
  const ring = at + W_RING;
  words[at + W_TOP_LOW] = low;
  words[at + W_TOP_HIGH] = Number(top >> 32n) | 0;
  words.fill(-1, ring, ring + mask + 1);
  // What lies above the top has not been seen.
  words[ring + ((low >>> 5) & mask)] = (2 << (low & 31)) - 1;
  for (let k = 0; k < window && k >> 2 < text.length; k++) {
    if (((Number.parseInt(text[k >> 2], 16) >> (3 - (k & 3))) & 1) === 1) continue;
    const number = (low - k) | 0;
    words[ring + ((number >>> 5) & mask)] &= ~(1 << (number & 31));
  }
}
