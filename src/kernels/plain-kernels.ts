/** The kernels in plain TypeScript: the reference of the WebAssembly ones, and what is left where those cannot run. */
import type { Kernels } from './kernels.ts';

/** Bytes summed between two folds: 16,384 words and what is carried over stay below 2^31, so V8 keeps to small integers. */
const BLOCK = 0x8000;

/** Kernels over any bytes, shared or not; offsets are indices of `bytes`. */
export function createPlainKernels(bytes: Uint8Array): Kernels {
  return {
    kind: 'plain',

    copy(target: number, source: number, length: number): void {
      bytes.copyWithin(target, source, source + length);
    },

    checksum(offset: number, length: number): number {
      const even = offset + (length & ~1);
      let sum = 0;
      let at = offset;
      while (at < even) {
        const stop = even - at > BLOCK ? at + BLOCK : even;
        for (; at < stop; at += 2) sum += (bytes[at] << 8) | bytes[at + 1];
        sum = (sum & 0xffff) + (sum >>> 16);
      }
      if (length & 1) sum += bytes[even] << 8;
      sum = (sum & 0xffff) + (sum >>> 16);
      return (sum & 0xffff) + (sum >>> 16);
    },
  };
}
