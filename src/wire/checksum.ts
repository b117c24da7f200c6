/**
 * The Internet checksum. RFC 1071; pseudo-headers: RFC 9293 section 3.1 and RFC 8200 section 8.1.
 *
 * A *sum* here is a small non-negative integer that is congruent, modulo 65535, to the one's complement sum of big-endian
 * 16-bit words. Sums add up with `+`; {@link fold} makes 16 bits of one. Only the last part of a sum may have an odd length.
 */
import { put16, u16 } from './bytes.ts';
import type { Dissection } from './dissection.ts';
import { PROTO_TCP, PROTO_UDP } from './protocols.ts';

const IPV4_SRC = 12;
const IPV6_SRC = 8;
const TCP_CHECKSUM = 16;
const TCP_HEADER = 20;
const UDP_LENGTH = 4;
const UDP_CHECKSUM = 6;
const UDP_HEADER = 8;

/**
 * Adds the words of `len` bytes at `off` to the sum `acc`. A last odd byte counts as the high half of a word.
 *
 * High and low bytes are summed apart and put together once: no carry to watch, small integers up to 8 MiB.
 */
export function onesSum(bytes: Uint8Array, off: number, len: number, acc: number): number {
  const end = (off + len) | 0;
  let high = 0;
  let low = 0;
  let at = off | 0;
  for (const stop = end - 7; at < stop; at += 8) {
    high = (high + bytes[at] + bytes[at + 2] + bytes[at + 4] + bytes[at + 6]) | 0;
    low = (low + bytes[at + 1] + bytes[at + 3] + bytes[at + 5] + bytes[at + 7]) | 0;
  }
  for (; at < end - 1; at += 2) {
    high = (high + bytes[at]) | 0;
    low = (low + bytes[at + 1]) | 0;
  }
  if (at < end) high = (high + bytes[at]) | 0;
  // 256 * high, with what is above bit 15 wrapped around: 65536 is 1 modulo 65535
  return (acc + low + ((high & 0xff) << 8) + (high >>> 8)) | 0;
}

/** A sum as 16 bits, carries added back. 0 only when every word was 0. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/**
 * Sum of the pseudo-header: addresses of the IP header at `l3`, protocol, and length of the upper-layer packet. A routing
 * header that still has segments left is not looked at: such a packet is not for us.
 */
export function pseudoSum(bytes: Uint8Array, l3: number, isV6: boolean | number, proto: number, len: number): number {
  const sum = isV6 ? onesSum(bytes, l3 + IPV6_SRC, 32, 0) : onesSum(bytes, l3 + IPV4_SRC, 8, 0);
  return sum + proto + (len & 0xffff) + (len >>> 16);
}

/** Whether the checksum of the IPv4 header at `l3` is right. The header must have passed its check. */
export function ipv4HeaderOk(bytes: Uint8Array, l3: number): boolean {
  return fold(onesSum(bytes, l3, (bytes[l3] & 15) << 2, 0)) === 0xffff;
}

/**
 * Whether the TCP or UDP checksum of a dissected packet verifies. UDP 0 is "none computed" and passes, over IPv6 too
 * (RFC 6936; Linux GRO does the same). False for whatever cannot be verified: cut packets, fragments, other protocols.
 */
export function l4ChecksumOk(bytes: Uint8Array, d: Dissection): boolean {
  if (d.truncated !== 0 || (d.fragOff | d.fragMore) !== 0) return false;
  let length = (d.end - d.l4) | 0;
  if (d.proto === PROTO_UDP) {
    if (length < UDP_HEADER) return false;
    if (u16(bytes, d.l4 + UDP_CHECKSUM) === 0) return true;
    const own = u16(bytes, d.l4 + UDP_LENGTH);
    if (own >= UDP_HEADER && own < length) length = own;
  } else if (d.proto !== PROTO_TCP || length < TCP_HEADER) {
    return false;
  }
  const isV6 = bytes[d.l3] >> 4 === 6;
  return fold(onesSum(bytes, d.l4, length, pseudoSum(bytes, d.l3, isV6, d.proto, length))) === 0xffff;
}

/** Computes and writes the checksum of the TCP or UDP packet from `l4` to `end` behind the IP header at `l3`. */
export function setL4Checksum(bytes: Uint8Array, l3: number, l4: number, end: number, proto: number): void {
  const at = l4 + (proto === PROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
  const length = end - l4;
  put16(bytes, at, 0);
  const sum = ~fold(onesSum(bytes, l4, length, pseudoSum(bytes, l3, bytes[l3] >> 4 === 6, proto, length))) & 0xffff;
  // in UDP 0 means none, so the other zero stands for it (RFC 768)
  put16(bytes, at, sum === 0 && proto === PROTO_UDP ? 0xffff : sum);
}
