/** Runs frames through dissection and a `Gro`, poll by poll, and collects what comes out. */
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { type Gro, Gro as GroClass, type GroOptions, gsoType } from '../../src/gro/index.ts';
import { createKernels, createPlainKernels, type Kernels } from '../../src/kernels/index.ts';
import { createFrameMemory } from '../../src/memory/frame-memory.ts';
import {
  F_FROM_ESP,
  F_HASH_VALID,
  F_TRUNCATED,
  P_CLS,
  P_END,
  P_FIRST,
  P_FLAGS,
  P_GSO,
  P_HASH,
  P_L3,
  P_L4,
  P_LAST,
  P_LEN,
  P_NSEC,
  P_NUMBER,
  P_OFF,
  P_PIECES,
  P_PROTO,
  P_SA,
  P_SEC,
  P_SEGS,
  P_TOTAL,
  P_VLAN,
  P_WIRE,
  PacketTable,
  ROW_SHIFT,
} from '../../src/memory/packet-table.ts';
import { ownWords, type TakeWords, wordsOf } from '../../src/memory/words.ts';
import { Dissection, dissect, LINK_ETHERNET } from '../../src/wire/dissect.ts';

/** A packet that came out: its bytes, numbers of the input frames in it, and where its headers are. */
export interface Output {
  bytes: Uint8Array;
  gsoSize: number;
  gsoType: string;
  segments: number;
  from: number[];
  cls: number;
  l3: number;
  l4: number;
}

/** A frame that goes in. `sa`: index + 1, and the packet counts as out of ESP. `tci`: of a VLAN tag that was stripped. */
export interface Input {
  bytes: Uint8Array;
  hash?: number;
  sa?: number;
  tci?: number;
}

export interface RigResult {
  outputs: Output[];
  gro: Gro;
  /** How many rows the kernel took. */
  taken: number;
  /** Packets held at once, and bytes of scratch taken in a poll, at most. */
  mostHeld: number;
  mostScratch: number;
}

const GAP = 64;
const MEMORY = 16 << 20;
const TABLE = 4 << 20;

/** The frame memory for the kernel: one for all runs, as each would reserve gigabytes of addresses. */
const memory = createFrameMemory(MEMORY);
const shared = new Uint8Array(memory.buffer);
const kernels = countingKernels(createKernels(memory, shared));
let taken = 0;

/** Kernels that count the rows that they take. */
function countingKernels(kernels: Kernels): Kernels {
  return {
    ...kernels,
    coalesce(plan, from, to) {
      const next = kernels.coalesce!(plan, from, to);
      taken += next - from;
      return next;
    },
  };
}

/** Runs them twice, with the kernel and without it: both must say the same. */
export function runGro(frames: Input[], polls: number[], options: GroOptions = {}, scratchBytes = 1 << 16): RigResult {
  const size = frames.reduce((sum, f) => sum + f.bytes.length + GAP, GAP) + scratchBytes;
  const own = new Uint8Array(size).fill(0xa5);
  const result = run(own, createPlainKernels(own), ownWords, frames, polls, options, size);
  if (size > MEMORY - TABLE) throw new Error('too many frames for the memory of this test');
  shared.fill(0xa5, 0, size);
  taken = 0;
  const words = wordsOf(memory.buffer, { offset: MEMORY - TABLE, length: TABLE });
  const again = run(shared, kernels, words, frames, polls, options, size);
  const facts = ({ outputs, gro: { merged, flushes, passes } }: RigResult): unknown => ({
    outputs,
    merged,
    flushes,
    passes,
  });
  if (!isDeepStrictEqual(facts(again), facts(result))) {
    expect(facts(again)).toEqual(facts(result));
  }
  return { ...result, taken };
}

