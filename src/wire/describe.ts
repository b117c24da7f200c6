/** A dissected packet in words, for command lines, reports and tests. Allocates: never for every packet. */
import {
  CLASS_AH4,
  CLASS_ESP4,
  CLASS_FRAGMENT4,
  CLASS_IKE4,
  CLASS_KEEPALIVE6,
  CLASS_MALFORMED,
  CLASS_NATT4,
  CLASS_NONIP,
  CLASS_SCTP6,
  CLASSES,
  type ClassName,
  MALFORMED_REASONS,
} from '../counters.ts';
import { addressText } from './address.ts';
import { u16 } from './bytes.ts';
import type { Dissection } from './dissection.ts';
import { IPV4_SRC } from './ipv4.ts';
import { IPV6_SRC } from './ipv6.ts';

/** What is known of the packet; absent where its class has no such thing. */
export interface PacketDescription {
  class: ClassName;
  /** Why it is malformed. */
  reason?: string;
  src?: string;
  dst?: string;
  proto?: number;
  sport?: number;
  dport?: number;
  /** `0x00001001` */
  spi?: string;
  vlan?: number;
  truncated?: true;
  fragment?: { offset: number; more: boolean; id: number };
}

export function describePacket(bytes: Uint8Array, d: Dissection): PacketDescription {
  const cls = d.cls;
  const result: PacketDescription = { class: CLASSES[cls] };
  if (d.vlan !== 0) result.vlan = d.vlan & 0xfff;
  if (cls === CLASS_MALFORMED) result.reason = MALFORMED_REASONS[d.reason];
  if (cls <= CLASS_NONIP) return result;
  const family = cls & ~1;
  if ((cls & 1) === 0) {
    result.src = addressText(bytes, d.l3 + IPV4_SRC, 4);
    result.dst = addressText(bytes, d.l3 + IPV4_SRC + 4, 4);
  } else {
    result.src = addressText(bytes, d.l3 + IPV6_SRC, 16);
    result.dst = addressText(bytes, d.l3 + IPV6_SRC + 16, 16);
  }
  result.proto = d.proto;
  if (cls <= CLASS_SCTP6 || family === CLASS_NATT4 || (cls >= CLASS_IKE4 && cls <= CLASS_KEEPALIVE6)) {
    result.sport = u16(bytes, d.l4);
    result.dport = u16(bytes, d.l4 + 2);
  }
  if (family === CLASS_ESP4 || family === CLASS_AH4 || family === CLASS_NATT4) {
    result.spi = `0x${(d.spi >>> 0).toString(16).padStart(8, '0')}`;
  }
  if (d.truncated !== 0) result.truncated = true;
  if (family === CLASS_FRAGMENT4) {
    result.fragment = { offset: d.fragOff, more: d.fragMore !== 0, id: d.fragId >>> 0 };
  }
  return result;
}
