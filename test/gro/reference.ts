/**
 * GRO written down plainly, after Linux 6.18's `dev_gro_receive`, `inet_gro_receive`, `ipv6_gro_receive` and `tcp_gro_receive`:
 * objects and slices, every header compared as text, every checksum summed over the bytes. What `Gro` must be equal to.
 */
import { CLASS_FRAGMENT4, CLASS_FRAGMENT6, CLASS_MALFORMED, CLASS_TCP4, CLASS_TCP6 } from '../../src/counters.ts';
import { updateChecksum } from '../../src/gro/headers.ts';
import { fold, ipv4HeaderOk, onesSum, pseudoSum, setL4Checksum } from '../../src/wire/checksum.ts';
import { Dissection, dissect, LINK_ETHERNET } from '../../src/wire/dissect.ts';
import type { Input } from './rig.ts';

export interface ReferenceOutput {
  bytes: Uint8Array;
  gsoSize: number;
  segments: number;
  from: number[];
}

interface Packet {
  number: number;
  bytes: Uint8Array;
  hash: number;
  esp: boolean;
  /** Addresses; and with ports, when there is TCP to be seen. */
  pair?: string;
  tuple?: string;
  /** Passed at once, before any comparison. */
  bypass: boolean;
  /** Compared, but not merged and not held. */
  flush: boolean;
  l3: number;
  l4: number;
  v6: boolean;
  key: string;
  payload: Uint8Array;
}

interface Held {
  first: Packet;
  count: number;
  fixedId: boolean;
  payload: number[];
  flags: number;
  numbers: number[];
}

