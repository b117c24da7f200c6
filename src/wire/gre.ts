/** GRE version 0. RFC 2784; key and sequence number: RFC 2890. */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put16, put32, u16, u32 } from './bytes.ts';

export const GRE_FLAGS = 0;
export const GRE_PROTOCOL = 2;
/** Bytes without the optional words: checksum, key, sequence number, in this order. */
export const GRE_HEADER = 4;

export const GRE_FLAG_CHECKSUM = 0x8000;
export const GRE_FLAG_ROUTING = 0x4000;
export const GRE_FLAG_KEY = 0x2000;
export const GRE_FLAG_SEQUENCE = 0x1000;
const GRE_VERSION = 0x0007;

/** `BAD_NONE`, or why it cannot be walked: not all there, another version, or RFC 1701 source routing. */
export function checkGre(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < GRE_HEADER) return BAD_L4_SHORT;
  if ((u16(bytes, off + GRE_FLAGS) & (GRE_VERSION | GRE_FLAG_ROUTING)) !== 0) return BAD_L4_LENGTH;
  return greLength(bytes, off) > end - off ? BAD_L4_SHORT : BAD_NONE;
}

/** Bytes of the header: 4 to 16. */
export function greLength(bytes: Uint8Array, off: number): number {
  const flags = bytes[off + GRE_FLAGS];
  return GRE_HEADER + ((((flags >> 7) & 1) + ((flags >> 5) & 1) + ((flags >> 4) & 1)) << 2);
}

/** EtherType of what is inside. */
export function greProtocol(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + GRE_PROTOCOL);
}

/** Whether there is a key. */
export function greHasKey(bytes: Uint8Array, off: number): boolean {
  return (bytes[off + GRE_FLAGS] & (GRE_FLAG_KEY >> 8)) !== 0;
}

/** The key as an int32, 0 when there is none. */
export function greKey(bytes: Uint8Array, off: number): number {
  return greHasKey(bytes, off) ? u32(bytes, off + GRE_HEADER + ((bytes[off + GRE_FLAGS] >> 7) << 2)) : 0;
}

/** Writes 4 bytes, or 8 with a key. */
export function emitGre(bytes: Uint8Array, off: number, protocol: number, key?: number): void {
  put16(bytes, off + GRE_FLAGS, key === undefined ? 0 : GRE_FLAG_KEY);
  put16(bytes, off + GRE_PROTOCOL, protocol);
  if (key !== undefined) put32(bytes, off + GRE_HEADER, key);
}

export interface GreDescription {
  protocol: number;
  key: number;
  length: number;
}

export function describeGre(bytes: Uint8Array, off: number): GreDescription {
  return { protocol: greProtocol(bytes, off), key: greKey(bytes, off) >>> 0, length: greLength(bytes, off) };
}
