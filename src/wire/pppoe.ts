/** PPPoE session frames. RFC 2516 sections 4 and 6; PPP protocols: https://www.iana.org/assignments/ppp-numbers */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put16, u16 } from './bytes.ts';

/** Version and type, 1 each. */
export const PPPOE_VERSION = 0;
export const PPPOE_CODE = 1;
export const PPPOE_SESSION = 2;
/** Bytes of what follows: the PPP protocol and its payload. */
export const PPPOE_LENGTH = 4;
export const PPPOE_PROTOCOL = 6;
/** Bytes with the PPP protocol, which is never compressed here (RFC 2516 section 7). */
export const PPPOE_HEADER = 8;

export const PPP_IPV4 = 0x0021;
export const PPP_IPV6 = 0x0057;

/**
 * `BAD_NONE`, or why this is no session frame: not all there, another version or code, or a length below 2. A length beyond
 * `end` passes: the capture was cut.
 */
export function checkPppoe(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < PPPOE_HEADER) return BAD_L4_SHORT;
  if (bytes[off + PPPOE_VERSION] !== 0x11 || bytes[off + PPPOE_CODE] !== 0) return BAD_L4_LENGTH;
  return u16(bytes, off + PPPOE_LENGTH) < 2 ? BAD_L4_LENGTH : BAD_NONE;
}

export function pppoeSession(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + PPPOE_SESSION);
}

export function pppoeProtocol(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + PPPOE_PROTOCOL);
}

/** Where the payload ends: by the length of the header, never beyond `end`. Padding may follow. */
export function pppoeEnd(bytes: Uint8Array, off: number, end: number): number {
  return Math.min(end, off + PPPOE_PROTOCOL + u16(bytes, off + PPPOE_LENGTH)) | 0;
}

/** Writes 8 bytes. `length` is that of the PPP payload. */
export function emitPppoe(bytes: Uint8Array, off: number, session: number, protocol: number, length: number): void {
  put16(bytes, off + PPPOE_VERSION, 0x1100);
  put16(bytes, off + PPPOE_SESSION, session);
  put16(bytes, off + PPPOE_LENGTH, length + 2);
  put16(bytes, off + PPPOE_PROTOCOL, protocol);
}

export interface PppoeDescription {
  session: number;
  protocol: number;
  /** Bytes of PPP protocol and payload. */
  length: number;
}

export function describePppoe(bytes: Uint8Array, off: number): PppoeDescription {
  return {
    session: pppoeSession(bytes, off),
    protocol: pppoeProtocol(bytes, off),
    length: u16(bytes, off + PPPOE_LENGTH),
  };
}
