/** One traffic through one receiver for minutes, in slices of different load. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { microsoftKey } from '../../src/hash/keys.ts';
import { makeCore } from '../../src/receiver/core.ts';
import { resolveOptions } from '../../src/receiver/options.ts';
import { Receiver } from '../../src/receiver/receiver.ts';
import type { ReceiverStats } from '../../src/receiver/stats.ts';
import { SharedClock } from './clock.ts';
import { COLLECT, type SteadyData } from './consumer.ts';
import { type HeapUse, HeapWatch, liveHeap, takeHeapUse } from './heap-watch.ts';
import { LatencyHistogram } from './latency.ts';
import { Offer } from './offer.ts';
import { type SteadyOptions, steadyFrames } from './traffic.ts';

const CONSUMER = new URL(`./consumer${extname(import.meta.url)}`, import.meta.url);

export const LEVELS: readonly number[] = [0.1, 0.5, 0.9];

export interface SteadyEffort {
  /** Seconds of load, of all levels together; of a slice; and of measuring capacity, before and between slices. */
  readonly seconds: number;
  readonly slice: number;
  readonly warmUp: number;
  readonly capacity: number;
}

/** Nanoseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Some seconds of one load. */
export interface Slice {
  /** The part of the capacity that was meant, and what it was of the capacity as measured before and after. */
  readonly level: number;
  readonly load: number;
  /** Seconds since the first slice began. */
  readonly at: number;
  readonly seconds: number;
  readonly packets: number;
  readonly delivered: number;
  readonly drops: Readonly<Record<string, number>>;
  readonly latency: Percentiles;
  readonly histogram: readonly number[];
  /** How late bursts were begun. */
  readonly late: Percentiles;
  /** Seconds that threads of the process waited for a processor, all together; null where the system does not tell. */
  readonly waited: number | null;
  readonly dispatcher: HeapUse;
  readonly lane: HeapUse;
  /** How often the generator of the load looked at the clock, which allocates. */
  readonly looks: number;
  readonly rss: number;
}

export interface SteadyResult extends SteadyOptions {
  readonly opens: string | null;
  /** Packets a second, the median of all that was measured. */
  readonly capacity: number;
  readonly slices: readonly Slice[];
  /** Bytes in use when all that can be has been collected: after the warm-up and at the end. */
  readonly live: { readonly dispatcher: readonly number[]; readonly lane: readonly number[] };
  readonly rss: readonly number[];
  readonly conserved: boolean;
}

export async function measureSteady(options: SteadyOptions, effort: SteadyEffort): Promise<SteadyResult> {
  const { traffic, crypto, idle } = options;
  const frames = steadyFrames(traffic);
  const clock = new SharedClock();
  const latencyWords = shared(LatencyHistogram.WORDS);
  const latency = new LatencyHistogram(latencyWords);
  const heaps = [shared(HeapWatch.WORDS), shared(HeapWatch.WORDS)];
  const data: SteadyData = { epoch: clock.epoch, latency: latencyWords, heap: heaps[1] };
  // What `createReceiver` does; the parts are wanted too, to see the lane go on and to start windows again.
  const core = makeCore(
    resolveOptions({
      queues: 1,
      full: 'drop',
      idle,
      rss: { key: microsoftKey() },
      ...(traffic === 'esp' ? { esp: { sas: frames.sas, ...(crypto === undefined ? {} : { crypto }) } } : {}),
      consumer: CONSUMER,
      data,
    }),
  );
  const rx = new Receiver(core);
  await rx.start();
  const watch = new HeapWatch(heaps[0]);
  const live: { dispatcher: number[]; lane: number[] } = { dispatcher: [], lane: [] };
  const rss: number[] = [];
  const noteLive = async (): Promise<void> => {
    watch.collectAll();
    await collectInLane(rx);
    live.dispatcher.push(liveHeap(heaps[0]));
    live.lane.push(liveHeap(heaps[1]));
    rss.push(process.memoryUsage.rss());
  };
  const offer = new Offer(rx, core, clock, frames);
  const slices: Omit<Slice, 'histogram'>[] = [];
  /** Of the slices: kept outside of the heap that is watched. */
  const histograms: LatencyHistogram[] = [];
  const capacities: number[] = [];
  let stats: ReceiverStats;
  try {
    await offer.capacity(effort.warmUp / 2);
    await offer.atRate(0.5 * (await offer.capacity(effort.capacity)), effort.warmUp / 2);
    await rx.drain();
    await noteLive();
    capacities.push(await offer.capacity(effort.capacity));
    const started = clock.now();
    const count = Math.max(LEVELS.length, Math.round(effort.seconds / effort.slice));
    for (let number = 0; number < count; number++) {
      const level = LEVELS[number % LEVELS.length];
      const capacity = capacities[capacities.length - 1];
      await rx.drain();
      latency.clear();
      offer.lateness.clear();
      offer.waiter.looks = 0;
      for (const heap of heaps) takeHeapUse(heap);
      const before = rx.stats();
      const waiting = waitedForProcessor();
      const from = clock.now();
      const packets = await offer.atRate(level * capacity, effort.slice);
      await rx.drain();
      const to = clock.now();
      const waited = waitedForProcessor();
      const after = rx.stats();
      const dispatcher = takeHeapUse(heaps[0]);
      const lane = takeHeapUse(heaps[1]);
      const looks = offer.waiter.looks;
      const times = latency.copy();
      histograms.push(times);
      const late = percentiles(offer.lateness);
      capacities.push(await offer.capacity(effort.capacity));
      slices.push({
        level,
        load: (level * capacity) / Math.min(capacity, capacities[capacities.length - 1]),
        at: (from - started) / 1e9,
        seconds: (to - from) / 1e9,
        packets,
        delivered: times.count,
        drops: grown(before.drops, after.drops),
        latency: percentiles(times),
        late,
        waited: waiting === undefined || waited === undefined ? null : (waited - waiting) / 1e9,
        dispatcher,
        lane,
        looks,
        rss: process.memoryUsage.rss(),
      });
    }
    await rx.drain();
    await noteLive();
  } finally {
    watch.close();
    stats = await rx.close();
  }
  const choice = stats.crypto[0];
  capacities.sort((a, b) => a - b);
  return {
    ...options,
    opens: choice === undefined ? null : (choice.bursts ?? choice.backend),
    capacity: capacities[capacities.length >> 1],
    slices: slices.map((slice, i) => ({ ...slice, histogram: histograms[i].values() })),
    live,
    rss,
    conserved: stats.conserved,
  };
}

export function percentiles(times: LatencyHistogram): Percentiles {
  return {
    p50: times.percentile(0.5),
    p90: times.percentile(0.9),
    p99: times.percentile(0.99),
    p999: times.percentile(0.999),
    max: times.max,
  };
}

function shared(words: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(8 * words));
}

async function collectInLane(rx: Receiver): Promise<void> {
  await new Promise<void>((resolve) => {
    const off = rx.on('message', () => {
      off();
      resolve();
    });
    rx.post(0, COLLECT);
  });
}

function grown(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  const rest: Record<string, number> = {};
  for (const [reason, count] of Object.entries(after)) {
    const more = count - (before[reason] ?? 0);
    if (more > 0) rest[reason] = more;
  }
  return rest;
}

/** Nanoseconds that all threads were ready and had no processor: the second number of `schedstat` (Documentation/scheduler/sched-stats.rst). */
function waitedForProcessor(): number | undefined {
  try {
    let sum = 0;
    for (const thread of readdirSync('/proc/self/task')) {
      sum += Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ')[1]);
    }
    return sum;
  } catch {
    return undefined;
  }
}
