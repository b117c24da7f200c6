/**
 * What lanes do beyond Linux, for packets that are not in tunnels: a packet that was not compared, or is of no flow that is held, first
 * completes what is held of its addresses and ports; of its addresses, where no ports are to be seen.
 */
import { CLASS_FRAGMENT4, CLASS_FRAGMENT6, CLASS_MALFORMED, CLASS_TCP4, CLASS_TCP6 } from '../../../src/counters.ts';
import { Dissection, dissect, LINK_ETHERNET } from '../../../src/wire/dissect.ts';
import type { Skb } from './skb.ts';

/** Which held packets a packet must not overtake; `undefined`: none. */
export function mustNotOvertake(skb: Skb, isCompared: boolean): ((p: Skb) => boolean) | undefined {
  const d = new Dissection();
  const b = skb.bytes;
  const cls = dissect(b, 0, b.length, LINK_ETHERNET, d);
  const { l3 } = d;
  const version = b.length - l3 >= 20 ? b[l3] >> 4 : 0;
  const v6 = version === 6;
  const isTcp = cls === CLASS_TCP4 || cls === CLASS_TCP6;
  const isFragment = cls === CLASS_FRAGMENT4 || cls === CLASS_FRAGMENT6;
  if (!isTcp && !isFragment && cls !== CLASS_MALFORMED) return undefined;
  if (v6 ? b.length - l3 < 40 : version !== 4) return undefined;
  const next = isFragment ? d.proto : b[l3 + (v6 ? 6 : 9)];
  // Extension headers may hide any protocol.
  if (!isTcp && next !== 6 && !(v6 && [0, 43, 44, 60].includes(next))) return undefined;
  const pair = addresses(skb, l3, v6);
  const ports = isTcp ? skb.u32(d.l4) : isCompared ? skb.u32(skb.transport) : undefined;
  return (p) => {
    const at = p.network[0];
    if (p.isFromEsp !== skb.isFromEsp || addresses(p, at, p.u8(at) >> 4 === 6) !== pair) return false;
    return ports === undefined || p.u32(p.transport) === ports;
  };
}

function addresses(skb: Skb, l3: number, v6: boolean): string {
  return v6 ? skb.text(l3 + 8, l3 + 40) : skb.text(l3 + 12, l3 + 20);
}
