/**
 * BSD loopback: four bytes with the address family of the capturing machine.
 * https://www.tcpdump.org/linktypes.html: NULL is in that machine's byte order, LOOP in network order.
 */
import { BAD_LINK_SHORT, BAD_NONE } from '../counters.ts';
import { u32 } from './bytes.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';

export const LOOPBACK_FAMILY = 0;
export const LOOPBACK_HEADER = 4;

/** `BAD_NONE`, or `BAD_LINK_SHORT` when the header is not all there. */
export function checkLoopback(_bytes: Uint8Array, off: number, end: number): number {
  return end - off < LOOPBACK_HEADER ? BAD_LINK_SHORT : BAD_NONE;
}

/**
 * The family as an EtherType, 0 when it is no IP. Both byte orders are taken, for LOOP too: families are below 256,
 * so one order of the four bytes never reads as a family in the other.
 */
export function loopbackType(bytes: Uint8Array, off: number): number {
  const raw = u32(bytes, off + LOOPBACK_FAMILY);
  switch ((raw & 0xffffff) === 0 ? raw >>> 24 : raw) {
    case 2:
      return ETHERTYPE_IPV4;
    // AF_INET6 of Linux; NetBSD, OpenBSD and BSD/OS; FreeBSD; macOS
    case 10:
    case 24:
    case 28:
    case 30:
      return ETHERTYPE_IPV6;
    default:
      return 0;
  }
}
