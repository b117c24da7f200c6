import { ownWords, type TakeWords } from '../memory/words.ts';

/** Entries of {@link HeldTable.hints}. */
export const HINTS = 256;
/** Bits of mixes, 32 a word. */
const SEEN_WORDS = 8;

/**
 * The held packets, as Linux's `gro_node` keeps them: 8 buckets by the low bits of the flow hash, in each at most 8 packets.
 *
 *     rows:    | bucket 0: oldest .. newest, free | bucket 1 ... |      row numbers of the PacketTable
 *     counts:  | n0 | n1 | ...
 *     words:   | held | tunnels | seen, 8 | hints, 256 | counts | rows |      what `kernels/assembly/coalesce.ts` works on, too
 *
 * A bucket is in order of the first segment's arrival; merging does not move a packet. Taking one out closes the gap: at most
 * seven moves, which a linked list would pay for with a load that depends on the last at every step of a look-up.
 */
export class HeldTable {
  readonly words: Int32Array;
  readonly rows: Int32Array;
  readonly counts: Int32Array;
  readonly buckets: number;
  readonly perBucket: number;
  /**
   * Row of a held packet at the low 8 bits of its hash, or -1: where to look first. Walking a bucket costs a mispredicted branch, as
   * much as most of the comparisons (about 20 ns of 110 with 16 flows).
   */
  readonly hints: Int32Array;
  /** A bit for each mix that was held since the table was last empty: most packets are told here that nothing matches. */
  private readonly seen: Int32Array;

  /**
   * @param buckets a power of two
   * @param take where the table is to lie
   */
  constructor(buckets: number, perBucket: number, take: TakeWords = ownWords) {
    this.buckets = buckets;
    this.perBucket = perBucket;
    const first = 2 + SEEN_WORDS;
    this.words = take(first + HINTS + buckets * (1 + perBucket));
    this.seen = this.words.subarray(2, first);
    this.hints = this.words.subarray(first, first + HINTS).fill(-1);
    this.counts = this.words.subarray(first + HINTS, first + HINTS + buckets);
    this.rows = this.words.subarray(first + HINTS + buckets);
  }

  /** Packets held now, in all buckets. */
  get held(): number {
    return this.words[0];
  }

  /** Packets out of tunnels that were held since the table was last empty. */
  get tunnels(): number {
    return this.words[1];
  }

  /** Appends a row as the newest of a bucket that is not full. `mix`: see {@link maySee}. */
  add(bucket: number, row: number, hash: number, mix: number, isTunnel: boolean): void {
    if (isTunnel) this.words[1]++;
    this.hints[hash & (HINTS - 1)] = row;
    const n = this.counts[bucket];
    this.rows[bucket * this.perBucket + n] = row;
    this.counts[bucket] = n + 1;
    this.words[0]++;
    this.seen[mix >>> 29] |= 1 << (mix >>> 24);
  }

  /** The row at position `i` of a bucket (0: the oldest). */
  row(bucket: number, i: number): number {
    return this.rows[bucket * this.perBucket + i];
  }

  /** Takes out the packet at position `i` of a bucket; `hash` is its hash. */
  remove(bucket: number, i: number, hash: number): void {
    const rows = this.rows;
    const start = bucket * this.perBucket;
    const last = start + --this.counts[bucket];
    let at = start + i;
    const hint = hash & (HINTS - 1);
    if (this.hints[hint] === rows[at]) this.hints[hint] = -1;
    for (; at < last; at++) rows[at] = rows[at + 1];
    if (--this.words[0] > 0) return;
    this.seen.fill(0);
    this.words[1] = 0;
  }

  /** False: nothing with this mix is held. True says nothing. */
  maySee(mix: number): boolean {
    return (this.seen[mix >>> 29] & (1 << (mix >>> 24))) !== 0;
  }
}