function run(
  bytes: Uint8Array,
  kernels: Kernels,
  words: TakeWords,
  frames: Input[],
  polls: number[],
  options: GroOptions,
  size: number,
): RigResult {
  const starts: number[] = [];
  let at = GAP;
  for (const f of frames) {
    starts.push(at);
    bytes.set(f.bytes, at);
    at += f.bytes.length + GAP;
  }
  const scratchStart = at;
  const table = new PacketTable(Math.max(1, ...polls), undefined, words);
  const outputs: Output[] = [];
  let scratchAt = scratchStart;
  const scratch = {
    take(length: number): number {
      if (scratchAt + length > size) return -1;
      scratchAt += length;
      return scratchAt - length;
    },
    trim(end: number): void {
      scratchAt = end;
    },
  };
  // Frames of earlier polls are far behind: from the one that was last taken in.
  let number = 0;
  const owner = (offset: number): number => {
    let i = Math.min(number, starts.length - 1);
    while (starts[i] > offset) i--;
    return i;
  };
  const sink = {
    deliver(row: number): void {
      const w = table.w;
      const b = row << ROW_SHIFT;
      const off = w[b + P_OFF];
      const from = [w[b + P_NUMBER]];
      let data = bytes.slice(off, off + w[b + P_LEN]);
      if (w[b + P_PIECES] > 0) {
        data = new Uint8Array(w[b + P_TOTAL]);
        let to = 0;
        let pieces = 0;
        for (let p = w[b + P_FIRST]; p >= 0; p = table.pieceNext[p], pieces++) {
          data.set(bytes.subarray(table.pieceOff[p], table.pieceOff[p] + table.pieceLen[p]), to);
          to += table.pieceLen[p];
          if (pieces >= 2) from.push(owner(table.pieceOff[p]));
        }
        if (to !== data.length || pieces !== w[b + P_PIECES] || pieces !== w[b + P_SEGS] + 1) throw new Error('pieces');
        if (from.at(-1) !== w[b + P_LAST]) throw new Error('last');
      } else if (w[b + P_TOTAL] !== w[b + P_LEN]) {
        throw new Error('total');
      }
      const l3 = w[b + P_L3] - off;
      const l4 = w[b + P_L4] - off;
      const type = w[b + P_SEGS] > 1 ? gsoType(bytes, w, b, options.as) : 'none';
      const facts = { gsoSize: w[b + P_GSO], gsoType: type, segments: w[b + P_SEGS], cls: w[b + P_CLS] };
      outputs.push({ bytes: data, ...facts, from, l3, l4 });
    },
  };
  const gro = new GroClass(bytes, kernels, table, sink, scratch, options, words);
  const d = new Dissection();
  // Without ESP nothing opens UDP of this port: to Linux it is like any other.
  d.nattPort = -1;
  let mostHeld = 0;
  let mostScratch = 0;
  for (const poll of polls) {
    for (let k = 0; k < poll; k++, number++) {
      const f = frames[number];
      const off = starts[number];
      const end = off + f.bytes.length;
      const cls = dissect(bytes, off, end, LINK_ETHERNET, d);
      const row = table.row();
      const b = row << ROW_SHIFT;
      const w = table.w;
      w[b + P_OFF] = off;
      w[b + P_LEN] = f.bytes.length;
      w[b + P_L3] = d.l3;
      w[b + P_L4] = d.l4;
      w[b + P_END] = d.end;
      w[b + P_CLS] = cls;
      w[b + P_PROTO] = d.proto;
      w[b + P_HASH] = (f.hash ?? 0) | 0;
      w[b + P_FLAGS] =
        (f.hash === undefined ? 0 : F_HASH_VALID) | (d.truncated ? F_TRUNCATED : 0) | (f.sa ? F_FROM_ESP : 0);
      w[b + P_SA] = f.sa ?? 0;
      w[b + P_NUMBER] = number;
      w[b + P_LAST] = number;
      w[b + P_SEC] = 0;
      w[b + P_NSEC] = 0;
      w[b + P_WIRE] = f.bytes.length;
      w[b + P_VLAN] = f.tci === undefined ? d.vlan : 0x10000 | f.tci;
      gro.receive(row);
      mostHeld = Math.max(mostHeld, gro.held);
    }
    gro.flush();
    if (gro.held !== 0) throw new Error('held after flush');
    table.clear();
    mostScratch = Math.max(mostScratch, scratchAt - scratchStart);
    scratchAt = scratchStart;
  }
  // Frames are never written to.
  for (let i = 0; i < frames.length; i++) {
    const f = frames[i].bytes;
    if (Buffer.compare(bytes.subarray(starts[i], starts[i] + f.length), f) !== 0) throw new Error(`frame ${i} changed`);
  }
  return { outputs, gro, taken: 0, mostHeld, mostScratch };
}
