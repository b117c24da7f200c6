/** Toeplitz as Microsoft's page defines it, bit by bit, and the sources of the vectors. */

/** Hash of the whole input, as an unsigned number. Key bits beyond the key are 0. */
export function referenceToeplitz(key: Uint8Array, input: Uint8Array): number {
  const keyBit = (i: number): bigint => BigInt(((key[i >> 3] ?? 0) >> (7 - (i & 7))) & 1);
  let window = 0n;
  for (let i = 0; i < 32; i++) window = (window << 1n) | keyBit(i);
  let result = 0n;
  for (let bit = 0; bit < input.length * 8; bit++) {
    if (((input[bit >> 3] >> (7 - (bit & 7))) & 1) === 1) result ^= window;
    window = ((window << 1n) | keyBit(bit + 32)) & 0xffffffffn;
  }
  return Number(result);
}
