/**
 * The flows, or the SAs, of an analysis, with their packets and bytes: all of them up to a limit, beyond it a sample.
 *
 * The sample is Wegman's (Flajolet, "On adaptive sampling", Computing 43, 1990): at level L the units whose hash starts with L
 * zero bits. When there is no room the level rises, and half of them go. Whether a unit is in the sample depends on its hash
 * alone, so each one that is there was counted from its first packet on, and what is said of n units in the sample is said of
 * n * 2^L. The heaviest units may not be in it: they are looked for apart ({@link FrequentItems}).
 *
 *     slots: open addressing -> index + 1     keys, hashes, packets, bytes: at the index, in the order of first packets
 */
import { FrequentItems } from './frequent.ts';
import { placeHash } from './unit-key.ts';

/** Counters for the heaviest where not all units are kept. */
const HEAVY = 1 << 13;

export class Units {
  readonly words: number;
  readonly limit: number;
  count = 0;
  /** 0: all units are here; else one of 2^level is. */
  level = 0;
  readonly keys: Int32Array;
  readonly packets: Float64Array;
  readonly bytes: Float64Array;
  /** The heaviest by packets and by bytes, once not all units are here. */
  heavyPackets: FrequentItems | undefined;
  heavyBytes: FrequentItems | undefined;
  private readonly hashes: Int32Array;
  private readonly slots: Int32Array;
  private readonly sample: (key: Int32Array) => number;
  private readonly compacting: () => void;
  private readonly compacted: (moved: Int32Array) => void;

  /**
   * @param limit most units that are kept
   * @param sample hash that decides over the sample
   * @param compacting called before units leave
   * @param compacted called when units have left: `moved` has the new index at each old one, -1 for those that left
   */
  constructor(
    words: number,
    limit: number,
    sample: (key: Int32Array) => number,
    compacting: () => void,
    compacted: (moved: Int32Array) => void,
  ) {
    this.words = words;
    this.limit = limit;
    this.sample = sample;
    this.compacting = compacting;
    this.compacted = compacted;
    // Pages commit when they are touched, so a limit that is never reached costs no memory.
    this.keys = new Int32Array(limit * words);
    this.hashes = new Int32Array(limit);
    this.packets = new Float64Array(limit);
    this.bytes = new Float64Array(limit);
    this.slots = new Int32Array(2 ** (Math.ceil(Math.log2(limit)) + 1));
  }

  /** How many there are, or are about. */
  get estimate(): number {
    return this.count * 2 ** this.level;
  }

  /** Index of a key that is here, or -1. */
  find(key: Int32Array, hash: number): number {
    const { slots, hashes, keys, words } = this;
    const mask = slots.length - 1;
    let s = hash & mask;
    for (let next = slots[s]; next !== 0; next = slots[s]) {
      const i = next - 1;
      if (hashes[i] === hash) {
        const at = i * words;
        let w = 0;
        while (w < words && keys[at + w] === key[w]) w++;
        if (w === words) return i;
      }
      s = (s + 1) & mask;
    }
    return -1;
  }

  /** Takes a key that is not here. Returns its index, or -1: it is not in the sample. */
  add(key: Int32Array, hash: number): number {
    if (this.level > 0 && !this.admits(key)) return -1;
    while (this.count === this.limit) {
      this.raise();
      if (!this.admits(key)) return -1;
    }
    const i = this.count++;
    this.hashes[i] = hash;
    this.keys.set(key, i * this.words);
    this.packets[i] = 0;
    this.bytes[i] = 0;
    this.put(i);
    return i;
  }

  /** Counts a packet of the unit `index` (-1: not here) with this key. */
  tally(index: number, key: Int32Array, hash: number, bytes: number): void {
    if (index >= 0) {
      this.packets[index]++;
      this.bytes[index] += bytes;
    }
    if (this.heavyPackets === undefined) return;
    this.heavyPackets.add(key, 0, hash, 1);
    this.heavyBytes!.add(key, 0, hash, bytes);
  }

  private admits(key: Int32Array): boolean {
    return this.sample(key) >>> (32 - this.level) === 0;
  }

  private put(i: number): void {
    const { slots, hashes } = this;
    const mask = slots.length - 1;
    let s = hashes[i] & mask;
    while (slots[s] !== 0) s = (s + 1) & mask;
    slots[s] = i + 1;
  }

  private raise(): void {
    this.compacting();
    const { words, keys, hashes, packets, bytes } = this;
    if (this.heavyPackets === undefined) {
      this.heavyPackets = new FrequentItems(words, HEAVY);
      this.heavyBytes = new FrequentItems(words, HEAVY);
      for (let i = 0; i < this.count; i++) {
        this.heavyPackets.add(keys, i * words, hashes[i], packets[i]);
        this.heavyBytes!.add(keys, i * words, hashes[i], bytes[i]);
      }
    }
    this.level++;
    const moved = new Int32Array(this.count).fill(-1);
    const key = new Int32Array(words);
    let kept = 0;
    this.slots.fill(0);
    for (let i = 0; i < this.count; i++) {
      key.set(keys.subarray(i * words, (i + 1) * words));
      if (!this.admits(key)) continue;
      keys.set(key, kept * words);
      hashes[kept] = hashes[i];
      packets[kept] = packets[i];
      bytes[kept] = bytes[i];
      this.put(kept);
      moved[i] = kept++;
    }
    this.count = kept;
    this.compacted(moved);
  }

  /** Index of a key, or -1, where its hash is not at hand. */
  lookUp(key: Int32Array): number {
    return this.find(key, placeHash(key, this.words));
  }
}
