/** What an analysis says: schema `rxsteer.analyze/1`. Shares and ratios have six decimals. */
import type { ClassName } from '../counters.ts';
import type { DepthReport } from './depth.ts';
import type { UnitName } from './unit-key.ts';

export interface AnalyzeReport {
  readonly schema: 'rxsteer.analyze/1';
  readonly input: AnalyzeInput;
  /** A capture broke off: this is what lies before the damage. */
  readonly damage?: { readonly message: string; readonly offset: number | undefined };
  /** The analysis was ended early: this is what was seen until then. */
  readonly interrupted?: true;
  /** Packets by class: a partition of the input. */
  readonly classes: Partial<Record<ClassName, number>>;
  readonly malformed: Readonly<Record<string, number>>;
  readonly flows: UnitsReport;
  readonly sas: UnitsReport;
  readonly scenarios: readonly ScenarioReport[];
  readonly verdict: readonly VerdictEntry[];
}

export interface AnalyzeInput {
  readonly files: readonly string[];
  readonly packets: number;
  /** Bytes of packets that the captures hold, as `replay` counts them. */
  readonly bytes: number;
  /** Bytes that the packets had on the wire: what all measures are of. */
  readonly wireBytes: number;
  /** From the first window with a packet to the last. */
  readonly seconds: number;
  readonly loop?: number;
}

export interface UnitsReport {
  /** How many; an estimate unless `exact`. */
  readonly count: number;
  readonly exact: boolean;
  /** Not exact: one of `oneOf` is kept, `kept` of at most `limit`; a heaviest unit may be short of up to so much. */
  readonly sample?: {
    readonly kept: number;
    readonly oneOf: number;
    readonly limit: number;
    readonly shortPackets: number;
    readonly shortBytes: number;
  };
  readonly packets: number;
  readonly bytes: number;
  /** Equal ones that would be as uneven in packets: 1 / sum of squared shares. */
  readonly effective: number;
  readonly gini: { readonly packets: number; readonly bytes: number };
  /** The ten with the most packets. Shares are of all packets and bytes of the input. */
  readonly heaviest: readonly HeavyUnit[];
  /** Points [share of units, lightest first; share of what they carry]. */
  readonly lorenz: { readonly packets: readonly [number, number][]; readonly bytes: readonly [number, number][] };
}

export interface HeavyUnit extends UnitName {
  readonly packets: number;
  readonly bytes: number;
  readonly packetShare: number;
  readonly byteShare: number;
}

export interface ScenarioReport {
  /** `ixgbe/8`: name and queues. */
  readonly name: string;
  readonly kind: 'given' | 'model' | 'nic' | 'probe';
  readonly nic: string | null;
  readonly hkey: string;
  readonly hfunc: string;
  readonly xfrm: string;
  readonly level: 'outer' | 'inner';
  readonly fields: Readonly<Record<string, string>>;
  readonly rules: readonly string[];
  readonly table: {
    readonly size: number;
    readonly fill: string;
    /** The queue at each index. */
    readonly entries: readonly number[];
    /** Entries that got packets. */
    readonly buckets: readonly {
      readonly index: number;
      readonly queue: number;
      readonly packets: number;
      readonly bytes: number;
    }[];
  };
  readonly queues: readonly QueueReport[];
  /** Packets without a hash (in queue 0), and those that a rule or the letter r drops (in none). */
  readonly unhashed: number;
  readonly dropped: number;
  readonly measures: MeasuresReport;
  /** Where its hash need not be that of the device, by class. */
  readonly model?: Readonly<Record<string, string>>;
}

export interface QueueReport {
  readonly queue: number;
  readonly packets: number;
  readonly bytes: number;
  readonly flows: number;
  readonly sas: number;
}

export interface LoadMeasures {
  readonly maxOverMean: number;
  readonly jain: number;
  readonly gini: number;
  readonly chiSquare: number;
  /** What no hash can beat, as max over mean: see `bound` in docs/measures.md. */
  readonly bound: number;
}

export interface MeasuresReport {
  readonly packets: LoadMeasures;
  readonly bytes: LoadMeasures;
  readonly idleQueues: number;
  /** Flows against what the table makes of an even hash. */
  readonly flows: {
    readonly maxOverMean: number;
    readonly chiSquare: number;
    readonly degrees: number;
    /** Chance of so much or more by luck. */
    readonly p: number;
  };
  /** Max over mean within windows of time; null: no window has packets enough. */
  readonly overTime: {
    readonly windowSeconds: number;
    readonly windows: number;
    /** Windows with fewer than 8 packets a queue, which are left out. */
    readonly thin: number;
    readonly packets: Spread;
    readonly bytes: Spread;
    /** Max over mean of packets in each window, 0 where it is thin. */
    readonly series: readonly number[];
  } | null;
  /** With a service rate. */
  readonly depth?: DepthReport & { readonly rate: number; readonly ring: number };
  /** Flows with ports seen both ways, and those whose ways land on different queues. */
  readonly directions: { readonly bothWays: number; readonly parted: number };
  readonly reordering: {
    /** Packets that went to another queue than the first one of their flow. */
    readonly strays: number;
    /** Flows whose fragments land on another queue than their whole packets, and the packets of such fragments. */
    readonly fragmentedFlows: number;
    readonly fragments: number;
    /** SAs whose packets land on several queues. */
    readonly splitSas: number;
  };
}

export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** What holds the traffic back, or is good to know; see docs/measures.md. */
export const CAUSES = [
  'one-sa',
  'spi-unhashed',
  'natt-one-port',
  'periodic-key',
  'table-not-multiple',
  'elephant',
  'few-units',
  'fragments',
  'unhashed',
  'reordering',
  'balanced',
  'no-esp',
  'empty',
] as const;
export type Cause = (typeof CAUSES)[number];

export interface VerdictEntry {
  readonly cause: Cause;
  readonly severity: 'cause' | 'note';
  readonly says: string;
  /** Numbers and names that it rests on. */
  readonly evidence: Readonly<Record<string, number | string>>;
  readonly remedies: readonly Remedy[];
}

export interface Remedy {
  readonly says: string;
  /** What it does to max over mean of packets, where that was computed. */
  readonly before?: number;
  readonly after?: number;
  /** The scenario that shows it. */
  readonly scenario?: string;
  readonly commands: readonly string[];
}
