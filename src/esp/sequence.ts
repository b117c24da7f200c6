/**
 * ESP sequence numbers: 32 bits on the wire, 64 with ESN (RFC 4303 section 2.2.1), kept as two halves because a double ends at 2^53.
 */

/** Reads `0x` and up to 16 hex digits; undefined when the text is anything else. */
export function parseSequence(text: string): bigint | undefined {
  return /^0x[0-9a-f]{1,16}$/i.test(text) ? BigInt(text) : undefined;
}

/** `0x` and hex digits, as the SA file writes it. */
export function formatSequence(sequence: bigint): string {
  return `0x${sequence.toString(16)}`;
}

/**
 * The high half that belongs to a received low half, RFC 4303 appendix A2.1: of the candidates, the one that puts the number
 * inside the window or to its right.
 * @param topHigh high half of the top of the window, unsigned
 * @param topLow low half of it, unsigned
 * @param window size of the window in packets
 * @param low received low half, unsigned
 * @returns the unsigned high half, or -1 when no 64-bit number fits (before 0 or past 2^64 - 1)
 */
export function inferHigh(topHigh: number, topLow: number, window: number, low: number): number {
  // The lowest number in the window; below 0 when the window reaches into the previous subspace.
  const bottom = topLow - window + 1;
  if (bottom >= 0) {
    if (low >= bottom) return topHigh;
    return topHigh === 0xffffffff ? -1 : topHigh + 1;
  }
  return low >= bottom + 0x100000000 ? topHigh - 1 : topHigh;
}
