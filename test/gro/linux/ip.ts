/** `inet_gro_receive`, `ipv6_gro_receive`, the flush rules of IP headers, and `gre_gro_receive`. */
import type { Machine } from './machine.ts';
import { keepSame, onesSum, type Skb } from './skb.ts';

const DF = 0x4000;

export const PROTO = { ipip: 4, tcp: 6, udp: 17, ipv6: 41, gre: 47 } as const;
const EXTENSIONS = [0, 43, 60];

/** Whether an IP protocol has a `gro_receive`. */
export function hasOffload(m: Machine, proto: number): boolean {
  if (m.host.ipTunnels === false) return proto === PROTO.tcp || proto === PROTO.udp;
  return Object.values<number>(PROTO).includes(proto);
}

export function inetReceive(m: Machine, held: Skb[], skb: Skb): Skb | undefined {
  let flush = true;
  let pp: Skb | undefined;
  const { at } = skb;
  const proto = skb.has(20) ? skb.u8(at + 9) : -1;
  if (
    hasOffload(m, proto) &&
    skb.u8(at) === 0x45 &&
    (skb.u16(at + 6) & 0x3fff) === 0 &&
    onesSum(skb.bytes, at, at + 20) === 0xffff
  ) {
    skb.proto = proto;
    flush = skb.u16(at + 2) !== skb.left || (skb.u16(at + 6) & 0x8000) !== 0;
    keepSame(held, (p) => p.u8(at + 9) === proto && p.text(at + 12, at + 20) === skb.text(at + 12, at + 20));
    if (m.host.as === 'linux-6.1') inet61(held, skb, at, flush);
    skb.flush ||= flush;
    skb.network[skb.encapMark ? 1 : 0] = at;
    skb.at += 20;
    skb.transport = skb.at;
    pp = skb.call(() => m.transport(held, skb, proto, false));
  }
  skb.flush ||= flush;
  return pp;
}

export function ipv6Receive(m: Machine, held: Skb[], skb: Skb): Skb | undefined {
  let flush = true;
  let pp: Skb | undefined;
  const { at } = skb;
  // Linux does not look at the version; ours does (docs/decisions/0015).
  if (skb.has(40) && skb.u8(at) >> 4 === 6) {
    const lengthLies = skb.u16(at + 4) !== skb.left - 40;
    skb.network[skb.encapMark ? 1 : 0] = at;
    let proto = skb.u8(at + 6);
    skb.at += 40;
    while (EXTENSIONS.includes(proto)) {
      const length = skb.has(8) ? (skb.u8(skb.at + 1) + 1) * 8 : Number.POSITIVE_INFINITY;
      if (!skb.has(length)) break;
      proto = skb.u8(skb.at);
      skb.at += length;
    }
    if (hasOffload(m, proto)) {
      skb.proto = proto;
      skb.transport = skb.at;
      flush = lengthLies;
      keepSame(
        held,
        (p) =>
          ((p.u32(at) ^ skb.u32(at)) & 0xf00fffff) === 0 &&
          p.u8(at + 6) === skb.u8(at + 6) &&
          p.text(at + 8, skb.at) === skb.text(at + 8, skb.at),
      );
      if (m.host.as === 'linux-6.1') ipv661(held, skb, at, flush);
      skb.flush ||= flush;
      pp = skb.call(() => m.transport(held, skb, proto, true));
    }
  }
  skb.flush ||= flush;
  return pp;
}

const ipv6Differs = (skb: Skb, p: Skb, at: number): boolean =>
  ((p.u32(at) ^ skb.u32(at)) & 0x0ff00000) !== 0 || p.u8(at + 7) !== skb.u8(at + 7);

const inetDiffers = (skb: Skb, p: Skb, at: number): boolean =>
  p.u8(at + 8) !== skb.u8(at + 8) || p.u8(at + 1) !== skb.u8(at + 1) || ((p.u16(at + 6) ^ skb.u16(at + 6)) & DF) !== 0;

const idStep = (skb: Skb, p: Skb, at: number): number => (skb.u16(at + 4) - p.u16(at + 4) + 65536) % 65536;

