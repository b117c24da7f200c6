/**
 * Segmentation offload, the inverse of GRO: Linux's `tcp_gso_segment`, `__udp_gso_segment` (net/ipv4/udp_offload.c), `inet_gso_segment`,
 * `ipv6_gso_segment`.
 */
import { optionError } from '../errors.ts';
import { put16, put32, u16, u32 } from '../wire/bytes.ts';
import { fold, onesSum, setL4Checksum } from '../wire/checksum.ts';
import { GRE_FLAG_CHECKSUM, GRE_HEADER } from '../wire/gre.ts';
import { IPV4_ID, IPV4_TOTAL_LENGTH, setIpv4Checksum } from '../wire/ipv4.ts';
import { IPV6_HEADER, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH } from '../wire/ipv6.ts';
import { PROTO_GRE, PROTO_TCP, PROTO_UDP } from '../wire/protocols.ts';
import { TCP_FLAG_CWR, TCP_FLAG_FIN, TCP_FLAG_PSH, TCP_FLAGS, TCP_SEQ, tcpHeaderLength } from '../wire/tcp.ts';
import { UDP_CHECKSUM, UDP_HEADER, UDP_LENGTH } from '../wire/udp.ts';

export interface GsoOptions {
  /** Payload bytes of each segment but the last. */
  readonly gsoSize: number;
  /** Every segment keeps the IPv4 ID of the super-packet (Linux's `SKB_GSO_TCP_FIXEDID`). Default: they count up. */
  readonly fixedId?: boolean;
  /** Every segment keeps CWR (Linux's `SKB_GSO_TCP_ACCECN`): what `as: 'linux-7.2'` merges has it on all or none. Default: the first one alone. */
  readonly accEcn?: boolean;
  /** The packet is inside a tunnel, whose headers each segment gets: `skb_udp_tunnel_segment`, `gre_gso_segment`, `ipip_gso_segment`. */
  readonly outer?: GsoOuter;
}

/** What is around an inner packet. */
export interface GsoOuter {
  /** The outer IP header, what follows it, and the protocol number of that: 17 (UDP), 47 (GRE), 4 or 41 (IP in IP). */
  readonly l3: number;
  readonly l4: number;
  readonly proto: number;
  /** Every segment keeps the outer IPv4 ID. Default: they count up. */
  readonly fixedId?: boolean;
}

/**
 * Cuts the TCP super-packet in `[off, end)` of `source`, whose IP and TCP headers are at `l3` and `l4`, into segments, and writes
 * them into `target` one behind the other from `at` on. `lengths[i]` becomes the length of segment i.
 *
 * Sequence numbers go on by `gsoSize`; FIN and PSH are on the last segment only, CWR on the first only (but for `accEcn`); lengths and checksums are
 * right; a jumbo option (RFC 2675) is taken out. A packet with no more payload than `gsoSize` is copied and gets new checksums.
 *
 * @returns how many segments there are.
 * @throws ERR_RXSTEER_OPTION when `gsoSize` is no positive integer, or `target` or `lengths` are too small.
 */
export function segmentTcp(
  source: Uint8Array,
  off: number,
  end: number,
  l3: number,
  l4: number,
  options: GsoOptions,
  target: Uint8Array,
  at: number,
  lengths: Int32Array,
): number {
  return cut(
    { source, off, end, l3, l4, payload: l4 + tcpHeaderLength(source, l4), udp: false },
    options,
    target,
    at,
    lengths,
  );
}

/**
 * As {@link segmentTcp} for a UDP super-packet: datagrams of `gsoSize` bytes and a last one of what is left. A checksum of 0 (none) stays 0.
 */
export function segmentUdp(
  source: Uint8Array,
  off: number,
  end: number,
  l3: number,
  l4: number,
  options: GsoOptions,
  target: Uint8Array,
  at: number,
  lengths: Int32Array,
): number {
  return cut({ source, off, end, l3, l4, payload: l4 + UDP_HEADER, udp: true }, options, target, at, lengths);
}

const JUMBO = 8;

interface SuperPacket {
  readonly source: Uint8Array;
  readonly off: number;
  readonly end: number;
  readonly l3: number;
  readonly l4: number;
  readonly payload: number;
  readonly udp: boolean;
}

