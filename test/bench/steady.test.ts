import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SharedClock, Waiter } from '../../bench/steady/clock.ts';
import { effortFor } from '../../bench/steady/command.ts';
import { HeapWatch, liveHeap, takeHeapUse } from '../../bench/steady/heap-watch.ts';
import { LatencyHistogram } from '../../bench/steady/latency.ts';
import { measureSteady, type Slice, type SteadyResult } from '../../bench/steady/measure.ts';
import { steadyPage } from '../../bench/steady/page.ts';
import { steadyText } from '../../bench/steady/text.ts';
import { findings, isWhole, summaries } from '../../bench/steady/verdict.ts';
import { machine } from '../../src/bench/machine.ts';
import { styleFor } from '../../src/report/terminal.ts';

describe('the histogram of times', () => {
  it('tells percentiles of a sorted list to 3 %, never less, and the maximum exactly', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.integer({ min: 1, max: 64 })), { minLength: 1 }),
        fc.constantFrom(0.01, 0.5, 0.9, 0.99, 0.999, 1),
        (times, part) => {
          const histogram = new LatencyHistogram();
          for (const [ns, count] of times) histogram.add(ns, count);
          const all = times.flatMap(([ns, count]) => new Array<number>(count).fill(ns)).sort((a, b) => a - b);
          const exact = all[Math.max(1, Math.ceil(part * all.length)) - 1];
          const told = histogram.percentile(part);
          expect(histogram.count).toBe(all.length);
          expect(histogram.max).toBe(all[all.length - 1]);
          expect(told).toBeGreaterThanOrEqual(exact);
          expect(told).toBeLessThanOrEqual(exact * (1 + 1 / 32) + 1);
        },
      ),
    );
  });

  it('takes times beyond its classes and clocks that stand still, and is empty at first and when cleared', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.percentile(0.5)).toBe(0);
    histogram.add(-20, 1);
    histogram.add(5e12, 1);
    expect(histogram.percentile(0.5)).toBe(0);
    expect(histogram.max).toBe(5e12);
    expect(histogram.count).toBe(2);
    histogram.clear();
    expect([histogram.count, histogram.max]).toEqual([0, 0]);
  });

  it('is added up, and made again from its values', () => {
    const one = new LatencyHistogram();
    one.add(100, 3);
    const other = new LatencyHistogram();
    other.add(1e6, 1);
    one.addAll(other);
    const again = new LatencyHistogram(Float64Array.from(one.values()));
    expect(again.count).toBe(4);
    expect(again.max).toBe(1e6);
    expect(again.percentile(0.75)).toBe(one.percentile(0.75));
  });
});

