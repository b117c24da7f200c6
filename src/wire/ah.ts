/** AH. RFC 4302 section 2. */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put16, put32, u32 } from './bytes.ts';

export const AH_NEXT = 0;
/** In 32-bit words, less 2. */
export const AH_LENGTH = 1;
export const AH_SPI = 4;
export const AH_SEQ = 8;
/** Bytes in front of the ICV. */
export const AH_HEADER = 12;

/** `BAD_NONE`, or why this is no AH: the fixed part is not all there, or the length does not cover it. */
export function checkAh(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < AH_HEADER) return BAD_L4_SHORT;
  return ahLength(bytes, off) < AH_HEADER ? BAD_L4_LENGTH : BAD_NONE;
}

/** Bytes of the header with its ICV. May reach beyond the packet: AH is steered here, not opened. */
export function ahLength(bytes: Uint8Array, off: number): number {
  return (bytes[off + AH_LENGTH] + 2) << 2;
}

export function ahNext(bytes: Uint8Array, off: number): number {
  return bytes[off + AH_NEXT];
}

/** SPI as an int32. */
export function ahSpi(bytes: Uint8Array, off: number): number {
  return u32(bytes, off + AH_SPI);
}

export function ahSeq(bytes: Uint8Array, off: number): number {
  return u32(bytes, off + AH_SEQ);
}

/** Writes the 12 bytes in front of an ICV of `icvLength` bytes (a multiple of 4). */
export function emitAh(
  bytes: Uint8Array,
  off: number,
  next: number,
  spi: number,
  seq: number,
  icvLength: number,
): void {
  bytes[off + AH_NEXT] = next;
  bytes[off + AH_LENGTH] = ((AH_HEADER + icvLength) >> 2) - 2;
  put16(bytes, off + 2, 0);
  put32(bytes, off + AH_SPI, spi);
  put32(bytes, off + AH_SEQ, seq);
}

export interface AhDescription {
  next: number;
  spi: number;
  seq: number;
  length: number;
}

export function describeAh(bytes: Uint8Array, off: number): AhDescription {
  return {
    next: ahNext(bytes, off),
    spi: ahSpi(bytes, off) >>> 0,
    seq: ahSeq(bytes, off) >>> 0,
    length: ahLength(bytes, off),
  };
}
