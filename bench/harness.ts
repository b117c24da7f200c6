/**
 * Measures a case: warm-up, timed repeats, then a pass for the heap.
 *
 *     repeat:  prepare (untimed) | run (timed) | prepare | run | ...   until `seconds` of undisturbed run are spent
 *
 * As the C peers do it: a round during which the kernel switched this process out is thrown away, so that other work on the
 * machine costs time and not accuracy; and while the median is over 5 % above the minimum, more repeats are taken.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';

/** What a case does over and over. */
export interface Round {
  /** Items (packets, tuples, descriptors) of a round. Good rounds take 50 us to 1 ms, or as long as they must. */
  readonly items: number;
  /** Untimed, before each run: puts back what the run changes. */
  prepare?(): void | Promise<void>;
  /** Timed. Returns a number that depends on all of the work, so that none of it can be left out. */
  run(): number | Promise<number>;
  /** Bytes that a round copies, per item, where that is of interest. */
  readonly copied?: number;
  close?(): void | Promise<void>;
}

export interface Case {
  readonly name: string;
  /** Bytes of an item that Gb/s are counted of; 0: none. */
  readonly bytes: number;
  /** Threads that work at the same time; default 1. Above 1, `cpuNs` counts all of them. */
  readonly threads?: number;
  /** Rounds so long that they are always disturbed: none is thrown away, and `cpuNs` is measured. */
  readonly long?: boolean;
  /** A case in front of this one that does the same without what this one asks about: the row has the ratio of both. */
  readonly against?: string;
  /** Makes the input, checks that the result is right, and returns what is measured. */
  make(effort: Effort): Round | Promise<Round>;
}

export interface Effort {
  readonly repeats: number;
  readonly mostRepeats: number;
  /** Timed seconds of a repeat, and of the warm-up. */
  readonly seconds: number;
  readonly warmUp: number;
  /** Size of the captures that whole receivers are measured with. */
  readonly captureBytes: number;
}

export const FULL: Effort = { repeats: 7, mostRepeats: 21, seconds: 0.2, warmUp: 0.5, captureBytes: 128e6 };
export const QUICK: Effort = { repeats: 3, mostRepeats: 9, seconds: 0.03, warmUp: 0.2, captureBytes: 32e6 };
/** One or two rounds: shows that a case works. */
export const SMOKE: Effort = { repeats: 1, mostRepeats: 1, seconds: 0, warmUp: 0, captureBytes: 1e6 };

/** A row of `bench --json`. Times are per item, in nanoseconds of wall clock. */
export interface Row {
  readonly case: string;
  /** Median, minimum and maximum of the repeats. */
  readonly ns: number;
  readonly nsMin: number;
  readonly nsMax: number;
  /** Millions of items a second, and gigabits a second; both of the median. */
  readonly mpps: number;
  readonly gbps: number | null;
  readonly bytesPerPacket: number;
  /**
   * Bytes allocated on this thread's heap per item (node:crypto's results lie outside of it); null when no round went by without
   * a collection, so that nobody can tell.
   */
  readonly heapBytes: number | null;
  /** Garbage collections during the timed repeats, and how many items those were. */
  readonly gcs: number;
  readonly items: number;
  /** Processor time of all threads per item; null where rounds are too short for that clock. */
  readonly cpuNs: number | null;
  readonly threads: number;
  readonly repeats: number;
  /** Rounds thrown away. */
  readonly dropped: number;
  /** Median over that of the case that this one is held against, in the same run. */
  readonly ratio?: number;
  /** Bytes that are copied per item, headers included. */
  readonly copiedBytes?: number;
}

/** What every run returned, so that the optimiser cannot know it is never read. */
export const sink: { value: number } = { value: 0 };

export interface Repeat {
  ns: number;
  cpu: number;
  items: number;
  dropped: number;
}