export interface ReferenceOptions {
  order: 'flow' | 'linux';
  acrossSas?: boolean;
  maxSize?: number;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export function referenceGro(inputs: Input[], polls: number[], options: ReferenceOptions): ReferenceOutput[] {
  const out: ReferenceOutput[] = [];
  const buckets: Held[][] = Array.from({ length: 8 }, () => []);
  const complete = (bucket: Held[], held: Held): void => {
    bucket.splice(bucket.indexOf(held), 1);
    out.push(finish(held));
  };
  const flushWhere = (match: (p: Packet) => boolean): void => {
    for (const bucket of buckets) for (const h of [...bucket]) if (match(h.first)) complete(bucket, h);
  };
  let number = 0;
  for (const poll of polls) {
    for (let k = 0; k < poll; k++, number++) {
      const p = parse(inputs[number], number, options.acrossSas ?? true);
      const bucket = buckets[p.hash & 7];
      const held = p.bypass ? undefined : bucket.find((h) => h.first.hash === p.hash && h.first.key === p.key);
      let flush = p.flush;
      let done = false;
      if (held) {
        if (!p.flush && continues(held, p, options.maxSize ?? 65536)) {
          merge(held, p);
          done = true;
          if (p.payload.length < held.first.payload.length || (p.bytes[p.l4 + 13] & 0x2f) !== 0) complete(bucket, held);
        } else {
          complete(bucket, held);
        }
      } else if (options.order === 'flow') {
        if (p.tuple !== undefined) flushWhere((h) => h.tuple === p.tuple && h.esp === p.esp);
        else if (p.pair !== undefined) flushWhere((h) => h.pair === p.pair && h.esp === p.esp);
      }
      if (done) continue;
      if (!p.bypass) flush ||= p.payload.length < 1 || (p.bytes[p.l4 + 13] & 0x2f) !== 0;
      if (p.bypass || flush) {
        out.push({ bytes: p.bytes, gsoSize: 0, segments: 1, from: [number] });
      } else {
        if (bucket.length >= 8) complete(bucket, bucket[0]);
        bucket.push({
          first: p,
          count: 1,
          fixedId: false,
          payload: [...p.payload],
          flags: p.bytes[p.l4 + 13],
          numbers: [number],
        });
      }
    }
    for (const bucket of buckets) while (bucket.length > 0) complete(bucket, bucket[0]);
  }
  return out;
}

function parse(input: Input, number: number, acrossSas: boolean): Packet {
  const b = input.bytes;
  const d = new Dissection();
  const cls = dissect(b, 0, b.length, LINK_ETHERNET, d);
  const { l3 } = d;
  const version = b.length - l3 >= 20 ? b[l3] >> 4 : 0;
  const v6 = version === 6;
  const p: Packet = {
    number,
    bytes: b,
    hash: (input.hash ?? 0) | 0,
    esp: (input.sa ?? 0) > 0,
    bypass: true,
    flush: false,
    l3,
    l4: d.l4,
    v6,
    key: '',
    payload: new Uint8Array(0),
  };
  const fragment = cls === CLASS_FRAGMENT4 || cls === CLASS_FRAGMENT6;
  const tcp = cls === CLASS_TCP4 || cls === CLASS_TCP6;
  if (!fragment && !tcp && cls !== CLASS_MALFORMED) return p;
  const headers = v6 ? b.length - l3 >= 40 : version === 4;
  if (!headers) return p;
  const next = fragment ? d.proto : b[l3 + (v6 ? 6 : 9)];
  const mayBeTcp = next === 6 || (v6 && [0, 43, 44, 60].includes(next));
  if (mayBeTcp || tcp) p.pair = text(v6 ? b.subarray(l3 + 8, l3 + 40) : b.subarray(l3 + 12, l3 + 20));
  if (tcp) p.tuple = `${p.pair} ${text(b.subarray(d.l4, d.l4 + 4))}`;
  if (fragment) return p;
  // From here on as Linux, which knows nothing of our dissection.
  let l4 = l3 + 20;
  if (v6) {
    l4 = l3 + 40;
    let proto = b[l3 + 6];
    while ([0, 43, 60].includes(proto) && b.length - l4 >= 8) {
      proto = b[l4];
      l4 += (b[l4 + 1] + 1) * 8;
    }
    if (proto !== 6) return p;
    p.flush = b[l3 + 4] * 256 + b[l3 + 5] !== b.length - l3 - 40;
  } else {
    const bits = b[l3 + 6] * 256 + b[l3 + 7];
    if (b[l3] !== 0x45 || b[l3 + 9] !== 6 || (bits & 0x3fff) !== 0 || !ipv4HeaderOk(b, l3)) return p;
    p.flush = b[l3 + 2] * 256 + b[l3 + 3] !== b.length - l3 || (bits & 0x8000) !== 0;
  }
  // What the dissection calls malformed is never merged: its EtherType and its version differ, or a length is wrong.
  p.flush ||= cls === CLASS_MALFORMED;
  if (!p.flush && fold(onesSum(b, l4, b.length - l4, pseudoSum(b, l3, v6, 6, b.length - l4))) !== 0xffff) return p;
  if (b.length - l4 < 20) return p;
  const header = (b[l4 + 12] >> 4) * 4;
  if (header < 20 || header > b.length - l4) return p;
  p.bypass = false;
  p.l4 = l4;
  p.payload = b.slice(l4 + header);
  const ports = text(b.subarray(l4, l4 + 4));
  p.tuple = `${p.pair} ${ports}`;
  const ip = v6
    ? `${text(b.subarray(l3, l4)).replace(/^(.)..(.{5}).{4}(..)../, '$1$2$3')}`
    : text(b.subarray(l3 + 12, l3 + 20));
  p.key = `${text(b.subarray(0, l3))} ${ip} ${ports} ${p.esp} ${acrossSas ? '' : input.sa}`;
  return p;
}

function continues(held: Held, p: Packet, maxSize: number): boolean {
  const a = held.first.bytes;
  const { l3, l4 } = held.first;
  const b = p.bytes;
  const u16 = (x: Uint8Array, at: number): number => x[at] * 256 + x[at + 1];
  const u32 = (x: Uint8Array, at: number): number => u16(x, at) * 65536 + u16(x, at + 2);
  if (((held.flags | b[l4 + 13]) & 0x80) !== 0) return false;
  if (((held.flags ^ b[l4 + 13]) & ~9) !== 0) return false;
  if (a[l4 + 12] !== b[l4 + 12] || u16(a, l4 + 14) !== u16(b, l4 + 14) || u32(a, l4 + 8) !== u32(b, l4 + 8))
    return false;
  const header = (a[l4 + 12] >> 4) * 4;
  if (text(a.subarray(l4 + 20, l4 + header)) !== text(b.subarray(l4 + 20, l4 + header))) return false;
  if (p.v6) {
    if (((u16(a, l3) ^ u16(b, l3)) & 0x0ff0) !== 0 || a[l3 + 7] !== b[l3 + 7]) return false;
  } else {
    if (a[l3 + 1] !== b[l3 + 1] || a[l3 + 8] !== b[l3 + 8] || (a[l3 + 6] & 0x40) !== (b[l3 + 6] & 0x40)) return false;
    const step = (u16(b, l3 + 4) - u16(a, l3 + 4) + 65536) % 65536;
    if (held.count === 1 && step === 0) held.fixedId = true;
    if (step !== (held.fixedId ? 0 : held.count)) return false;
  }
  if (p.payload.length === 0 || p.payload.length > held.first.payload.length) return false;
  if ((u32(a, l4 + 4) + held.payload.length) % 2 ** 32 !== u32(b, l4 + 4)) return false;
  return l4 + header - 14 + held.payload.length + p.payload.length < maxSize;
}

function merge(held: Held, p: Packet): void {
  held.payload.push(...p.payload);
  held.count++;
  held.numbers.push(p.number);
  held.flags |= p.bytes[p.l4 + 13] & 9;
}

function finish(held: Held): ReferenceOutput {
  const { first, count } = held;
  if (count === 1) return { bytes: first.bytes, gsoSize: 0, segments: 1, from: held.numbers };
  const { l3, l4 } = first;
  const header = l4 + (first.bytes[l4 + 12] >> 4) * 4;
  const b = new Uint8Array([...first.bytes.subarray(0, header), ...held.payload]);
  const view = new DataView(b.buffer);
  b[l4 + 13] = held.flags;
  if (first.v6) {
    view.setUint16(l3 + 4, b.length - l3 - 40);
  } else {
    const before = view.getUint16(l3 + 2);
    view.setUint16(l3 + 2, b.length - l3);
    view.setUint16(l3 + 10, updateChecksum(view.getUint16(l3 + 10), before, b.length - l3));
  }
  setL4Checksum(b, l3, l4, b.length, 6);
  return { bytes: b, gsoSize: first.payload.length, segments: count, from: held.numbers };
}
