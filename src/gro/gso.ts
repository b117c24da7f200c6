/**
 * Segmentation offload, the inverse of GRO: Linux's `tcp_gso_segment`, `__udp_gso_segment` (net/ipv4/udp_offload.c), `inet_gso_segment`,
 * `ipv6_gso_segment`.
 */
import { optionError } from '../errors.ts';
import { put16, put32, u16, u32 } from '../wire/bytes.ts';
import { setL4Checksum } from '../wire/checksum.ts';
import { IPV4_ID, IPV4_TOTAL_LENGTH, setIpv4Checksum } from '../wire/ipv4.ts';
import { IPV6_HEADER, IPV6_PAYLOAD_LENGTH } from '../wire/ipv6.ts';
import { PROTO_TCP, PROTO_UDP } from '../wire/protocols.ts';
import { TCP_FLAG_CWR, TCP_FLAG_FIN, TCP_FLAG_PSH, TCP_FLAGS, TCP_SEQ, tcpHeaderLength } from '../wire/tcp.ts';
import { UDP_CHECKSUM, UDP_HEADER, UDP_LENGTH } from '../wire/udp.ts';

export interface GsoOptions {
  /** Payload bytes of each segment but the last. */
  readonly gsoSize: number;
  /** Every segment keeps the IPv4 ID of the super-packet (Linux's `SKB_GSO_TCP_FIXEDID`). Default: they count up. */
  readonly fixedId?: boolean;
}

/**
 * Cuts the TCP super-packet in `[off, end)` of `source`, whose IP and TCP headers are at `l3` and `l4`, into segments, and writes
 * them into `target` one behind the other from `at` on. `lengths[i]` becomes the length of segment i.
 *
 * Sequence numbers go on by `gsoSize`; FIN and PSH are on the last segment only, CWR on the first only; lengths and checksums are
 * right. A packet with no more payload than `gsoSize` is copied and gets new checksums.
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
 * As {@link segmentTcp} for a UDP super-packet: datagrams of `gsoSize` bytes and a last one of what is left. IPv4 IDs count up. A checksum
 * of 0 (none, over IPv4) stays 0.
 */
export function segmentUdp(
  source: Uint8Array,
  off: number,
  end: number,
  l3: number,
  l4: number,
  options: Pick<GsoOptions, 'gsoSize'>,
  target: Uint8Array,
  at: number,
  lengths: Int32Array,
): number {
  return cut({ source, off, end, l3, l4, payload: l4 + UDP_HEADER, udp: true }, options, target, at, lengths);
}

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
  const { gsoSize, fixedId = false } = options;
  if (!Number.isInteger(gsoSize) || gsoSize < 1) throw optionError('gsoSize', 'a positive integer', gsoSize);
  const headers = payload - off;
  const count = Math.max(1, Math.ceil((end - payload) / gsoSize));
  if (count > lengths.length) throw optionError('lengths', `room for ${count} segments`, lengths.length);
  const room = headers * count + (end - payload);
  if (room > target.length - at) throw optionError('target', `room for ${room} bytes`, target.length - at);
  const v6 = source[l3] >> 4 === 6;
  const id = u16(source, l3 + IPV4_ID);
  let to = at;
  for (let i = 0; i < count; i++) {
    const from = payload + i * gsoSize;
    const length = Math.min(gsoSize, end - from);
    target.set(source.subarray(off, payload), to);
    target.set(source.subarray(from, from + length), to + headers);
    const ip = to + (l3 - off);
    const header = to + (l4 - off);
    const stop = to + headers + length;
    if (v6) {
      put16(target, ip + IPV6_PAYLOAD_LENGTH, stop - ip - IPV6_HEADER);
    } else {
      put16(target, ip + IPV4_TOTAL_LENGTH, stop - ip);
      if (!fixedId) put16(target, ip + IPV4_ID, id + i);
      setIpv4Checksum(target, ip);
    }
    if (udp) finishUdp(target, ip, header, stop);
    else finishTcp(target, ip, header, stop, i * gsoSize, i === 0, i === count - 1);
    lengths[i] = stop - to;
    to = stop;
  }
  return count;
}

function finishTcp(
  target: Uint8Array,
  ip: number,
  tcp: number,
  stop: number,
  ahead: number,
  isFirst: boolean,
  isLast: boolean,
): void {
  put32(target, tcp + TCP_SEQ, u32(target, tcp + TCP_SEQ) + ahead);
  target[tcp + TCP_FLAGS] &= ~((isLast ? 0 : TCP_FLAG_FIN | TCP_FLAG_PSH) | (isFirst ? 0 : TCP_FLAG_CWR));
  setL4Checksum(target, ip, tcp, stop, PROTO_TCP);
}

function finishUdp(target: Uint8Array, ip: number, udp: number, stop: number): void {
  put16(target, udp + UDP_LENGTH, stop - udp);
  if (u16(target, udp + UDP_CHECKSUM) !== 0) setL4Checksum(target, ip, udp, stop, PROTO_UDP);
}
