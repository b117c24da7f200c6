/**
 * Makes keys: seeded or random, symmetric, tuned for an even spread of values that are given out one after another.
 *
 * The low n bits of a field do to an index of n bits what an n x n piece of the key says. In a random key half of these
 * pieces are singular, and then consecutive SPIs or ports leave buckets empty. So candidates are drawn until all pieces that
 * are asked for have full rank: 2^pieces of them on average, some microseconds each. DPDK's `rte_thash_gen_key` writes an
 * m-sequence of n bits into the key instead. That never fails, but repeats after 2^n - 1 bits (127 for a table of 128, which
 * the key is longer than), and n bits of the key then tell all of it; a drawn key stays a random one.
 */
import { checkInteger, optionError } from '../errors.ts';
import { rank } from './gf2.ts';
import { keyWindow } from './key-map.ts';
import { KEY_LENGTH, KEY_MAX, KEY_MIN, seededKey } from './keys.ts';
import { drawnKey, randomKey } from './random-key.ts';

export const SPREADS = ['spi', 'sport', 'dport', 'src', 'dst'] as const;
export type Spread = (typeof SPREADS)[number];

export interface GenerateKeyOptions {
  /** Bytes, 16 to 64. Default 40. */
  length?: number;
  /** The same seed gives the same key; without one, keys come from the system's random numbers. */
  seed?: string;
  /**
   * Both directions of a flow hash the same, of IPv6 if the key has 40 bytes. That leaves less than 20 bits of the key to
   * choose: Toeplitz cannot be symmetric and strong, so prefer the xfrm of a NIC that has one.
   */
  symmetric?: boolean;
  /** Fields whose consecutive values shall hit all buckets alike. `spi` is so with the addresses and alone. */
  spread?: readonly Spread[];
  /** Entries of the table to tune for, a power of two from 2 to 2048. Default 128. */
  tableSize?: number;
}

/** Last bits of a field in the input, where IPv4, IPv6 and SPI-alone have it. */
const ENDS: Record<Spread, readonly number[]> = {
  spi: [96, 288, 32],
  sport: [80, 272],
  dport: [96, 288],
  src: [32, 128],
  dst: [64, 256],
};
/** Nine pieces of a random key need 512 on average. */
const CANDIDATES = 1 << 16;

/**
 * A key with the properties asked for. Without `symmetric` and `spread` it is `randomKey(length)`, or of a seed
 * `seededKey(seed, length)`.
 *
 * @throws RxSteerError `ERR_RXSTEER_OPTION`, also when no key can have all that is asked for
 */
export function generateKey(options: GenerateKeyOptions = {}): Uint8Array {
  const { seed, symmetric = false, spread = [] } = options;
  const length = checkInteger('length', options.length ?? KEY_LENGTH, KEY_MIN, KEY_MAX);
  const tableSize = checkInteger('tableSize', options.tableSize ?? 128, 2, 2048);
  if ((tableSize & (tableSize - 1)) !== 0) throw optionError('tableSize', 'a power of two', tableSize);
  for (const field of spread) {
    if (!SPREADS.includes(field)) throw optionError('spread', SPREADS.join(', '), field);
  }
  if (seed === undefined && !symmetric && spread.length === 0) return randomKey(length);
  // only where the key covers the field; a key of 16 bytes covers those of IPv4
  const ends = spread.flatMap((field) => ENDS[field]).filter((end) => end + 31 <= length * 8);
  for (let n = 0; n < CANDIDATES; n++) {
    const key = draw(seed, n, length);
    if (symmetric) makeSymmetric(key);
    if (ends.every((end) => isSpread(key, end, 31 - Math.clz32(tableSize)))) return key;
  }
  throw optionError('spread', 'fields that a key can spread at once', `${spread.join(',')} (${CANDIDATES} keys tried)`);
}

function draw(seed: string | undefined, n: number, length: number): Uint8Array {
  if (seed === undefined) return drawnKey(length);
  return seededKey(n === 0 ? seed : `${seed}/${n}`, length);
}

/** Whether the `bits` low bits of the field that ends at bit `end` reach all values of as many low bits of the hash. */
function isSpread(key: Uint8Array, end: number, bits: number): boolean {
  const mask = (1 << bits) - 1;
  return rank(Array.from({ length: bits }, (_, i) => keyWindow(key, end - 1 - i) & mask)) === bits;
}

/** Makes bits of a key equal that must be: those that a field and its opposite meet at the same bit of the hash. */
function makeSymmetric(key: Uint8Array): void {
  const bits = key.length * 8;
  const leader = Int32Array.from({ length: bits }, (_, i) => i);
  const find = (i: number): number => {
    let at = i;
    while (leader[at] !== at) at = leader[at];
    return at;
  };
  for (const [from, size] of [
    [0, 32],
    [64, 16],
    [0, 128],
    [256, 16],
  ]) {
    for (let i = from; i < from + size + 31 && i + size < bits; i++) {
      const a = find(i);
      const b = find(i + size);
      // the lower one leads, so that it keeps its bit
      leader[Math.max(a, b)] = Math.min(a, b);
    }
  }
  for (let i = 0; i < bits; i++) {
    const from = find(i);
    const bit = (key[from >> 3] >> (7 - (from & 7))) & 1;
    const mask = 0x80 >> (i & 7);
    key[i >> 3] = bit === 1 ? key[i >> 3] | mask : key[i >> 3] & ~mask;
  }
}
