/**
 * One flow must not fill a lane's ring and take it from all others: Linux's `flow_limit` (`skb_flow_limit` in net/core/dev.c).
 *
 * While a ring is half full or more, each packet's bucket is written down. A packet is refused when more than half of the last
 * 128 were of its bucket.
 *
 *     words:  | head of history | history: 128 buckets | count of each bucket ... |
 */
const HEAD = 0;
const HISTORY = 1;
/** FLOW_LIMIT_HISTORY: the code's 1 << 7; Linux's documentation says 256. */
const HISTORY_LENGTH = 128;
const COUNTS: number = HISTORY + HISTORY_LENGTH;
const MOST: number = HISTORY_LENGTH >> 1;

/** Buckets unless said otherwise: `netdev.flow_limit_table_len`. */
export const FLOW_LIMIT_BUCKETS = 4096;

export class FlowLimit {
  /** Bytes that a limit of one lane with so many buckets needs. */
  static bytes(buckets: number): number {
    return 4 * (COUNTS + buckets);
  }

  private readonly words: Int32Array;
  private readonly mask: number;

  /** @param buckets a power of two */
  constructor(buffer: ArrayBufferLike, byteOffset: number, buckets: number) {
    this.words = new Int32Array(buffer, byteOffset, COUNTS + buckets);
    this.mask = buckets - 1;
  }

  /** Whether the packet of this hash is to be refused. Call it only while the ring is half full or more. */
  refuses(hash: number): boolean {
    const { words } = this;
    const bucket = hash & this.mask;
    const at = HISTORY + words[HEAD];
    const old = words[at];
    words[at] = bucket;
    words[HEAD] = (words[HEAD] + 1) & (HISTORY_LENGTH - 1);
    if (words[COUNTS + old] > 0) words[COUNTS + old]--;
    return ++words[COUNTS + bucket] > MOST;
  }
}