function cut(packet: SuperPacket, options: GsoOptions, target: Uint8Array, at: number, lengths: Int32Array): number {
  const { source, off, end, l3, l4, payload, udp } = packet;
  const { gsoSize, fixedId = false, accEcn = false, outer } = options;
  if (!Number.isInteger(gsoSize) || gsoSize < 1) throw optionError('gsoSize', 'a positive integer', gsoSize);
  const whole = payload - off;
  const count = Math.max(1, Math.ceil((end - payload) / gsoSize));
  if (count > lengths.length) throw optionError('lengths', `room for ${count} segments`, lengths.length);
  const room = whole * count + (end - payload);
  if (room > target.length - at) throw optionError('target', `room for ${room} bytes`, target.length - at);
  const v6 = source[l3] >> 4 === 6;
  const id = u16(source, l3 + IPV4_ID);
  const jumbo = v6 && hasJumbo(source, l3, l4) ? JUMBO : 0;
  // Where the option lies; without one, anywhere in the headers will do.
  const split = jumbo > 0 ? l3 + IPV6_HEADER : payload;
  const headers = whole - jumbo;
  let to = at;
  for (let i = 0; i < count; i++) {
    const from = payload + i * gsoSize;
    const length = Math.min(gsoSize, end - from);
    target.set(source.subarray(off, split), to);
    target.set(source.subarray(split + jumbo, payload), to + (split - off));
    target.set(source.subarray(from, from + length), to + headers);
    const ip = to + (l3 - off);
    const header = to + (l4 - off) - jumbo;
    const stop = to + headers + length;
    if (jumbo > 0) target[ip + IPV6_NEXT_HEADER] = source[l3 + IPV6_HEADER];
    if (v6) {
      put16(target, ip + IPV6_PAYLOAD_LENGTH, stop - ip - IPV6_HEADER);
    } else {
      put16(target, ip + IPV4_TOTAL_LENGTH, stop - ip);
      if (!fixedId) put16(target, ip + IPV4_ID, id + i);
      setIpv4Checksum(target, ip);
    }
    if (udp) finishUdp(target, ip, header, stop);
    else finishTcp(target, ip, header, stop, i * gsoSize, i === 0 || accEcn, i === count - 1);
    if (outer !== undefined) finishOuter(target, to - off, outer, stop, i);
    lengths[i] = stop - to;
    to = stop;
  }
  return count;
}

/** Whether a hop-by-hop header with nothing but a jumbo option follows the IPv6 header. */
function hasJumbo(source: Uint8Array, l3: number, l4: number): boolean {
  const at = l3 + IPV6_HEADER;
  return l4 - at >= JUMBO && source[l3 + IPV6_NEXT_HEADER] === 0 && source[at + 1] === 0 && source[at + 2] === 0xc2;
}

/** Lengths, IDs and checksums of what is around the segment that ends at `stop`; `moved`: from places in the source to those in the target. */
function finishOuter(target: Uint8Array, moved: number, outer: GsoOuter, stop: number, index: number): void {
  const ip = outer.l3 + moved;
  const l4 = outer.l4 + moved;
  if (target[ip] >> 4 === 6) put16(target, ip + IPV6_PAYLOAD_LENGTH, stop - ip - IPV6_HEADER);
  else {
    put16(target, ip + IPV4_TOTAL_LENGTH, stop - ip);
    if (!outer.fixedId) put16(target, ip + IPV4_ID, u16(target, ip + IPV4_ID) + index);
    setIpv4Checksum(target, ip);
  }
  if (outer.proto === PROTO_UDP) finishUdp(target, ip, l4, stop);
  else if (outer.proto === PROTO_GRE && (u16(target, l4) & GRE_FLAG_CHECKSUM) !== 0) {
    put16(target, l4 + GRE_HEADER, 0);
    put16(target, l4 + GRE_HEADER, ~fold(onesSum(target, l4, stop - l4, 0)));
  }
}

function finishTcp(
  target: Uint8Array,
  ip: number,
  tcp: number,
  stop: number,
  ahead: number,
  mayReduce: boolean,
  isLast: boolean,
): void {
  put32(target, tcp + TCP_SEQ, u32(target, tcp + TCP_SEQ) + ahead);
  target[tcp + TCP_FLAGS] &= ~((isLast ? 0 : TCP_FLAG_FIN | TCP_FLAG_PSH) | (mayReduce ? 0 : TCP_FLAG_CWR));
  setL4Checksum(target, ip, tcp, stop, PROTO_TCP);
}

function finishUdp(target: Uint8Array, ip: number, udp: number, stop: number): void {
  put16(target, udp + UDP_LENGTH, stop - udp);
  if (u16(target, udp + UDP_CHECKSUM) !== 0) setL4Checksum(target, ip, udp, stop, PROTO_UDP);
}
