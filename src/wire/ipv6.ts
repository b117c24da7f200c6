/** IPv6 and its extension headers. RFC 8200; jumbograms: RFC 2675; atomic fragments: RFC 6946. */
import { BAD_IP_SHORT, BAD_IP_VERSION, BAD_NONE } from '../counters.ts';
import { addressText } from './address.ts';
import { put16, put32, u16, u32 } from './bytes.ts';

export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_NEXT_HEADER = 6;
export const IPV6_HOP_LIMIT = 7;
export const IPV6_SRC = 8;
export const IPV6_DST = 24;
export const IPV6_HEADER = 40;

/** Extension headers: next header 0, length 1 in units of 8 bytes, the first not counted. */
export const EXT_NEXT = 0;
export const EXT_LENGTH = 1;
/** More extension headers than this are not walked (Linux: `MAX_FLOW_DISSECT_HDRS`). */
export const EXT_MAX = 15;

/** Fragment header: offset and M at 2, identification at 4. */
export const FRAGMENT_OFFSET = 2;
export const FRAGMENT_ID = 4;
export const FRAGMENT_HEADER = 8;

const OPTION_PAD1 = 0;
const OPTION_JUMBO = 0xc2;

/** `BAD_NONE`, or why this is no IPv6 header. A payload length beyond `end` passes: the capture was cut. */
export function checkIpv6(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < IPV6_HEADER) return BAD_IP_SHORT;
  return bytes[off] >> 4 !== 6 ? BAD_IP_VERSION : BAD_NONE;
}

export function ipv6PayloadLength(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + IPV6_PAYLOAD_LENGTH);
}

export function ipv6NextHeader(bytes: Uint8Array, off: number): number {
  return bytes[off + IPV6_NEXT_HEADER];
}

export function ipv6FlowLabel(bytes: Uint8Array, off: number): number {
  return u32(bytes, off) & 0xfffff;
}

export function ipv6TrafficClass(bytes: Uint8Array, off: number): number {
  return (u16(bytes, off) >> 4) & 0xff;
}

/**
 * Payload length of the jumbo option in the hop-by-hop header at `off`, or -1 when there is none that is valid: it must
 * say more than 65535 (RFC 2675 section 3). Linux BIG TCP makes such packets.
 */
export function ipv6JumboLength(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < 8) return -1;
  const stop = Math.min(end, off + ((bytes[off + EXT_LENGTH] + 1) << 3));
  for (let at = off + 2; at < stop; ) {
    if (bytes[at] === OPTION_PAD1) {
      at += 1;
      continue;
    }
    if (stop - at < 2) return -1;
    if (bytes[at] === OPTION_JUMBO) {
      if (bytes[at + 1] !== 4 || stop - at < 6) return -1;
      const length = u32(bytes, at + 2) >>> 0;
      return length > 0xffff ? length : -1;
    }
    at += 2 + bytes[at + 1];
  }
  return -1;
}

/** Writes a header of 40 bytes: hop limit 64. `src` and `dst` are 16 bytes each. */
export function emitIpv6(
  bytes: Uint8Array,
  off: number,
  src: Uint8Array,
  dst: Uint8Array,
  nextHeader: number,
  payloadLength: number,
): void {
  put32(bytes, off, 0x60000000);
  put16(bytes, off + IPV6_PAYLOAD_LENGTH, payloadLength);
  bytes[off + IPV6_NEXT_HEADER] = nextHeader;
  bytes[off + IPV6_HOP_LIMIT] = 64;
  bytes.set(src, off + IPV6_SRC);
  bytes.set(dst, off + IPV6_DST);
}

export interface Ipv6Description {
  src: string;
  dst: string;
  nextHeader: number;
  payloadLength: number;
  trafficClass: number;
  flowLabel: number;
  hopLimit: number;
}

export function describeIpv6(bytes: Uint8Array, off: number): Ipv6Description {
  return {
    src: addressText(bytes, off + IPV6_SRC, 16),
    dst: addressText(bytes, off + IPV6_DST, 16),
    nextHeader: ipv6NextHeader(bytes, off),
    payloadLength: ipv6PayloadLength(bytes, off),
    trafficClass: ipv6TrafficClass(bytes, off),
    flowLabel: ipv6FlowLabel(bytes, off),
    hopLimit: bytes[off + IPV6_HOP_LIMIT],
  };
}
