/** What does the Toeplitz hash of a tuple cost? 65,536 random tuples, packed, as in the C peers' `thash_*`. */
import { microsoftKey } from '../src/hash/keys.ts';
import { fillNibbles } from '../src/hash/nibble-tables.ts';
import { Toeplitz } from '../src/hash/toeplitz.ts';
import { compileKernels } from '../src/kernels/compile.ts';
import { createFrameMemory } from '../src/memory/frame-memory.ts';
import { referenceToeplitz } from '../test/hash/reference.ts';
import type { Case, Round } from './harness.ts';
import { Random } from './random.ts';

const TUPLES = 65_536;
const KEY = microsoftKey();
/** The bit-serial form takes so long that a part of the tuples is enough. */
const SERIAL_TUPLES = 1024;

function tuples(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(createFrameMemory(TUPLES * length + 65_536).buffer);
  new Random(seed, seed).fill(bytes, 0, TUPLES * length);
  return bytes;
}

/** The definition, bit by bit (the reference of the tests with small integers): for every bit that is set, the 32 bits of the key from that place on. */
function serial(key: Uint8Array, bytes: Uint8Array, off: number, length: number): number {
  let hash = 0;
  let window = (key[0] << 24) | (key[1] << 16) | (key[2] << 8) | key[3];
  for (let i = 0; i < length; i++) {
    const byte = bytes[off + i];
    const next = key[i + 4];
    for (let bit = 7; bit >= 0; bit--) {
      if ((byte >> bit) & 1) hash ^= window;
      window = (window << 1) | ((next >> bit) & 1);
    }
  }
  return hash;
}

function v4(): Round {
  const bytes = tuples(12, 0x11111111);
  const toeplitz = new Toeplitz(KEY);
  check(bytes, 12, (off) => toeplitz.hash12(bytes, off));
  return {
    items: TUPLES,
    run() {
      let sum = 0;
      for (let off = 0; off < TUPLES * 12; off += 12) sum ^= toeplitz.hash12(bytes, off);
      return sum;
    },
  };
}

function v6(): Round {
  const bytes = tuples(36, 0x22222222);
  const toeplitz = new Toeplitz(KEY);
  check(bytes, 36, (off) => toeplitz.hash36(bytes, off));
  return {
    items: TUPLES,
    run() {
      let sum = 0;
      for (let off = 0; off < TUPLES * 36; off += 36) {
        sum ^= toeplitz.hash36(bytes, off);
      }
      return sum;
    },
  };
}

interface HashExports {
  hashTuples(
    tuples: number,
    count: number,
    words: number,
    records: number,
    toeplitz: number,
    nibbles: number,
    hashes: number,
  ): number;
}

/** As the dispatching kernel hashes, sixteen tuples at a time, and nothing else of what it does: a module for this alone. */
async function byKernel(length: 12 | 36): Promise<Round> {
  const at = { toeplitz: 0, nibbles: 65_536, records: 131_072, hashes: 196_608, tuples: 524_288 };
  const memory = createFrameMemory(at.tuples + TUPLES * length + 65_536);
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(tuples(length, 0x44444444).subarray(0, TUPLES * length), at.tuples);
  const { table } = new Toeplitz(KEY);
  // More positions than tuples have bytes.
  new Int32Array(memory.buffer, at.toeplitz, at.nibbles >> 2).set(table.subarray(0, at.nibbles >> 2));
  fillNibbles(bytes.subarray(at.nibbles), table);
  const module = new WebAssembly.Module(await compileKernels('bench/assembly/hash-tuples.ts'));
  const { hashTuples } = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as HashExports;
  const run = (): number => hashTuples(at.tuples, TUPLES, length >> 2, at.records, at.toeplitz, at.nibbles, at.hashes);
  run();
  const hashes = new Int32Array(memory.buffer, at.hashes, TUPLES);
  check(bytes.subarray(at.tuples), length, (off) => hashes[off / length]);
  return { items: TUPLES, run };
}

function bitSerial(length: number): Round {
  const bytes = tuples(length, 0x33333333);
  return {
    items: SERIAL_TUPLES,
    run() {
      let sum = 0;
      for (let off = 0; off < SERIAL_TUPLES * length; off += length) sum ^= serial(KEY, bytes, off, length);
      return sum;
    },
  };
}

/** Both forms agree with the reference of the tests. */
function check(bytes: Uint8Array, length: number, hash: (off: number) => number): void {
  for (let off = 0; off < 64 * length; off += length) {
    const expected = referenceToeplitz(KEY, bytes.slice(off, off + length)) | 0;
    if (hash(off) !== expected || serial(KEY, bytes, off, length) !== expected) {
      throw new Error(`the hash of tuple ${off / length} is wrong`);
    }
  }
}

export const cases: readonly Case[] = [
  { name: 'toeplitz_v4', bytes: 0, make: v4 },
  { name: 'toeplitz_v6', bytes: 0, make: v6 },
  { name: 'toeplitz_v4_kernel', bytes: 0, make: () => byKernel(12) },
  { name: 'toeplitz_v6_kernel', bytes: 0, make: () => byKernel(36) },
  { name: 'toeplitz_v4_bitserial', bytes: 0, make: () => bitSerial(12) },
  { name: 'toeplitz_v6_bitserial', bytes: 0, make: () => bitSerial(36) },
];
