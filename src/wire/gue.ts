/**
 * Generic UDP encapsulation. https://datatracker.ietf.org/doc/html/draft-ietf-intarea-gue-09 section 3: variant 0 has a header,
 * variant 1 (section 4) is an IP packet right behind UDP, told by the first two bits, which are 01 in both IP versions.
 */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put16, u16 } from './bytes.ts';

/** Variant (2 bits), control (1), words behind the first (5). */
export const GUE_VARIANT = 0;
export const GUE_PROTOCOL = 1;
export const GUE_FLAGS = 2;
/** Bytes of variant 0 without extension fields. */
export const GUE_HEADER = 4;
export const GUE_CONTROL = 0x20;
/** The one flag that Linux knows: a word of private flags follows. */
export const GUE_FLAG_PRIVATE = 0x0001;
export const UDP_PORT_GUE = 6080;

/**
 * `BAD_NONE`, or why this is no GUE header of variant 0: not all there, another variant, or flags that are not known. Those
 * may say that what is inside is a piece, or encrypted: a receiver has to drop it, as Linux does.
 */
export function checkGue(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < GUE_HEADER) return BAD_L4_SHORT;
  if (bytes[off + GUE_VARIANT] >> 6 !== 0) return BAD_L4_LENGTH;
  const flags = u16(bytes, off + GUE_FLAGS);
  const length = gueLength(bytes, off);
  if ((flags & ~GUE_FLAG_PRIVATE) !== 0 || (flags !== 0 && length === GUE_HEADER)) return BAD_L4_LENGTH;
  return length > end - off ? BAD_L4_SHORT : BAD_NONE;
}

/** Bytes of the header: 4 to 128. */
export function gueLength(bytes: Uint8Array, off: number): number {
  return GUE_HEADER + ((bytes[off + GUE_VARIANT] & 0x1f) << 2);
}

/** Whether it is a control message: no packet is inside. */
export function gueIsControl(bytes: Uint8Array, off: number): boolean {
  return (bytes[off + GUE_VARIANT] & GUE_CONTROL) !== 0;
}

/** IP protocol number of what is inside; of a control message its type. */
export function gueProtocol(bytes: Uint8Array, off: number): number {
  return bytes[off + GUE_PROTOCOL];
}

/** Writes 4 bytes: variant 0 without extension fields. */
export function emitGue(bytes: Uint8Array, off: number, protocol: number): void {
  bytes[off + GUE_VARIANT] = 0;
  bytes[off + GUE_PROTOCOL] = protocol;
  put16(bytes, off + GUE_FLAGS, 0);
}

export interface GueDescription {
  protocol: number;
  control: boolean;
  flags: number;
  length: number;
}

export function describeGue(bytes: Uint8Array, off: number): GueDescription {
  return {
    protocol: gueProtocol(bytes, off),
    control: gueIsControl(bytes, off),
    flags: u16(bytes, off + GUE_FLAGS),
    length: gueLength(bytes, off),
  };
}
