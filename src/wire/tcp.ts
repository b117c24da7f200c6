/** TCP. RFC 9293 section 3.1. */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put16, put32, u16, u32 } from './bytes.ts';

export const TCP_SPORT = 0;
export const TCP_DPORT = 2;
export const TCP_SEQ = 4;
export const TCP_ACK = 8;
/** High four bits: header length in words; low bit: AE (accurate ECN, draft-ietf-tcpm-accurate-ecn). */
export const TCP_OFFSET = 12;
export const TCP_FLAGS = 13;
export const TCP_WINDOW = 14;
export const TCP_CHECKSUM = 16;
export const TCP_URGENT = 18;
/** Bytes of the header without options; options start here. */
export const TCP_HEADER = 20;

export const TCP_FLAG_FIN = 0x01;
export const TCP_FLAG_SYN = 0x02;
export const TCP_FLAG_RST = 0x04;
export const TCP_FLAG_PSH = 0x08;
export const TCP_FLAG_ACK = 0x10;
export const TCP_FLAG_URG = 0x20;
export const TCP_FLAG_ECE = 0x40;
export const TCP_FLAG_CWR = 0x80;

/** `BAD_NONE`, or why this is no TCP header: not all there, or a data offset below 5 or beyond `end`. */
export function checkTcp(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < TCP_HEADER) return BAD_L4_SHORT;
  const length = tcpHeaderLength(bytes, off);
  return length < TCP_HEADER || length > end - off ? BAD_L4_LENGTH : BAD_NONE;
}

export function tcpSport(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + TCP_SPORT);
}

export function tcpDport(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + TCP_DPORT);
}

/** Sequence number as an int32: differences with `| 0`. */
export function tcpSeq(bytes: Uint8Array, off: number): number {
  return u32(bytes, off + TCP_SEQ);
}

export function tcpAck(bytes: Uint8Array, off: number): number {
  return u32(bytes, off + TCP_ACK);
}

/** Bytes of the header with its options: 20 to 60. */
export function tcpHeaderLength(bytes: Uint8Array, off: number): number {
  return (bytes[off + TCP_OFFSET] >> 4) << 2;
}

export function tcpFlags(bytes: Uint8Array, off: number): number {
  return bytes[off + TCP_FLAGS];
}

export function tcpWindow(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + TCP_WINDOW);
}

/** Writes a header of 20 bytes, checksum 0: see `setL4Checksum` of checksum.ts. */
export function emitTcp(
  bytes: Uint8Array,
  off: number,
  sport: number,
  dport: number,
  seq: number,
  ack: number,
  flags: number,
): void {
  put16(bytes, off + TCP_SPORT, sport);
  put16(bytes, off + TCP_DPORT, dport);
  put32(bytes, off + TCP_SEQ, seq);
  put32(bytes, off + TCP_ACK, ack);
  bytes[off + TCP_OFFSET] = 0x50;
  bytes[off + TCP_FLAGS] = flags;
  put16(bytes, off + TCP_WINDOW, 0xffff);
  put32(bytes, off + TCP_CHECKSUM, 0);
}

export interface TcpDescription {
  sport: number;
  dport: number;
  seq: number;
  ack: number;
  headerLength: number;
  flags: number;
  window: number;
}

export function describeTcp(bytes: Uint8Array, off: number): TcpDescription {
  return {
    sport: tcpSport(bytes, off),
    dport: tcpDport(bytes, off),
    seq: tcpSeq(bytes, off) >>> 0,
    ack: tcpAck(bytes, off) >>> 0,
    headerLength: tcpHeaderLength(bytes, off),
    flags: tcpFlags(bytes, off),
    window: tcpWindow(bytes, off),
  };
}
