import { describe, expect, it } from 'vitest';
import { seededKey } from '../../src/hash/keys.ts';
import type { RfsOptions } from '../../src/receiver/options.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import type { ReceiverStats } from '../../src/receiver/stats.ts';
import { randomNumbers } from '../support/corpus.ts';
import { OrderTraffic, type OrderWords, orderWords } from '../support/order-traffic.ts';
import { batchOf, closingFault } from '../support/receivers.ts';
import type { OrderConsumerData } from './consumers/order-consumer.ts';

const LANES = 4;

interface Run {
  readonly stats: ReceiverStats;
  readonly words: OrderWords;
  readonly traffic: OrderTraffic;
  readonly swaps: number;
}

interface RunOptions {
  readonly seed: number;
  readonly ms: number;
  readonly rfs: RfsOptions | false;
  readonly swapping?: boolean;
  /** What there must have been when the time is over. */
  readonly enough?: (run: Run) => boolean;
  /** Claims are of whole SAs only, so that these move more often. */
  readonly wholeSas?: boolean;
}

/** What the program does beside pushing packets. */
function upset(rx: Receiver, traffic: OrderTraffic, random: (below: number) => number, wholeSas: boolean): void {
  const lane = random(LANES);
  if (!wholeSas && random(2) === 0) rx.claim(traffic.tuple(random(traffic.flows)), lane);
  // All flows of an SA to one lane: the SA shall follow.
  else for (const flow of traffic.flowsOf(random(traffic.sas.length))) rx.claim(traffic.tuple(flow), lane);
}

function randomSwap(rx: Receiver, random: (below: number) => number): Promise<void> {
  switch (random(4)) {
    case 0:
      return rx.swap({ key: seededKey(`order ${random(1000)}`) });
    case 1:
      return rx.swap({
        rules: random(2) === 0 ? [] : [`flow-type tcp4 src-port ${1024 + random(8)} action ${random(LANES)}`],
      });
    default:
      return rx.swap({ indirection: Array.from({ length: 128 }, () => random(LANES)) });
  }
}

async function push(rx: Receiver, frames: readonly Uint8Array[], asBatch: boolean): Promise<void> {
  if (asBatch) {
    const batch = await batchOf(rx, frames);
    await rx.pushAll([batch]);
    rx.windows.done(batch.block);
  } else for (const frame of frames) while (!rx.push(frame)) await rx.writable();
}

/** Worker lanes for so many milliseconds. */
async function runThreads({
  seed,
  ms,
  rfs,
  swapping = false,
  wholeSas = false,
  enough = () => true,
}: RunOptions): Promise<Run> {
  const traffic = wholeSas ? new OrderTraffic(2, 3, 2) : new OrderTraffic(24, 6, 4);
  const words = orderWords(traffic.flows);
  const random = randomNumbers(seed);
  const data: OrderConsumerData = { ...words, seed, claimEvery: wholeSas ? 1e9 : 3, slowEvery: 6 };
  const rx = await createReceiver({
    queues: LANES,
    full: 'wait',
    ring: 128,
    rss: { key: seededKey('order') },
    rfs,
    esp: { sas: traffic.sas },
    consumer: new URL('./consumers/order-consumer.ts', import.meta.url),
    data,
  });
  let swaps = 0;
  let swap: Promise<void> | undefined;
  const begun = performance.now();
  // A busy machine may take longer to come to enough of everything.
  const isOver = (): boolean => {
    const spent = performance.now() - begun;
    return spent >= 3 * ms || (spent >= ms && enough({ stats: rx.stats(), words, traffic, swaps }));
  };
  for (let turn = 0; turn % 64 !== 0 || !isOver(); turn++) {
    const flow = random(traffic.flows);
    const frames = Array.from({ length: 1 + random(120) }, () =>
      traffic.frame(random(3) === 0 ? random(traffic.flows) : flow, 1 + random(4)),
    );
    await push(rx, frames, random(4) > 0);
    if (random(4) === 0) upset(rx, traffic, random, wholeSas);
    if (swapping && swap === undefined && random(4) === 0) {
      swap = randomSwap(rx, random).then(() => {
        swaps++;
        swap = undefined;
      });
    }
    if (random(30) === 0) await rx.drain();
  }
  await swap;
  return { stats: await rx.close(), words, traffic, swaps };
}

function moves(stats: ReceiverStats): number {
  return stats.rfs!.moves + stats.rfs!.handoverMoves;
}

describe('with worker lanes', () => {
  it('keep order over thousands of migrations, table swaps and SA moves', { timeout: 90_000 }, async () => {
    const { stats, words, traffic, swaps } = await runThreads({
      seed: 20261124,
      ms: 20_000,
      rfs: {},
      swapping: true,
      enough: ({ stats, words, swaps }) =>
        words.counts[2] > 2000 && moves(stats) > 2000 && swaps > 100 && stats.rfs!.saMoves > 20,
    });
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({});
    const [reordered, records, claims] = words.counts;
    expect(claims).toBeGreaterThan(2000);
    expect({ reordered, records }).toEqual({ reordered: 0, records: traffic.records });
    expect([...words.last]).toEqual([...traffic.sent]);
    expect(moves(stats)).toBeGreaterThan(2000);
    expect(swaps).toBeGreaterThan(100);
    expect(stats.rfs!.saMoves).toBeGreaterThan(20);
  });

  it('keep order while SAs follow their flows', { timeout: 60_000 }, async () => {
    const { stats, words, traffic } = await runThreads({
      seed: 3,
      ms: 5_000,
      rfs: {},
      wholeSas: true,
      enough: ({ stats }) => stats.rfs!.saMoves > 50,
    });
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({});
    expect([...words.counts].slice(0, 2)).toEqual([0, traffic.records]);
    expect(stats.rfs!.saMoves).toBeGreaterThan(50);
  });

  it('keep order over table swaps without RFS', { timeout: 60_000 }, async () => {
    const { stats, words, traffic, swaps } = await runThreads({
      seed: 7,
      ms: 3_000,
      rfs: false,
      swapping: true,
      enough: ({ swaps }) => swaps > 20,
    });
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({});
    expect([...words.counts].slice(0, 2)).toEqual([0, traffic.records]);
    expect(swaps).toBeGreaterThan(20);
  });

  it('reorder without the move rule: the test is able to fail', { timeout: 90_000 }, async () => {
    let reordered = 0;
    for (let seed = 1; reordered === 0 && seed <= 20; seed++) {
      const { stats, words } = await runThreads({ seed, ms: 1_000, rfs: { allowReorder: true } });
      expect(closingFault(stats)).toBeUndefined();
      reordered = words.counts[0];
    }
    expect(reordered).toBeGreaterThan(0);
  });
});
