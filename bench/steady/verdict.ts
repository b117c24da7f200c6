/** What the slices of a run say together: of each load, and of the heap. */
import type { HeapUse } from './heap-watch.ts';
import { LatencyHistogram } from './latency.ts';
import { LEVELS, type Percentiles, percentiles, type Slice, type SteadyResult } from './measure.ts';

/** A slice is disturbed when threads waited for a processor for more than this part of it, or it was nearer to the capacity than this. */
const MOST_WAITED = 0.02;
const MOST_OVER = 1.06;
/** p99 of one load over that of the one before: above it is a cliff. Below capacity, twice the load brings less than twice the wait. */
const CLIFF = 5;
/** Growth of what is live from the warm-up to the end that caches of the engine explain. */
const FLAT_BYTES = 1 << 20;
/** Bytes that one packet more allocates: what is allocated by the poll is below, an object a packet (16 bytes at least) is above. */
const PER_PACKET = 12;

export interface LevelSummary {
  readonly level: number;
  /** How many, and how many of them others on the machine disturbed. */
  readonly slices: number;
  readonly disturbed: number;
  readonly packets: number;
  readonly seconds: number;
  readonly drops: number;
  readonly latency: Percentiles;
  /** Of slices that nobody disturbed; absent when there are none. */
  readonly quiet?: { readonly latency: Percentiles; readonly drops: number };
  readonly dispatcher: HeapSummary;
  readonly lane: HeapSummary;
}

export interface HeapSummary {
  /** Bytes allocated, by growth between looks. */
  readonly allocated: number;
  readonly minor: number;
  readonly major: number;
  /** Packets for each collection; null: there was none. */
  readonly packetsPerCollection: number | null;
  /** Milliseconds. */
  readonly longestPause: number;
}

export interface Finding {
  readonly good: boolean;
  readonly says: string;
}

export function isDisturbed({ waited, seconds, load, level }: Slice): boolean {
  return (waited !== null && waited > MOST_WAITED * seconds) || load > MOST_OVER * level;
}

export function summaries({ slices }: SteadyResult): LevelSummary[] {
  return LEVELS.map((level) => {
    const all = slices.filter((slice) => slice.level === level);
    const quiet = all.filter((slice) => !isDisturbed(slice));
    const packets = sum(all, (slice) => slice.packets);
    const drops = (of: readonly Slice[]): number =>
      sum(of, (slice) => Object.values(slice.drops).reduce((total, n) => total + n, 0));
    return {
      level,
      slices: all.length,
      disturbed: all.length - quiet.length,
      packets,
      seconds: sum(all, (slice) => slice.seconds),
      drops: drops(all),
      latency: merged(all),
      ...(quiet.length === 0 ? {} : { quiet: { latency: merged(quiet), drops: drops(quiet) } }),
      dispatcher: heapSummary(
        all.map((slice) => slice.dispatcher),
        packets,
      ),
      lane: heapSummary(
        all.map((slice) => slice.lane),
        packets,
      ),
    };
  }).filter((summary) => summary.slices > 0);
}

function merged(slices: readonly Slice[]): Percentiles {
  const times = new LatencyHistogram();
  for (const { histogram } of slices) times.addAll(new LatencyHistogram(Float64Array.from(histogram)));
  return percentiles(times);
}

function heapSummary(uses: readonly HeapUse[], packets: number): HeapSummary {
  const minor = sum(uses, (use) => use.minor);
  const major = sum(uses, (use) => use.major);
  return {
    allocated: sum(uses, (use) => use.allocated),
    minor,
    major,
    packetsPerCollection: minor + major === 0 ? null : packets / (minor + major),
    longestPause: Math.max(0, ...uses.map((use) => use.longest)),
  };
}

/** Nothing is asserted of times: what is not good is for people to look at. That packets are lost without being counted is an error. */
export function findings(result: SteadyResult): Finding[] {
  const { live, rss, slices, conserved } = result;
  const list: Finding[] = [];
  const lost = sum(slices, ({ packets, delivered, drops }) => {
    const dropped = Object.values(drops).reduce((total, n) => total + n, 0);
    return Math.abs(packets - delivered - dropped);
  });
  list.push({
    good: isWhole(result),
    says: isWhole(result)
      ? 'every packet was delivered or is counted as a drop'
      : `${lost} packets are neither delivered nor counted as drops${conserved ? '' : ', and the receiver says so itself'}`,
  });
  for (const thread of ['dispatcher', 'lane'] as const) {
    const grown = live[thread][live[thread].length - 1] - live[thread][0];
    list.push({
      good: grown < FLAT_BYTES,
      says: `live heap of the ${thread}: ${kib(live[thread][0])} after the warm-up, ${kib(live[thread][live[thread].length - 1])} at the end (${grown < 0 ? '' : '+'}${kib(grown)})`,
    });
  }
  list.push({
    good: rss[rss.length - 1] - rss[0] < 16 * FLAT_BYTES,
    says: `resident memory: ${kib(rss[0])}, ${kib(rss[rss.length - 1])} at the end`,
  });
  const levels = summaries(result);
  const [bottom, top] = [levels[0], levels[levels.length - 1]];
  for (const thread of ['dispatcher', 'lane'] as const) {
    const { minor, major, packetsPerCollection, longestPause } = top[thread];
    const more =
      (top[thread].allocated / top.seconds - bottom[thread].allocated / bottom.seconds) / (rate(top) - rate(bottom));
    list.push({
      good: more < PER_PACKET,
      says:
        `${thread}: one packet more allocates ${more.toFixed(1)} bytes (${kib(bottom[thread].allocated / bottom.seconds)}/s at ` +
        `${percent(bottom.level)}, ${kib(top[thread].allocated / top.seconds)}/s at ${percent(top.level)}); at ${percent(top.level)} ` +
        (packetsPerCollection === null
          ? 'no collection'
          : `${minor} minor and ${major} major collections, ${Math.round(packetsPerCollection)} packets for each, ${longestPause.toFixed(1)} ms at most`),
    });
  }
  for (const [i, { level, quiet, slices: of }] of levels.entries()) {
    if (quiet === undefined) {
      list.push({
        good: false,
        says: `${percent(level)} of capacity: others on the machine disturbed all ${of} slices`,
      });
      continue;
    }
    const before = levels[i - 1]?.quiet;
    const ratio = before === undefined ? 1 : quiet.latency.p99 / before.latency.p99;
    list.push({
      good: ratio <= CLIFF && quiet.drops === 0,
      says:
        `${percent(level)} of capacity: p99 ${micros(quiet.latency.p99)} us` +
        (before === undefined
          ? ''
          : `, ${ratio.toFixed(1)} times that of the load before${ratio > CLIFF ? ': a cliff' : ''}`) +
        `, ${quiet.drops} drops`,
    });
  }
  return list;
}

function rate({ packets, seconds }: LevelSummary): number {
  return packets / seconds;
}

/** Whether every packet is accounted for. */
export function isWhole({ slices, conserved }: SteadyResult): boolean {
  return (
    conserved &&
    slices.every(
      ({ packets, delivered, drops }) =>
        packets === delivered + Object.values(drops).reduce((total, n) => total + n, 0),
    )
  );
}

function sum<T>(list: readonly T[], pick: (one: T) => number): number {
  return list.reduce((total, one) => total + pick(one), 0);
}

function kib(bytes: number): string {
  return `${Math.round(bytes / 1024)} KiB`;
}

export function micros(ns: number): string {
  const us = ns / 1000;
  return us.toFixed(us < 100 ? 1 : 0);
}

export function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}
