/**
 * What changes on the way, and counts as zero for AH: RFC 4302 section 3.3.3.1 and appendix A. Works on a copy of a packet that begins
 * with its IP header.
 */
import { put16, put32 } from '../../wire/bytes.ts';
import { IPV4_CHECKSUM, IPV4_FRAGMENT, IPV4_HEADER, IPV4_TOS, IPV4_TTL } from '../../wire/ipv4.ts';
import { EXT_LENGTH, EXT_NEXT, IPV6_DST, IPV6_HEADER, IPV6_HOP_LIMIT, IPV6_NEXT_HEADER } from '../../wire/ipv6.ts';
import { PROTO_DESTINATION, PROTO_FRAGMENT, PROTO_HOP_BY_HOP, PROTO_ROUTING } from '../../wire/protocols.ts';

/** IPv4 options that do not change (appendix A1): security, extended security, CIPSO, router alert, multi-destination. */
const IMMUTABLE: ReadonlySet<number> = new Set([130, 133, 134, 148, 149]);
/** Of an IPv6 option's type: its data may change on the way (RFC 8200 section 4.2). */
const OPTION_CHANGES = 0x20;
const ROUTING_TYPE = 2;
const ROUTING_LEFT = 3;

/**
 * Sets to zero what may have changed in the headers in front of AH.
 *
 * @param ah where AH begins
 * @returns false when a header or an option contradicts itself
 */
export function zeroMutable(packet: Uint8Array, ah: number): boolean {
  if (packet[0] >> 4 === 6) return zeroIpv6(packet, ah);
  packet[IPV4_TOS] = 0;
  put16(packet, IPV4_FRAGMENT, 0);
  packet[IPV4_TTL] = 0;
  put16(packet, IPV4_CHECKSUM, 0);
  for (let at = IPV4_HEADER; at < ah; ) {
    const type = packet[at];
    if (type === 0) return true;
    if (type === 1) {
      at++;
      continue;
    }
    const length = at + 1 < ah ? packet[at + 1] : 0;
    if (length < 2 || at + length > ah) return false;
    // The whole of it, type and length too.
    if (!IMMUTABLE.has(type)) packet.fill(0, at, at + length);
    at += length;
  }
  return true;
}

function zeroIpv6(packet: Uint8Array, ah: number): boolean {
  // Traffic class and flow label.
  put32(packet, 0, 0x60000000);
  packet[IPV6_HOP_LIMIT] = 0;
  let next = packet[IPV6_NEXT_HEADER];
  for (let at = IPV6_HEADER; at < ah; ) {
    const length = next === PROTO_FRAGMENT ? 8 : (packet[at + EXT_LENGTH] + 1) << 3;
    if (at + length > ah) return false;
    if ((next === PROTO_HOP_BY_HOP || next === PROTO_DESTINATION) && !zeroOptions(packet, at + 2, at + length))
      return false;
    if (next === PROTO_ROUTING && !arriveAt(packet, at, length)) return false;
    next = packet[at + EXT_NEXT];
    at += length;
  }
  return true;
}

function zeroOptions(packet: Uint8Array, from: number, end: number): boolean {
  for (let at = from; at < end; ) {
    const type = packet[at];
    if (type === 0) {
      at++;
      continue;
    }
    if (at + 2 > end || at + 2 + packet[at + 1] > end) return false;
    const data = packet[at + 1];
    if ((type & OPTION_CHANGES) !== 0) packet.fill(0, at + 2, at + 2 + data);
    at += 2 + data;
  }
  return true;
}

/** A routing header of type 0 or 2 as it is where it ends: the last address is the destination, those before have moved on. */
function arriveAt(packet: Uint8Array, at: number, length: number): boolean {
  const left = packet[at + ROUTING_LEFT];
  const type = packet[at + ROUTING_TYPE];
  if (left === 0 || (type !== 0 && type !== 2)) return true;
  const count = (length - 8) >> 4;
  if (left > count) return false;
  const first = at + 8 + ((count - left) << 4);
  const last = at + 8 + ((count - 1) << 4);
  const final = packet.slice(last, last + 16);
  packet.copyWithin(first + 16, first, last);
  packet.copyWithin(first, IPV6_DST, IPV6_DST + 16);
  packet.set(final, IPV6_DST);
  packet[at + ROUTING_LEFT] = 0;
  return true;
}
