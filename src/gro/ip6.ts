/** GRO's rules for IPv6: Linux's `ipv6_gro_receive` and `ipv6_gro_flush`. */
import { FLUSH_IP_TOS, FLUSH_IP_TTL } from './reasons.ts';

const HEADER = 40;

/** Whether the payload length is not what follows the header in the frame. */
export function ip6LengthDiffers(view: DataView, l3: number, present: number): boolean {
  return view.getUint16(l3 + 4) !== present - HEADER;
}

export function ip6SameAddresses(view: DataView, l3: number, held: number): boolean {
  for (let i = 8; i < HEADER; i += 4) if (view.getInt32(l3 + i) !== view.getInt32(held + i)) return false;
  return true;
}

/** Same flow: version, flow label, next header, addresses, and the same extension headers byte for byte. */
export function ip6SameFlow(view: DataView, l3: number, held: number, headerLength: number): boolean {
  if (((view.getInt32(l3) ^ view.getInt32(held)) & 0xf00fffff) !== 0) return false;
  if (view.getUint8(l3 + 6) !== view.getUint8(held + 6)) return false;
  for (let i = 8; i < headerLength; i += 4) if (view.getInt32(l3 + i) !== view.getInt32(held + i)) return false;
  return true;
}

/** 0 when the header at `l3` continues the run of the packet held with its header at `held`; else the flush reason. */
export function ip6Flush(view: DataView, l3: number, held: number): number {
  if (((view.getInt32(l3) ^ view.getInt32(held)) & 0x0ff00000) !== 0) return FLUSH_IP_TOS;
  return view.getUint8(l3 + 7) !== view.getUint8(held + 7) ? FLUSH_IP_TTL : 0;
}
