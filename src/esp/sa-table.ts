/**
 * Finds the SA of a packet by (destination, SPI), RFC 4301 section 4.1. One open-addressing table of numbers in shared memory, read by
 * every thread without an object in between, and changed by one: the receiver's.
 *
 *     word 0: mask | 1: entries | 2: entries of any destination | 3: version | 4..7 unused
 *     entry, 8 words: slot + 1 (0: free) | SPI | family 4, 6 or 0 (any destination), AH: + 16 | 4 words of address (IPv4: the first) | unused
 *
 * It is at most half full, and 32 bytes an entry: two of them share a cache line, a longer probe seldom happens.
 *
 * An SA that goes leaves no trace: entries behind it that were displaced by it move up (Knuth, volume 3, algorithm 6.4 R), so the table
 * never has to be cleaned, and looking up does not become slower. The version is odd while that happens. The thread that changes the
 * table, and its kernel, need not care; lanes look up by `lookupShared`, which tries again when the version has changed meanwhile.
 */
import { u32 } from '../wire/bytes.ts';
import type { SaFacts } from './sa-config.ts';

const HEADER = 8;
const ENTRIES = 1;
const ANY = 2;
const VERSION = 3;

const ENTRY_SHIFT = 3;
const E_SLOT = 0;
const E_SPI = 1;
const E_FAMILY = 2;
const E_ADDRESS = 3;
/** In the word of the family. */
const OF_AH = 16;

/** What an SA is found by; absent `proto`: ESP. */
export type Keyed = Pick<SaFacts, 'spi' | 'dstBytes'> & Partial<Pick<SaFacts, 'proto'>>;

export class SaTable {
  private readonly w: Int32Array;
  private readonly mask: number;

  /** Bytes that a table of up to `capacity` SAs needs. */
  static bytes(capacity: number): number {
    return (HEADER + (places(capacity) << ENTRY_SHIFT)) * 4;
  }

  /** Makes a table for up to `capacity` SAs in zeroed memory at `byteOffset` (a multiple of 4). */
  static make(buffer: ArrayBufferLike, byteOffset: number, capacity: number): SaTable {
    new Int32Array(buffer, byteOffset, 1)[0] = places(capacity) - 1;
    return new SaTable(buffer, byteOffset, capacity);
  }

  /** Makes a table in shared memory of its own; the slot of an SA is its place in `sas`. */
  static create(sas: readonly Keyed[], capacity: number = sas.length): SaTable {
    const table = SaTable.make(new SharedArrayBuffer(SaTable.bytes(capacity)), 0, capacity);
    sas.forEach((sa, slot) => {
      table.insert(sa, slot);
    });
    return table;
  }

