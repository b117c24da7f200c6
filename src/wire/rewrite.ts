/** Changes that a packet undergoes when a layer is taken off: lengths, protocols and marks of the headers that stay. */
import { put16, put32 } from './bytes.ts';
import { LINK_ETHERNET, LINK_LOOP, LINK_NULL, LINK_SLL, LINK_SLL2 } from './dissect.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';
import { IPV4_PROTOCOL, IPV4_TOS, IPV4_TOTAL_LENGTH, setIpv4Checksum } from './ipv4.ts';
import { EXT_LENGTH, EXT_NEXT, IPV6_HEADER, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH } from './ipv6.ts';
import { PROTO_FRAGMENT } from './protocols.ts';
import { SLL2_PROTOCOL } from './sll.ts';

/** ECN codepoint `CE` (RFC 3168 section 5). */
const CE = 3;

/** Address families of BSD loopback; that of IPv6 is macOS's. */
const FAMILY_IPV4 = 2;
const FAMILY_IPV6 = 30;

/** Gives the IPv4 header at `l3` another protocol and total length, and the checksum that fits. */
export function setIpv4Payload(bytes: Uint8Array, l3: number, protocol: number, totalLength: number): void {
  bytes[l3 + IPV4_PROTOCOL] = protocol;
  put16(bytes, l3 + IPV4_TOTAL_LENGTH, totalLength);
  setIpv4Checksum(bytes, l3);
}

/** Gives the IPv6 packet at `l3`, whose headers end at `l4`, another upper protocol and payload length. */
export function setIpv6Payload(bytes: Uint8Array, l3: number, l4: number, protocol: number, payload: number): void {
  put16(bytes, l3 + IPV6_PAYLOAD_LENGTH, l4 - l3 - IPV6_HEADER + payload);
  let at = l3 + IPV6_NEXT_HEADER;
  // The walk that found l4 went the same way, so it ends there.
  for (let next = l3 + IPV6_HEADER; next < l4; ) {
    const length = bytes[at] === PROTO_FRAGMENT ? 8 : (bytes[next + EXT_LENGTH] + 1) << 3;
    at = next + EXT_NEXT;
    next += length;
  }
  bytes[at] = protocol;
}

/** Congestion met outside is told inside: the rule of RFC 6040 section 4.2 that Linux applies (`inner` not ECN-capable stays). */
export function decapsulateEcn(bytes: Uint8Array, outer: number, inner: number): void {
  if (ecn(bytes, outer) !== CE || (ecn(bytes, inner) & CE) === 0) return;
  if (bytes[inner] >> 4 === 4) {
    bytes[inner + IPV4_TOS] |= CE;
    setIpv4Checksum(bytes, inner);
  } else {
    bytes[inner + 1] |= CE << 4;
  }
}

function ecn(bytes: Uint8Array, l3: number): number {
  return bytes[l3] >> 4 === 4 ? bytes[l3 + IPV4_TOS] & CE : (bytes[l3 + 1] >> 4) & CE;
}

/** Tells the link header from `off` to `l3` which IP version follows it. Raw IP has none. */
export function setLinkProtocol(bytes: Uint8Array, off: number, l3: number, linkType: number, isV6: boolean): void {
  const type = isV6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
  if (linkType === LINK_ETHERNET || linkType === LINK_SLL) put16(bytes, l3 - 2, type);
  else if (linkType === LINK_SLL2) put16(bytes, off + SLL2_PROTOCOL, type);
  else if (linkType === LINK_NULL || linkType === LINK_LOOP) {
    // In the byte order that the frame came in.
    const family = isV6 ? FAMILY_IPV6 : FAMILY_IPV4;
    put32(bytes, off, bytes[off] === 0 ? family : family << 24);
  }
}
