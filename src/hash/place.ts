/**
 * Chooses an SPI or a port so that a flow lands on a wanted queue. Whoever allocates his own inbound SPIs can so lay his SAs
 * on the queues evenly, where random ones are lumpy: of 8 random SAs on 8 queues the busiest has 2.6 on average.
 *
 * No search: the low bits of the value are the unknowns of a linear system over the bits of the table index. Only a table
 * whose size is no power of two is walked, since a remainder is not linear.
 */
import { checkInteger, optionError } from '../errors.ts';
import { AH_SPI } from '../wire/ah.ts';
import { put16, put32 } from '../wire/bytes.ts';
import { type TupleOptions, tupleFrame } from '../wire/emit.ts';
import { UDP_PORT_NATT } from '../wire/udp.ts';
import type { FlowHasher } from './flow-hasher.ts';
import { LinearSystem } from './gf2.ts';

/** What may be chosen. */
export const PLACEABLE = ['spi', 'sport', 'dport'] as const;
export type Placeable = (typeof PLACEABLE)[number];

/** SPIs below are reserved (RFC 4303, 2.1). */
export const SPI_MIN = 256;
/** Ports that systems choose themselves (RFC 6335, section 6): what a chosen port is taken from by default. */
const PORT_BASE = 0xc000;
const PORT_BITS = 14;
/** Values that are tried at most in a table whose size is no power of two. */
const WALK_MAX = 1 << 20;

export interface PlaceOptions {
  /** How packets are hashed. */
  hasher: FlowHasher;
  /** The indirection table: queues at their indices, as `Indirection.entries`. */
  entries: ArrayLike<number>;
  /** The rest of the flow. A chosen port of ESP in UDP is placed for hardware that sees plain UDP there. */
  flow: TupleOptions;
  choose: Placeable;
  /** The wanted queue of each value; as many values as there are elements. */
  queues: readonly number[];
  /** Bits of the value that stay. Default: 0 for an SPI, 49152 for a port. */
  base?: number;
  /**
   * How many low bits may be chosen. Default: all 32 of an SPI (16 under symmetric-or-xor, where its halves depend on each
   * other), 14 of a port; all that there are when `base` is given.
   */
  bits?: number;
  /** Values that are in use. */
  taken?: Iterable<number>;
}

export interface Placement {
  /** The SPI or port. */
  value: number;
  /** Unsigned. */
  hash: number;
  index: number;
  queue: number;
}

export interface PlaceResult {
  /** One for each wanted queue, in their order; undefined where there is no value (left). */
  placements: (Placement | undefined)[];
  /** What the chosen bits can do at all. */
  reach: {
    /** Bits that may be chosen, and their rank over the bits of the index (of the hash, if the table has no power of two). */
    bits: number;
    rank: number;
    /** Indices and queues that they reach, ascending. */
    indices: number[];
    queues: number[];
  };
}

/** Gives the values of an index in ascending order, one a call; undefined at their end. */
type Source = (index: number) => number | undefined;

/**
 * Values whose packets land on the wanted queues, all different. Among the indices of a queue the least used one is taken,
 * so that a rebalanced table can still part the flows; among the values of an index the smallest one.
 *
 * @throws RxSteerError `ERR_RXSTEER_OPTION`, `ERR_RXSTEER_ADDRESS`
 */
export function place(options: PlaceOptions): PlaceResult {
  const { entries, choose, queues } = options;
  if (!options.hasher.linear) {
    throw optionError(
      'hasher',
      'one of hfunc toeplitz, without xfrm sort, of no device that hashes otherwise: only those can be solved',
      'another',
    );
  }
  if (!PLACEABLE.includes(choose)) throw optionError('choose', PLACEABLE.join(', '), choose);
  const size = checkInteger('entries', entries.length, 1, 0xffff);
  const hashOf = valueHasher(options.hasher, options.flow, choose);
  const { fixed, bits } = freeBits(options, hashOf);
  const from = hashOf(fixed);
  const columns = Int32Array.from({ length: bits }, (_, i) => hashOf((fixed | (1 << i)) >>> 0) ^ from);

  const mask = (size & (size - 1)) === 0 ? size - 1 : -1;
  const system = new LinearSystem(columns.map((column) => column & mask));
  const refused = new Set(options.taken ?? []);
  // a receiver would take such a datagram for ESP in UDP, and hash an SPI
  if (options.flow.proto === 'udp') refused.add(UDP_PORT_NATT);
  const least = choose === 'spi' ? SPI_MIN : 1;
  const values = mask === -1 ? walked(columns, from, size) : solved(system, from & mask);
  const source: Source = (index) => {
    for (;;) {
      const free = values(index);
      if (free === undefined) return undefined;
      const value = (fixed | free) >>> 0;
      if (value >= least && !refused.has(value)) return value;
    }
  };

  const reachable: number[] = [];
  const heads = new Map<number, number | undefined>();
  for (let index = 0; index < size; index++) {
    heads.set(index, source(index));
    if (heads.get(index) !== undefined) reachable.push(index);
  }
  const reached = [...new Set(reachable.map((index) => entries[index]))].sort((a, b) => a - b);

  const used = new Uint32Array(size);
  const placements = queues.map((queue): Placement | undefined => {
    let best = -1;
    for (const index of reachable) {
      const value = heads.get(index);
      if (entries[index] !== queue || value === undefined) continue;
      const better =
        best < 0 || used[index] < used[best] || (used[index] === used[best] && value < (heads.get(best) ?? 0));
      if (better) best = index;
    }
    if (best < 0) return undefined;
    const value = heads.get(best) ?? 0;
    used[best]++;
    heads.set(best, source(best));
    return { value, hash: hashOf(value) >>> 0, index: best, queue };
  });
  return { placements, reach: { bits, rank: system.rank, indices: reachable, queues: reached } };
}

