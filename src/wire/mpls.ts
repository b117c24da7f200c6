/** MPLS label stacks. RFC 3032 section 2.1. */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put32, u32 } from './bytes.ts';

/** Of an entry, most significant bit first: label (20 bits), traffic class (3), bottom of stack (1), TTL (8). */
export const MPLS_ENTRY = 4;
export const MPLS_BOTTOM = 0x100;
/** More labels than this are not walked; Linux's flow dissector reads as many (FLOW_DIS_MPLS_MAX). */
export const MPLS_MAX_LABELS = 7;

/** `BAD_NONE`, or why there is no label stack: the bytes end before its bottom, or it is too deep. */
export function checkMpls(bytes: Uint8Array, off: number, end: number): number {
  for (let n = 0; n < MPLS_MAX_LABELS; n++) {
    const at = (off + n * MPLS_ENTRY) | 0;
    if (end - at < MPLS_ENTRY) return BAD_L4_SHORT;
    if ((u32(bytes, at) & MPLS_BOTTOM) !== 0) return BAD_NONE;
  }
  return BAD_L4_LENGTH;
}

/** Bytes of the stack, 4 to 28. */
export function mplsLength(bytes: Uint8Array, off: number): number {
  let length = MPLS_ENTRY;
  while ((u32(bytes, off + length - MPLS_ENTRY) & MPLS_BOTTOM) === 0) length += MPLS_ENTRY;
  return length;
}

/** Label of the entry at `off`. */
export function mplsLabel(bytes: Uint8Array, off: number): number {
  return u32(bytes, off) >>> 12;
}

/** Writes an entry of 4 bytes, traffic class 0. */
export function emitMpls(bytes: Uint8Array, off: number, label: number, bottom: boolean, ttl: number): void {
  put32(bytes, off, (label << 12) | (bottom ? MPLS_BOTTOM : 0) | ttl);
}

export interface MplsDescription {
  /** From the top. */
  labels: { label: number; trafficClass: number; ttl: number }[];
}

export function describeMpls(bytes: Uint8Array, off: number): MplsDescription {
  const labels: MplsDescription['labels'] = [];
  const length = mplsLength(bytes, off);
  for (let at = off; at < off + length; at += MPLS_ENTRY) {
    const entry = u32(bytes, at);
    labels.push({ label: mplsLabel(bytes, at), trafficClass: (entry >> 9) & 7, ttl: entry & 0xff });
  }
  return { labels };
}
