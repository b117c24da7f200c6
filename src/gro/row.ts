/**
 * The eight words of a row that are GRO's own, from `P_GRO` on: what is known of a held packet beyond its headers.
 * They mean something only while the row is held.
 *
 * All segments of a run but the last have `G_MSS` bytes, and a shorter one ends the run: so what is held is always
 * `P_SEGS * G_MSS` bytes of payload, and the next sequence number and the length need no words of their own.
 */
import { P_GRO } from '../memory/packet-table.ts';

/** Sequence number of the first segment. */
export const G_SEQ: number = P_GRO;
/** Payload bytes of the first segment: no later one may have more. */
export const G_MSS: number = P_GRO + 1;
/** Bytes of the first segment behind the Ethernet header: what the size limit counts. */
export const G_LENGTH: number = P_GRO + 2;
/** Both ports, as they stand in the header. */
export const G_PORTS: number = P_GRO + 3;
/** What chose the bucket, and packets of one flow have in common: the flow hash, or another one. */
export const G_HASH: number = P_GRO + 4;
/** Sum of what is not payload in the segments so far, and of the header words that all of them share (see checksum.ts). */
export const G_SUM: number = P_GRO + 5;
export const G_SHARED: number = P_GRO + 6;
/**
 * Where the innermost headers are, behind `P_OFF`, and what they are: offset of TCP or UDP in 12 bits, of its IP header in 11,
 * and the bits `K_*`. Packets of one flow have all but `K_FIXED` in common.
 */
export const G_KIND: number = P_GRO + 7;

/** The IP header is inside a tunnel; UDP, not TCP; IPv6 is that IP header; IPv6 is the outermost one. */
export const K_TUNNEL: number = 1 << 24;
export const K_UDP: number = 1 << 25;
export const K_V6: number = 1 << 26;
export const K_OUTER6: number = 1 << 27;
/** The second segment had the IPv4 ID of the first, so all must: in the outer header, or the only one; in the inner one. */
export const K_FIXED_OUTER: number = 1 << 28;
export const K_FIXED_INNER: number = 1 << 29;
export const K_FIXED: number = K_FIXED_OUTER | K_FIXED_INNER;
/** Headers longer than this have no place in the word. */
export const KIND_L4_MAX = 0xfff;
export const KIND_L3_MAX = 0x7ff;

/** `l3`, `l4`: behind `P_OFF`. */
export function kindWord(l3: number, l4: number, flags: number): number {
  return l4 | (l3 << 12) | flags;
}

export function kindL4(kind: number): number {
  return kind & KIND_L4_MAX;
}

export function kindL3(kind: number): number {
  return (kind >>> 12) & KIND_L3_MAX;
}
