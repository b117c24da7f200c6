/** What does it cost to bring a frame to its lane: all of classification, the SA's owner, the descriptor into the ring? */
import type { FrameBatch } from '../src/capture/frame-batch.ts';
import { createSas, type Sa } from '../src/esp/index.ts';
import { put16 } from '../src/wire/bytes.ts';
import { espFrames, peerFrames } from './frames.ts';
import type { Case, Round } from './harness.ts';
import { drain, makeRig, place, type RigOptions } from './rig.ts';

/** Bursts into the rings of four lanes, which the same thread empties after each. */
export function dispatch(frames: readonly Uint8Array[], burst: number, options: RigOptions = {}): Round {
  const rig = makeRig(options);
  const { dispatcher, consumers } = rig;
  const batch = place(frames, rig.bytes, rig.options.layout.windows);
  const total = batch.count;
  const run = (): number => pushAll(batch, total);
  const pushAll = (all: FrameBatch, count: number): number => {
    let sum = 0;
    for (let from = 0; from < count; from = all.count) {
      all.count = Math.min(from + burst, count);
      dispatcher.pushBatch(all, from);
      for (let lane = 0; lane < consumers.length; lane++) sum = (sum + drain(consumers[lane])) | 0;
    }
    return sum;
  };
  run();
  const placed = dispatcher.placed.reduce((a, b) => a + b);
  if (placed !== total) throw new Error(`${placed} of ${total} frames came to a lane`);
  return { items: total, run };
}

/** One frame at a time, copied into the lane's arena: what `push(bytes)` does. */
function pushing(frames: readonly Uint8Array[]): Round {
  const { dispatcher, consumers } = makeRig();
  return {
    items: frames.length,
    run() {
      let sum = 0;
      for (let i = 0; i < frames.length; i++) {
        if (!dispatcher.push(frames[i], 1, 1_700_000_000, i)) throw new Error('a lane was full');
        if ((i & 31) === 31) {
          for (let lane = 0; lane < consumers.length; lane++) sum = (sum + drain(consumers[lane])) | 0;
        }
      }
      return sum;
    },
  };
}

/** The frame without its last two bytes. */
function shorter(frame: Uint8Array): Uint8Array {
  const out = frame.slice(0, -2);
  put16(out, 16, out.length - 14);
  return out;
}

export function someSas(count: number): Sa[] {
  return createSas(
    Array.from({ length: count }, (_, i) => ({
      spi: 0x1001 + i,
      dst: `198.51.${100 + (i >> 8)}.${i & 0xff}`,
      mode: 'tunnel',
      transform: { cipher: 'null', auth: 'none' },
    })),
  );
}

/** 128: 32 for each lane, which is what the C peer puts into a ring at a time. */
function bursts(name: string, bytes: number, make: (burst: number) => Round): Case[] {
  return [32, 128, 256].map((burst) => ({ name: `dispatch_${name}_burst${burst}`, bytes, make: () => make(burst) }));
}

export const cases: readonly Case[] = [
  ...bursts('uniform', 64, (burst) => dispatch(peerFrames(64, true), burst)),
  ...bursts('mix', 64, (burst) => dispatch(peerFrames(64, false), burst)),
  ...[1, 1000].flatMap((count) =>
    bursts(`esp_${count}sa`, 64, (burst) => {
      const sas = someSas(count);
      return dispatch(espFrames(64, sas), burst, { sas });
    }),
  ),
  { name: 'push_copy_1400', bytes: 1400, make: () => pushing(peerFrames(1400, true)) },
  // Not a multiple of a word: each frame lies differently in the arena.
  { name: 'push_copy_1398', bytes: 1398, make: () => pushing(peerFrames(1400, true).map(shorter)) },
];