  /** Attaches to the table for up to `capacity` SAs that was made there. */
  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number) {
    this.w = new Int32Array(buffer, byteOffset, SaTable.bytes(capacity) >> 2);
    this.mask = this.w[0];
  }

  /** What other threads construct their table with. */
  get buffer(): ArrayBufferLike {
    return this.w.buffer;
  }

  get size(): number {
    return this.w[ENTRIES];
  }

  /**
   * @param dstOffset where the destination address begins in `bytes`
   * @param isV6 it has 16 bytes, else 4
   * @param spi int32 or uint32
   * @param ah of AH: its SPIs are apart from those of ESP
   * @returns slot of the SA, or -1
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
        if (index === 0) return w[ANY] > 0 ? this.lookupAny(s, ah) : -1;
        if (w[e + 1] === s && w[e + 3] === a && w[e + 2] === family) return index - 1;
      }
    }
    const b = u32(bytes, dstOffset + 4);
    const c = u32(bytes, dstOffset + 8);
    const d = u32(bytes, dstOffset + 12);
    for (let slot = hash6(a, b, c, d, s) & mask; ; slot = (slot + 1) & mask) {
      const e = HEADER + (slot << ENTRY_SHIFT);
      const index = w[e];
      if (index === 0) return w[ANY] > 0 ? this.lookupAny(s, ah) : -1;
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

  /** As `lookup`, for threads that do not change the table: what was found was there at one moment. */
  lookupShared(bytes: Uint8Array, dstOffset: number, isV6: boolean, spi: number, ah = false): number {
    const w = this.w;
    for (;;) {
      const before = Atomics.load(w, VERSION);
      if ((before & 1) !== 0) continue;
      const slot = this.lookup(bytes, dstOffset, isV6, spi, ah);
      // Not a load: what was read above can then not have been read after it, on any processor.
      if (Atomics.or(w, VERSION, 0) === before) return slot;
    }
  }

  /** Adds an SA. Its key must not be there, nor as many as the capacity. */
  insert(sa: Keyed, slot: number): void {
    const { w, mask } = this;
    const key = keyOf(sa);
    let place = homeOf(key, 0) & mask;
    while (w[HEADER + (place << ENTRY_SHIFT)] !== 0) place = (place + 1) & mask;
    Atomics.add(w, VERSION, 1);
    this.write(HEADER + (place << ENTRY_SHIFT), key, 0, slot + 1);
    this.count(key, 1);
    Atomics.add(w, VERSION, 1);
  }

  /** Takes an SA out. False: it is not there. */
  remove(sa: Keyed): boolean {
    const { w, mask } = this;
    const key = keyOf(sa);
    let hole = this.placeOf(key);
    if (hole < 0) return false;
    Atomics.add(w, VERSION, 1);
    for (let place = (hole + 1) & mask; ; place = (place + 1) & mask) {
      const e = HEADER + (place << ENTRY_SHIFT);
      if (w[e] === 0) break;
      const home = homeOf(w, e) & mask;
      // It may move to the hole when that is not in front of its home.
      if (((place - home) & mask) < ((place - hole) & mask)) continue;
      this.write(HEADER + (hole << ENTRY_SHIFT), w, e, w[e]);
      hole = place;
    }
    this.write(HEADER + (hole << ENTRY_SHIFT), NO_KEY, 0, 0);
    this.count(key, -1);
    Atomics.add(w, VERSION, 1);
    return true;
  }

  /** The SA is in another slot from now on: one store, so that at no moment it is not found. False: it is not there. */
  move(sa: Keyed, slot: number): boolean {
    const place = this.placeOf(keyOf(sa));
    if (place < 0) return false;
    Atomics.store(this.w, HEADER + (place << ENTRY_SHIFT), slot + 1);
    return true;
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

  private placeOf(key: Int32Array): number {
    const { w, mask } = this;
    for (let place = homeOf(key, 0) & mask; ; place = (place + 1) & mask) {
      const e = HEADER + (place << ENTRY_SHIFT);
      if (w[e] === 0) return -1;
      let i = E_SPI;
      while (i < KEY_END && w[e + i] === key[i]) i++;
      if (i === KEY_END) return place;
    }
  }

  /** Each word by itself in the order of all threads' memory: none becomes visible before the version is odd. */
  private write(e: number, from: Int32Array, at: number, slot: number): void {
    for (let i = E_SPI; i < KEY_END; i++) Atomics.store(this.w, e + i, from[at + i]);
    Atomics.store(this.w, e + E_SLOT, slot);
  }

  private count(key: Int32Array, change: number): void {
    this.w[ENTRIES] += change;
    if ((key[E_FAMILY] & ~OF_AH) === 0) this.w[ANY] += change;
  }
}

const KEY_END = E_ADDRESS + 4;
const NO_KEY = new Int32Array(KEY_END);

/** The words of an entry but its slot. */
function keyOf({ dstBytes: address, spi, proto }: Keyed): Int32Array {
  const key = new Int32Array(KEY_END);
  key[E_SPI] = spi;
  key[E_FAMILY] = (address.length === 0 ? 0 : address.length === 16 ? 6 : 4) | (proto === 'ah' ? OF_AH : 0);
  for (let i = 0; i < address.length; i += 4) key[E_ADDRESS + (i >> 2)] = u32(address, i);
  return key;
}

/** Hash of an entry's words. */
function homeOf(w: Int32Array, e: number): number {
  const a = w[e + E_ADDRESS];
  const spi = w[e + E_SPI];
  if ((w[e + E_FAMILY] & ~OF_AH) !== 6) return hash4(a, spi);
  return hash6(a, w[e + E_ADDRESS + 1], w[e + E_ADDRESS + 2], w[e + E_ADDRESS + 3], spi);
}

function places(capacity: number): number {
  let places = 8;
  while (places < capacity * 2) places *= 2;
  return places;
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
