/** From an IP header to the class of the packet: options, extension headers and fragments. */
import {
  BAD_FRAGMENT_BOUNDS,
  BAD_IP_EXTENSION,
  BAD_IP_SHORT,
  BAD_IP_VERSION,
  BAD_NONE,
  CLASS_FRAGMENT4,
  CLASS_FRAGMENT6,
  CLASS_OTHER6,
} from '../counters.ts';
import { u16, u32 } from './bytes.ts';
import { clean, type Dissection, malformed } from './dissection.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';
import {
  checkIpv4,
  IPV4_FRAGMENT,
  IPV4_ID,
  IPV4_IS_FRAGMENT,
  IPV4_MF,
  IPV4_PROTOCOL,
  IPV4_TOTAL_LENGTH,
  ipv4HeaderLength,
} from './ipv4.ts';
import {
  checkIpv6,
  EXT_LENGTH,
  EXT_MAX,
  EXT_NEXT,
  FRAGMENT_HEADER,
  FRAGMENT_ID,
  FRAGMENT_OFFSET,
  IPV6_HEADER,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  ipv6JumboLength,
} from './ipv6.ts';
import { PROTO_DESTINATION, PROTO_FRAGMENT, PROTO_HOP_BY_HOP, PROTO_ROUTING } from './protocols.ts';
import { transport } from './transport.ts';

// Copies, because V8 folds the constants of a module but loads and checks an imported one at every use.
const NONE = BAD_NONE;
const FRAGMENT_V4 = CLASS_FRAGMENT4;
const FRAGMENT_V6 = CLASS_FRAGMENT6;
const TYPE_IPV4 = ETHERTYPE_IPV4;
const TYPE_IPV6 = ETHERTYPE_IPV6;
const V4_FRAGMENT = IPV4_FRAGMENT;
const V4_IS_FRAGMENT = IPV4_IS_FRAGMENT;
const V4_PROTOCOL = IPV4_PROTOCOL;
const V4_TOTAL_LENGTH = IPV4_TOTAL_LENGTH;
const V6_HEADER = IPV6_HEADER;
const V6_NEXT_HEADER = IPV6_NEXT_HEADER;
const V6_PAYLOAD_LENGTH = IPV6_PAYLOAD_LENGTH;
const DESTINATION = PROTO_DESTINATION;
const FRAGMENT = PROTO_FRAGMENT;
const HOP_BY_HOP = PROTO_HOP_BY_HOP;
const ROUTING = PROTO_ROUTING;

/**
 * Dissects the IP packet, of either version, that starts at `off`. Fills `out` and returns the class.
 */
export function dissectIp(bytes: Uint8Array, off: number, end: number, out: Dissection): number {
  if (out.dirty !== 0) clean(out);
  out.etherType = 0;
  if (end <= off) return malformed(out, BAD_IP_SHORT, off, off, off);
  const version = bytes[off] >> 4;
  if (version === 4) return walkIpv4(bytes, off, end, out);
  if (version === 6) return walkIpv6(bytes, off, end, out);
  return malformed(out, BAD_IP_VERSION, off, off, end);
}

/** The same where IPv4 was announced; the caller has cleaned the record. */
export function walkIpv4(bytes: Uint8Array, l3: number, end: number, out: Dissection): number {
  out.etherType = TYPE_IPV4;
  const verdict = checkIpv4(bytes, l3, end);
  if (verdict !== NONE) return malformed(out, verdict, l3, l3, end);
  const l4 = (l3 + ipv4HeaderLength(bytes, l3)) | 0;
  const total = u16(bytes, l3 + V4_TOTAL_LENGTH);
  let stop = end;
  // 0: segmentation offload had not filled it in when the sender was captured
  if (total !== 0) {
    if (total <= end - l3) stop = (l3 + total) | 0;
    else cut(out);
  }
  out.l3 = l3;
  const proto = bytes[l3 + V4_PROTOCOL];
  const frag = u16(bytes, l3 + V4_FRAGMENT);
  if ((frag & V4_IS_FRAGMENT) === 0) return transport(bytes, l4, stop, proto, 0, out);
  out.fragOff = (frag & 0x1fff) << 3;
  out.fragMore = (frag & IPV4_MF) !== 0 ? 1 : 0;
  out.fragId = u16(bytes, l3 + IPV4_ID);
  out.fragNext = proto;
  out.fragHdr = l3;
  return fragment(out, FRAGMENT_V4, l4, stop, proto);
}

