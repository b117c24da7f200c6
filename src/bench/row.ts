import type { CryptoName } from '../esp/index.ts';
import type { Scenario } from './scenario.ts';

export interface HistogramEffort {
  readonly repeats: number;
  /** Timed seconds of a repeat, and of what goes before them to train the optimiser; at least one round each. */
  readonly seconds: number;
  readonly warmUp: number;
  /** Bytes of the capture that a round replays. */
  readonly bytes: number;
}

export const FULL_HISTOGRAM: HistogramEffort = { repeats: 5, seconds: 0.3, warmUp: 1, bytes: 48e6 };
export const QUICK_HISTOGRAM: HistogramEffort = { repeats: 3, seconds: 0.1, warmUp: 0.5, bytes: 12e6 };
/** Shows that a scenario works. */
export const SMOKE_HISTOGRAM: HistogramEffort = { repeats: 1, seconds: 0, warmUp: 0, bytes: 1e6 };

/** Nanoseconds of a packet on its way through one thread, each the least of the repeats. */
export interface StageCosts {
  /** The file, from the page cache, and its records. */
  readonly read: number;
  /** Dissection, hash, owner, descriptor. */
  readonly dispatch: number;
  /** From the ring to the consumer, with nothing done to it. */
  readonly lane: number;
  /** ESP: what the lane needs more with it. */
  readonly open: number;
  /** GRO, checksums included: what the lane needs more with it, or less, as the consumer is called for fewer packets. */
  readonly gro: number;
}

/** A bar. Rates and times are medians of the repeats. */
export interface HistogramRow extends Omit<Scenario, 'name' | 'crypto'> {
  readonly case: string;
  /** Gigabits of TCP payload a second, as iperf counts them; of frames, as wires do. */
  readonly goodputGbps: number;
  readonly goodputMin: number;
  readonly goodputMax: number;
  readonly gbps: number | null;
  /** Millions of packets a second; nanoseconds a packet, wall clock and processor time of all threads. Null: TLS, which has no packets. */
  readonly mpps: number | null;
  readonly ns: number | null;
  readonly cpuNs: number | null;
  /** Milliseconds of processor time, of all threads, for a gigabit of TCP payload. */
  readonly cpuMsPerGb: number;
  /** Processors in use, of all threads together, and by the busiest thread (1 is one of them, wholly). */
  readonly cpu: number;
  readonly peakCpu: number | null;
  /** Part of all packets that came to the busiest lane. */
  readonly busiestLane: number | null;
  /** Input packets in a delivered one. */
  readonly segments: number | null;
  /** What opened ESP; null: nothing was to be opened. */
  readonly crypto: CryptoName | null;
  readonly repeats: number;
  /** Of one stream in the calling thread. */
  readonly stages?: StageCosts;
}

/** A bar that could not be measured. */
export interface FailedScenario {
  readonly case: string;
  readonly failed: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
