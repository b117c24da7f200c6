/** The indirection table of RSS: from the hash to a queue, filled exactly as `ethtool -X` fills it. */
import { RxSteerError, shown } from '../errors.ts';

/** Entries that a table may have: ice has the largest. */
export const TABLE_MAX = 2048;
/** Entries when nothing is said. */
export const TABLE_SIZE = 128;

/** How a table is to be filled: `equal N`, `weight W0 W1 ..`, both from queue `start` on (default 0), or the queues themselves. */
export type IndirectionOption =
  | { equal: number; start?: number }
  | { weight: readonly number[]; start?: number }
  | readonly number[];

export class Indirection {
  /** Queue at each index. */
  readonly entries: Int32Array;
  readonly size: number;
  /** Queues that the table was made for: the greatest entry lies below. */
  readonly queues: number;
  /** The index is the hash scaled to the size, so its high bits, as in Linux's RPS. */
  readonly scaled: boolean;
  /** size - 1 when the size is a power of two, else -1. */
  private readonly mask: number;

  private constructor(entries: Int32Array, queues: number, scaled = false) {
    this.entries = entries;
    this.size = entries.length;
    this.queues = queues;
    this.scaled = scaled;
    this.mask = (this.size & (this.size - 1)) === 0 ? this.size - 1 : -1;
  }

  /**
   * `equal N`: entry i is `start` + i mod N.
   *
   * @throws RxSteerError `ERR_RXSTEER_INDIRECTION`, as the others here
   */
  static equal(n: number, size: number = TABLE_SIZE, start: number = 0): Indirection {
    checkCount('size', size, 1, TABLE_MAX);
    checkCount('equal', n, 1, 0xffff);
    checkCount('start', start, 0, 0xffff);
    return new Indirection(
      Int32Array.from({ length: size }, (_, i) => start + (i % n)),
      start + n,
    );
  }

  /**
   * `weight W0 W1 ..`: contiguous blocks; that of queue `start` + j ends in front of floor(size * (W0 + .. + Wj) / sum). The sum must be
   * above 0 and not above the size.
   */
  static weight(weights: readonly number[], size: number = TABLE_SIZE, start: number = 0): Indirection {
    checkCount('size', size, 1, TABLE_MAX);
    checkCount('start', start, 0, 0xffff);
    if (!Array.isArray(weights) || weights.length === 0)
      throw indirectionError('weight', 'one number or more', weights);
    let sum = 0;
    for (const weight of weights) sum += checkCount('weight', weight, 0, TABLE_MAX);
    if (sum === 0) throw indirectionError('weight', 'at least one weight that is not 0', weights.join(','));
    if (sum > size) throw indirectionError('weight', `weights that add up to ${size}, the table size, or less`, sum);
    const entries = new Int32Array(size);
    let partial = 0;
    let from = 0;
    for (let j = 0; j < weights.length; j++) {
      partial += weights[j];
      const to = Math.floor((size * partial) / sum);
      entries.fill(start + j, from, to);
      from = to;
    }
    return new Indirection(entries, start + weights.length);
  }

  /** A table as it stands, for example from `ethtool -x`. */
  static from(entries: ArrayLike<number>): Indirection {
    checkCount('size', entries.length, 1, TABLE_MAX);
    let queues = 0;
    for (let i = 0; i < entries.length; i++) {
      const queue = checkCount(`entry ${i}`, entries[i], 0, 0xffff);
      if (queue >= queues) queues = queue + 1;
    }
    return new Indirection(Int32Array.from(entries), queues);
  }

  /** The same table with another way to the index: {@link scaled}. */
  scale(): Indirection {
    return new Indirection(this.entries, this.queues, true);
  }

  /** Index of a hash (an int32): its low bits, or its remainder when the size is no power of two; or {@link scaled}. */
  index(hash: number): number {
    // Below 2^53 for any size.
    if (this.scaled) return Math.floor(((hash >>> 0) * this.size) / 0x100000000);
    return this.mask >= 0 ? hash & this.mask : (hash >>> 0) % this.size;
  }

  /** Queue of a hash. */
  queue(hash: number): number {
    return this.entries[this.index(hash)];
  }
}

/**
 * The textual forms `equal:N` and `weight:W,W,..`.
 *
 * @throws RxSteerError `ERR_RXSTEER_INDIRECTION`
 */
export function parseIndirection(text: string): IndirectionOption {
  const equal = /^equal:(\d{1,9})$/.exec(text);
  if (equal !== null) return { equal: Number(equal[1]) };
  const weight = /^weight:(\d{1,9}(?:,\d{1,9})*)$/.exec(text);
  if (weight !== null) return { weight: weight[1].split(',').map(Number) };
  throw indirectionError('indirection', 'equal:N or weight:W,W,..', text);
}

/** Builds the table that an option asks for. `size` applies to `equal` and `weight`. */
export function makeIndirection(option: IndirectionOption, size: number): Indirection {
  if (Array.isArray(option)) return Indirection.from(option);
  if (typeof option === 'object' && option !== null) {
    if ('equal' in option) return Indirection.equal(option.equal, size, option.start);
    if ('weight' in option) return Indirection.weight(option.weight, size, option.start);
  }
  throw indirectionError(
    'indirection',
    '{ equal: N }, { weight: [..] } (with start or not) or an array of queues',
    option,
  );
}

function checkCount(what: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw indirectionError(what, `an integer from ${min} to ${max}`, value);
  }
  return value;
}

function indirectionError(what: string, expected: string, got: unknown): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_INDIRECTION', `indirection ${what}: expected ${expected}, got ${shown(got)}`);
}