/** Linux 6.1 judges in the IP callbacks, and carries what it found to that of TCP or UDP. */
function inet61(held: Skb[], skb: Skb, at: number, flush: boolean): void {
  const hasDf = (skb.u16(at + 6) & DF) !== 0;
  for (const p of held) {
    if (!p.sameFlow) continue;
    p.heldFlush ||= flush || inetDiffers(skb, p, at);
    let id = idStep(skb, p, at);
    if (!p.isAtomic || !hasDf) id = id === p.count % 65536 ? 0 : 0xffff;
    p.flushId = skb.isAtomic ? id : p.flushId | id;
  }
  skb.isAtomic = hasDf;
}

function ipv661(held: Skb[], skb: Skb, at: number, flush: boolean): void {
  for (const p of held) {
    if (!p.sameFlow) continue;
    p.heldFlush ||= flush || ipv6Differs(skb, p, at);
    if (skb.isAtomic) p.flushId = 0;
  }
  skb.isAtomic = true;
}

/** Whether IP headers, outer and inner, end the run of the held packet: at the time when TCP or UDP has found it. */
export function networkFlush(m: Machine, skb: Skb, p: Skb): boolean {
  if (m.host.as === 'linux-6.1') {
    const mayCount = p.flushId === 1 && p.count === 1 && p.isAtomic;
    if (mayCount) p.isAtomic = false;
    return p.heldFlush || (!mayCount && p.flushId !== 0);
  }
  let flush = oneFlush(m, skb, p, 0);
  if (p.encapMark) flush = oneFlush(m, skb, p, 1) || flush;
  return flush;
}

function oneFlush(m: Machine, skb: Skb, p: Skb, level: 0 | 1): boolean {
  const at = p.network[level];
  if (skb.u8(at) >> 4 === 6) return ipv6Differs(skb, p, at);
  if (inetDiffers(skb, p, at)) return true;
  const step = idStep(skb, p, at);
  if (m.host.as === 'linux-6.12') {
    const hasDf = (skb.u16(at + 6) & DF) !== 0;
    if (p.encapMark && level === 0 && hasDf) return false;
    if (p.count === 1 && hasDf && step === 0) p.fixedId = 1;
    return step !== (p.fixedId !== 0 ? 0 : p.count % 65536);
  }
  if (p.count === 1 && step === 0) p.fixedId |= 1 << level;
  return step !== ((p.fixedId & (1 << level)) !== 0 ? 0 : p.count % 65536);
}

/** IP in IP: one level of it. */
export function ipInIpReceive(m: Machine, held: Skb[], skb: Skb, v6: boolean): Skb | undefined {
  if (skb.encapMark) {
    skb.flush = true;
    return undefined;
  }
  skb.encapMark = true;
  return v6 ? ipv6Receive(m, held, skb) : inetReceive(m, held, skb);
}

const GRE_CSUM = 0x8000;
const GRE_KEY = 0x2000;

export function greReceive(m: Machine, held: Skb[], skb: Skb): Skb | undefined {
  const { at } = skb;
  const refuse = (): undefined => {
    skb.flush = true;
  };
  if (skb.encapMark) return refuse();
  skb.encapMark = true;
  if (!skb.has(4)) return refuse();
  const flags = skb.u16(at);
  const hasSum = (flags & GRE_CSUM) !== 0;
  const hasKey = (flags & GRE_KEY) !== 0;
  // Other bits: routing, sequence numbers, a version.
  if ((flags & ~(GRE_CSUM | GRE_KEY)) !== 0 || (hasSum && skb.isFou)) return refuse();
  const type = skb.u16(at + 2);
  const length = 4 + (hasSum ? 4 : 0) + (hasKey ? 4 : 0);
  if (!m.hasType(type) || !skb.has(length)) return refuse();
  if (hasSum && !skb.flush && m.verify && onesSum(skb.bytes, at, skb.bytes.length) !== 0xffff) return refuse();
  // The word behind the first is the checksum where there is one: Linux takes that for the key.
  keepSame(held, (p) => p.u32(at) === skb.u32(at) && (!hasKey || p.u32(at + 4) === skb.u32(at + 4)));
  skb.at += length;
  return skb.call(() => m.byType(held, skb, type));
}
