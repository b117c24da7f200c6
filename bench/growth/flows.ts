/** What does a packet cost with 1 to 1,000,000 flows: to place it without and with claims, and to coalesce it? */
import type { FrameBatch } from '../../src/capture/frame-batch.ts';
import { D_HASH } from '../../src/memory/descriptor.ts';
import type { RingConsumer } from '../../src/memory/ring.ts';
import { FlowSlots } from '../../src/steer/flow-slots.ts';
import { FlowTable } from '../../src/steer/flow-table.ts';
import { put32 } from '../../src/wire/bytes.ts';
import { peerFrames } from '../frames.ts';
import { PACKETS, polling } from '../lane.ts';
import { Random } from '../random.ts';
import { makeRig, place, type Rig } from '../rig.ts';
import { MSS, segments } from '../segments.ts';
import { firstFlow, setSource } from './other-flow.ts';
import type { Point, PointRound } from './point.ts';

const BURST = 256;
/** Frames that a round brings to their lanes. There are no more than these, so that they lie in the cache, as those do that just came. */
const ROUND = 10_240;
const LEAST_ENTRIES = 32_768;

const SOURCE = 26;
const PORTS = 34;

/** Entries of the table of claims for so many flows: a power of two. */
function entriesFor(flows: number): number {
  let entries = LEAST_ENTRIES;
  while (entries < flows && entries < 1 << 20) entries *= 2;
  return entries;
}

/** Bursts into the rings of four lanes, of flows in random order: the worst there is for caches. With claims, all flows have one. */
function placing(flows: number, claims: boolean): PointRound {
  const entries = claims ? entriesFor(flows) : 0;
  const rig = makeRig(claims ? { rfs: { entries } } : {});
  const { bytes } = rig;
  const [model] = peerFrames(64, true);
  put32(model, PORTS, (1024 << 16) | 443);
  const batch = place(new Array<Uint8Array>(ROUND).fill(model), bytes, rig.options.layout.windows);
  const set = (i: number, flow: number): void => put32(bytes, batch.offsets[i] + SOURCE, 0x0a000000 + flow);
  for (let from = 0; claims && from < flows; from += ROUND) {
    for (let i = 0; i < ROUND; i++) set(i, (from + i) % flows);
    bursts(rig, batch, (hash) => rig.flows!.claim(hash, (hash >>> 13) & 3));
  }
  const random = new Random(0x2545f491, 0x4f6cdd1d);
  return {
    items: ROUND,
    reserved: bytes.length,
    // Without claims the slots serve the buckets of the indirection table, whatever the number of flows.
    tables: claims ? FlowTable.bytes(entries) + FlowSlots.bytes(entries) : 0,
    prepare() {
      for (let i = 0; i < ROUND; i++) set(i, random.below(flows));
    },
    run: () => bursts(rig, batch),
  };
}

/** All of a batch; with `note` every hash is noted. */
function bursts({ dispatcher, consumers }: Rig, batch: FrameBatch, note?: (hash: number) => void): number {
  let sum = 0;
  for (let from = 0; from < ROUND; from = batch.count) {
    batch.count = Math.min(from + BURST, ROUND);
    if (dispatcher.pushBatch(batch, from) !== batch.count - from) throw new Error('a lane was full');
    for (let lane = 0; lane < consumers.length; lane++) sum = (sum + drain(consumers[lane], note)) | 0;
  }
  return sum;
}

function drain(ring: RingConsumer, note?: (hash: number) => void): number {
  const n = ring.available();
  if (n === 0) return 0;
  if (note !== undefined) for (let k = 0; k < n; k++) note(ring.words[ring.slot(k) + D_HASH]);
  const sum = ring.words[ring.slot(n - 1) + D_HASH];
  ring.take(n);
  ring.release();
  return sum;
}

/**
 * What the memory takes for the same: a read of a claim, a read and a write of a slot, of as many flows in tables as large.
 *
 * @param inTurn each address hangs on what was read before: nothing overlaps, as when much else is done between two packets. Else the
 *   processor reads for several packets at a time
 */
function bareReads(flows: number, inTurn: boolean): PointRound {
  const entries = entriesFor(flows);
  const claims = new Int32Array(new SharedArrayBuffer(4 * entries));
  const slots = new Int32Array(new SharedArrayBuffer(8 * entries));
  const hashes = new Int32Array(ROUND);
  const random = new Random(0x9e3779b9, 0x12345678);
  const mask = entries - 1;
  const shift = Math.clz32(entries) + 1;
  // All that is read is 0, which the processor cannot know.
  const carried = inTurn ? -1 : 0;
  return {
    items: ROUND,
    reserved: 12 * entries,
    tables: 12 * entries,
    prepare() {
      for (let i = 0; i < ROUND; i++) hashes[i] = mixed(random.below(flows));
    },
    run() {
      let sum = 0;
      for (let i = 0; i < ROUND; i++) {
        const hash = hashes[i] + (sum & carried);
        const slot = (Math.imul(hash, 0x61c88647) >>> shift) << 1;
        sum |= claims[hash & mask] | slots[slot];
        slots[slot + 1] = i;
      }
      return sum;
    },
  };
}

/** A hash of a flow's number (the end of MurmurHash3). */
function mixed(flow: number): number {
  let h = flow + 1;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A lane that coalesces, with its flows in turn: from 64 on, none merges within a poll. */
function coalescing(flows: number): PointRound {
  let flow = 0;
  const { rig, ...round } = polling(segments({ count: PACKETS, flows: Math.min(flows, PACKETS) }), {}, (its, batch) => {
    for (let i = 0; flows > PACKETS && i < PACKETS; i++) {
      setSource(its.bytes, batch.offsets[i], firstFlow + flow);
      flow = (flow + 1) % flows;
    }
  });
  return { ...round, reserved: rig.bytes.length, tables: 0 };
}

const FLOWS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

const SERIES: readonly [series: string, name: string, bytes: number, make: (flows: number) => PointRound][] = [
  ['dispatch', 'dispatch', 64, (flows) => placing(flows, false)],
  ['dispatch, RFS, all claimed', 'rfs', 64, (flows) => placing(flows, true)],
  ['bare reads of equal tables', 'bare', 0, (flows) => bareReads(flows, false)],
  ['the same, one after the other', 'bare_chain', 0, (flows) => bareReads(flows, true)],
  ['lane with GRO, 1,448-byte segments', 'lane', MSS + 66, coalescing],
];

export const points: readonly Point[] = SERIES.flatMap(([series, name, bytes, make]) =>
  FLOWS.map((x) => ({ name: `flows_${name}_${x}`, chart: 'flows', series, x, bytes, make: () => make(x) })),
);
