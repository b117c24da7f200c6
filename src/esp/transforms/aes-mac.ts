/**
 * MACs made of AES-128: AES-XCBC-MAC-96 (RFC 3566) and AES-CMAC-96 (RFC 4494). Both are a CBC-MAC whose last block is mixed with
 * a subkey, one subkey for a whole last block, another for one that was filled up; they differ in how the subkeys come about.
 * Input as for the HMACs.
 */
import type { AuthFamily } from './transform.ts';

export const AES_MACS: readonly AuthFamily[] = [
  { name: 'aes-xcbc', keyBytes: 16, icvBits: [96] },
  { name: 'aes-cmac', keyBytes: 16, icvBits: [96] },
];

/** Fills a last block that is not whole: a one bit, then zeros. `block` has 16 bytes, `used` of them taken. */
export function fillBlock(block: Uint8Array, used: number): void {
  block[used] = 0x80;
  block.fill(0, used + 1);
}

/** Doubling in GF(2^128), RFC 4493 section 2.3: how CMAC makes its subkeys of E(K, 0). */
export function double(block: Uint8Array): Uint8Array {
  const out = new Uint8Array(16);
  for (let i = 0; i < 15; i++) out[i] = (block[i] << 1) | (block[i + 1] >>> 7);
  out[15] = (block[15] << 1) ^ (-(block[0] >>> 7) & 0x87);
  return out;
}
