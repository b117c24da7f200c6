/** UDP. RFC 768; length 0 over IPv6: RFC 2675 section 4; ESP in UDP: RFC 3948. */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put16, u16 } from './bytes.ts';

export const UDP_SPORT = 0;
export const UDP_DPORT = 2;
export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;
export const UDP_HEADER = 8;

/** Where ESP and IKE share a port (RFC 3948). */
export const UDP_PORT_NATT = 4500;
/** IKE alone. */
export const UDP_PORT_IKE = 500;
/** The one byte of a NAT keepalive (RFC 3948 section 2.3). */
export const NATT_KEEPALIVE = 0xff;

/**
 * `BAD_NONE`, or why this is no UDP header: not all there, or a length below 8. A length beyond `end` passes: the capture
 * was cut. Length 0 does not; over IPv6 `dissect` takes it as "to the end", as Linux does.
 */
export function checkUdp(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < UDP_HEADER) return BAD_L4_SHORT;
  return u16(bytes, off + UDP_LENGTH) < UDP_HEADER ? BAD_L4_LENGTH : BAD_NONE;
}

export function udpSport(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + UDP_SPORT);
}

export function udpDport(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + UDP_DPORT);
}

export function udpLength(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + UDP_LENGTH);
}

/** Where the datagram ends: by its own length, which may be shorter than the IP payload, and never beyond `end`. */
export function udpEnd(bytes: Uint8Array, off: number, end: number): number {
  const length = u16(bytes, off + UDP_LENGTH);
  return length < UDP_HEADER || length > end - off ? end : off + length;
}

/** Writes a header of 8 bytes, checksum 0 (none). `length` counts header and payload. */
export function emitUdp(bytes: Uint8Array, off: number, sport: number, dport: number, length: number): void {
  put16(bytes, off + UDP_SPORT, sport);
  put16(bytes, off + UDP_DPORT, dport);
  put16(bytes, off + UDP_LENGTH, length);
  put16(bytes, off + UDP_CHECKSUM, 0);
}

export interface UdpDescription {
  sport: number;
  dport: number;
  length: number;
  checksum: number;
}

export function describeUdp(bytes: Uint8Array, off: number): UdpDescription {
  return {
    sport: udpSport(bytes, off),
    dport: udpDport(bytes, off),
    length: udpLength(bytes, off),
    checksum: u16(bytes, off + UDP_CHECKSUM),
  };
}
