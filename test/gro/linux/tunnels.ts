/** `udp_gro_receive` and the callbacks of tunnel devices: `vxlan_gro_receive`, `geneve_gro_receive`, `gue_gro_receive`. */
import { hasOffload, PROTO } from './ip.ts';
import { checksumHolds, UDP, udpSegmentReceive } from './l4.ts';
import type { Machine } from './machine.ts';
import { keepSame, type Skb } from './skb.ts';

const TEB = 0x6558;

const refuse = (skb: Skb): undefined => {
  skb.flush = true;
};

export function udpReceive(m: Machine, held: Skb[], skb: Skb, v6: boolean): Skb | undefined {
  if (!skb.has(8)) return refuse(skb);
  const uh = skb.at;
  const hasSum = skb.u16(uh + 6) !== 0;
  const isSummed = !skb.flush;
  if (isSummed && hasSum && !checksumHolds(m, skb, UDP, v6)) return refuse(skb);
  const port = skb.u16(uh + 2);
  const { vxlan, geneve, gue, udp } = m.host;
  if (port !== vxlan && port !== geneve && port !== gue) {
    const wanted = udp === 'forwarding' || (udp !== 'off' && udp.includes(port));
    return wanted ? skb.call(() => udpSegmentReceive(m, held, skb)) : refuse(skb);
  }
  if (skb.encapMark || (hasSum && !isSummed)) return refuse(skb);
  skb.encapMark = true;
  keepSame(held, (p) => p.u32(uh) === skb.u32(uh) && (p.u16(uh + 6) !== 0) === hasSum);
  skb.at += 8;
  return skb.call(() => {
    if (port === vxlan) return vxlanReceive(m, held, skb);
    return port === geneve ? geneveReceive(m, held, skb) : gueReceive(m, held, skb, v6);
  });
}

function vxlanReceive(m: Machine, held: Skb[], skb: Skb): Skb | undefined {
  if (!skb.has(8)) return refuse(skb);
  const { at } = skb;
  keepSame(held, (p) => p.text(at, at + 8) === skb.text(at, at + 8));
  skb.at += 8;
  return skb.call(() => m.ethernet(held, skb));
}

function geneveReceive(m: Machine, held: Skb[], skb: Skb): Skb | undefined {
  const { at } = skb;
  if (!skb.has(8)) return refuse(skb);
  const length = 8 + (skb.u8(at) & 0x3f) * 4;
  const isControl = (skb.u8(at + 1) & 0x80) !== 0;
  if (skb.u8(at) >> 6 !== 0 || isControl || !skb.has(length)) return refuse(skb);
  keepSame(held, (p) => p.text(at, at + length) === skb.text(at, at + length));
  const type = skb.u16(at + 2);
  skb.at += length;
  if (type === TEB) return skb.call(() => m.ethernet(held, skb));
  return m.hasType(type) ? skb.call(() => m.byType(held, skb, type)) : refuse(skb);
}

function gueReceive(m: Machine, held: Skb[], skb: Skb, v6: boolean): Skb | undefined {
  const { at } = skb;
  if (!skb.has(4)) return refuse(skb);
  const variant = skb.u8(at) >> 6;
  let proto: number;
  if (variant === 1) {
    const version = skb.u8(at) >> 4;
    if (version !== 4 && version !== 6) return refuse(skb);
    proto = version === 4 ? PROTO.ipip : PROTO.ipv6;
  } else {
    const options = (skb.u8(at) & 0x1f) * 4;
    if (variant !== 0 || !skb.has(4 + options) || (skb.u8(at) & 0x20) !== 0) return refuse(skb);
    const flags = skb.u16(at + 2);
    // Bit 0 says that private flags follow; of these, remote checksum offload is not done here (docs/decisions/0015).
    if ((flags & ~1) !== 0 || (flags === 1 && (options < 4 || skb.u32(at + 4) !== 0))) return refuse(skb);
    skb.at += 4 + options;
    keepSame(held, (p) => p.text(at, skb.at) === skb.text(at, skb.at));
    proto = skb.u8(at + 1);
    // TCP and UDP with nothing between are not done here either.
    if (proto === PROTO.tcp || proto === PROTO.udp) return refuse(skb);
  }
  skb.encapMark = false;
  skb.isFou = true;
  if (!hasOffload(m, proto)) return refuse(skb);
  return skb.call(() => m.transport(held, skb, proto, v6));
}
