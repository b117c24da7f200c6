/** Ethernet II. IEEE 802.3-2022 clause 3; EtherTypes: https://www.iana.org/assignments/ieee-802-numbers */
import { BAD_LINK_SHORT, BAD_NONE } from '../counters.ts';
import { hex, put16, u16 } from './bytes.ts';

export const ETHER_DST = 0;
export const ETHER_SRC = 6;
export const ETHER_TYPE = 12;
export const ETHER_HEADER = 14;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
/** Transparent Ethernet bridging: an Ethernet frame inside GRE. */
export const ETHERTYPE_TEB = 0x6558;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_MPLS = 0x8847;
export const ETHERTYPE_MPLS_MULTICAST = 0x8848;
/** PPPoE sessions; their discovery (0x8863) carries no packets. */
export const ETHERTYPE_PPPOE = 0x8864;
export const ETHERTYPE_QINQ = 0x88a8;

/** `BAD_NONE`, or `BAD_LINK_SHORT` when the header is not all there. */
export function checkEthernet(_bytes: Uint8Array, off: number, end: number): number {
  return end - off < ETHER_HEADER ? BAD_LINK_SHORT : BAD_NONE;
}

/** EtherType, or the length of an 802.3 frame when below 0x600. */
export function etherType(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + ETHER_TYPE);
}

/** Writes 14 bytes. `dst` and `src` are 6 bytes each. */
export function emitEthernet(bytes: Uint8Array, off: number, dst: Uint8Array, src: Uint8Array, type: number): void {
  bytes.set(dst, off + ETHER_DST);
  bytes.set(src, off + ETHER_SRC);
  put16(bytes, off + ETHER_TYPE, type);
}

export interface EthernetDescription {
  dst: string;
  src: string;
  type: number;
}

export function describeEthernet(bytes: Uint8Array, off: number): EthernetDescription {
  return { dst: macText(bytes, off + ETHER_DST), src: macText(bytes, off + ETHER_SRC), type: etherType(bytes, off) };
}

/** `02:00:00:00:00:01` */
function macText(bytes: Uint8Array, off: number): string {
  return hex(bytes, off, off + 6).replace(/..(?=.)/g, '$&:');
}
