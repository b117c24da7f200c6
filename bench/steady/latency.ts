/**
 * A histogram of times with a relative error of 3 % at most, as HdrHistogram's: for each power of two, 32 classes of the same width.
 *
 *     class of a time:  number of its power of two (less 5) * 32 + the five bits behind its first one
 *
 * It lies in memory that is given to it, one thread adds and others may read: nothing is allocated for a time.
 */
const SUB_BITS = 5;
const SUB = 1 << SUB_BITS;
/** Times from 2^31 ns (2.1 s) on count as that. */
const TOP_BIT = 31;
const CLASSES = (TOP_BIT - SUB_BITS + 1) * SUB;
/** Behind the classes. */
const MAX = CLASSES;

export class LatencyHistogram {
  static readonly WORDS: number = CLASSES + 1;
  private readonly words: Float64Array;

  /** @param words `WORDS` numbers, 0 at first */
  constructor(words: Float64Array = new Float64Array(LatencyHistogram.WORDS)) {
    this.words = words;
  }

  /** `count` packets took `ns` nanoseconds each. */
  add(ns: number, count: number): void {
    const { words } = this;
    words[classOf(ns)] += count;
    if (ns > words[MAX]) words[MAX] = ns;
  }

  /** Adds what another one holds. */
  addAll({ words }: LatencyHistogram): void {
    for (let i = 0; i < CLASSES; i++) this.words[i] += words[i];
    this.words[MAX] = Math.max(this.words[MAX], words[MAX]);
  }

  copy(): LatencyHistogram {
    return new LatencyHistogram(this.words.slice());
  }

  /** What it holds, to be sent; a histogram can be made from it. */
  values(): number[] {
    return Array.from(this.words);
  }

  clear(): void {
    this.words.fill(0);
  }

  get count(): number {
    let sum = 0;
    for (let i = 0; i < CLASSES; i++) sum += this.words[i];
    return sum;
  }

  /** The longest time, in nanoseconds. */
  get max(): number {
    return this.words[MAX];
  }

  /** The time, in nanoseconds, that a part of all packets did not exceed: the end of its class, the maximum at most. 0 when there are none. */
  percentile(part: number): number {
    const wanted = Math.max(1, Math.ceil(part * this.count));
    let sum = 0;
    for (let i = 0; i < CLASSES; i++) {
      sum += this.words[i];
      if (sum >= wanted) return Math.min(endOf(i), this.max);
    }
    return 0;
  }
}

function classOf(ns: number): number {
  if (ns >= 2 ** TOP_BIT) return CLASSES - 1;
  // A clock that two threads read may stand still between them, and no more than that.
  if (ns < SUB) return ns < 0 ? 0 : ns | 0;
  const whole = ns | 0;
  const power = 31 - Math.clz32(whole);
  return ((power - SUB_BITS + 1) << SUB_BITS) + ((whole >>> (power - SUB_BITS)) & (SUB - 1));
}

/** The highest whole number of nanoseconds in a class. */
function endOf(number: number): number {
  if (number < SUB) return number;
  const shift = (number >> SUB_BITS) - 1;
  return (SUB + (number & (SUB - 1)) + 1) * 2 ** shift - 1;
}
