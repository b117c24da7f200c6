/** Frames, fragments and kernels for the tests of reassembly. */
import { CLASS_FRAGMENT4 } from '../../src/counters.ts';
import { Reassembler, type ReassemblerOptions } from '../../src/fragments/reassembler.ts';
import { createPlainKernels } from '../../src/kernels/plain-kernels.ts';
import { ipv4HeaderOk } from '../../src/wire/checksum.ts';
import { Dissection, dissect, LINK_ETHERNET } from '../../src/wire/dissect.ts';

export const ETHERNET = 14;

/** One reassembler over its own memory: [0, frames) is for the frames of the test, the pool lies behind. */
export class Bench {
  readonly bytes: Uint8Array;
  readonly reassembler: Reassembler;
  readonly d: Dissection = new Dissection();
  /** What went in and how it came out. */
  in = 0;
  joined = 0;
  lost = 0;
  seconds = 1000;
  nanos = 0;

  constructor(options: ReassemblerOptions = {}, pool: number = 1 << 21) {
    const frames = 1 << 17;
    this.bytes = new Uint8Array(frames + pool);
    this.reassembler = new Reassembler(
      this.bytes,
      createPlainKernels(this.bytes),
      { offset: frames, length: pool },
      options,
    );
  }

  /** Adds an Ethernet frame; returns the result of `add`. */
  add(frame: Uint8Array, sa = 0): number {
    // Behind other bytes, and wiped afterwards: the reassembler must have copied.
    const off = 96;
    this.bytes.set(frame, off);
    const cls = dissect(this.bytes, off, off + frame.length, LINK_ETHERNET, this.d);
    if ((cls & ~1) !== CLASS_FRAGMENT4) throw new Error(`class ${cls} is no fragment`);
    this.in++;
    const result = this.reassembler.add(this.d, off, sa, this.seconds, this.nanos);
    if (result === 1) this.joined += this.reassembler.outFragments;
    if (result >= 2) this.lost += this.reassembler.lost;
    this.lost += this.reassembler.evicted;
    this.bytes.fill(0xdd, off, off + frame.length);
    return result;
  }

  /** The last complete datagram, copied; checks that it is sound and that `outL3` points to its IP header. */
  out(): { frame: Uint8Array; payload: Uint8Array; proto: number } {
    const { outOffset, outLength, outL3 } = this.reassembler;
    const { d, bytes } = this;
    dissect(bytes, outOffset, outOffset + outLength, LINK_ETHERNET, d);
    if (d.l3 !== outL3 || d.end !== outOffset + outLength || d.truncated !== 0) throw new Error('header does not fit');
    if (bytes[d.l3] >> 4 === 4 && !ipv4HeaderOk(bytes, d.l3)) throw new Error('header checksum');
    return {
      frame: bytes.slice(outOffset, outOffset + outLength),
      payload: bytes.slice(d.l4, d.end),
      proto: d.proto,
    };
  }

  /** Every fragment is joined, lost or held. */
  get conserved(): boolean {
    return this.in === this.joined + this.lost + this.reassembler.held;
  }
}

/** Payload bytes that differ from datagram to datagram. */
export function payloadOf(length: number, salt: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = (i * 7 + (i >> 8) * 13 + salt * 29) & 0xff;
  return out;
}

export interface FragmentSpec {
  v6?: boolean;
  id: number;
  offset: number;
  more: boolean;
  payload: Uint8Array;
  protocol?: number;
  source?: number;
  /** IPv4 options, or IPv6 destination options in front of the fragment header; a multiple of 4, of 8. */
  extra?: Uint8Array;
  /** Bytes behind the IP packet, as Ethernet pads. */
  trailer?: number;
  dontFragment?: boolean;
}

/** An Ethernet frame with one fragment. */
export function fragment(s: FragmentSpec): Uint8Array {
  const extra = s.extra ?? new Uint8Array(0);
  const protocol = s.protocol ?? 253;
  const header = (s.v6 ? 48 : 20) + extra.length;
  const frame = new Uint8Array(ETHERNET + header + s.payload.length + (s.trailer ?? 0)).fill(0xee);
  const v = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], 0);
  v.setUint16(12, s.v6 ? 0x86dd : 0x0800);
  const field = s.offset | (s.more ? (s.v6 ? 1 : 0x2000) : 0);
  if (s.v6) {
    v.setUint32(14, 0x60000000);
    v.setUint16(18, header - 40 + s.payload.length);
    frame[20] = extra.length > 0 ? 60 : 44;
    frame[21] = 64;
    for (let i = 0; i < 32; i++) frame[22 + i] = i;
    frame[37] = s.source ?? 1;
    frame.set(extra, 54);
    const f = 54 + extra.length;
    if (extra.length > 0) frame[54] = 44;
    frame[f] = protocol;
    frame[f + 1] = 0;
    v.setUint16(f + 2, field);
    v.setUint32(f + 4, s.id);
  } else {
    frame[14] = 0x40 | (header >> 2);
    frame[15] = 0;
    v.setUint16(16, header + s.payload.length);
    v.setUint16(18, s.id);
    v.setUint16(20, (s.offset >> 3) | (s.more ? 0x2000 : 0) | (s.dontFragment ? 0x4000 : 0));
    frame[22] = 64;
    frame[23] = protocol;
    v.setUint16(24, 0);
    v.setUint32(26, 0x0a000000 | (s.source ?? 1));
    v.setUint32(30, 0x0a000063);
    frame.set(extra, 34);
  }
  frame.set(s.payload, ETHERNET + header);
  return frame;
}

/** Splits a payload at the given places (multiples of 8) into the fragments of a datagram. */
export function split(
  whole: Uint8Array,
  cuts: number[],
  spec: Omit<FragmentSpec, 'offset' | 'more' | 'payload'>,
): Uint8Array[] {
  const at = [0, ...cuts, whole.length];
  return at
    .slice(1)
    .map((end, i) =>
      fragment({ ...spec, offset: at[i], more: end < whole.length, payload: whole.subarray(at[i], end) }),
    );
}

/** The records of a classic little-endian pcap file with microseconds. */
export function* pcapRecords(file: Uint8Array): Generator<{ seconds: number; nanos: number; frame: Uint8Array }> {
  const v = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (v.getUint32(0, true) !== 0xa1b2c3d4) throw new Error('not the kind of pcap that this reads');
  for (let p = 24; p + 16 <= file.length; ) {
    const length = v.getUint32(p + 8, true);
    yield {
      seconds: v.getUint32(p, true),
      nanos: v.getUint32(p + 4, true) * 1000,
      frame: file.subarray(p + 16, p + 16 + length),
    };
    p += 16 + length;
  }
}
