/**
 * Linux cooked capture, version 1 and 2: what a capture on `any` has instead of Ethernet.
 * https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html and LINKTYPE_LINUX_SLL2.html
 */
import { BAD_LINK_SHORT, BAD_NONE } from '../counters.ts';
import { put16, u16 } from './bytes.ts';

/** Version 1: packet type 0, ARPHRD 2, address length 4, address 6, protocol 14. */
export const SLL_PACKET_TYPE = 0;
export const SLL_PROTOCOL = 14;
export const SLL_HEADER = 16;
/** Version 2: protocol 0, interface index 4, ARPHRD 8, packet type 10, address length 11, address 12. */
export const SLL2_PROTOCOL = 0;
export const SLL2_IFINDEX = 4;
export const SLL2_PACKET_TYPE = 10;
export const SLL2_HEADER = 20;

/** `BAD_NONE`, or `BAD_LINK_SHORT` when the header is not all there. */
export function checkSll(_bytes: Uint8Array, off: number, end: number): number {
  return end - off < SLL_HEADER ? BAD_LINK_SHORT : BAD_NONE;
}

export function checkSll2(_bytes: Uint8Array, off: number, end: number): number {
  return end - off < SLL2_HEADER ? BAD_LINK_SHORT : BAD_NONE;
}

/** EtherType of what follows; values below 0x600 are Linux's own numbers, none of which is IP. */
export function sllProtocol(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + SLL_PROTOCOL);
}

export function sll2Protocol(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + SLL2_PROTOCOL);
}

/** Writes 16 bytes: a packet to us, from an Ethernet device whose address is zero. */
export function emitSll(bytes: Uint8Array, off: number, protocol: number): void {
  bytes.fill(0, off, off + SLL_HEADER);
  put16(bytes, off + 2, 1);
  put16(bytes, off + 4, 6);
  put16(bytes, off + SLL_PROTOCOL, protocol);
}

/** Writes 20 bytes: a packet to us, from Ethernet device `ifindex` whose address is zero. */
export function emitSll2(bytes: Uint8Array, off: number, protocol: number, ifindex: number): void {
  bytes.fill(0, off, off + SLL2_HEADER);
  put16(bytes, off + SLL2_PROTOCOL, protocol);
  put16(bytes, off + SLL2_IFINDEX + 2, ifindex);
  put16(bytes, off + 8, 1);
  bytes[off + 11] = 6;
}

export interface SllDescription {
  packetType: number;
  protocol: number;
}

export function describeSll(bytes: Uint8Array, off: number): SllDescription {
  return { packetType: u16(bytes, off + SLL_PACKET_TYPE), protocol: sllProtocol(bytes, off) };
}

export function describeSll2(bytes: Uint8Array, off: number): SllDescription {
  return { packetType: bytes[off + SLL2_PACKET_TYPE], protocol: sll2Protocol(bytes, off) };
}
