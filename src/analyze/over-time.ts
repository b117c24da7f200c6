/** Imbalance in windows of time. */
import { maxOverMean, percentile, rounded } from './measures.ts';
import type { MeasuresReport, Spread } from './report.ts';
import type { WindowCounts, Windows } from './windows.ts';

/** A window with fewer packets a queue says more about chance than about the hash: one packet is n times its fair share. */
const FEWEST = 8;

/**
 * Max over mean in windows of the least width (a power of two times the counted one) of which those with packets have twice
 * {@link FEWEST} a queue on average. Null where all packets together are too few.
 */
export function overTime(windows: Windows, counts: WindowCounts): MeasuresReport['overTime'] {
  const { queues } = counts;
  let total = 0;
  for (const n of counts.packets) total += n;
  let join = 1;
  for (; join < windows.used; join *= 2) {
    if (total >= 2 * FEWEST * queues * busy(windows.used, counts, join)) break;
  }
  const series: number[] = [];
  const packets: number[] = [];
  const bytes: number[] = [];
  let thin = 0;
  for (let from = 0; from < windows.used; from += join) {
    const to = Math.min(from + join, windows.used);
    const row = sumOf(counts.packets, from, to, queues);
    const sum = row.reduce((all, n) => all + n, 0);
    if (sum < FEWEST * queues) {
      if (sum > 0) thin++;
      series.push(0);
      continue;
    }
    const ratio = rounded(maxOverMean(row));
    series.push(ratio);
    packets.push(ratio);
    bytes.push(rounded(maxOverMean(sumOf(counts.bytes, from, to, queues))));
  }
  if (packets.length === 0) return null;
  return {
    windowSeconds: rounded((join * windows.width) / 1e9),
    windows: packets.length,
    thin,
    packets: spread(packets),
    bytes: spread(bytes),
    series,
  };
}

/** How many windows of so many counted ones have packets. */
function busy(used: number, { packets, queues }: WindowCounts, join: number): number {
  let n = 0;
  for (let from = 0; from < used; from += join) {
    if (sumOf(packets, from, Math.min(from + join, used), queues).some((count) => count > 0)) n++;
  }
  return n;
}

function sumOf(counts: Float64Array, from: number, to: number, queues: number): Float64Array {
  const row = new Float64Array(queues);
  for (let i = from * queues; i < to * queues; i++) row[i % queues] += counts[i];
  return row;
}

function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), max: percentile(sorted, 1) };
}
