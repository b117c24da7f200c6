/**
 * The open datagrams of a reassembler: keys in an open-addressing table, entries in rows of 32 words, four lists by age.
 *
 *     slots: entry + 1, linear probing, deleted by shifting back (no tombstones in the table)
 *     lists: waiting IPv4 | waiting IPv6 | refused IPv4 | refused IPv6      (oldest first)
 *
 * A refused datagram stays as an entry without bytes, so that its late fragments are refused too (RFC 5722).
 * The hash is seeded, but not keyed cryptographically: the table is bounded, so the worst case is a scan of it.
 */
import type { Dissection } from '../wire/dissection.ts';

const SHIFT = 5;
/** Key words: addresses (IPv4: words 0 and 4), identification, IPv6 flag << 8 | IPv4 protocol, number of the SA. */
const K_ID = 8;
const K_KIND = 9;
const K_SA = 10;
const KEY_WORDS = 11;
const D_HASH = 11;
/** First and last waiting fragment by offset (chunk numbers, -1: none), how many, and their bytes. */
export const D_FIRST = 12;
export const D_LAST = 13;
export const D_COUNT = 14;
export const D_BYTES = 15;
/** Bytes of the whole payload once the final fragment is there, else -1. */
export const D_TOTAL = 16;
/** Drop reason when refused, else -1. */
export const D_REFUSED = 17;
/** Of the first fragment: bytes of link-layer and IP header, of the link-layer header, place of the byte to patch, what to patch in. */
export const D_HEADER = 18;
export const D_LINK = 19;
export const D_PREVIOUS = 20;
export const D_PROTOCOL = 21;
const D_LIST = 22;
const D_OLDER = 23;
const D_YOUNGER = 24;

function word(bytes: Uint8Array, p: number): number {
  return (bytes[p] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3];
}

