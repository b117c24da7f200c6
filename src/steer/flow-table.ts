/**
 * Which lane wants a flow: the table that all consumers share, RFS's first one (Linux: `rps_sock_flow_table`, include/net/rps.h).
 *
 *     | 8 words: bits of lanes that have gone | 8 spare | entries |
 *
 *     entry at hash & (entries - 1):   | upper bits of the hash | lane + 1 |        0: nobody has claimed it
 *
 * A flow whose upper bits are others is another flow: it has no entry. Two flows that agree in all of them share one; a claim
 * is a hint about the place, never about the contents. Any thread may write: an entry is one word.
 */
const HEADER_WORDS = 16;

export class FlowTable {
  /** Bytes that so many entries need. */
  static bytes(entries: number): number {
    return 4 * (HEADER_WORDS + entries);
  }

  /** Bits of the index, and of the lane in an entry. */
  readonly mask: number;
  readonly laneMask: number;
  /** Where the entries lie in the buffer. */
  readonly address: number;
  private readonly gone: Int32Array;
  private readonly words: Int32Array;

  /**
   * @param entries a power of two
   * @param lanes lanes that can claim
   */
  constructor(buffer: ArrayBufferLike, byteOffset: number, entries: number, lanes: number) {
    this.gone = new Int32Array(buffer, byteOffset, HEADER_WORDS);
    this.address = byteOffset + 4 * HEADER_WORDS;
    this.words = new Int32Array(buffer, this.address, entries);
    this.mask = entries - 1;
    this.laneMask = laneMask(lanes);
  }

  /** The lane that has claimed the flow of this hash, or -1. */
  lane(hash: number): number {
    const entry = this.words[hash & this.mask];
    return ((entry ^ hash) & ~this.laneMask) === 0 ? (entry & this.laneMask) - 1 : -1;
  }

  /**
   * Claims the flow of this hash for a lane. True when that is news: an entry that says so already is not written again. A lane
   * that has gone claims nothing.
   */
  claim(hash: number, lane: number): boolean {
    if (this.hasGone(lane)) return false;
    const at = hash & this.mask;
    const entry = (hash & ~this.laneMask) | (lane + 1);
    if (this.words[at] === entry) return false;
    Atomics.store(this.words, at, entry);
    if (!this.hasGone(lane)) return true;
    // It went meanwhile, and may have looked here before.
    Atomics.compareExchange(this.words, at, entry, 0);
    return false;
  }

  /** A lane has gone for good: its claims go with it. */
  leave(lane: number): void {
    const { words, laneMask } = this;
    Atomics.or(this.gone, lane >> 5, 1 << (lane & 31));
    for (let i = 0; i < words.length; i++) {
      const entry = words[i];
      // A claim that another lane writes meanwhile stays.
      if ((entry & laneMask) === lane + 1) Atomics.compareExchange(words, i, entry, 0);
    }
  }

  /** Gives up all claims: the hashes of flows have become others. */
  clear(): void {
    this.words.fill(0);
  }

  private hasGone(lane: number): boolean {
    return ((Atomics.load(this.gone, lane >> 5) >> (lane & 31)) & 1) !== 0;
  }
}

/** The bits that hold lane + 1 of the last of so many lanes. */
function laneMask(lanes: number): number {
  return (1 << (32 - Math.clz32(lanes))) - 1;
}
