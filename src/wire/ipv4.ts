/** IPv4. RFC 791 section 3.1; DSCP and ECN: RFC 2474, RFC 3168. */
import { BAD_IP_HEADER_LENGTH, BAD_IP_SHORT, BAD_IP_TOTAL_LENGTH, BAD_IP_VERSION, BAD_NONE } from '../counters.ts';
import { addressText } from './address.ts';
import { put16, u16 } from './bytes.ts';
import { fold, onesSum } from './checksum.ts';

export const IPV4_TOS = 1;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_ID = 4;
/** Flags and fragment offset: reserved, DF, MF, then 13 bits in units of 8 bytes. */
export const IPV4_FRAGMENT = 6;
export const IPV4_TTL = 8;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
export const IPV4_SRC = 12;
export const IPV4_DST = 16;
/** Bytes of the header without options. */
export const IPV4_HEADER = 20;

export const IPV4_DF = 0x4000;
export const IPV4_MF = 0x2000;
/** MF and offset: not zero means that the packet is a fragment, the first one too. DF means nothing of the kind. */
export const IPV4_IS_FRAGMENT = 0x3fff;

/**
 * `BAD_NONE` or the reason why this is no IPv4 header. A total length of 0 passes (segmentation offload leaves it so in
 * captures of the sender), and one beyond `end` too (the capture was cut).
 */
export function checkIpv4(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < IPV4_HEADER) return BAD_IP_SHORT;
  const first = bytes[off];
  if (first >> 4 !== 4) return BAD_IP_VERSION;
  const length = (first & 15) << 2;
  if (length < IPV4_HEADER) return BAD_IP_HEADER_LENGTH;
  if (end - off < length) return BAD_IP_SHORT;
  const total = u16(bytes, off + IPV4_TOTAL_LENGTH);
  return total !== 0 && total < length ? BAD_IP_TOTAL_LENGTH : BAD_NONE;
}

/** Bytes of the header with its options: 20 to 60. */
export function ipv4HeaderLength(bytes: Uint8Array, off: number): number {
  return (bytes[off] & 15) << 2;
}

export function ipv4TotalLength(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + IPV4_TOTAL_LENGTH);
}

export function ipv4Id(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + IPV4_ID);
}

export function ipv4Protocol(bytes: Uint8Array, off: number): number {
  return bytes[off + IPV4_PROTOCOL];
}

/** Offset of a fragment in its datagram, in bytes. */
export function ipv4FragmentOffset(bytes: Uint8Array, off: number): number {
  return (u16(bytes, off + IPV4_FRAGMENT) & 0x1fff) << 3;
}

/** Computes the header checksum and writes it. */
export function setIpv4Checksum(bytes: Uint8Array, off: number): void {
  put16(bytes, off + IPV4_CHECKSUM, 0);
  put16(bytes, off + IPV4_CHECKSUM, ~fold(onesSum(bytes, off, ipv4HeaderLength(bytes, off), 0)) & 0xffff);
}

/** Writes a header of 20 bytes with its checksum: DF set, TTL 64. `src` and `dst` are 4 bytes each. */
export function emitIpv4(
  bytes: Uint8Array,
  off: number,
  src: Uint8Array,
  dst: Uint8Array,
  protocol: number,
  totalLength: number,
): void {
  bytes.fill(0, off, off + IPV4_HEADER);
  bytes[off] = 0x45;
  put16(bytes, off + IPV4_TOTAL_LENGTH, totalLength);
  put16(bytes, off + IPV4_FRAGMENT, IPV4_DF);
  bytes[off + IPV4_TTL] = 64;
  bytes[off + IPV4_PROTOCOL] = protocol;
  bytes.set(src, off + IPV4_SRC);
  bytes.set(dst, off + IPV4_DST);
  setIpv4Checksum(bytes, off);
}

export interface Ipv4Description {
  src: string;
  dst: string;
  protocol: number;
  headerLength: number;
  totalLength: number;
  id: number;
  tos: number;
  ttl: number;
  dontFragment: boolean;
  moreFragments: boolean;
  fragmentOffset: number;
}

export function describeIpv4(bytes: Uint8Array, off: number): Ipv4Description {
  const flags = u16(bytes, off + IPV4_FRAGMENT);
  return {
    src: addressText(bytes, off + IPV4_SRC, 4),
    dst: addressText(bytes, off + IPV4_DST, 4),
    protocol: ipv4Protocol(bytes, off),
    headerLength: ipv4HeaderLength(bytes, off),
    totalLength: ipv4TotalLength(bytes, off),
    id: ipv4Id(bytes, off),
    tos: bytes[off + IPV4_TOS],
    ttl: bytes[off + IPV4_TTL],
    dontFragment: (flags & IPV4_DF) !== 0,
    moreFragments: (flags & IPV4_MF) !== 0,
    fragmentOffset: ipv4FragmentOffset(bytes, off),
  };
}
