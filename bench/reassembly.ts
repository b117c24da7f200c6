/** What does a fragment cost: datagrams of 4,000 bytes in three fragments, copied in, joined, and given back? */
import { FRAGMENT_COMPLETE, Reassembler } from '../src/fragments/reassembler.ts';
import { createKernels } from '../src/kernels/create.ts';
import { put16 } from '../src/wire/bytes.ts';
import { Dissection, dissect } from '../src/wire/dissect.ts';
import { emitEthernet } from '../src/wire/ethernet.ts';
import { emitIpv4, IPV4_FRAGMENT, setIpv4Checksum } from '../src/wire/ipv4.ts';
import type { Case, Round } from './harness.ts';
import { Random } from './random.ts';
import { makeRig, place } from './rig.ts';

const DATAGRAMS = 128;
const PAYLOAD = 4000;
const PIECE = 1480;
const PIECES = Math.ceil(PAYLOAD / PIECE);

function fragments(): Uint8Array[] {
  const random = new Random(0x77777777, 0x77777777);
  const frames: Uint8Array[] = [];
  for (let id = 1; id <= DATAGRAMS; id++) {
    for (let at = 0; at < PAYLOAD; at += PIECE) {
      const length = Math.min(PIECE, PAYLOAD - at);
      const frame = new Uint8Array(34 + length);
      random.fill(frame, 34, frame.length);
      emitEthernet(frame, 0, Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 0, 2), 0x0800);
      emitIpv4(frame, 14, Uint8Array.of(10, 1, 0, 1), Uint8Array.of(10, 2, 0, 1), 17, 20 + length);
      put16(frame, 18, id);
      put16(frame, 14 + IPV4_FRAGMENT, (at >> 3) | (at + length < PAYLOAD ? 0x2000 : 0));
      setIpv4Checksum(frame, 14);
      frames.push(frame);
    }
  }
  return frames;
}

function joining(): Round {
  const { bytes, memory, options } = makeRig({ queues: 1 });
  const { offsets, lengths, count } = place(fragments(), bytes, options.layout.windows);
  const reassembler = new Reassembler(bytes, createKernels(memory, bytes), options.layout.fragments, {});
  const d = new Dissection();
  const run = (): number => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      dissect(bytes, offsets[i], offsets[i] + lengths[i], 1, d);
      reassembler.expire(1_700_000_000, i);
      if (reassembler.add(d, offsets[i], 0, 1_700_000_000, i) !== FRAGMENT_COMPLETE) continue;
      sum += reassembler.outLength;
      reassembler.release(reassembler.outOffset);
    }
    return sum;
  };
  if (run() !== DATAGRAMS * (34 + PAYLOAD)) throw new Error('not all datagrams were joined');
  return { items: count, run };
}

export const cases: readonly Case[] = [{ name: 'fragment', bytes: (PAYLOAD + 34 * PIECES) / PIECES, make: joining }];
