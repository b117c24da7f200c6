/**
 * What does it cost to look a flow up before it is placed, for few flows and for very many; and to hand what came out of ESP over
 * to another lane?
 */
import type { FrameBatch } from '../src/capture/frame-batch.ts';
import { D_HASH } from '../src/memory/descriptor.ts';
import type { RingConsumer } from '../src/memory/ring.ts';
import { put32 } from '../src/wire/bytes.ts';
import { peerFrames } from './frames.ts';
import type { Case, Round } from './harness.ts';
import { Random } from './random.ts';
import { makeRig, place, type Rig } from './rig.ts';
import { MSS_ESP } from './segments.ts';
import { espCapture, NULL_NONE } from './traffic.ts';

const BURST = 256;
/** Frames that a round brings to their lanes, in one batch. */
const ROUND = 10_240;

/** Plain IPv4/TCP of 64 bytes of so many flows: of few in random order, of many one after the other. */
function framesOf(flows: number): Uint8Array[] {
  const [model] = peerFrames(64, true);
  const random = new Random(0x2545f491, 0x4f6cdd1d);
  const count = Math.max(ROUND, flows);
  return Array.from({ length: count }, (_, i) => {
    const frame = model.slice();
    const flow = flows > ROUND ? i : random.below(flows);
    put32(frame, 26, 0x0a000000 + flow);
    put32(frame, 34, (1024 << 16) | 443);
    return frame;
  });
}

/** Takes what a ring holds; with `note` every hash is noted. */
function drain(ring: RingConsumer, note?: (hash: number) => void): number {
  const n = ring.available();
  if (n === 0) return 0;
  if (note !== undefined) for (let k = 0; k < n; k++) note(ring.words[ring.slot(k) + D_HASH]);
  const sum = ring.words[ring.slot(n - 1) + D_HASH];
  ring.take(n);
  ring.release();
  return sum;
}

/** Bursts into the rings of four lanes; all flows are claimed, each for some lane. */
function dispatch(flows: number, entries: number): Round {
  const frames = framesOf(flows);
  const chunks = Math.ceil(frames.length / ROUND);
  // Room for the frames of a chunk, the numbers of its batch, and what lies between them.
  const room = 256 * ROUND;
  const rig = makeRig({ memory: (128 << 20) + chunks * room, ...(entries > 0 ? { rfs: { entries } } : {}) });
  const { offset } = rig.options.layout.windows;
  const batches = Array.from({ length: chunks }, (_, i) =>
    place(frames.slice(i * ROUND, (i + 1) * ROUND), rig.bytes, { offset: offset + i * room, length: room }),
  );
  frames.length = 0;
  for (const batch of batches) {
    pushBursts(rig, batch, batch.count, (hash) => rig.flows?.claim(hash, (hash >>> 13) & 3));
  }
  // The last one may be shorter.
  if (chunks > 1) batches.pop();
  let at = 0;
  return {
    items: ROUND,
    run: () => pushBursts(rig, batches[at++ % batches.length], ROUND),
  };
}

function pushBursts(rig: Rig, batch: FrameBatch, count: number, note?: (hash: number) => void): number {
  const { dispatcher, consumers } = rig;
  let sum = 0;
  for (let from = 0; from < count; from = batch.count) {
    batch.count = Math.min(from + BURST, count);
    if (dispatcher.pushBatch(batch, from) !== batch.count - from) throw new Error('a lane was full');
    for (let lane = 0; lane < consumers.length; lane++) sum = (sum + drain(consumers[lane], note)) | 0;
  }
  return sum;
}

/** What the memory takes for two random reads, and a write, in tables as large as those of claims and slots. */
function bare(entries: number): Round {
  const claims = new Int32Array(new SharedArrayBuffer(4 * entries));
  const slots = new Int32Array(new SharedArrayBuffer(8 * entries));
  const random = new Random(0x9e3779b9, 0x12345678);
  const hashes = Int32Array.from({ length: 1 << 20 }, () => random.next());
  let at = 0;
  const run = (): number => {
    let sum = 0;
    const mask = entries - 1;
    const shift = Math.clz32(entries) + 1;
    for (let end = at + ROUND; at < end; at++) {
      const hash = hashes[at];
      const slot = (Math.imul(hash, 0x61c88647) >>> shift) << 1;
      sum = (sum + claims[hash & mask] + slots[slot]) | 0;
      slots[slot + 1] = at;
    }
    if (at + ROUND > hashes.length) at = 0;
    return sum;
  };
  return { items: ROUND, run };
}

const PACKETS = 512;

/** ESP without cryptography through lane 0, whose flows lane 1 has claimed, or nobody. Both lanes run in this thread. */
function twoStage(claimed: boolean): Round {
  const { frames, sas } = espCapture({ transform: NULL_NONE, count: PACKETS, flows: 16, train: 16, sas: 1 });
  const rig = makeRig({ queues: 2, sas, rfs: { saAffinity: false } });
  const batch = place(frames, rig.bytes, rig.options.layout.windows);
  let packets = 0;
  const seen = [0, 0];
  const lanes = [0, 1].map((lane) =>
    rig.lane(lane, {
      onPackets(delivered): void {
        packets += delivered.length;
        seen[lane] += delivered.length;
        if (claimed) for (let i = 0; i < delivered.length; i++) delivered.claim(i, 1);
      },
    }),
  );
  const prepare = (): void => {
    rig.sas.restartWindows();
    if (rig.dispatcher.pushBatch(batch, 0) !== PACKETS) throw new Error('the ring is full');
  };
  const run = (): number => {
    packets = 0;
    while (lanes[0].poll() + lanes[1].poll() > 0);
    return packets;
  };
  prepare();
  run();
  seen.fill(0);
  prepare();
  const items = run();
  if (seen[claimed ? 0 : 1] !== 0) throw new Error(`${seen} packets came out of the two lanes`);
  return { items, prepare, run };
}

const GROWTH: readonly [flows: number, entries: number][] = [
  [100, 32768],
  [1000, 32768],
  [100_000, 1 << 18],
  [1_000_000, 1 << 20],
];

export const cases: readonly Case[] = [
  ...GROWTH.flatMap(([flows, entries]) => [
    { name: `dispatch_rfs_off_${flows}flows`, bytes: 64, make: () => dispatch(flows, 0) },
    { name: `dispatch_rfs_on_${flows}flows`, bytes: 64, make: () => dispatch(flows, entries) },
    { name: `bare_reads_${entries}entries`, bytes: 0, make: () => bare(entries) },
  ]),
  { name: 'superpacket_stays', bytes: 16 * MSS_ESP, make: () => twoStage(false) },
  { name: 'superpacket_handed_over', bytes: 16 * MSS_ESP, make: () => twoStage(true) },
];
