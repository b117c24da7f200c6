/** Parts of the input of a hash: bytes put side by side, and what makes both directions of a flow look the same. */
import { BAD_NONE, CLASS_NONIP } from '../counters.ts';
import { u16 } from '../wire/bytes.ts';
import type { Dissection } from '../wire/dissection.ts';
import { checkGtpu, GTPU_TEID, UDP_PORT_GTPU } from '../wire/gtpu.ts';
import { UDP_DPORT, UDP_HEADER, udpEnd } from '../wire/udp.ts';
import { FIELD_E, FIELD_L, FIELD_M, FIELD_T, FIELD_V } from './fields.ts';

/** Bytes of an L2 address. */
const L2_ADDRESS = 6;

export function copy(from: Uint8Array, off: number, len: number, to: Uint8Array, at: number): number {
  for (let i = 0; i < len; i++) to[at + i] = from[off + i];
  return (at + len) | 0;
}

/** (A, B) becomes (A ^ B, A ^ B), or (A | B, A ^ B); `size` bytes each. */
export function fuse(bytes: Uint8Array, off: number, size: number, or: boolean): void {
  for (let i = off; i < off + size; i++) {
    const a = bytes[i];
    const b = bytes[i + size];
    bytes[i] = or ? a | b : a ^ b;
    bytes[i + size] = a ^ b;
  }
}

/** (A, B) becomes (B, A) when B is smaller; `size` bytes each. */
export function sort(bytes: Uint8Array, off: number, size: number): void {
  const other = off + size;
  let i = 0;
  while (i < size && bytes[off + i] === bytes[other + i]) i++;
  if (i === size || bytes[off + i] < bytes[other + i]) return;
  for (; i < size; i++) {
    const a = bytes[off + i];
    bytes[off + i] = bytes[other + i];
    bytes[other + i] = a;
  }
}

/**
 * The fields behind the ports. Without a tag the VLAN ID is 0, which is that of a frame with a priority tag, too; without an
 * Ethernet header the L2 destination is 0.
 */
export function more(fields: number, bytes: Uint8Array, d: Dissection, out: Uint8Array, at: number): number {
  let n = at | 0;
  if ((fields & FIELD_V) !== 0) {
    out[n++] = (d.vlan >> 8) & 0x0f;
    out[n++] = d.vlan & 0xff;
  }
  if ((fields & FIELD_T) !== 0) {
    if (d.cls === CLASS_NONIP) out[n++] = d.etherType >> 8;
    out[n++] = d.cls === CLASS_NONIP ? d.etherType & 0xff : d.proto;
  }
  if ((fields & FIELD_L) !== 0) {
    out[n++] = 0;
    out[n++] = bytes[d.l3 + 1] & 0x0f;
    n = copy(bytes, d.l3 + 2, 2, out, n);
  }
  if ((fields & FIELD_M) !== 0) {
    if (d.link === 0) out.fill(0, n, n + L2_ADDRESS);
    else copy(bytes, d.l3 - d.link, L2_ADDRESS, out, n);
    n = (n + L2_ADDRESS) | 0;
  }
  if ((fields & FIELD_E) !== 0) n = copy(bytes, d.l4 + UDP_HEADER + GTPU_TEID, 4, out, n);
  return n;
}

/** Whether an IPv6 packet has a flow label other than 0. */
export function hasFlowLabel(bytes: Uint8Array, l3: number): boolean {
  return ((bytes[l3 + 1] & 0x0f) | bytes[l3 + 2] | bytes[l3 + 3]) !== 0;
}

/** Whether a packet of UDP is GTP-U. */
export function isGtpu(bytes: Uint8Array, d: Dissection): boolean {
  const at = d.l4 + UDP_HEADER;
  return (
    u16(bytes, d.l4 + UDP_DPORT) === UDP_PORT_GTPU && checkGtpu(bytes, at, udpEnd(bytes, d.l4, d.end)) === BAD_NONE
  );
}