/** The same where IPv6 was announced; the caller has cleaned the record. */
export function walkIpv6(bytes: Uint8Array, l3: number, end: number, out: Dissection): number {
  out.etherType = TYPE_IPV6;
  const verdict = checkIpv6(bytes, l3, end);
  if (verdict !== NONE) return malformed(out, verdict, l3, l3, end);
  const l4 = (l3 + V6_HEADER) | 0;
  const next = bytes[l3 + V6_NEXT_HEADER];
  let payload = u16(bytes, l3 + V6_PAYLOAD_LENGTH);
  if (payload === 0 && next === HOP_BY_HOP) {
    const jumbo = ipv6JumboLength(bytes, l4, end);
    // any length beyond the bytes will do, and stays a small integer
    if (jumbo >= 0) payload = jumbo > end - l4 ? end - l4 + 1 : jumbo;
  }
  let stop = end;
  if (payload <= end - l4) stop = (l4 + payload) | 0;
  else cut(out);
  out.l3 = l3;
  return isExtension(next) ? extensions(bytes, l3, l4, stop, next, out) : transport(bytes, l4, stop, next, 1, out);
}

function isExtension(next: number): boolean {
  return next === HOP_BY_HOP || next === ROUTING || next === DESTINATION || next === FRAGMENT;
}

/** Walks extension headers from `at`. More than `EXT_MAX` of them are not walked: the packet is `other6` then. */
function extensions(bytes: Uint8Array, l3: number, l4: number, end: number, first: number, out: Dissection): number {
  let at = l4 | 0;
  let next = first;
  let prev = (l3 + V6_NEXT_HEADER) | 0;
  for (let n = 0; isExtension(next); n++) {
    if (n === EXT_MAX) {
      transport(bytes, at, end, next, 1, out);
      return CLASS_OTHER6;
    }
    if (next === FRAGMENT) {
      if (end - at < FRAGMENT_HEADER) return malformed(out, BAD_FRAGMENT_BOUNDS, l3, at, end);
      const word = u16(bytes, at + FRAGMENT_OFFSET);
      // offset 0 and nothing to follow: a whole packet that only looks like a fragment (RFC 6946)
      if ((word & 0xfff9) !== 0) {
        out.fragOff = word & 0xfff8;
        out.fragMore = word & 1;
        out.fragId = u32(bytes, at + FRAGMENT_ID);
        out.fragNext = bytes[at + EXT_NEXT];
        out.fragHdr = at;
        out.fragPrev = prev;
        return fragment(out, FRAGMENT_V6, at + FRAGMENT_HEADER, end, out.fragNext);
      }
      prev = at;
      next = bytes[at + EXT_NEXT];
      at = (at + FRAGMENT_HEADER) | 0;
      continue;
    }
    if (end - at < 8) return malformed(out, BAD_IP_EXTENSION, l3, at, end);
    const length = (bytes[at + EXT_LENGTH] + 1) << 3;
    if (length > end - at) return malformed(out, BAD_IP_EXTENSION, l3, at, end);
    prev = at;
    next = bytes[at + EXT_NEXT];
    at = (at + length) | 0;
  }
  return transport(bytes, at, end, next, 1, out);
}

function fragment(out: Dissection, cls: number, l4: number, end: number, proto: number): number {
  out.cls = cls;
  out.l4 = l4 | 0;
  out.end = end;
  out.proto = proto;
  out.dirty = 1;
  return cls;
}

/** The IP length says more than is there. */
function cut(out: Dissection): void {
  out.truncated = 1;
  out.dirty = 1;
}