/** The hash of the flow with a value at the chosen place. */
function valueHasher(hasher: FlowHasher, flow: TupleOptions, choose: Placeable): (value: number) => number {
  const { bytes, dissection } = tupleFrame(stub(flow, choose));
  if (choose !== 'spi') {
    const at = dissection.l4 + (choose === 'dport' ? 2 : 0);
    return (value) => {
      put16(bytes, at, value);
      return hasher.hash(bytes, dissection);
    };
  }
  const at = dissection.esp !== 0 ? dissection.esp : dissection.l4 + AH_SPI;
  return (value) => {
    put32(bytes, at, value);
    return hasher.hash(bytes, dissection);
  };
}

/** The flow with something at the chosen place, and as hardware sees it. */
function stub(flow: TupleOptions, choose: Placeable): TupleOptions {
  if (choose === 'spi') return { ...flow, spi: SPI_MIN };
  const { src, dst, natt } = flow;
  if (natt) return { sport: UDP_PORT_NATT, dport: UDP_PORT_NATT, ...given(flow), src, dst, proto: 'udp', [choose]: 1 };
  return { ...flow, [choose]: 1 };
}

function given({ sport, dport }: TupleOptions): Pick<TupleOptions, 'sport' | 'dport'> {
  return { ...(sport === undefined ? {} : { sport }), ...(dport === undefined ? {} : { dport }) };
}

function freeBits(options: PlaceOptions, hashOf: (value: number) => number): { fixed: number; bits: number } {
  const isSpi = options.choose === 'spi';
  const width = isSpi ? 32 : 16;
  const base = checkInteger('base', options.base ?? (isSpi ? 0 : PORT_BASE), 0, 2 ** width - 1);
  const wide = isSpi || options.base !== undefined ? width : PORT_BITS;
  const asked = options.bits === undefined ? undefined : checkInteger('bits', options.bits, 1, width);
  let bits = asked ?? wide;
  if (bits > 16 && !isLinear(hashOf)) {
    if (asked !== undefined) throw optionError('bits', '1 to 16 with xfrm symmetric-or-xor', asked);
    bits = 16;
  }
  const fixed = bits === 32 ? 0 : (base >>> bits) * 2 ** bits;
  return { fixed, bits };
}

/** Whether the halves of an SPI act independently; `OR` of them does not. */
function isLinear(hashOf: (value: number) => number): boolean {
  const none = hashOf(0);
  for (let i = 0; i < 16; i++) {
    const low = 1 << i;
    const high = (0x10000 << i) >>> 0;
    if ((hashOf(low) ^ hashOf(high) ^ none) !== hashOf((low | high) >>> 0)) return false;
  }
  return true;
}

function solved(system: LinearSystem, from: number): Source {
  const next = new Map<number, number>();
  return (index) => {
    const k = next.get(index) ?? 0;
    next.set(index, k + 1);
    return system.solve(index ^ from, k);
  };
}

/** One walk for all indices, which keeps what it passes. */
function walked(columns: Int32Array, from: number, size: number): Source {
  const found: number[][] = Array.from({ length: size }, () => []);
  const given = new Uint32Array(size);
  const end = Math.min(2 ** columns.length, WALK_MAX);
  let value = 0;
  return (index) => {
    for (; found[index].length === given[index] && value < end; value++) {
      let hash = from;
      for (let rest = value; rest !== 0; rest &= rest - 1) hash ^= columns[31 - Math.clz32(rest & -rest)];
      found[(hash >>> 0) % size].push(value);
    }
    return found[index][given[index]++];
  };
}
