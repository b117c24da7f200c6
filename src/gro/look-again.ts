/**
 * What can still be told about packets that the dissection gave up on, or that are fragments: the slow path of GRO.
 * Nothing outside `[l3, end)` is read.
 */

import { ip4Pass } from './ip4.ts';
import { PASS_NONE } from './reasons.ts';

const TCP = 6;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;
const TCP_HEADER = 20;

/** Whether a whole TCP header, options included, stands at `l4`. */
export function tcpIsWhole(view: DataView, l4: number, end: number): boolean {
  if (end - l4 < TCP_HEADER) return false;
  const length = (view.getUint8(l4 + 12) >> 4) << 2;
  return length >= TCP_HEADER && length <= end - l4;
}

/**
 * Linux compares a packet with its flow although the IP length contradicts the TCP header in it (the length only keeps it from
 * being merged), where the dissection says `malformed`. Returns where the TCP header of such a packet is, or -1.
 */
export function tcpBehind(view: DataView, l3: number, end: number): number {
  const version = addressFamily(view, l3, end);
  let l4 = -1;
  if (version === 4) {
    const whole = (view.getUint16(l3 + 6) & 0x3fff) === 0;
    if (whole && view.getUint8(l3 + 9) === TCP && ip4Pass(view, l3) === PASS_NONE) l4 = l3 + 20;
  } else if (version === 6) {
    l4 = l3 + 40;
    let next = view.getUint8(l3 + 6);
    while (next === HOP_BY_HOP || next === ROUTING || next === DESTINATION) {
      if (end - l4 < 8) return -1;
      next = view.getUint8(l4);
      l4 += (view.getUint8(l4 + 1) + 1) << 3;
    }
    if (next !== TCP) return -1;
  }
  return l4 >= 0 && tcpIsWhole(view, l4, end) ? l4 : -1;
}

/** 4 or 6 when the addresses of an IP header at `l3` are there to be read, else 0. */
export function addressFamily(view: DataView, l3: number, end: number): number {
  if (end - l3 < 20) return 0;
  const version = view.getUint8(l3) >> 4;
  if (version === 4) return 4;
  return version === 6 && end - l3 >= 40 ? 6 : 0;
}

/** Whether TCP can follow an IP header that {@link addressFamily} found at `l3`. */
export function mayBeTcp(view: DataView, l3: number, v6: boolean): boolean {
  return mayCarryTcp(view.getUint8(l3 + (v6 ? 6 : 9)), v6);
}

/** Whether a fragment can be of a TCP segment; `proto` is what its IP or fragment header says comes next. */
export function mayCarryTcp(proto: number, v6: boolean): boolean {
  if (proto === TCP) return true;
  return v6 && (proto === HOP_BY_HOP || proto === ROUTING || proto === FRAGMENT || proto === DESTINATION);
}
