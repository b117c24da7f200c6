/** Builds TCP frames with every field that GRO looks at, right or deliberately wrong. */

import { put16, put32 } from '../../src/wire/bytes.ts';
import { fold, onesSum, setL4Checksum } from '../../src/wire/checksum.ts';

export interface FrameSpec {
  v6: boolean;
  host: number;
  sport: number;
  dport: number;
  seq: number;
  ack: number;
  flags: number;
  window: number;
  urgent: number;
  /** Low four bits of the byte with the data offset. */
  reserved: number;
  options: number[];
  payload: Uint8Array;
  ttl: number;
  tos: number;
  id: number;
  df: boolean;
  evil: boolean;
  flowLabel: number;
  /** Extension headers of IPv6: types; each is 8 bytes. */
  ext: number[];
  extByte: number;
  vlan: number[];
  mac: number;
  ipOptions: boolean;
  /** More fragments, at this offset. */
  fragment?: number;
  proto: number;
  trailer: number;
  lengthOff: number;
  badTcp: boolean;
  badIp: boolean;
}

export const PLAIN: FrameSpec = {
  v6: false,
  host: 1,
  sport: 40000,
  dport: 443,
  seq: 1000,
  ack: 77,
  flags: 0x10,
  window: 512,
  urgent: 0,
  reserved: 0,
  options: [1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0],
  payload: new Uint8Array(0),
  ttl: 64,
  tos: 0,
  id: 1,
  df: true,
  evil: false,
  flowLabel: 0,
  ext: [],
  extByte: 0,
  vlan: [],
  mac: 1,
  ipOptions: false,
  proto: 6,
  trailer: 0,
  lengthOff: 0,
  badTcp: false,
  badIp: false,
};

export function frame(part: Partial<FrameSpec>): Uint8Array {
  const s = { ...PLAIN, ...part };
  const link = 14 + 4 * s.vlan.length;
  const ipLength = s.v6 ? 40 + 8 * s.ext.length + (s.fragment === undefined ? 0 : 8) : s.ipOptions ? 24 : 20;
  const l4 = link + ipLength;
  const tcp = 20 + s.options.length;
  const end = l4 + tcp + s.payload.length;
  const b = new Uint8Array(end + s.trailer).fill(0xee, end);
  b.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, s.mac]);
  let at = 12;
  for (const tci of s.vlan) {
    put16(b, at, 0x8100);
    put16(b, at + 2, tci);
    at += 4;
  }
  put16(b, at, s.v6 ? 0x86dd : 0x0800);
  put16(b, l4, s.sport);
  put16(b, l4 + 2, s.dport);
  put32(b, l4 + 4, s.seq);
  put32(b, l4 + 8, s.ack);
  b[l4 + 12] = (tcp << 2) | s.reserved;
  b[l4 + 13] = s.flags;
  put16(b, l4 + 14, s.window);
  put16(b, l4 + 18, s.urgent);
  b.set(s.options, l4 + 20);
  b.set(s.payload, l4 + tcp);
  if (s.v6) ip6(b, link, end, s);
  else ip4(b, link, end, ipLength, s);
  setL4Checksum(b, link, l4, end, 6);
  if (s.badTcp) b[l4 + 16] ^= 0x55;
  return b;
}

function ip4(b: Uint8Array, at: number, end: number, length: number, s: FrameSpec): void {
  b[at] = 0x40 | (length >> 2);
  b[at + 1] = s.tos;
  put16(b, at + 2, end - at + s.lengthOff);
  put16(b, at + 4, s.id);
  const fragment = s.fragment === undefined ? 0 : 0x2000 | s.fragment;
  put16(b, at + 6, (s.evil ? 0x8000 : 0) | (s.df ? 0x4000 : 0) | fragment);
  b[at + 8] = s.ttl;
  b[at + 9] = s.proto;
  b.set([10, 0, 0, s.host, 10, 0, 1, 1], at + 12);
  b.fill(1, at + 20, at + length);
  put16(b, at + 10, ~fold(onesSum(b, at, length, 0)) ^ (s.badIp ? 0x55 : 0));
}

function ip6(b: Uint8Array, at: number, end: number, s: FrameSpec): void {
  put32(b, at, 0x60000000 | (s.tos << 20) | s.flowLabel);
  put16(b, at + 4, end - at - 40 + s.lengthOff);
  const chain = [...s.ext, ...(s.fragment === undefined ? [] : [44]), s.proto];
  b[at + 6] = chain[0];
  b[at + 7] = s.ttl;
  b.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, s.host], at + 8);
  b.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1], at + 24);
  for (let i = 0; i + 1 < chain.length; i++) {
    const x = at + 40 + 8 * i;
    b[x] = chain[i + 1];
    if (chain[i] === 44) put16(b, x + 2, (s.fragment! << 3) | (s.fragment === 0 ? 0 : 1));
    else b.set([0, 1, 4, 0, 0, 0, s.extByte], x + 1);
  }
}

/** Payload that tells where in which stream it was. */
export function payload(flow: number, seq: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (flow * 31 + (seq + i) * 7 + ((seq + i) >> 8)) & 0xff);
}