export async function measure(c: Case, effort: Effort): Promise<Row> {
  const round = await c.make(effort);
  const collections = new CollectionCounter();
  try {
    await repeat(round, effort.warmUp, true);
    await collections.restart();
    const repeats: Repeat[] = [];
    let sorted: number[] = [];
    while (repeats.length < effort.mostRepeats) {
      repeats.push(await repeat(round, effort.seconds, c.long === true));
      sorted = repeats.map((r) => r.ns).sort((a, b) => a - b);
      if (repeats.length >= effort.repeats && sorted[sorted.length >> 1] <= 1.05 * sorted[0]) break;
    }
    const gcs = await collections.counted();
    const heapBytes = await heapGrowth(round, effort.seconds, collections);
    const ns = median(sorted);
    const total = (pick: (r: Repeat) => number): number => repeats.reduce((sum, r) => sum + pick(r), 0);
    return {
      case: c.name,
      ns,
      nsMin: sorted[0],
      nsMax: sorted[sorted.length - 1],
      mpps: 1000 / ns,
      gbps: c.bytes === 0 ? null : (c.bytes * 8) / ns,
      bytesPerPacket: c.bytes,
      heapBytes,
      gcs,
      items: total((r) => r.items),
      cpuNs: c.long === true ? median(repeats.map((r) => r.cpu).sort((a, b) => a - b)) : null,
      threads: c.threads ?? 1,
      repeats: repeats.length,
      dropped: total((r) => r.dropped),
      ...(round.copied === undefined ? {} : { copiedBytes: round.copied }),
    };
  } finally {
    collections.close();
    await round.close?.();
  }
}

/** One repeat; `keep`: disturbed rounds count too. */
export async function repeat(round: Round, seconds: number, keep: boolean): Promise<Repeat> {
  const wanted = seconds * 1e9;
  let spent = 0;
  let lost = 0;
  let cpu = 0;
  let rounds = 0;
  let dropped = 0;
  let switches = switched();
  do {
    if (round.prepare !== undefined) {
      const prepared = round.prepare();
      if (prepared !== undefined) await prepared;
      switches = switched();
    }
    const used = keep ? process.cpuUsage() : undefined;
    const from = process.hrtime.bigint();
    const result = round.run();
    const value = typeof result === 'number' ? result : await result;
    const ns = Number(process.hrtime.bigint() - from);
    if (used !== undefined) {
      const { user, system } = process.cpuUsage(used);
      cpu += (user + system) * 1000;
    }
    sink.value = (sink.value + value) | 0;
    const now = switched();
    if (!keep && now !== switches && lost < 4 * wanted) {
      lost += ns;
      dropped++;
    } else {
      spent += ns;
      rounds++;
    }
    switches = now;
  } while (spent < wanted);
  const items = rounds * round.items;
  return { ns: spent / items, cpu: cpu / items, items, dropped };
}

/** Involuntary context switches so far: of this process, its helper threads included. */
function switched(): number {
  return process.resourceUsage().involuntaryContextSwitches;
}

/** Rounds that the heap is watched for at least, also when they are long. */
const HEAP_ROUNDS = 3;

/** Bytes that a round allocates on the heap, per item. Rounds in which a collection fell say nothing and are left out. */
async function heapGrowth(round: Round, seconds: number, collections: CollectionCounter): Promise<number | null> {
  const used = (): number => getHeapStatistics().used_heap_size;
  // Asking allocates too: what two questions in a row cost is taken off.
  used();
  const first = used();
  const asking = used() - first;
  let grown = 0;
  let rounds = 0;
  const until = performance.now() + seconds * 1000;
  for (let tried = 0; tried < HEAP_ROUNDS || performance.now() < until; tried++) {
    const prepared = round.prepare?.();
    if (prepared !== undefined) await prepared;
    await collections.restart();
    const before = used();
    const result = round.run();
    const value = typeof result === 'number' ? result : await result;
    const growth = used() - before - asking;
    sink.value = (sink.value + value) | 0;
    if ((await collections.counted()) > 0) continue;
    grown += growth;
    rounds++;
  }
  return rounds === 0 ? null : Math.max(0, grown) / (rounds * round.items);
}

function median(sorted: readonly number[]): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Counts garbage collections of this thread. */
class CollectionCounter {
  private count = 0;
  private readonly observer: PerformanceObserver;

  constructor() {
    this.observer = new PerformanceObserver((list) => {
      this.count += list.getEntries().length;
    });
    this.observer.observe({ entryTypes: ['gc'] });
  }

  async restart(): Promise<void> {
    await this.counted();
    this.count = 0;
  }

  /** Collections since `restart`. They are told of in a later turn of the event loop, two at most. */
  async counted(): Promise<number> {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
    return this.count;
  }

  close(): void {
    this.observer.disconnect();
  }
}
