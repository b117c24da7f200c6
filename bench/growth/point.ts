/** A point of a curve: a case at one number of flows, SAs, lanes or bytes, and what it takes of memory. */
import { type Case, type Effort, measure, type Round, type Row } from '../harness.ts';
import { type MemoryUse, memoryUse } from './memory.ts';
import type { ThreadUse } from './threads.ts';

export const CHARTS = ['flows', 'sas', 'lanes', 'sizes'] as const;
export type Chart = (typeof CHARTS)[number];

/** In the names of series: all in the calling thread; all threads on one processor. */
export const INLINE = 'inline';
export const PINNED = 'on one processor';

/** What a point does over and over, and what is known of it beside its time. */
export interface PointRound extends Round {
  /** Bytes of shared memory that are reserved: frames, control memory, records of SAs. */
  readonly reserved: number;
  /** Of these, bytes of the tables that grow with what the chart is about. */
  readonly tables: number;
  /** Called when all is measured, before `close`. */
  facts?(): PointFacts;
}

export interface PointFacts {
  /** What opened ESP. */
  readonly crypto?: string;
  /** Bytes of the resident set that an SA takes: made, and more once a lane has opened a packet of it. */
  readonly bytesPerSa?: { readonly made: number; readonly used: number };
  /** Of receivers with threads. */
  readonly threadUse?: ThreadUse;
}

export interface Point extends Omit<Case, 'make'> {
  readonly chart: Chart;
  readonly series: string;
  /** Flows, SAs, lanes, or bytes of a packet. */
  readonly x: number;
  /** Runs on one processor only, if the machine has `taskset`. */
  readonly pinned?: boolean;
  /** @param inputMade to be called when the input is made, and what is to be measured is not: memory is counted from there */
  make(effort: Effort, inputMade: () => void): PointRound | Promise<PointRound>;
}

export interface PointMemory {
  readonly reservedBytes: number;
  readonly tableBytes: number;
  /** What the resident set of the process and the heap of this thread have grown by since before the point was made. */
  readonly residentBytes: number;
  readonly jsHeapBytes: number;
}

/** A row of `bench --json` that is a point of a curve. */
export interface GrowthRow extends Row, PointFacts {
  readonly chart: Chart;
  readonly series: string;
  readonly x: number;
  readonly memory: PointMemory;
}

/** A point that could not be measured, and why. */
export interface SkippedPoint {
  readonly case: string;
  readonly chart: Chart;
  readonly series: string;
  readonly x: number;
  readonly skipped: string;
}

export const FULL_GROWTH: Effort = {
  repeats: 5,
  mostRepeats: 11,
  seconds: 0.1,
  warmUp: 0.4,
  captureBytes: 0,
};
export const QUICK_GROWTH: Effort = {
  repeats: 3,
  mostRepeats: 5,
  seconds: 0.02,
  warmUp: 0.1,
  captureBytes: 0,
};

/** Measures a point in this process. */
export async function measurePoint(point: Point, effort: Effort): Promise<GrowthRow> {
  let before = memoryUse();
  let made: PointRound | undefined;
  let after: MemoryUse = before;
  let facts: PointFacts = {};
  const make = async (): Promise<Round> => {
    const round = await point.make(effort, () => {
      before = memoryUse();
    });
    made = round;
    return {
      ...round,
      close() {
        // First: collecting garbage is work of threads too.
        facts = round.facts?.() ?? {};
        after = memoryUse();
        return round.close?.();
      },
    };
  };
  const row = await measure({ ...point, make }, effort);
  return {
    ...row,
    chart: point.chart,
    series: point.series,
    x: point.x,
    ...facts,
    memory: {
      reservedBytes: made!.reserved,
      tableBytes: made!.tables,
      residentBytes: Math.max(0, after.resident - before.resident),
      jsHeapBytes: Math.max(0, after.heap - before.heap),
    },
  };
}