export class Datagrams {
  /** The time now, in milliseconds: in an array, because a double that is passed on may be allocated. */
  readonly clock: Float64Array = new Float64Array(1);
  /** Row of entry `e` starts at `e << 5`. */
  readonly w: Int32Array;
  /** Milliseconds when the entry was made or refused. */
  readonly time: Float64Array;
  readonly capacity: number;
  count = 0;
  private readonly slots: Int32Array;
  private readonly mask: number;
  private readonly seed: number;
  private freeHead = 0;
  private readonly oldest: Int32Array = new Int32Array(4).fill(-1);
  private readonly youngest: Int32Array = new Int32Array(4).fill(-1);
  private readonly key: Int32Array = new Int32Array(KEY_WORDS);
  private keyHash = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.w = new Int32Array(capacity << SHIFT);
    this.time = new Float64Array(capacity);
    this.mask = (1 << (33 - Math.clz32(capacity))) - 1;
    this.slots = new Int32Array(this.mask + 1);
    this.seed = (Math.random() * 0x100000000) | 0;
    for (let e = 0; e < capacity; e++) this.w[(e << SHIFT) + D_YOUNGER] = e + 1 < capacity ? e + 1 : -1;
  }

  /** Index in `w` of the row of an entry. */
  row(entry: number): number {
    return entry << SHIFT;
  }

  isV6(entry: number): boolean {
    return this.w[(entry << SHIFT) + K_KIND] >= 256;
  }

  /** Reads the key of a fragment and returns its entry, or -1. {@link insert} uses the key read last. */
  find(bytes: Uint8Array, d: Dissection, v6: boolean, sa: number): number {
    const { key, slots, mask, w } = this;
    const at = d.l3 + (v6 ? 8 : 12);
    if (v6) {
      for (let i = 0; i < 8; i++) key[i] = word(bytes, at + 4 * i);
      key[K_KIND] = 256;
    } else {
      key.fill(0);
      key[0] = word(bytes, at);
      key[4] = word(bytes, at + 4);
      key[K_KIND] = bytes[d.l3 + 9];
    }
    key[K_ID] = d.fragId;
    key[K_SA] = sa;
    let h = this.seed;
    for (let i = 0; i < KEY_WORDS; i++) {
      h = Math.imul(h ^ key[i], 0x9e3779b1);
      h ^= h >>> 15;
    }
    this.keyHash = h;
    for (let s = h & mask; slots[s] !== 0; s = (s + 1) & mask) {
      const e = slots[s] - 1;
      const b = e << SHIFT;
      if (w[b + D_HASH] !== h) continue;
      let i = 0;
      while (i < KEY_WORDS && w[b + i] === key[i]) i++;
      if (i === KEY_WORDS) return e;
    }
    return -1;
  }

  /** A hash of the addresses and the SA of the key that {@link find} read last. It has no seed: see pairs.ts. */
  pairHash(): number {
    const { key } = this;
    let h = key[K_SA];
    for (let i = 0; i < K_ID; i++) h = Math.imul(h ^ (h >>> 15) ^ key[i], 0x9e3779b1);
    return h ^ (h >>> 16);
  }

  /** Makes the entry of the key that {@link find} read last; -1 when there is no room. */
  insert(v6: boolean): number {
    const e = this.freeHead;
    if (e < 0) return -1;
    const { w, slots, mask } = this;
    const b = e << SHIFT;
    this.freeHead = w[b + D_YOUNGER];
    this.count++;
    for (let i = 0; i < KEY_WORDS; i++) w[b + i] = this.key[i];
    w[b + D_HASH] = this.keyHash;
    w[b + D_FIRST] = -1;
    w[b + D_LAST] = -1;
    w[b + D_COUNT] = 0;
    w[b + D_BYTES] = 0;
    w[b + D_TOTAL] = -1;
    w[b + D_REFUSED] = -1;
    let s = this.keyHash & mask;
    while (slots[s] !== 0) s = (s + 1) & mask;
    slots[s] = e + 1;
    this.link(e, v6 ? 1 : 0);
    return e;
  }

  /** Takes an entry out of the table and its list. */
  remove(entry: number): void {
    const { w, slots, mask } = this;
    const b = entry << SHIFT;
    let hole = w[b + D_HASH] & mask;
    while (slots[hole] !== entry + 1) hole = (hole + 1) & mask;
    for (let s = (hole + 1) & mask; slots[s] !== 0; s = (s + 1) & mask) {
      const home = w[((slots[s] - 1) << SHIFT) + D_HASH] & mask;
      // It may move into the hole unless its home lies cyclically behind the hole.
      if (((s - home) & mask) >= ((s - hole) & mask)) {
        slots[hole] = slots[s];
        hole = s;
      }
    }
    slots[hole] = 0;
    this.unlink(entry);
    w[b + D_YOUNGER] = this.freeHead;
    this.freeHead = entry;
    this.count--;
  }

  /** Marks an entry refused for `reason`: it ages anew, in the list of its like. */
  refuse(entry: number, reason: number): void {
    this.w[(entry << SHIFT) + D_REFUSED] = reason;
    this.unlink(entry);
    this.link(entry, this.isV6(entry) ? 3 : 2);
  }

  /** The oldest entry of list 0 to 3, or -1. */
  head(list: number): number {
    return this.oldest[list];
  }

  /** The entry that has been refused longest, or -1. */
  longestRefused(): number {
    return this.earlier(this.oldest[2], this.oldest[3]);
  }

  /** The entry that has waited longest, other than `not`; -1 when there is none. */
  longestWaiting(not: number): number {
    return this.earlier(this.but(this.oldest[0], not), this.but(this.oldest[1], not));
  }

  /** An entry at the head of its list, or the next one when it is `not`. */
  private but(e: number, not: number): number {
    return e >= 0 && e === not ? this.w[(e << SHIFT) + D_YOUNGER] : e;
  }

  private earlier(a: number, b: number): number {
    if (a < 0 || b < 0) return a < 0 ? b : a;
    return this.time[a] <= this.time[b] ? a : b;
  }

  private link(e: number, list: number): void {
    const { w, youngest } = this;
    const b = e << SHIFT;
    const before = youngest[list];
    this.time[e] = this.clock[0];
    w[b + D_LIST] = list;
    w[b + D_OLDER] = before;
    w[b + D_YOUNGER] = -1;
    if (before < 0) this.oldest[list] = e;
    else w[(before << SHIFT) + D_YOUNGER] = e;
    youngest[list] = e;
  }

  private unlink(e: number): void {
    const { w } = this;
    const b = e << SHIFT;
    const older = w[b + D_OLDER];
    const younger = w[b + D_YOUNGER];
    if (older < 0) this.oldest[w[b + D_LIST]] = younger;
    else w[(older << SHIFT) + D_YOUNGER] = younger;
    if (younger < 0) this.youngest[w[b + D_LIST]] = older;
    else w[(younger << SHIFT) + D_OLDER] = older;
  }
}
