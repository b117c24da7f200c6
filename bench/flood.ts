/**
 * What does a flood cost those who have no part in it? Times are per ordinary packet (IPv4/TCP and ESP in turn, 64 bytes), what the
 * flood takes included: rows with and without it are compared.
 *
 * `flood_fragments_*`: so many of 100 frames are fragments of datagrams that never complete. Each one opens a datagram, and in a
 * full pool (or share of it, where they are of one address pair) evicts the oldest.
 * `flood_hash_*`: all flows hash to one entry of the table, which whoever knows the key can arrange, beside as many that spread.
 */
import type { FrameBatch } from '../src/capture/frame-batch.ts';
import { microsoftKey } from '../src/hash/keys.ts';
import { place as choose } from '../src/hash/place.ts';
import type { Batch } from '../src/lane/batch.ts';
import { Steerer } from '../src/steer/steerer.ts';
import { addressText } from '../src/wire/address.ts';
import { put16, put32 } from '../src/wire/bytes.ts';
import { setL4Checksum } from '../src/wire/checksum.ts';
import { emitIpv4, IPV4_FRAGMENT, setIpv4Checksum } from '../src/wire/ipv4.ts';
import { emitIpv6 } from '../src/wire/ipv6.ts';
import { ipsecFrames, peerFrames } from './frames.ts';
import type { Case, Round } from './harness.ts';
import { drain, makeRig, place } from './rig.ts';
import { segments } from './segments.ts';

const ORDINARY = 8000;
const BURST = 32;
/** Chunks of the waiting half of the pool: no more fragments may wait. */
const POOL = 960;
const L3 = 14;

interface Flood {
  readonly percent: number;
  readonly six?: boolean;
  /** A source of its own for each fragment. */
  readonly spoofed?: boolean;
  /** Bytes of a fragment's payload; default 8: as many packets as a wire carries. */
  readonly payload?: number;
}

/** The first fragment of the n-th datagram, from the IP header on the same for all but addresses and identification. */
function fragment(n: number, { six = false, spoofed = false, payload = 8 }: Flood): Uint8Array {
  const header = six ? 48 : 20;
  const frame = new Uint8Array(Math.max(64, L3 + header + payload));
  put16(frame, 12, six ? 0x86dd : 0x0800);
  const source = spoofed ? n : 1;
  if (six) {
    const src = new Uint8Array(16).fill(0x20);
    put32(src, 12, source);
    emitIpv6(frame, L3, src, new Uint8Array(16).fill(0x21), 44, header - 40 + payload);
    frame[54] = 17;
    put16(frame, 56, 1);
    put32(frame, 58, n);
  } else {
    const src = Uint8Array.of(198, 18, source >> 8, source & 0xff);
    emitIpv4(frame, L3, src, Uint8Array.of(198, 51, 100, 1), 17, header + payload);
    put16(frame, L3 + 4, n);
    put16(frame, L3 + IPV4_FRAGMENT, 0x2000);
    setIpv4Checksum(frame, L3);
  }
  return frame;
}

/** Ordinary frames, and so many of 100 of the flood among them. */
function mixed(flood: Flood): Uint8Array[] {
  const tcp = peerFrames(64, true);
  const esp = ipsecFrames(64).filter((frame) => frame[23] === 50);
  const frames: Uint8Array[] = [];
  let hostile = 0;
  for (let n = 0; n < ORDINARY; n++) {
    frames.push(n & 1 ? esp[n % esp.length] : tcp[n]);
    for (; hostile * (100 - flood.percent) < (n + 1) * flood.percent; hostile++) frames.push(fragment(hostile, flood));
  }
  return frames;
}

/** As `dispatch`: bursts into the rings of four lanes, which the same thread empties. */
function flooded(flood: Flood): Round {
  const { bytes, options, dispatcher, consumers } = makeRig();
  const batch: FrameBatch = place(mixed(flood), bytes, options.layout.windows);
  const total = batch.count;
  const run = (): number => {
    let sum = 0;
    for (let from = 0; from < total; from = batch.count) {
      batch.count = Math.min(from + BURST, total);
      dispatcher.pushBatch(batch, from);
      for (let lane = 0; lane < consumers.length; lane++) sum = (sum + drain(consumers[lane])) | 0;
    }
    if (dispatcher.held > POOL) throw new Error(`${dispatcher.held} fragments wait`);
    return sum;
  };
  run();
  const placed = dispatcher.placed.reduce((a, b) => a + b);
  if (placed !== ORDINARY) throw new Error(`${placed} of ${ORDINARY} ordinary frames came to a lane`);
  return { items: ORDINARY, run };
}

const FLOWS = 512;

/** A full-size segment of each of 512 flows, on one queue of one; `colliding`: their hashes share all bits that a table has. */
function hashed(colliding: boolean): Round {
  const frames = segments({ count: FLOWS, flows: FLOWS });
  if (colliding) {
    const hasher = new Steerer({ key: microsoftKey(), queues: 1 });
    frames.forEach((frame) => {
      const flow = {
        src: addressText(frame, L3 + 12, 4),
        dst: addressText(frame, L3 + 16, 4),
        proto: 'tcp',
        dport: 443,
      } as const;
      // a table of 4096 entries of one queue each: the low 12 bits of all hashes are 0
      const [placed] = choose({
        hasher: hasher.hasher,
        entries: Array.from({ length: 4096 }, (_, i) => i),
        flow,
        choose: 'sport',
        base: 0,
        queues: [0],
      }).placements;
      if (placed === undefined) throw new Error('a flow has no port that collides');
      put16(frame, 34, placed.value);
      put16(frame, 50, 0);
      setL4Checksum(frame, L3, 34, frame.length, 6);
    });
  }
  const rig = makeRig({ queues: 1, deterministic: true });
  const batch = place(frames, rig.bytes, rig.options.layout.windows);
  let seen = 0;
  const lane = rig.lane(0, {
    onPackets(delivered: Batch): void {
      for (let i = 0; i < delivered.length; i++) seen += delivered.segments(i);
    },
  });
  const prepare = (): void => {
    if (rig.dispatcher.pushBatch(batch, 0) !== FLOWS || !rig.dispatcher.mark()) throw new Error('the ring is full');
  };
  const run = (): number => {
    seen = 0;
    while (lane.poll() > 0);
    return seen;
  };
  prepare();
  if (run() !== FLOWS) throw new Error(`${seen} of ${FLOWS} segments came out`);
  return { items: FLOWS, prepare, run };
}

function fragments(name: string, flood: Flood): Case {
  return { name: `flood_fragments_${name}`, bytes: 64, make: () => flooded(flood) };
}

export const cases: readonly Case[] = [
  fragments('none', { percent: 0 }),
  fragments('10', { percent: 10 }),
  fragments('50', { percent: 50 }),
  fragments('50_v6', { percent: 50, six: true }),
  fragments('50_spoofed', { percent: 50, spoofed: true }),
  fragments('50_spoofed_v6', { percent: 50, spoofed: true, six: true }),
  fragments('50_1480', { percent: 50, payload: 1480 }),
  { name: 'flood_hash_spread', bytes: 1514, make: () => hashed(false) },
  { name: 'flood_hash_collide', bytes: 1514, make: () => hashed(true) },
];
