/** VXLAN. RFC 7348 section 5. */
import { BAD_L4_LENGTH, BAD_L4_SHORT, BAD_NONE } from '../counters.ts';
import { put32, u32 } from './bytes.ts';

export const VXLAN_FLAGS = 0;
export const VXLAN_VNI = 4;
export const VXLAN_HEADER = 8;
/** The VNI is valid; other flags are ignored on receipt. */
export const VXLAN_FLAG_VNI = 0x08;
export const UDP_PORT_VXLAN = 4789;

/** `BAD_NONE`, or why this is no VXLAN header: not all there, or the I flag is not set. */
export function checkVxlan(bytes: Uint8Array, off: number, end: number): number {
  if (end - off < VXLAN_HEADER) return BAD_L4_SHORT;
  return (bytes[off + VXLAN_FLAGS] & VXLAN_FLAG_VNI) === 0 ? BAD_L4_LENGTH : BAD_NONE;
}

export function vxlanVni(bytes: Uint8Array, off: number): number {
  return u32(bytes, off + VXLAN_VNI) >>> 8;
}

/** Writes 8 bytes. */
export function emitVxlan(bytes: Uint8Array, off: number, vni: number): void {
  put32(bytes, off + VXLAN_FLAGS, VXLAN_FLAG_VNI << 24);
  put32(bytes, off + VXLAN_VNI, vni << 8);
}

export interface VxlanDescription {
  vni: number;
}

export function describeVxlan(bytes: Uint8Array, off: number): VxlanDescription {
  return { vni: vxlanVni(bytes, off) };
}
