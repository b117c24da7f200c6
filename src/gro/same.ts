/** Whether two packets are of the same flow, header by header: Linux's `same_flow`. Both have the same kind (`G_KIND`). */
import { ip4SameAddresses } from './ip4.ts';
import { ip6SameFlow } from './ip6.ts';

const UDP = 17;
const GRE = 47;
const UDP_HEADER = 8;
const GRE_CHECKSUM = 0x8000;
const GRE_KEY = 0x2000;

/** IP headers at `l3` and `held`, with extension headers up to `l3 + length`. */
export function sameIp(view: DataView, l3: number, held: number, length: number, v6: boolean): boolean {
  return v6 ? ip6SameFlow(view, l3, held, length) : ip4SameAddresses(view, l3, held);
}

/** The same where the protocol behind may differ. */
export function sameOuterIp(view: DataView, l3: number, held: number, length: number, v6: boolean): boolean {
  return sameIp(view, l3, held, length, v6) && (v6 || view.getUint8(l3 + 9) === view.getUint8(held + 9));
}

/**
 * What stands between the outer IP header and the inner one, `length` bytes from `l4` and from `held` on. Of UDP the ports are compared and
 * whether there is a checksum; of GRE all but the checksum; tunnel headers, options, Ethernet header and VLAN tags byte for byte.
 *
 * Linux compares the checksum of a GRE header with checksum and key, and takes it for the key: here both are compared.
 */
export function sameTunnel(view: DataView, l4: number, held: number, length: number, proto: number): boolean {
  if (proto === UDP) {
    if (view.getInt32(l4) !== view.getInt32(held)) return false;
    if ((view.getUint16(l4 + 6) === 0) !== (view.getUint16(held + 6) === 0)) return false;
    return sameBytes(view, l4 + UDP_HEADER, held + UDP_HEADER, length - UDP_HEADER);
  }
  if (proto === GRE && (view.getUint16(l4) & (GRE_CHECKSUM | GRE_KEY)) === GRE_CHECKSUM) {
    return view.getInt32(l4) === view.getInt32(held) && sameBytes(view, l4 + 8, held + 8, length - 8);
  }
  return sameBytes(view, l4, held, length);
}

export function sameBytes(view: DataView, a: number, b: number, length: number): boolean {
  let i = 0;
  for (; i < length - 3; i += 4) if (view.getInt32(a + i) !== view.getInt32(b + i)) return false;
  for (; i < length; i++) if (view.getUint8(a + i) !== view.getUint8(b + i)) return false;
  return true;
}
