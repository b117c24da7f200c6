/**
 * What does GRO cost for a segment: checksum verified by us, and known to be good? In clear; out of ESP, of two SAs in turn, as around a
 * rekey; inside VXLAN, whose headers are kept. Of 1,000 flows in turn none merges: each is held, and gives way to the next ones.
 */
import { CLASS_TCP4, CLASS_UDP4 } from '../src/counters.ts';
import { Gro } from '../src/gro/index.ts';
import { FlowHasher } from '../src/hash/flow-hasher.ts';
import { createKernels } from '../src/kernels/create.ts';
import {
  F_CSUM_GOOD,
  F_FROM_ESP,
  F_HASH_VALID,
  P_CLS,
  P_END,
  P_FLAGS,
  P_HASH,
  P_L3,
  P_L4,
  P_LAST,
  P_LEN,
  P_NUMBER,
  P_OFF,
  P_PIECES,
  P_PROTO,
  P_SA,
  P_SEGS,
  P_WIRE,
  PacketTable,
  ROW_SHIFT,
} from '../src/memory/packet-table.ts';
import { Scratch } from '../src/memory/scratch.ts';
import { wordsOf } from '../src/memory/words.ts';
import { Dissection, dissect } from '../src/wire/dissect.ts';
import type { Case, Round } from './harness.ts';
import { makeRig, place } from './rig.ts';
import { inVxlan, MSS, MSS_ESP, MSS_VXLAN, segments } from './segments.ts';

const BURST = 64;
/** Bursts of a round: all frames fit L2, as those that just came do; but for flows that are more than that. */
const BURSTS = 8;

interface Traffic {
  readonly flows: number;
  readonly payload: number;
  readonly good: boolean;
  readonly way: 'clear' | 'esp' | 'vxlan';
}

function merging({ flows, payload, good, way }: Traffic): Round {
  const bursts = Math.max(BURSTS, Math.ceil(flows / BURST));
  const packets = BURST * bursts;
  const { bytes, memory, options } = makeRig({ queues: 1 });
  const { windows, lanes } = options.layout;
  const plain = segments({ count: packets, flows, payload });
  const batch = place(way === 'vxlan' ? plain.map(inVxlan) : plain, bytes, windows);
  // What a lane has as a part of its own is far too small here: flows in turn need many rows.
  const words = wordsOf(bytes.buffer, lanes[0].contiguous);
  const table = new PacketTable(packets, 2 * packets, words);
  const scratch = new Scratch(lanes[0].scratch);
  let sum = 0;
  let copied = 0;
  const sink = {
    deliver(row: number): void {
      const b = row << ROW_SHIFT;
      sum += table.w[b + P_SEGS];
      // Headers are all that is copied.
      if (table.w[b + P_PIECES] > 0) copied += table.w[b + P_LEN];
    },
  };
  const gro = new Gro(bytes, createKernels(memory, bytes), table, sink, scratch, { tunnels: way === 'vxlan' }, words);
  const rows = template(
    bytes,
    batch.offsets,
    batch.lengths,
    new FlowHasher({ key: options.steerer.key }),
    good,
    packets,
    way,
  );
  const prepare = (): void => {
    table.clear();
    scratch.reset();
    table.w.set(rows);
    table.count = packets;
  };
  const run = (): number => {
    sum = 0;
    for (let row = 0; row < packets; ) {
      for (const stop = row + BURST; row < stop; row++) gro.receive(row);
      gro.flush();
    }
    return sum;
  };
  prepare();
  if (run() !== packets || gro.merged !== packets - bursts * superPackets(flows, payload)) {
    throw new Error(`${gro.merged} segments were merged`);
  }
  return { items: packets, prepare, run, copied: copied / packets };
}

/** How many a burst makes: 64 segments are more than a super-packet of 64 KiB holds. */
function superPackets(flows: number, payload: number): number {
  return flows > BURST ? BURST : flows * Math.ceil((BURST * payload) / flows / 65_000);
}

/** The rows as a lane fills them: they are put back before each round, untimed, as the peers refill their mbufs. */
function template(
  bytes: Uint8Array,
  offsets: Int32Array,
  lengths: Int32Array,
  hasher: FlowHasher,
  good: boolean,
  packets: number,
  way: Traffic['way'],
): Int32Array {
  const w = new Int32Array(packets << ROW_SHIFT);
  const d = new Dissection();
  for (let i = 0; i < packets; i++) {
    const b = i << ROW_SHIFT;
    dissect(bytes, offsets[i], offsets[i] + lengths[i], 1, d);
    if (d.cls !== (way === 'vxlan' ? CLASS_UDP4 : CLASS_TCP4)) throw new Error(`frame ${i} is of class ${d.cls}`);
    w[b + P_OFF] = offsets[i];
    w[b + P_LEN] = lengths[i];
    w[b + P_L3] = d.l3;
    w[b + P_L4] = d.l4;
    w[b + P_END] = d.end;
    w[b + P_CLS] = d.cls;
    w[b + P_PROTO] = d.proto;
    w[b + P_HASH] = hasher.hash(bytes, d);
    w[b + P_FLAGS] = F_HASH_VALID | (good ? F_CSUM_GOOD : 0) | (way === 'esp' ? F_FROM_ESP : 0);
    w[b + P_SA] = way === 'esp' ? 1 + (i & 1) : 0;
    w[b + P_NUMBER] = w[b + P_LAST] = i;
    w[b + P_WIRE] = lengths[i];
    w[b + P_SEGS] = 1;
  }
  return w;
}

const one = (name: string, traffic: Traffic): Case => ({
  name: `gro_${name}_${traffic.good ? 'good' : 'verify'}`,
  bytes: traffic.payload,
  make: () => merging(traffic),
});

const named = (name: string, traffic: Omit<Traffic, 'good'>): Case[] =>
  [false, true].map((good) => one(name, { ...traffic, good }));

const FLOWS = [1, 16, 1000, 10_000] as const;

export const cases: readonly Case[] = [
  ...FLOWS.flatMap((flows) => named(`${flows}flow`, { flows, payload: MSS, way: 'clear' })),
  ...FLOWS.flatMap((flows) => named(`${flows}flow_64`, { flows, payload: 64, way: 'clear' })),
  ...FLOWS.flatMap((flows) => named(`esp_${flows}flow`, { flows, payload: MSS_ESP, way: 'esp' })),
  ...FLOWS.flatMap((flows) => named(`esp_${flows}flow_64`, { flows, payload: 64, way: 'esp' })),
  // Nobody vouches for what is inside.
  ...[1, 16].map((flows) => one(`vxlan_${flows}flow`, { flows, payload: MSS_VXLAN, way: 'vxlan', good: false })),
];
