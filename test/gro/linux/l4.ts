/** `tcp_gro_receive` and `udp_gro_receive_segment`, and `skb_gro_receive`, which merges. */
import { networkFlush } from './ip.ts';
import type { Machine } from './machine.ts';
import { keepSame, onesSum, pseudo, type Skb } from './skb.ts';

const FIN = 0x01;
const PSH = 0x08;
/** FIN, SYN, RST, PSH, URG. */
const ENDS = 0x2f;
const CWR = 0x80;
const TCP = 6;
export const UDP = 17;
/** `UDP_GRO_CNT_MAX`. */
const UDP_MOST = 64;
/** `GRO_LEGACY_MAX_SIZE`. */
const LEGACY = 65536;

export function checksumHolds(m: Machine, skb: Skb, proto: number, v6: boolean): boolean {
  if (!m.verify) return true;
  const l3 = skb.network[skb.encapMark ? 1 : 0];
  return onesSum(skb.bytes, skb.at, skb.bytes.length, pseudo(skb.bytes, l3, v6, proto, skb.left)) === 0xffff;
}

export function tcpReceive(m: Machine, held: Skb[], skb: Skb, v6: boolean): Skb | undefined {
  const th = skb.at;
  const header = skb.has(20) ? (skb.u8(th + 12) >> 4) * 4 : 0;
  // What is flushed anyway is not summed.
  if ((!skb.flush && !checksumHolds(m, skb, TCP, v6)) || header < 20 || !skb.has(header)) {
    skb.flush = true;
    return undefined;
  }
  skb.at += header;
  skb.payloadAt = skb.at;
  const length = skb.left;
  const flags = skb.u8(th + 13);
  keepSame(held, (p) => p.u32(p.transport) === skb.u32(th));
  const p = held.find((h) => h.sameFlow);
  let merged = false;
  if (p !== undefined) {
    const th2 = p.transport;
    const word = (skb.u32(th + 12) ^ p.u32(th2 + 12)) & ~((FIN | PSH) << 16);
    let flush = false;
    if (m.host.as === 'linux-7.2') flush = word !== 0;
    else if (m.host.as === 'linux-6.18') flush = word !== 0 || (flags & CWR) !== 0;
    else flush = (word & ~(CWR << 16)) !== 0 || (flags & CWR) !== 0;
    flush ||= skb.u32(th + 8) !== p.u32(th2 + 8);
    flush ||= skb.text(th + 20, th + header) !== p.text(th2 + 20, th2 + header);
    flush = networkFlush(m, skb, p) || flush;
    flush ||= length === 0 || length > p.gsoSize;
    flush ||= (p.u32(th2 + 4) + p.bytes.length - p.payloadAt + mergedBytes(p)) % 2 ** 32 !== skb.u32(th + 4);
    merged = !flush && merge(m, p, skb);
    if (merged) p.bytes[th2 + 13] |= flags & (FIN | PSH);
  }
  const mss = p !== undefined && merged ? p.gsoSize : 1;
  const ends = length < mss || (flags & ENDS) !== 0;
  skb.flush ||= ends;
  return p !== undefined && (!merged || ends) ? p : undefined;
}

const mergedBytes = (p: Skb): number => p.merged.reduce((sum, m) => sum + m.length, 0);

export function udpSegmentReceive(m: Machine, held: Skb[], skb: Skb): Skb | undefined {
  const uh = skb.at;
  const length = skb.u16(uh + 4);
  if (skb.u16(uh + 6) === 0 || length <= 8 || length !== skb.left) {
    skb.flush = true;
    return undefined;
  }
  skb.at += 8;
  skb.payloadAt = skb.at;
  keepSame(held, (p) => p.u32(p.transport) === skb.u32(uh));
  const p = held.find((h) => h.sameFlow);
  if (p === undefined) return undefined;
  const first = p.u16(p.transport + 4);
  const flush = networkFlush(m, skb, p);
  if (flush || length > first || !merge(m, p, skb)) return p;
  return length !== first || p.count >= UDP_MOST ? p : undefined;
}

/** `skb_gro_receive`. False: it would be too large, or the packet is to be flushed. */
function merge(m: Machine, p: Skb, skb: Skb): boolean {
  const size = p.length + skb.left;
  const isV6 = p.u16(12) === 0x86dd;
  const { as, maxSize, maxSize4 } = m.host;
  if (skb.flush || size >= (isV6 || as === 'linux-6.1' ? maxSize : maxSize4)) return false;
  if (size >= LEGACY) {
    if (skb.proto !== TCP) return false;
    if (as === 'linux-6.1' && !(isV6 && p.u8(p.network[p.encapMark ? 1 : 0] + 6) === TCP)) return false;
    // Ours stops here (docs/decisions/0015): Linux cuts off the UDP length, or writes its jumbo option over other headers.
    if (p.encapMark || (isV6 && as !== 'linux-7.2' && p.transport - p.network[0] > 40)) return false;
  }
  p.merged.push(skb.bytes.slice(skb.at));
  p.from.push(skb.number);
  p.count++;
  skb.sameFlow = true;
  return true;
}
