/** GTP-U version 1. 3GPP TS 29.281 section 5: https://www.3gpp.org/dynareport/29281.htm */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put16, put32, u16, u32 } from './bytes.ts';

/** Version (3 bits), protocol type (1: GTP, not GTP'), and which optional fields are there. */
export const GTPU_FLAGS = 0;
export const GTPU_TYPE = 1;
/** Bytes behind the first 8: optional fields, extension headers and payload. */
export const GTPU_LENGTH = 2;
export const GTPU_TEID = 4;
export const GTPU_HEADER = 8;
/** Sequence number 8, N-PDU number 10, type of the first extension header 11: all there when one of them is. */
export const GTPU_NEXT = 11;
export const GTPU_OPTIONAL = 4;

export const GTPU_FLAG_EXTENSION = 0x04;
export const GTPU_FLAG_SEQUENCE = 0x02;
export const GTPU_FLAG_NPDU = 0x01;
/** The message that carries a user's packet. */
export const GTPU_GPDU = 0xff;
/** More extension headers than this are not walked; 5G puts one or two. */
export const GTPU_MAX_EXTENSIONS = 8;
export const UDP_PORT_GTPU = 2152;

const VERSION_1 = 0x30;
const OPTIONAL_FLAGS = GTPU_FLAG_EXTENSION | GTPU_FLAG_SEQUENCE | GTPU_FLAG_NPDU;

/**
 * `BAD_NONE`, or why this is no header that can be walked: not all there, another version, an extension header of length 0,
 * too many of them, or more of them than the length covers. A length beyond `end` passes: the capture was cut.
 */
export function checkGtpu(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < GTPU_HEADER) return BAD_L4_SHORT;
  const flags = bytes[off + GTPU_FLAGS];
  if ((flags & 0xf0) !== VERSION_1) return BAD_L4_LENGTH;
  const said = (off + GTPU_HEADER + u16(bytes, off + GTPU_LENGTH)) | 0;
  if ((flags & OPTIONAL_FLAGS) === 0) return BAD_NONE;
  let at = (off + GTPU_HEADER + GTPU_OPTIONAL) | 0;
  if (at > end) return BAD_L4_SHORT;
  // the type of the first extension header counts only with its flag
  let next = (flags & GTPU_FLAG_EXTENSION) === 0 ? 0 : bytes[off + GTPU_NEXT];
  for (let n = 0; next !== 0; n++) {
    if (n === GTPU_MAX_EXTENSIONS) return BAD_L4_LENGTH;
    if (at >= end) return BAD_L4_SHORT;
    const length = bytes[at] << 2;
    if (length === 0) return BAD_L4_LENGTH;
    at = (at + length) | 0;
    if (at > end) return BAD_L4_SHORT;
    next = bytes[at - 1];
  }
  return at > said ? BAD_L4_LENGTH : BAD_NONE;
}

/** Bytes of the header with its optional fields and extension headers: 8 and more. */
export function gtpuLength(bytes: Uint8Array, off: number): number {
  const flags = bytes[off + GTPU_FLAGS];
  if ((flags & OPTIONAL_FLAGS) === 0) return GTPU_HEADER;
  let length = GTPU_HEADER + GTPU_OPTIONAL;
  let next = (flags & GTPU_FLAG_EXTENSION) === 0 ? 0 : bytes[off + GTPU_NEXT];
  while (next !== 0) {
    length += bytes[off + length] << 2;
    next = bytes[off + length - 1];
  }
  return length;
}

export function gtpuType(bytes: Uint8Array, off: number): number {
  return bytes[off + GTPU_TYPE];
}

/** Tunnel endpoint identifier, as an int32. */
export function gtpuTeid(bytes: Uint8Array, off: number): number {
  return u32(bytes, off + GTPU_TEID);
}

/** Where the message ends: by its own length, never beyond `end`. */
export function gtpuEnd(bytes: Uint8Array, off: number, end: number): number {
  return Math.min(end, off + GTPU_HEADER + u16(bytes, off + GTPU_LENGTH)) | 0;
}

/** Writes 8 bytes: a G-PDU without optional fields that carries `length` bytes. */
export function emitGtpu(bytes: Uint8Array, off: number, teid: number, length: number): void {
  bytes[off + GTPU_FLAGS] = VERSION_1;
  bytes[off + GTPU_TYPE] = GTPU_GPDU;
  put16(bytes, off + GTPU_LENGTH, length);
  put32(bytes, off + GTPU_TEID, teid);
}

export interface GtpuDescription {
  type: number;
  teid: number;
  /** Bytes of the whole header, and what its length field says. */
  headerLength: number;
  length: number;
}

export function describeGtpu(bytes: Uint8Array, off: number): GtpuDescription {
  return {
    type: gtpuType(bytes, off),
    teid: gtpuTeid(bytes, off) >>> 0,
    headerLength: gtpuLength(bytes, off),
    length: u16(bytes, off + GTPU_LENGTH),
  };
}
