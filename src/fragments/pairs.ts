/**
 * What each address pair holds of a reassembler: chunks of the waiting memory, and its datagrams that wait, oldest first.
 *
 *     pair = hash of addresses and SA: | chunks | datagrams | oldest <-> ... <-> youngest |
 *
 * Pairs are told apart by 10 bits of a hash, so now and then two share what one may have. The hash needs no secret: who
 * wants to share the fate of a pair can put its addresses on his fragments. Without one, every run evicts the same.
 */
const PAIRS = 1 << 10;

export class Pairs {
  /** By pair: chunks that its datagrams hold, and how many of them wait. */
  readonly chunks: Int32Array = new Int32Array(PAIRS);
  readonly count: Int32Array = new Int32Array(PAIRS);
  private readonly oldest: Int32Array = new Int32Array(PAIRS).fill(-1);
  private readonly youngest: Int32Array = new Int32Array(PAIRS).fill(-1);
  /** By entry. */
  private readonly pair: Int32Array;
  private readonly older: Int32Array;
  private readonly younger: Int32Array;

  constructor(entries: number) {
    this.pair = new Int32Array(entries);
    this.older = new Int32Array(entries);
    this.younger = new Int32Array(entries);
  }

  /** The pair of a hash. */
  at(hash: number): number {
    return hash & (PAIRS - 1);
  }

  /** The pair of an entry that waits. */
  of(entry: number): number {
    return this.pair[entry];
  }

  /** A datagram begins to wait. */
  link(entry: number, pair: number): void {
    const before = this.youngest[pair];
    this.pair[entry] = pair;
    this.older[entry] = before;
    this.younger[entry] = -1;
    if (before < 0) this.oldest[pair] = entry;
    else this.younger[before] = entry;
    this.youngest[pair] = entry;
    this.count[pair]++;
  }

  /** A datagram waits no longer. */
  unlink(entry: number): void {
    const pair = this.pair[entry];
    const older = this.older[entry];
    const younger = this.younger[entry];
    if (older < 0) this.oldest[pair] = younger;
    else this.younger[older] = younger;
    if (younger < 0) this.youngest[pair] = older;
    else this.older[younger] = older;
    this.count[pair]--;
  }

  /** The datagram of a pair that waits longest, other than `not`; -1 when there is none. */
  longest(pair: number, not: number): number {
    const e = this.oldest[pair];
    return e === not && e >= 0 ? this.younger[e] : e;
  }
}
