/** One bar: a capture through a receiver, again and again. */
import { extname } from 'node:path';
import type { CryptoName } from '../esp/index.ts';
import { captureBatches } from '../io/capture-file.ts';
import { createReceiver } from '../receiver/receiver.ts';
import type { ReceiverStats } from '../receiver/stats.ts';
import { cpuTimes, cpuUse } from './cpu.ts';
import { receiverOptions } from './receiver-options.ts';
import { commonOf, type HistogramEffort, type HistogramRow, median, type Repeat } from './row.ts';
import type { Scenario } from './scenario.ts';
import { measureStages } from './stages.ts';
import type { Traffic } from './traffic.ts';
import { trafficOf } from './traffic-of.ts';

interface RoundsUse extends Repeat {
  readonly rounds: number;
}

const CONSUMER = new URL(`./count-consumer${extname(import.meta.url)}`, import.meta.url);

/** Measures a bar in this process. @throws Error: packets were lost, or not merged as they should be */
export async function measureReceive(scenario: Scenario, effort: HistogramEffort): Promise<HistogramRow> {
  const traffic = await trafficOf(scenario, effort.bytes);
  try {
    const repeats: RoundsUse[] = [];
    const rx = await createReceiver({ ...receiverOptions(scenario, traffic.sas), consumer: CONSUMER });
    const round = async (): Promise<void> => {
      rx.restartWindows();
      await rx.pushAll(captureBatches([traffic.path], rx.windows));
      await rx.drain();
    };
    let stats: ReceiverStats;
    try {
      await rounds(round, effort.warmUp);
      for (let repeat = 0; repeat < effort.repeats; repeat++) {
        const from = cpuTimes();
        const count = await rounds(round, effort.seconds);
        repeats.push({ ...cpuUse(from, cpuTimes()), rounds: count, bits: 8e-9 * traffic.payload * count });
      }
    } finally {
      stats = await rx.close();
    }
    const crypto = checked(scenario, stats);
    const stages =
      effort.stages && scenario.lanes === 0 ? { stages: await measureStages(scenario, traffic, effort) } : {};
    return { ...rowOf(scenario, traffic, repeats, stats), crypto, ...stages };
  } finally {
    traffic.remove();
  }
}

/** At least one, and as many as take `seconds`. */
async function rounds(round: () => Promise<void>, seconds: number): Promise<number> {
  const until = performance.now() + 1000 * seconds;
  let count = 0;
  do {
    await round();
    count++;
  } while (performance.now() < until);
  return count;
}

/** All that went in came out, authentic and merged; returns what opened it. Of a capture, all is accounted for and something came out. */
function checked({ gro, crypto, capture }: Scenario, stats: ReceiverStats): CryptoName | null {
  const segments = stats.queues.reduce((sum, queue) => sum + queue.segments, 0);
  const delivered = stats.queues.reduce((sum, queue) => sum + queue.delivered, 0);
  if (capture !== undefined && stats.conserved && delivered > 0) return null;
  if (!stats.conserved || segments !== stats.packets) {
    throw new Error(`${segments} of ${stats.packets} packets came out: ${JSON.stringify(stats.drops)}`);
  }
  if (gro ? delivered > segments / 8 : delivered !== segments) {
    throw new Error(`${segments} packets came out in ${delivered}`);
  }
  const choice = stats.crypto[0];
  if (choice === undefined) return null;
  const opens = choice.bursts ?? choice.backend;
  if (crypto !== undefined && opens !== crypto) throw new Error(`${opens} opened the packets, and not ${crypto}`);
  return opens;
}

function rowOf(
  scenario: Scenario,
  traffic: Traffic,
  repeats: readonly RoundsUse[],
  stats: ReceiverStats,
): Omit<HistogramRow, 'crypto' | 'stages'> {
  const common = commonOf(scenario, traffic.streams, repeats);
  const delivered = stats.queues.reduce((sum, queue) => sum + queue.delivered, 0);
  const dropped = Object.values(stats.drops).reduce((sum, n) => sum + n, 0);
  const ns = (8 * traffic.payload) / common.goodputGbps / traffic.packets;
  return {
    ...common,
    gbps: (common.goodputGbps * traffic.bytes) / traffic.payload,
    mpps: 1000 / ns,
    ns,
    cpuNs: (1e9 * median(repeats.map(({ cpuSeconds, rounds }) => cpuSeconds / rounds))) / traffic.packets,
    busiestLane: Math.max(...stats.queues.map((queue) => queue.packets)) / stats.packets,
    segments: stats.packets / delivered,
    dropped: dropped / stats.packets,
  };
}
