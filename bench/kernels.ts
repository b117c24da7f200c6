/** What do copying and summing in the frame memory cost: in WebAssembly, in plain TypeScript, and with V8's own `set`? */
import { createPlainKernels } from '../src/kernels/plain-kernels.ts';
import { createWasmKernels } from '../src/kernels/wasm-kernels.ts';
import { createFrameMemory } from '../src/memory/frame-memory.ts';
import type { Case, Round } from './harness.ts';
import { Random } from './random.ts';

/** A source and a target behind it, both in L2. */
const SLOT = 2048;
const SLOTS = 128;

/**
 * Source and target lie differently to a word, as frames and headers do: V8 copies shared memory a byte at a time then, and a
 * word at a time only where both lie alike (1400 bytes: 400 ns and 70).
 */
const SKEW = 2;

interface Sides {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
}

function filled(): Sides {
  const memory = createFrameMemory(2 * SLOT * SLOTS);
  const bytes = new Uint8Array(memory.buffer);
  new Random(0x66666666, 0x66666666).fill(bytes, 0, SLOT * SLOTS);
  return { memory, bytes };
}

/** Every case runs in a process of its own, so the call of the kernel sees one kind only, as in a lane. */
function copying(kind: 'wasm' | 'plain', length: number): Round {
  const { memory, bytes } = filled();
  const kernels = kind === 'wasm' ? createWasmKernels(memory) : createPlainKernels(bytes);
  return {
    items: SLOTS * 16,
    run() {
      for (let round = 0; round < 16; round++) {
        for (let i = 0; i < SLOTS; i++) kernels.copy((SLOTS + i) * SLOT, i * SLOT + SKEW, length);
      }
      return bytes[SLOTS * SLOT + length - 1];
    },
  };
}

/** What a pushed frame goes through: from memory that is not shared, in one call without a view. */
function setting(length: number, skew: number): Round {
  const { bytes } = filled();
  const sources = Array.from({ length: SLOTS }, (_, i) => bytes.slice(i * SLOT, i * SLOT + length));
  return {
    items: SLOTS * 16,
    run() {
      for (let round = 0; round < 16; round++) {
        for (let i = 0; i < SLOTS; i++) bytes.set(sources[i], (SLOTS + i) * SLOT + skew);
      }
      return bytes[SLOTS * SLOT + length - 1];
    },
  };
}

function summing(kind: 'wasm' | 'plain', length: number): Round {
  const { memory, bytes } = filled();
  const kernels = kind === 'wasm' ? createWasmKernels(memory) : createPlainKernels(bytes);
  const twin = createPlainKernels(bytes);
  if (kernels.checksum(2, length) !== twin.checksum(2, length)) throw new Error('the sums differ');
  return {
    items: SLOTS * 16,
    run() {
      let sum = 0;
      for (let round = 0; round < 16; round++) {
        for (let i = 0; i < SLOTS; i++) sum += kernels.checksum(i * SLOT + 2, length);
      }
      return sum;
    },
  };
}

export const cases: readonly Case[] = [
  ...[64, 512, 1400].flatMap((bytes) => [
    { name: `copy_${bytes}_wasm`, bytes, make: () => copying('wasm', bytes) },
    { name: `copy_${bytes}_plain`, bytes, make: () => copying('plain', bytes) },
    { name: `copy_${bytes}_set`, bytes, make: () => setting(bytes, SKEW) },
    { name: `copy_${bytes}_set_aligned`, bytes, make: () => setting(bytes, 0) },
  ]),
  ...[64, 512, 1468].flatMap((bytes) => [
    { name: `checksum_${bytes}_wasm`, bytes, make: () => summing('wasm', bytes) },
    { name: `checksum_${bytes}_plain`, bytes, make: () => summing('plain', bytes) },
  ]),
];
