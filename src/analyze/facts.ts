/** What is so of the traffic whatever the scenario. */
import { CLASS_FRAGMENT4, CLASS_NATT4 } from '../counters.ts';
import type { Analysis } from './analysis.ts';
import { describeUnits, type OrderUnits, orderUnits } from './describe-units.ts';
import type { HeavyUnit, UnitsReport } from './report.ts';
import { FLOW_KIND, FLOW_OUTER, FLOW_WORDS, isProtected, nameFlow, nameSa, reverseFlow } from './unit-key.ts';

export interface Facts {
  readonly flows: UnitsReport;
  readonly sas: UnitsReport;
  readonly order: OrderUnits;
  /** At flows: the flow of the other direction where that came later, so that each pair is there once; else -1. */
  readonly reverses: Int32Array;
  /** Pairs of addresses with SAs, and the most SAs of one. */
  readonly pairs: number;
  readonly sasOfPair: number;
  /** SAs in UDP, and the outer 4-tuples that they come by. */
  readonly nattSas: number;
  readonly nattTuples: number;
  /** The heaviest flow that is neither an SA's nor made of fragments, which have no flow. */
  readonly heaviestClear: HeavyUnit | undefined;
}

export function factsOf(analysis: Analysis): Facts {
  return {
    flows: describeUnits(analysis.flows, analysis.flowPackets, analysis.flowBytes, analysis, nameFlow),
    sas: describeUnits(analysis.sas, analysis.saPackets, analysis.saBytes, analysis, nameSa),
    order: orderUnits(analysis),
    reverses: reversesOf(analysis),
    ...pairsOf(analysis),
    heaviestClear: heaviestClear(analysis),
  };
}

function reversesOf({ flows }: Analysis): Int32Array {
  const key = new Int32Array(FLOW_WORDS);
  return Int32Array.from({ length: flows.count }, (_, flow) => {
    if (!reverseFlow(flows.keys, flow * FLOW_WORDS, key)) return -1;
    const other = flows.lookUp(key);
    return other > flow ? other : -1;
  });
}

function pairsOf({ flows, saOf }: Analysis): Pick<Facts, 'pairs' | 'sasOfPair' | 'nattSas' | 'nattTuples'> {
  const pairs = new Map<string, Set<number>>();
  const natt = new Set<number>();
  const tuples = new Set<string>();
  for (let flow = 0; flow < flows.count; flow++) {
    const at = flow * FLOW_WORDS;
    const cls = flows.keys[at + FLOW_KIND] & 0xff;
    if (!isProtected(cls)) continue;
    const ends = flows.keys.subarray(at, at + 8).join();
    let sas = pairs.get(ends);
    if (sas === undefined) {
      sas = new Set();
      pairs.set(ends, sas);
    }
    sas.add(saOf[flow]);
    if ((cls & ~1) !== CLASS_NATT4) continue;
    natt.add(saOf[flow]);
    tuples.add(`${ends},${flows.keys[at + FLOW_OUTER]}`);
  }
  const sasOfPair = [...pairs.values()].reduce((most, sas) => Math.max(most, sas.size), 0);
  return { pairs: pairs.size, sasOfPair, nattSas: natt.size, nattTuples: tuples.size };
}

function heaviestClear({ flows, packets, bytes }: Analysis): HeavyUnit | undefined {
  const source = flows.heavyPackets ?? { keys: flows.keys, weights: flows.packets, count: flows.count };
  let best = -1;
  for (let i = 0; i < source.count; i++) {
    const cls = source.keys[i * FLOW_WORDS + FLOW_KIND] & 0xff;
    if (isProtected(cls) || (cls & ~1) === CLASS_FRAGMENT4) continue;
    if (best < 0 || source.weights[i] > source.weights[best]) best = i;
  }
  if (best < 0) return undefined;
  const own = flows.heavyPackets === undefined ? flows.bytes[best] : 0;
  return {
    ...nameFlow(source.keys, best * FLOW_WORDS),
    packets: source.weights[best],
    bytes: own,
    packetShare: source.weights[best] / packets,
    byteShare: own / bytes,
  };
}
