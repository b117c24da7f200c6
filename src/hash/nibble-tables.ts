/** The Toeplitz hash in tables for half a byte, which shuffles of sixteen bytes look up: `kernels/assembly/toeplitz.ts`. */

/** Byte positions that there are tables for: what the kernel hashes at most, two IPv6 addresses and ports. */
const POSITIONS = 36;

export const NIBBLE_BYTES: number = POSITIONS * 128;

/**
 * Fills in the tables: of each position 128 bytes, what the low half of a byte adds to the first byte of the hash, to the second
 * and so on, 16 bytes each; then its high half.
 *
 * @param table that of a `Toeplitz`
 */
export function fillNibbles(out: Uint8Array, table: Int32Array): void {
  for (let position = 0; position < POSITIONS; position++) {
    for (let half = 0; half < 16; half++) {
      for (let byte = 0; byte < 4; byte++) {
        const at = position * 128 + byte * 16 + half;
        out[at] = table[(position << 8) | half] >>> (8 * byte);
        out[at + 64] = table[(position << 8) | (half << 4)] >>> (8 * byte);
      }
    }
  }
}
