/**
 * The model of `docs/scaling.md`: how many packets a second so many cores can take, and what is used up first. Times in nanoseconds.
 */

/** What a machine and a kind of traffic are to the model. */
export interface ModelFigures {
  /** Of one thread for a packet, its lines in its own cache: the dispatcher, and a lane up to its consumer. */
  readonly dispatchNs: number;
  readonly laneNs: number;
  /** Bytes of a frame. */
  readonly bytes: number;
  /** Bytes a second that the memory carries. */
  readonly bandwidth: number;
  /** Bytes that go from or to memory for each byte of a frame, where caches do not hold it. */
  readonly passes: number;
  /** A cache line from one core to another, for so many cores. */
  lineNs(cores: number): number;
  /** Lines that a core has under way at a time where it knows the next ones: descriptors are written and read in order. */
  readonly overlap: number;
}

/** Frames that the dispatcher takes before it publishes what it put into rings. */
const BURST = 256;
/** Packets of a lane's poll. */
const POLL = 64;
/** What is used up first; `rings`: the dispatcher, most of whose time goes into them. */
export type Limit = 'dispatcher' | 'rings' | 'lanes' | 'memory';

export interface Capacity {
  readonly receivers: number;
  /** Of each receiver. */
  readonly lanes: number;
  /** Packets a second, of all receivers. */
  readonly rate: number;
  readonly limit: Limit;
  /** For a packet, with its part of what rings cost. */
  readonly dispatchNs: number;
  readonly laneNs: number;
}

/** What `receivers` of them, each with a dispatcher and its part of the lanes, can take on so many cores. */
export function capacity(figures: ModelFigures, cores: number, receivers = 1): Capacity {
  const each = Math.floor(cores / receivers);
  const lanes = each - 1;
  const line = figures.lineNs(each);
  // A descriptor's line comes from the lane that read it last; publishing waits for the line of each ring's cursor.
  const ringNs = line * (1 / figures.overlap + lanes / BURST);
  const dispatchNs = figures.dispatchNs + ringNs;
  // It comes back with the descriptor; the lane reads one cursor and writes another for each poll.
  const laneNs = figures.laneNs + line * (1 / figures.overlap + 2 / POLL);
  const rates: readonly [Limit, number][] = [
    [ringNs > figures.dispatchNs ? 'rings' : 'dispatcher', (receivers * 1e9) / dispatchNs],
    ['lanes', (receivers * lanes * 1e9) / laneNs],
    ['memory', figures.bandwidth / (figures.passes * figures.bytes)],
  ];
  const [limit, rate] = rates.reduce((least, one) => (one[1] < least[1] ? one : least));
  return { receivers, lanes, rate, limit, dispatchNs, laneNs };
}

/** The number of receivers, a power of two, that takes the most. */
export function best(figures: ModelFigures, cores: number): Capacity {
  let found = capacity(figures, cores);
  for (let receivers = 2; receivers <= cores / 2; receivers *= 2) {
    const one = capacity(figures, cores, receivers);
    if (one.rate > found.rate * 1.0001) found = one;
  }
  return found;
}

/** Lanes that one dispatcher keeps busy. */
export function lanesFed(figures: ModelFigures): number {
  for (let lanes = 1; ; lanes++) {
    const { limit } = capacity({ ...figures, bandwidth: Number.POSITIVE_INFINITY }, lanes + 1);
    if (limit !== 'lanes') return lanes;
  }
}
