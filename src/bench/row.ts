import type { CryptoName } from '../esp/index.ts';
import type { CpuUse } from './cpu.ts';
import type { Scenario } from './scenario.ts';

export interface HistogramEffort {
  readonly repeats: number;
  /** Timed seconds of a repeat, and of what goes before them to train the optimiser; at least one round each. */
  readonly seconds: number;
  readonly warmUp: number;
  /** Bytes of the capture that a round replays. */
  readonly bytes: number;
  /** Where one thread does it all, its stages are measured too, in processes of their own. */
  readonly stages: boolean;
}

export const FULL_HISTOGRAM: HistogramEffort = { repeats: 5, seconds: 0.3, warmUp: 1, bytes: 48e6, stages: true };
export const QUICK_HISTOGRAM: HistogramEffort = { repeats: 3, seconds: 0.1, warmUp: 0.5, bytes: 12e6, stages: true };
/** Shows that a scenario works. */
export const SMOKE_HISTOGRAM: HistogramEffort = { repeats: 1, seconds: 0, warmUp: 0, bytes: 1e6, stages: false };

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
export interface HistogramRow extends Omit<Scenario, 'name' | 'crypto' | 'capture'> {
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
  /** Part of the packets that were dropped; 0 but for a capture, which may hold what nobody should let in. */
  readonly dropped: number;
  /** What opened ESP; null: nothing was to be opened, or several did. */
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

/** A repeat: what was used, and gigabits of payload that came out. */
export interface Repeat extends CpuUse {
  readonly bits: number;
}

/** What is told of every bar: which one it is, its goodput and its processor time. */
export function commonOf(
  { name, kind, talk, protection, gro, lanes, steering }: Scenario,
  streams: number,
  repeats: readonly Repeat[],
): Pick<
  HistogramRow,
  | 'case'
  | 'kind'
  | 'talk'
  | 'protection'
  | 'gro'
  | 'streams'
  | 'lanes'
  | 'steering'
  | 'goodputGbps'
  | 'goodputMin'
  | 'goodputMax'
  | 'cpuMsPerGb'
  | 'cpu'
  | 'peakCpu'
  | 'repeats'
> {
  const goodputs = repeats.map(({ bits, seconds }) => bits / seconds);
  const peaks = repeats.flatMap(({ peak }) => (peak === null ? [] : [peak]));
  return {
    case: name,
    kind,
    talk,
    protection,
    gro,
    streams,
    lanes,
    steering,
    goodputGbps: median(goodputs),
    goodputMin: Math.min(...goodputs),
    goodputMax: Math.max(...goodputs),
    cpuMsPerGb: median(repeats.map(({ cpuSeconds, bits }) => (1000 * cpuSeconds) / bits)),
    cpu: median(repeats.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds)),
    peakCpu: peaks.length === 0 ? null : median(peaks),
    repeats: repeats.length,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
