/**
 * Toeplitz hashes of many packets. Sixteen at a time they are turned so that a vector holds the same byte of each; a shuffle then
 * looks all sixteen up in a table of sixteen bytes. A table of 256 words a byte, packet by packet, takes twice as long: its 12
 * to 36 kB leave the first cache little room for anything else.
 */
import { LIST, LIST_ENDS, LISTS, R_HASH, ROOM } from './plan.ts';

/** With fewer of them left than these, one by one is faster. */
const FEW: usize = 7;
const ENTRY: usize = 8;
const SIXTEEN: usize = 16 * ENTRY;

function at(table: usize, position: usize, from: usize): u32 {
  return load<u32>(table + (position << 10) + ((<usize>load<u8>(from, 0)) << 2));
}

/** What four bytes at `from` add to a hash, `table` being that of the position of the first. */
export function hash4(table: usize, from: usize): u32 {
  return at(table, 0, from) ^ at(table, 1, from + 1) ^ at(table, 2, from + 2) ^ at(table, 3, from + 3);
}

/**
 * Hashes the records of a list: the first `words` words of their bytes.
 *
 * @param toeplitz a table of 256 words for each byte
 * @param nibbles tables for each half of a byte: see `hash16`
 */
export function hashList(records: usize, number: u32, toeplitz: usize, nibbles: usize, words: usize): void {
  let list = records + LISTS + <usize>number * LIST;
  const end: usize = load<u32>(records + LIST_ENDS + ((<usize>number) << 2));
  for (; list + SIXTEEN <= end; list += SIXTEEN) hash16(list, nibbles, records + ROOM, words);
  if (end - list >= FEW * ENTRY) {
    // Some of them once more make sixteen.
    const first = load<u64>(list);
    for (let more = end; more < list + SIXTEEN; more += ENTRY) store<u64>(more, first);
    hash16(list, nibbles, records + ROOM, words);
    return;
  }
  for (; list < end; list += ENTRY) {
    const from: usize = load<u32>(list);
    let hash: u32 = 0;
    for (let word: usize = 0; word < words; word++) hash ^= hash4(toeplitz + (word << 12), from + (word << 2));
    store<u32>(load<u32>(list, 4), hash, R_HASH);
  }
}

/**
 * Hashes sixteen entries of a list.
 *
 * @param nibbles of each byte, 128 bytes: what its low half adds to the first byte of the hash, to the second and so on, sixteen
 * bytes each; then its high half
 * @param room 256 bytes, and 64 for each word
 */
function hash16(list: usize, nibbles: usize, room: usize, words: usize): void {
  const planes = room + 256;
  let plane = planes;
  for (let word: usize = 0; word < words; word += 4) {
    // Four words of four packets each: columns of words.
    for (let four: usize = 0; four < 4; four++) {
      const entry = list + (four << 5);
      const a = v128.load(<usize>load<u32>(entry) + (word << 2));
      const b = v128.load(<usize>load<u32>(entry, 8) + (word << 2));
      const c = v128.load(<usize>load<u32>(entry, 16) + (word << 2));
      const d = v128.load(<usize>load<u32>(entry, 24) + (word << 2));
      putTurned(room + (four << 4), 64, a, b, c, d);
    }
    // Four bytes of sixteen packets each: columns of bytes.
    const end = room + (min<usize>(words - word, 4) << 6);
    for (let column = room; column < end; column += 64) {
      const a = sortBytes(v128.load(column));
      const b = sortBytes(v128.load(column, 16));
      const c = sortBytes(v128.load(column, 32));
      const d = sortBytes(v128.load(column, 48));
      putTurned(plane, 16, a, b, c, d);
      plane += 64;
    }
  }
  let h0 = i32x4.splat(0);
  let h1 = i32x4.splat(0);
  let h2 = i32x4.splat(0);
  let h3 = i32x4.splat(0);
  const half = i8x16.splat(0x0f);
  let tables = nibbles;
  for (let at = planes; at < plane; at += 16, tables += 128) {
    const bytes = v128.load(at);
    const low = v128.and(bytes, half);
    const high = v128.and(i16x8.shr_u(bytes, 4), half);
    h0 = v128.xor(h0, v128.xor(i8x16.swizzle(v128.load(tables), low), i8x16.swizzle(v128.load(tables, 64), high)));
    h1 = v128.xor(h1, v128.xor(i8x16.swizzle(v128.load(tables, 16), low), i8x16.swizzle(v128.load(tables, 80), high)));
    h2 = v128.xor(h2, v128.xor(i8x16.swizzle(v128.load(tables, 32), low), i8x16.swizzle(v128.load(tables, 96), high)));
    h3 = v128.xor(h3, v128.xor(i8x16.swizzle(v128.load(tables, 48), low), i8x16.swizzle(v128.load(tables, 112), high)));
  }
  const low01 = v128.shuffle<u8>(h0, h1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const low23 = v128.shuffle<u8>(h2, h3, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  putHashes(list, v128.shuffle<u16>(low01, low23, 0, 8, 1, 9, 2, 10, 3, 11));
  putHashes(list + 32, v128.shuffle<u16>(low01, low23, 4, 12, 5, 13, 6, 14, 7, 15));
  const high01 = v128.shuffle<u8>(h0, h1, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const high23 = v128.shuffle<u8>(h2, h3, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  putHashes(list + 64, v128.shuffle<u16>(high01, high23, 0, 8, 1, 9, 2, 10, 3, 11));
  putHashes(list + 96, v128.shuffle<u16>(high01, high23, 4, 12, 5, 13, 6, 14, 7, 15));
}

/** The first bytes of four words, then their second ones, and so on. */
function sortBytes(words: v128): v128 {
  return v128.shuffle<u8>(words, words, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
}

/** Stores four rows of four words as columns, `apart` bytes between them. */
export function putTurned(to: usize, apart: usize, a: v128, b: v128, c: v128, d: v128): void {
  const low = v128.shuffle<u32>(a, b, 0, 4, 1, 5);
  const lowNext = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
  v128.store(to, v128.shuffle<u64>(low, lowNext, 0, 2));
  v128.store(to + apart, v128.shuffle<u64>(low, lowNext, 1, 3));
  const high = v128.shuffle<u32>(a, b, 2, 6, 3, 7);
  const highNext = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  v128.store(to + 2 * apart, v128.shuffle<u64>(high, highNext, 0, 2));
  v128.store(to + 3 * apart, v128.shuffle<u64>(high, highNext, 1, 3));
}

function putHashes(list: usize, hashes: v128): void {
  v128.store32_lane(<usize>load<u32>(list, 4), hashes, 0, R_HASH);
  v128.store32_lane(<usize>load<u32>(list, 12), hashes, 1, R_HASH);
  v128.store32_lane(<usize>load<u32>(list, 20), hashes, 2, R_HASH);
  v128.store32_lane(<usize>load<u32>(list, 28), hashes, 3, R_HASH);
}