describe('the clock', () => {
  it('is the same in another thread: what it says there lies between what it says here before and after', async () => {
    const clock = new SharedClock();
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      const epoch = workerData;
      parentPort.on('message', () => parentPort.postMessage(Number(process.hrtime.bigint() - epoch)));`;
    const worker = new Worker(code, { eval: true, workerData: clock.epoch });
    for (let i = 0; i < 5; i++) {
      const before = clock.now();
      worker.postMessage('now');
      const there = await new Promise<number>((resolve) => worker.once('message', resolve));
      const after = clock.now();
      // How far both clocks of a thread lie apart is known to the microsecond, and better.
      expect(there).toBeGreaterThan(before - 2000);
      expect(there).toBeLessThan(after + 2000);
    }
    await worker.terminate();
  });

  it('is waited for, never too short', () => {
    const clock = new SharedClock();
    const waiter = new Waiter(clock);
    for (const ns of [0, 1000, 100_000, 2e6]) {
      const moment = clock.now() + ns;
      expect(waiter.until(moment)).toBeGreaterThanOrEqual(moment);
    }
    expect(waiter.until(clock.now() - 1e6)).toBeGreaterThan(0);
  });
});

describe('the watch of a heap', () => {
  it('counts collections that were not asked for, and tells what is live', async () => {
    const words = new Float64Array(HeapWatch.WORDS);
    const watch = new HeapWatch(words);
    watch.collectAll();
    const kept: object[] = [];
    for (let i = 0; i < 3e6; i++) kept[i % 1000] = { a: i, b: [i] };
    await new Promise((resolve) => setTimeout(resolve, 450));
    const use = takeHeapUse(words);
    watch.close();
    expect(kept.length).toBe(1000);
    expect(use.minor).toBeGreaterThan(0);
    expect(use.longest).toBeLessThanOrEqual(use.pause);
    expect(liveHeap(words)).toBeGreaterThan(1e6);
    expect(takeHeapUse(words)).toMatchObject({ minor: 0, major: 0, pause: 0, allocated: 0 });
  });
});

const EFFORT = { seconds: 0.15, slice: 0.05, warmUp: 0.1, capacity: 0.03 };

describe('minutes of load, of which these are a few milliseconds', { timeout: 60_000 }, () => {
  it.each(['clear', 'esp'] as const)('%s: every packet is delivered or counted, at each load', async (traffic) => {
    const result = await measureSteady(
      { traffic, idle: traffic === 'esp' ? 'block' : 'async', crypto: traffic === 'esp' ? 'node' : undefined },
      EFFORT,
    );
    expect(result.slices.map(({ level }) => level)).toEqual([0.1, 0.5, 0.9]);
    expect(result.opens).toBe(traffic === 'esp' ? 'node' : null);
    expect(isWhole(result)).toBe(true);
    expect(result.capacity).toBeGreaterThan(0);
    for (const { packets, delivered, drops, latency } of result.slices) {
      expect(packets).toBeGreaterThan(0);
      // Nothing but full rings: no packet is a replay of one that came before its window was started again.
      expect(Object.keys(drops).filter((reason) => reason !== 'full')).toEqual([]);
      expect(delivered).toBeGreaterThan(0);
      expect(latency.p50).toBeGreaterThan(0);
      expect(latency.p50).toBeLessThanOrEqual(latency.max);
    }
    expect(result.live.lane).toHaveLength(2);
    expect(steadyText(result, styleFor({}, {}))).toContain('every packet was delivered');
  });

  it('take ten slices of each load, of one to ten seconds', () => {
    expect(effortFor(300)).toMatchObject({ seconds: 300, slice: 10 });
    expect(effortFor(3600).slice).toBe(10);
    expect(effortFor(3).slice).toBe(1);
  });
});

const HEAP = { used: 1e7, allocated: 1e6, minor: 1, major: 0, pause: 1, longest: 1 };
function slice(level: number, p99: number, more: Partial<Slice> = {}): Slice {
  const histogram = new LatencyHistogram();
  histogram.add(p99, 1000);
  const latency = { p50: p99, p90: p99, p99, p999: p99, max: p99 };
  return {
    level,
    load: level,
    at: 0,
    seconds: 10,
    packets: 1e6 * level,
    delivered: 1e6 * level,
    drops: {},
    latency,
    histogram: histogram.values(),
    late: latency,
    waited: 0,
    dispatcher: HEAP,
    lane: { ...HEAP, allocated: 1e6 * level },
    looks: 1,
    rss: 1e8,
    ...more,
  };
}
function result(slices: readonly Slice[], more: Partial<SteadyResult> = {}): SteadyResult {
  return {
    traffic: 'clear',
    idle: 'async',
    opens: null,
    capacity: 1e5,
    slices,
    live: { dispatcher: [1e7, 1e7], lane: [1e7, 1e7] },
    rss: [1e8, 1e8],
    conserved: true,
    ...more,
  };
}
const CALM = [slice(0.1, 50_000), slice(0.5, 60_000), slice(0.9, 100_000)];
const bad = (one: SteadyResult): string[] => findings(one).flatMap(({ good, says }) => (good ? [] : [says]));

describe('what is found', () => {
  it('is nothing where all is calm', () => {
    expect(bad(result(CALM))).toEqual([]);
  });

  it.each([
    [
      'a cliff',
      result([...CALM.slice(0, 2), slice(0.9, 900_000)]),
      /^90 % of capacity: p99 900 us, 15\.\d times .*: a cliff/,
    ],
    ['drops', result([...CALM.slice(0, 2), slice(0.9, 1e5, { delivered: 9e5 - 7, drops: { full: 7 } })]), /7 drops$/],
    ['a leak', result(CALM, { live: { dispatcher: [1e7, 1e7], lane: [1e7, 2e7] } }), /^live heap of the lane/],
    ['growing memory', result(CALM, { rss: [1e8, 2e8] }), /^resident memory/],
    [
      'an object a packet',
      result([...CALM.slice(0, 2), slice(0.9, 1e5, { lane: { ...HEAP, allocated: 40e6 } })]),
      /^lane: one packet more allocates 49\.9/,
    ],
    ['a loss', result([...CALM.slice(0, 2), slice(0.9, 1e5, { delivered: 9e5 - 3 })]), /^3 packets are neither/],
    ['what the receiver says itself', result(CALM, { conserved: false }), /^0 packets are neither .* says so itself$/],
  ])('%s', (_what, one, says) => {
    expect(bad(one)).toEqual([expect.stringMatching(says)]);
    expect(isWhole(one)).toBe(!/neither/.test(says.source));
  });

  it('leaves slices out that others disturbed, and says when there are no others', () => {
    const disturbed = slice(0.9, 9e6, { waited: 1, drops: { full: 5 }, delivered: 9e5 - 5 });
    expect(bad(result([...CALM, disturbed]))).toEqual([]);
    expect(summaries(result([...CALM, disturbed]))[2]).toMatchObject({
      slices: 2,
      disturbed: 1,
      drops: 5,
      quiet: { drops: 0 },
    });
    expect(bad(result([...CALM.slice(0, 2), disturbed]))).toEqual([expect.stringContaining('disturbed all 1 slices')]);
    // The machine became slower meanwhile: it was no load of 90 % any more.
    expect(summaries(result([slice(0.9, 1, { load: 1.2 })]))[0].disturbed).toBe(1);
  });

  it('is a page that needs nothing else', () => {
    const page = steadyPage([result(CALM), result(CALM, { traffic: 'esp', opens: 'openssl' })], {
      ...machine(),
      cpu: '<A>',
    });
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page.match(/<line class="l2"/g)).toHaveLength(6);
    expect(page).toContain('&lt;A&gt;');
    expect(page).not.toMatch(/https?:|<script|<link|src=|NaN|undefined|Infinity/);
  });
});
