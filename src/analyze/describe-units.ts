/** Flows and SAs, as reports tell them. */
import type { Analysis } from './analysis.ts';
import type { FrequentItems } from './frequent.ts';
import { effectiveCount, gini, lorenz, rounded } from './measures.ts';
import type { HeavyUnit, UnitsReport } from './report.ts';
import { FLOW_KIND, FLOW_WORDS, isProtected, type UnitName } from './unit-key.ts';
import type { Units } from './units.ts';

/** How many of the heaviest are named. */
const HEAVIEST = 10;
const LORENZ_POINTS = 48;

/** Packets and bytes of what must stay in order, the heaviest first: SAs, and flows that are no SA's. */
export interface OrderUnits {
  readonly packets: Float64Array;
  readonly bytes: Float64Array;
}

/** Where not all are kept, the heaviest come from their own counters, as the least that they can weigh. */
export function orderUnits({ flows, sas }: Analysis): OrderUnits {
  const weights = (of: 'packets' | 'bytes', heavy: 'heavyPackets' | 'heavyBytes'): Float64Array => {
    const result: number[] = [];
    const flowItems = flows[heavy];
    const clear = (keys: Int32Array, i: number): boolean => !isProtected(keys[i * FLOW_WORDS + FLOW_KIND] & 0xff);
    if (flowItems === undefined) {
      for (let i = 0; i < flows.count; i++) if (clear(flows.keys, i)) result.push(flows[of][i]);
    } else {
      for (let i = 0; i < flowItems.count; i++) if (clear(flowItems.keys, i)) result.push(flowItems.weights[i]);
    }
    const saItems = sas[heavy];
    const saWeights =
      saItems === undefined ? sas[of].subarray(0, sas.count) : saItems.weights.subarray(0, saItems.count);
    for (const weight of saWeights) result.push(weight);
    return Float64Array.from(result).sort().reverse();
  };
  return { packets: weights('packets', 'heavyPackets'), bytes: weights('bytes', 'heavyBytes') };
}

/** All that is said of the flows, or of the SAs. `packets` and `bytes`: of all of them; `total`: of the input. */
export function describeUnits(
  units: Units,
  packets: number,
  bytes: number,
  total: { readonly packets: number; readonly bytes: number },
  name: (keys: Int32Array, at: number) => UnitName,
): UnitsReport {
  const { count, level, heavyPackets, heavyBytes } = units;
  const ofPackets = units.packets.subarray(0, count);
  const ofBytes = units.bytes.subarray(0, count);
  return {
    count: units.estimate,
    exact: level === 0,
    ...(heavyPackets === undefined
      ? {}
      : {
          sample: {
            kept: count,
            oneOf: 2 ** level,
            limit: units.limit,
            shortPackets: heavyPackets.taken,
            shortBytes: heavyBytes!.taken,
          },
        }),
    packets,
    bytes,
    effective: rounded(effective(units, packets)),
    gini: { packets: rounded(gini(ofPackets)), bytes: rounded(gini(ofBytes)) },
    heaviest: heaviest(units, total, name),
    lorenz: { packets: curve(ofPackets), bytes: curve(ofBytes) },
  };
}

/**
 * The number of equal ones. Of a sample: the heavy ones, which it may lack or have by luck, by their own counters; of the others as
 * many as it stands for.
 */
function effective(units: Units, total: number): number {
  const { words, count, level, packets, heavyPackets } = units;
  if (heavyPackets === undefined) return effectiveCount(packets.subarray(0, count));
  const isHeavy = new Uint8Array(count);
  const key = new Int32Array(words);
  let squares = 0;
  for (let i = 0; i < heavyPackets.count; i++) {
    // Below, a counter may be short of more than half.
    if (heavyPackets.weights[i] <= heavyPackets.taken) continue;
    squares += heavyPackets.weights[i] ** 2;
    key.set(heavyPackets.keys.subarray(i * words, (i + 1) * words));
    const kept = units.lookUp(key);
    if (kept >= 0) isHeavy[kept] = 1;
  }
  for (let i = 0; i < count; i++) if (isHeavy[i] === 0) squares += packets[i] ** 2 * 2 ** level;
  return squares === 0 ? 0 : total ** 2 / squares;
}

function curve(weights: Float64Array): [number, number][] {
  return lorenz(weights, LORENZ_POINTS).map(([x, y]) => [rounded(x), rounded(y)]);
}

function heaviest(
  units: Units,
  total: { readonly packets: number; readonly bytes: number },
  name: (keys: Int32Array, at: number) => UnitName,
): HeavyUnit[] {
  const { words, heavyPackets, heavyBytes } = units;
  const source = heavyPackets ?? { keys: units.keys, weights: units.packets, count: units.count };
  const { keys, weights, count } = source;
  const indices = top(weights, count, HEAVIEST);
  return indices.map((i) => {
    const packets = weights[i];
    const bytes = heavyBytes === undefined ? units.bytes[i] : weightOf(heavyBytes, keys, i * words);
    return {
      ...name(keys, i * words),
      packets,
      bytes,
      packetShare: share(packets, total.packets),
      byteShare: share(bytes, total.bytes),
    };
  });
}

function weightOf(items: FrequentItems, keys: Int32Array, at: number): number {
  const { words } = items;
  for (let i = 0; i < items.count; i++) {
    let w = 0;
    while (w < words && items.keys[i * words + w] === keys[at + w]) w++;
    if (w === words) return items.weights[i];
  }
  return 0;
}

/** Indices of the greatest, the first of equals first. */
function top(weights: ArrayLike<number>, count: number, most: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < count; i++) {
    if (best.length === most && weights[i] <= weights[best[most - 1]]) continue;
    let at = best.length;
    while (at > 0 && weights[best[at - 1]] < weights[i]) at--;
    best.splice(at, 0, i);
    if (best.length > most) best.pop();
  }
  return best;
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : rounded(part / whole);
}
