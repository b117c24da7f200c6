/** VLAN tags. IEEE 802.1Q-2022 clause 9 (0x8100 customer, 0x88a8 service). The tag stands behind an EtherType. */
import { BAD_LINK_SHORT, BAD_NONE } from '../counters.ts';
import { put16, u16 } from './bytes.ts';
import { ETHERTYPE_QINQ, ETHERTYPE_VLAN } from './ethernet.ts';

/** Offsets from the tag control information, which follows the EtherType that announced the tag. */
export const VLAN_TCI = 0;
export const VLAN_TYPE = 2;
export const VLAN_TAG = 4;
/** More tags than this are not walked: the frame is not IP then. */
export const VLAN_MAX_TAGS = 4;
/** Set in `Dissection.vlan` to tell a tag with TCI 0 from no tag. */
export const VLAN_PRESENT = 0x10000;

/** Whether the EtherType announces a tag. 0x9100 does not: Linux does not walk it either (`eth_type_vlan`). */
export function isVlanType(type: number): boolean {
  return type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ;
}

/** `BAD_NONE`, or `BAD_LINK_SHORT` when the tag is not all there. */
export function checkVlan(_bytes: Uint8Array, off: number, end: number): number {
  return end - off < VLAN_TAG ? BAD_LINK_SHORT : BAD_NONE;
}

export function vlanTci(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + VLAN_TCI);
}

export function vlanType(bytes: Uint8Array, off: number): number {
  return u16(bytes, off + VLAN_TYPE);
}

/** Writes the 4 bytes behind an EtherType of 0x8100 or 0x88a8. */
export function emitVlan(bytes: Uint8Array, off: number, tci: number, type: number): void {
  put16(bytes, off + VLAN_TCI, tci);
  put16(bytes, off + VLAN_TYPE, type);
}

export interface VlanDescription {
  id: number;
  priority: number;
  dropEligible: boolean;
  type: number;
}

export function describeVlan(bytes: Uint8Array, off: number): VlanDescription {
  const tci = vlanTci(bytes, off);
  return { id: tci & 0xfff, priority: tci >> 13, dropEligible: (tci & 0x1000) !== 0, type: vlanType(bytes, off) };
}
