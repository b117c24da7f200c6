/**
 * The heaviest of more units than can be kept: counters for as many as there is room for. When there is none left, the median of
 * all counters is taken from each, and those that reach 0 make room.
 *
 * A unit's true weight lies between its counter and its counter plus what was taken so far (`taken`); one without a counter
 * weighs `taken` at most. Misra and Gries, "Finding repeated elements", 1982; the median instead of the least: Anderson et al.,
 * "A high-performance algorithm for identifying frequent items in data streams", IMC 2017.
 */
export class FrequentItems {
  /** Most that any counter may be short of. */
  taken = 0;
  count = 0;
  readonly words: number;
  readonly capacity: number;
  readonly keys: Int32Array;
  readonly weights: Float64Array;
  private readonly hashes: Int32Array;
  private readonly slots: Int32Array;

  /** @param capacity counters, a power of two */
  constructor(words: number, capacity: number) {
    this.words = words;
    this.capacity = capacity;
    this.keys = new Int32Array(capacity * words);
    this.weights = new Float64Array(capacity);
    this.hashes = new Int32Array(capacity);
    this.slots = new Int32Array(2 * capacity);
  }

  /** @param hash the key's place hash */
  add(key: Int32Array, keyAt: number, hash: number, weight: number): void {
    const { slots, hashes, keys, words } = this;
    const mask = slots.length - 1;
    let s = hash & mask;
    for (let next = slots[s]; next !== 0; next = slots[s]) {
      const i = next - 1;
      if (hashes[i] === hash) {
        const at = i * words;
        let w = 0;
        while (w < words && keys[at + w] === key[keyAt + w]) w++;
        if (w === words) {
          this.weights[i] += weight;
          return;
        }
      }
      s = (s + 1) & mask;
    }
    if (this.count === this.capacity) {
      this.purge();
      this.add(key, keyAt, hash, weight);
      return;
    }
    const i = this.count++;
    hashes[i] = hash;
    this.weights[i] = weight;
    for (let w = 0; w < words; w++) keys[i * words + w] = key[keyAt + w];
    slots[s] = i + 1;
  }

  private purge(): void {
    const { weights, keys, hashes, slots, words } = this;
    const median = weights.slice(0, this.count).sort()[this.count >> 1];
    this.taken += median;
    let kept = 0;
    slots.fill(0);
    for (let i = 0; i < this.count; i++) {
      if (weights[i] <= median) continue;
      weights[kept] = weights[i] - median;
      hashes[kept] = hashes[i];
      keys.copyWithin(kept * words, i * words, (i + 1) * words);
      const mask = slots.length - 1;
      let s = hashes[kept] & mask;
      while (slots[s] !== 0) s = (s + 1) & mask;
      slots[s] = ++kept;
    }
    this.count = kept;
  }
}
