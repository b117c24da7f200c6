/**
 * `gro_complete`: `inet_gro_complete`, `ipv6_gro_complete`, `tcp_gro_complete`, `udp_gro_complete`. In one thing not as Linux: TCP and UDP
 * get whole checksums, summed over every byte, where Linux leaves that to the next device.
 */
import type { Delivered } from './machine.ts';
import { type Host, onesSum, pseudo, type Skb } from './skb.ts';

const TCP = 6;
const UDP = 17;

export function complete(host: Host, skb: Skb): Delivered {
  const { from } = skb;
  if (skb.count === 1) return { bytes: skb.bytes, gsoSize: 0, gsoType: 'none', segments: 1, from };
  let bytes = Uint8Array.from(Buffer.concat([skb.bytes, ...skb.merged]));
  const { transport } = skb;
  const udp = skb.proto === UDP;
  const levels = skb.encapMark ? skb.network : skb.network.slice(0, 1);
  for (const at of levels) setLength(bytes, at);
  const inner = levels.at(-1) as number;
  if (udp) put16(bytes, transport + 4, bytes.length - transport);
  setChecksum(bytes, inner, transport, udp ? UDP : TCP);
  if (skb.encapMark) outerUdp(bytes, skb.network[0]);
  const v6 = bytes[inner] >> 4 === 6;
  const jumbo = v6 && !skb.encapMark && bytes.length - inner - 40 > 65535 && host.as !== 'linux-7.2';
  const isEcn = (host.as === 'linux-6.1' || host.as === 'linux-6.12') && (bytes[transport + 13] & 0x80) !== 0;
  if (jumbo) bytes = insertJumbo(bytes, inner);
  const gsoType = udp ? 'udp_l4' : `tcpv${v6 ? 6 : 4}${isEcn ? '+ecn' : ''}`;
  return { bytes, gsoSize: skb.gsoSize, gsoType, segments: skb.count, from };
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >> 8) & 0xff;
  bytes[at + 1] = value & 0xff;
}

function setLength(bytes: Uint8Array, at: number): void {
  const v6 = bytes[at] >> 4 === 6;
  const length = bytes.length - at - (v6 ? 40 : 0);
  const field = length > 65535 ? 0 : length;
  if (v6) {
    put16(bytes, at + 4, field);
    return;
  }
  // The header checksum is brought up to date by the difference (RFC 1624), not summed: 0 and 0xffff are told apart by it.
  const fold = (sum: number): number => (sum > 0xffff ? sum - 0xffff : sum);
  const word = (i: number): number => bytes[i] * 256 + bytes[i + 1];
  const sum = fold(fold((word(at + 10) ^ 0xffff) + (word(at + 2) ^ 0xffff)) + field);
  put16(bytes, at + 2, field);
  put16(bytes, at + 10, sum ^ 0xffff);
}

function setChecksum(bytes: Uint8Array, l3: number, l4: number, proto: number): void {
  const at = l4 + (proto === UDP ? 6 : 16);
  put16(bytes, at, 0);
  const v6 = bytes[l3] >> 4 === 6;
  const sum = onesSum(bytes, l4, bytes.length, pseudo(bytes, l3, v6, proto, bytes.length - l4)) ^ 0xffff;
  put16(bytes, at, proto === UDP && sum === 0 ? 0xffff : sum);
}

/** UDP around a tunnel: its length, and a checksum if it had one. */
function outerUdp(bytes: Uint8Array, l3: number): void {
  const v6 = bytes[l3] >> 4 === 6;
  let at = l3 + (v6 ? 40 : 20);
  let proto = bytes[l3 + (v6 ? 6 : 9)];
  while (v6 && [0, 43, 60].includes(proto)) {
    proto = bytes[at];
    at += (bytes[at + 1] + 1) * 8;
  }
  if (proto !== UDP) return;
  put16(bytes, at + 4, bytes.length - at);
  if (bytes[at + 6] !== 0 || bytes[at + 7] !== 0) setChecksum(bytes, l3, at, UDP);
}

/** Puts a hop-by-hop header with a jumbo option (RFC 2675) behind the IPv6 header at `l3`. */
function insertJumbo(bytes: Uint8Array, l3: number): Uint8Array<ArrayBuffer> {
  const length = bytes.length - l3 - 40 + 8;
  const option = [bytes[l3 + 6], 0, 0xc2, 4, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
  const out = new Uint8Array(bytes.length + 8);
  out.set(bytes.subarray(0, l3 + 40));
  out.set(option, l3 + 40);
  out.set(bytes.subarray(l3 + 40), l3 + 48);
  out[l3 + 6] = 0;
  put16(out, l3 + 4, 0);
  return out;
}
