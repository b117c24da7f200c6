/**
 * Finds the SA of a packet by (destination, SPI), RFC 4301 section 4.1. One open-addressing table of numbers in shared memory,
 * built once and read by every thread without an object in between.
 *
 *     word 0: mask | word 1: entries | word 2: entries of any destination | 3..7 unused
 *     entry, 8 words: index + 1 (0: free) | SPI | family 4, 6 or 0 (any destination), AH: + 16 | 4 words of address (IPv4: the first) | unused
 *
 * It is at most half full, and 32 bytes an entry: two of them share a cache line, a longer probe seldom happens.
 */
import { u32 } from '../wire/bytes.ts';
import type { SaFacts } from './sa-config.ts';

const HEADER = 8;
const ENTRY_SHIFT = 3;
/** In the word of the family. */
const OF_AH = 16;

/** What an SA is found by; absent `proto`: ESP. */
export type Keyed = Pick<SaFacts, 'spi' | 'dstBytes'> & Partial<Pick<SaFacts, 'proto'>>;

export class SaTable {
  private readonly w: Int32Array;
  private readonly mask: number;
  private readonly hasAny: boolean;

  /** Bytes that a table of `count` SAs needs. */
  static bytes(count: number): number {
    return (HEADER + (capacityOf(count) << ENTRY_SHIFT)) * 4;
  }

  /** Builds a table in zeroed memory at `byteOffset` (a multiple of 4); the index of an SA is its place in `sas`. */
  static build(buffer: ArrayBufferLike, byteOffset: number, sas: readonly Keyed[]): SaTable {
    const any = sas.filter((sa) => sa.dstBytes.length === 0).length;
    new Int32Array(buffer, byteOffset, 3).set([capacityOf(sas.length) - 1, sas.length, any]);
    const table = new SaTable(buffer, byteOffset, sas.length);
    for (let i = 0; i < sas.length; i++) table.insert(sas[i], i);
    return table;
  }

  /** Builds a table in shared memory of its own. */
  static create(sas: readonly Keyed[]): SaTable {
    return SaTable.build(new SharedArrayBuffer(SaTable.bytes(sas.length)), 0, sas);
  }

  /** Attaches to the table of `count` SAs that was built there. */
  constructor(buffer: ArrayBufferLike, byteOffset: number, count: number) {
    this.w = new Int32Array(buffer, byteOffset, SaTable.bytes(count) >> 2);
    this.mask = this.w[0];
    this.hasAny = this.w[2] > 0;
  }

  /** What other threads construct their table with. */
  get buffer(): ArrayBufferLike {
    return this.w.buffer;
  }

  get size(): number {
    return this.w[1];
  }

  /**
   * @param dstOffset where the destination address begins in `bytes`
   * @param isV6 it has 16 bytes, else 4
   * @param spi int32 or uint32
   * @param ah of AH: its SPIs are apart from those of ESP
   * @returns index of the SA, or -1
   */
  lookup(bytes: Uint8Array, dstOffset: number, isV6: boolean, spi: number, ah = false): number {
    const w = this.w;
    const family = (isV6 ? 6 : 4) | (ah ? OF_AH : 0);
    const mask = this.mask;
    const s = spi | 0;
    const a = u32(bytes, dstOffset);
    if (!isV6) {
      for (let slot = hash4(a, s) & mask; ; slot = (slot + 1) & mask) {
        const e = HEADER + (slot << ENTRY_SHIFT);
        const index = w[e];
        if (index === 0) return this.hasAny ? this.lookupAny(s, ah) : -1;
        if (w[e + 1] === s && w[e + 3] === a && w[e + 2] === family) return index - 1;
      }
    }
    const b = u32(bytes, dstOffset + 4);
    const c = u32(bytes, dstOffset + 8);
    const d = u32(bytes, dstOffset + 12);
    for (let slot = hash6(a, b, c, d, s) & mask; ; slot = (slot + 1) & mask) {
      const e = HEADER + (slot << ENTRY_SHIFT);
      const index = w[e];
      if (index === 0) return this.hasAny ? this.lookupAny(s, ah) : -1;
      if (
        w[e + 1] === s &&
        w[e + 6] === d &&
        w[e + 3] === a &&
        w[e + 4] === b &&
        w[e + 5] === c &&
        w[e + 2] === family
      ) {
        return index - 1;
      }
    }
  }

  /** The SA of an SPI that has any destination. */
  private lookupAny(s: number, ah: boolean): number {
    const w = this.w;
    const family = ah ? OF_AH : 0;
    for (let slot = hash4(0, s) & this.mask; ; slot = (slot + 1) & this.mask) {
      const e = HEADER + (slot << ENTRY_SHIFT);
      if (w[e] === 0) return -1;
      if (w[e + 1] === s && w[e + 2] === family) return w[e] - 1;
    }
  }

  private insert({ dstBytes: address, spi: unsigned, proto }: Keyed, index: number): void {
    const w = this.w;
    const spi = unsigned | 0;
    const isV6 = address.length === 16;
    const a = address.length === 0 ? 0 : u32(address, 0);
    const b = isV6 ? u32(address, 4) : 0;
    const c = isV6 ? u32(address, 8) : 0;
    const d = isV6 ? u32(address, 12) : 0;
    let slot = (isV6 ? hash6(a, b, c, d, spi) : hash4(a, spi)) & this.mask;
    while (w[HEADER + (slot << ENTRY_SHIFT)] !== 0) slot = (slot + 1) & this.mask;
    const e = HEADER + (slot << ENTRY_SHIFT);
    w[e] = index + 1;
    w[e + 1] = spi;
    w[e + 2] = (address.length === 0 ? 0 : isV6 ? 6 : 4) | (proto === 'ah' ? OF_AH : 0);
    w[e + 3] = a;
    w[e + 4] = b;
    w[e + 5] = c;
    w[e + 6] = d;
  }
}

function capacityOf(count: number): number {
  let capacity = 8;
  while (capacity < count * 2) capacity *= 2;
  return capacity;
}

/**
 * Products with odd constants, which a processor makes side by side, then the finish of MurmurHash3: SPIs and addresses are
 * often counters, whose low bits alone would pile up in one place. MurmurHash3 itself waits for one word after the other.
 */
function hash4(a: number, spi: number): number {
  return finish(Math.imul(a, 0x9e3779b1) ^ Math.imul(spi, 0x165667b1));
}

function hash6(a: number, b: number, c: number, d: number, spi: number): number {
  const high = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77);
  return finish(high ^ Math.imul(c, 0xc2b2ae3d) ^ Math.imul(d, 0x27d4eb2f) ^ Math.imul(spi, 0x165667b1));
}

function finish(h: number): number {
  let x = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
