/** What does it cost to find a frame's queue: dissection, hash, indirection table? The frames are those of the C peers. */
import { CLASS_MALFORMED, CLASS_TCP4 } from '../src/counters.ts';
import { createKernels } from '../src/kernels/create.ts';
import { Steerer } from '../src/steer/steerer.ts';
import { Dissection, dissect } from '../src/wire/dissect.ts';
import { ipsecFrames, peerFrames } from './frames.ts';
import type { Case, Round } from './harness.ts';
import { makeRig, place } from './rig.ts';

const QUEUES = 4;

function classify(frames: readonly Uint8Array[], uniform: boolean): Round {
  const { bytes, options } = makeRig({ queues: QUEUES });
  const { offsets, lengths, count } = place(frames, bytes, options.layout.windows);
  const d = new Dissection();
  const steerer = new Steerer(options.steerer);
  check(bytes, offsets, lengths, uniform);
  return {
    items: count,
    run() {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const off = offsets[i];
        dissect(bytes, off, off + lengths[i], 1, d);
        sum += steerer.steer(bytes, d);
      }
      return sum;
    },
  };
}

/** The same by the kernel, in groups of 32, descriptors included. */
function byKernel(frames: readonly Uint8Array[], uniform: boolean): Round {
  const { bytes, memory, options, control } = makeRig({ queues: QUEUES });
  const { offsets, lengths, wireLengths, seconds, nanos, count } = place(frames, bytes, options.layout.windows);
  const { classify } = createKernels(memory, bytes);
  if (classify === undefined) throw new Error('this engine has no SIMD');
  check(bytes, offsets, lengths, uniform);
  const { address } = control.plan;
  return {
    items: count,
    run() {
      let known = 0;
      for (let i = 0; i < count; i = known) {
        const most = Math.min(count, i + 32);
        known = classify(
          address,
          offsets.byteOffset,
          lengths.byteOffset,
          wireLengths.byteOffset,
          seconds.byteOffset,
          nanos.byteOffset,
          i,
          most,
          i,
        );
        if (known !== most) throw new Error(`frame ${known} is not the kernel's`);
      }
      return known;
    },
  };
}

/** Every frame is sound, and of the class it was made for. */
function check(bytes: Uint8Array, offsets: Int32Array, lengths: Int32Array, uniform: boolean): void {
  const d = new Dissection();
  for (let i = 0; i < offsets.length; i++) {
    const cls = dissect(bytes, offsets[i], offsets[i] + lengths[i], 1, d);
    if (cls === CLASS_MALFORMED || (uniform && cls !== CLASS_TCP4)) throw new Error(`frame ${i} is of class ${cls}`);
  }
}

function sized(size: 64 | 1400): Case[] {
  const of = (name: string, make: () => Uint8Array[]): Case => ({
    name: `classify_${size}_${name}`,
    bytes: size,
    make: () => classify(make(), name === 'uniform'),
  });
  return [
    of('uniform', () => peerFrames(size, true)),
    of('mix', () => peerFrames(size, false)),
    { name: `classify_${size}_uniform_kernel`, bytes: size, make: () => byKernel(peerFrames(size, true), true) },
    { name: `classify_${size}_mix_kernel`, bytes: size, make: () => byKernel(peerFrames(size, false), false) },
    of('ipsec', () => ipsecFrames(size)),
  ];
}

export const cases: readonly Case[] = [...sized(64), ...sized(1400)];
