/**
 * The kernels in AssemblyScript, compiled by `../build.ts` and embedded in `../wasm.ts`. No heap, no globals, no bounds:
 * every argument is an absolute offset in the imported frame memory. `../plain-kernels.ts` says the same in plain
 * TypeScript, and a test holds the two together.
 */

import { sum16, swap16 } from './sum.ts';

export { classify } from './classify.ts';
export { coalesce } from './coalesce.ts';
export { dispatch } from './dispatch.ts';
export { take } from './take.ts';

/** `memory.copy` has the semantics of memmove: ranges may overlap. */
export function copy(target: usize, source: usize, length: usize): void {
  memory.copy(target, source, length);
}

/** The one's complement sum of big-endian words, folded to 16 bits, not inverted. */
export function checksum(offset: usize, length: usize): u32 {
  return swap16(sum16(offset, length));
}
