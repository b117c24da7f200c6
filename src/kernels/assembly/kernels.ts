/**
 * The kernels in AssemblyScript, compiled by `../build.ts` and embedded in `../wasm.ts`. No heap, no globals, no bounds:
 * every argument is an absolute offset in the imported frame memory. `../plain-kernels.ts` says the same in plain
 * TypeScript, and a test holds the two together.
 */

export { classify } from './classify.ts';
export { dispatch } from './dispatch.ts';
export { take } from './take.ts';

/** `memory.copy` has the semantics of memmove: ranges may overlap. */
export function copy(target: usize, source: usize, length: usize): void {
  memory.copy(target, source, length);
}

/**
 * Sums little-endian words and swaps the result once: the one's complement sum does not depend on byte order (RFC 1071
 * section 2B). Each step adds two 16-bit words to every 32-bit lane, so a lane holds 32,768 steps; a block of 1 MiB over
 * two accumulators is exactly that, and is emptied into 64 bits before the next. Four accumulators, `i32x4.dot` and a copy
 * that sums on its way were measured: no faster, no faster, and 12 ns less than two calls of 83 ns for 1,448 bytes, which is
 * not worth an entry, since a copy that merges wants the verdict first.
 */
export function checksum(offset: usize, length: usize): u32 {
  let at = offset;
  let left = length;
  let sum: u64 = 0;
  while (left >= 32) {
    const block: usize = min<usize>(left, 0x100000) & ~31;
    const stop: usize = at + block;
    let even = i32x4.splat(0);
    let odd = i32x4.splat(0);
    while (at < stop) {
      even = i32x4.add(even, i32x4.extadd_pairwise_i16x8_u(v128.load(at)));
      odd = i32x4.add(odd, i32x4.extadd_pairwise_i16x8_u(v128.load(at, 16)));
      at += 32;
    }
    const pairs = i64x2.add(
      i64x2.add(i64x2.extend_low_i32x4_u(even), i64x2.extend_high_i32x4_u(even)),
      i64x2.add(i64x2.extend_low_i32x4_u(odd), i64x2.extend_high_i32x4_u(odd)),
    );
    sum += i64x2.extract_lane(pairs, 0) + i64x2.extract_lane(pairs, 1);
    left -= block;
  }
  if (left & 16) {
    sum += <u64>load<u32>(at) + load<u32>(at, 4) + load<u32>(at, 8) + load<u32>(at, 12);
    at += 16;
  }
  if (left & 8) {
    sum += <u64>load<u32>(at) + load<u32>(at, 4);
    at += 8;
  }
  if (left & 4) {
    sum += load<u32>(at);
    at += 4;
  }
  if (left & 2) {
    sum += load<u16>(at);
    at += 2;
  }
  // The odd byte is the first of a word whose second is 0: the low half of a little-endian word.
  if (left & 1) sum += load<u8>(at);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  let folded = <u32>((sum & 0xffff) + (sum >> 16));
  folded = (folded & 0xffff) + (folded >> 16);
  return ((folded & 0xff) << 8) | (folded >> 8);
}
