/** What does a packet cost by its size, from 64 bytes to a super-packet of 65,212? */
import { createKernels } from '../../src/kernels/create.ts';
import { createFrameMemory } from '../../src/memory/frame-memory.ts';
import { dispatch } from '../dispatch.ts';
import { polling } from '../lane.ts';
import { drain, makeRig } from '../rig.ts';
import { segments } from '../segments.ts';
import { espCapture, GCM_256 } from '../traffic.ts';
import type { Point, PointRound } from './point.ts';

/** Headers of IPv4 and of TCP with time stamps. */
const HEADERS = 52;
const ETHERNET = 14;
/** Flows, whose segments come in turn. */
const FLOWS = 16;
/** All packets of a round together: in L2 up to 1,500 bytes each, beyond that in L3. */
const BYTES = 8 << 20;
const MOST = 512;
const BURST = 256;

/** Packets of a round, whole polls of them. */
function packetsOf(size: number): number {
  return Math.min(MOST, Math.floor(BYTES / size / 64) * 64);
}

const framesOf = (size: number): Uint8Array[] =>
  segments({ count: packetsOf(size), flows: FLOWS, payload: size - HEADERS });

function placing(size: number): PointRound {
  return { ...dispatch(framesOf(size), BURST), reserved: makeRig().bytes.length, tables: 0 };
}

/** What `push(bytes)` does: each frame is copied into its lane's arena. */
function pushing(size: number): PointRound {
  const frames = framesOf(size);
  const { bytes, dispatcher, consumers } = makeRig();
  return {
    items: frames.length,
    reserved: bytes.length,
    tables: 0,
    run() {
      let sum = 0;
      for (let i = 0; i < frames.length; i++) {
        if (!dispatcher.push(frames[i], 1, 1_700_000_000, i)) throw new Error('a lane was full');
        if ((i & 31) === 31)
          for (let lane = 0; lane < consumers.length; lane++) sum = (sum + drain(consumers[lane])) | 0;
      }
      return sum;
    },
  };
}

/** A lane with GRO: checksums verified, what can be merged is. */
function inLane(size: number): PointRound {
  const { rig, ...round } = polling(framesOf(size));
  return { ...round, reserved: rig.bytes.length, tables: 0 };
}

function opening(size: number): PointRound {
  const { frames, sas } = espCapture({
    transform: GCM_256,
    count: packetsOf(size),
    flows: FLOWS,
    train: 1,
    sas: 1,
    payload: size - HEADERS,
  });
  const { rig, ...round } = polling(frames, { sas });
  const [choice] = rig.sas.inUse();
  return {
    ...round,
    reserved: rig.bytes.length,
    tables: 0,
    facts: () => ({ crypto: choice.bursts ?? choice.backend }),
  };
}

/** As many bytes copied by the kernel, from where the frames of a round would lie to a place in L1 or L2. */
function copying(size: number): PointRound {
  const packets = packetsOf(size);
  const length = ETHERNET + size;
  const slot = (length + 63) & ~63;
  const memory = createFrameMemory((packets + 1) * slot);
  const bytes = new Uint8Array(memory.buffer);
  bytes.fill(1);
  const kernels = createKernels(memory, bytes);
  const target = packets * slot;
  return {
    items: packets,
    reserved: bytes.length,
    tables: 0,
    run() {
      let sum = 0;
      for (let i = 0; i < packets; i++) {
        kernels.copy(target, i * slot, length);
        sum = (sum + bytes[target]) | 0;
      }
      return sum;
    },
  };
}

const MTU = 1500;
const JUMBO = 9000;
/** 45 segments of an MTU of 1500 in one, as a NIC or a virtual machine's host gives them. */
const SUPER = 45 * (MTU - HEADERS) + HEADERS;
const SIZES = [64, 128, 256, 512, 1024, MTU, 4000, JUMBO, SUPER];

const SERIES: readonly [series: string, name: string, most: number, make: (size: number) => PointRound][] = [
  ['dispatch', 'dispatch', SUPER, placing],
  ['push(bytes), copied', 'push', SUPER, pushing],
  ['lane with GRO, checksums verified', 'lane', SUPER, inLane],
  ['lane, AES-256-GCM', 'lane_gcm', JUMBO, opening],
  ['bare copy of as many bytes', 'copy', SUPER, copying],
];

export const points: readonly Point[] = SERIES.flatMap(([series, name, most, make]) =>
  SIZES.filter((x) => x <= most).map((x) => ({
    name: `sizes_${name}_${x}`,
    chart: 'sizes',
    series,
    x,
    bytes: x,
    make: () => make(x),
  })),
);
