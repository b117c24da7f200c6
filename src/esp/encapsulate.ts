/**
 * Whole packets of ESP: tunnel and transport mode (RFC 4303 section 3.1), over IPv4 and IPv6, raw or in UDP (RFC 3948).
 * What comes out begins at the outer IP header. For generators, tests and tunnels; allocates.
 */
import { optionError } from '../errors.ts';
import { parseAddress } from '../wire/address.ts';
import { put16, u16 } from '../wire/bytes.ts';
import { setL4Checksum } from '../wire/checksum.ts';
import {
  emitIpv4,
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_TOTAL_LENGTH,
  ipv4HeaderLength,
  setIpv4Checksum,
} from '../wire/ipv4.ts';
import { EXT_LENGTH, EXT_NEXT, emitIpv6, IPV6_HEADER, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH } from '../wire/ipv6.ts';
import { PROTO_ESP, PROTO_HOP_BY_HOP, PROTO_IPIP, PROTO_IPV6, PROTO_ROUTING, PROTO_UDP } from '../wire/protocols.ts';
import { emitUdp, UDP_HEADER, UDP_PORT_NATT } from '../wire/udp.ts';
import type { Sa } from './sa.ts';
import { type SealOptions, seal } from './seal.ts';

export interface EncapsulateOptions extends SealOptions {
  /** Outer source of a tunnel whose SA names none. */
  readonly src?: string;
  /** Ports of an SA with `encap: 'udp'`; default 4500. */
  readonly sport?: number;
  readonly dport?: number;
}

/**
 * Wraps an IP packet in tunnel mode: outer IP header (DF, TTL 64), UDP when the SA says so, ESP. The families may differ.
 * @param inner an IPv4 or IPv6 packet
 * @throws RxSteerError ERR_RXSTEER_OPTION, ERR_RXSTEER_ADDRESS
 */
export function sealTunnel(
  sa: Sa,
  sequence: bigint | number,
  inner: Uint8Array,
  options: EncapsulateOptions = {},
): Uint8Array {
  const src = options.src === undefined ? sa.srcBytes : parseAddress(options.src);
  const dst = sa.dstBytes;
  if (dst.length === 0) throw optionError('sa', 'an SA with one destination', sa.dst);
  if (src === undefined || src.length !== dst.length) {
    throw optionError('src', `an address of the IP version of ${sa.dst}`, options.src);
  }
  const esp = seal(sa, sequence, inner, inner[0] >> 4 === 4 ? PROTO_IPIP : PROTO_IPV6, options);
  const protocol = sa.encap === 'udp' ? PROTO_UDP : PROTO_ESP;
  const l4 = dst.length === 4 ? IPV4_HEADER : IPV6_HEADER;
  const packet = new Uint8Array(l4 + udpBytes(sa) + esp.length);
  if (dst.length === 4) emitIpv4(packet, 0, src, dst, protocol, packet.length);
  else emitIpv6(packet, 0, src, dst, protocol, packet.length - l4);
  return fill(packet, l4, sa, esp, options);
}

/**
 * Wraps the payload of an IP packet in transport mode. ESP stands behind IPv4 options, and behind hop-by-hop and routing headers.
 * @param packet an IPv4 or IPv6 packet whose addresses are the SA's
 * @throws RxSteerError ERR_RXSTEER_OPTION
 */
export function sealTransport(
  sa: Sa,
  sequence: bigint | number,
  packet: Uint8Array,
  options: EncapsulateOptions = {},
): Uint8Array {
  const isV4 = packet[0] >> 4 === 4;
  let l4 = isV4 ? ipv4HeaderLength(packet, 0) : IPV6_HEADER;
  let at = isV4 ? IPV4_PROTOCOL : IPV6_NEXT_HEADER;
  while (!isV4 && (packet[at] === PROTO_HOP_BY_HOP || packet[at] === PROTO_ROUTING)) {
    at = l4 + EXT_NEXT;
    l4 += (packet[l4 + EXT_LENGTH] + 1) * 8;
  }
  const end = isV4 ? u16(packet, IPV4_TOTAL_LENGTH) : IPV6_HEADER + u16(packet, IPV6_PAYLOAD_LENGTH);
  const esp = seal(sa, sequence, packet.subarray(l4, end), packet[at], options);
  const out = new Uint8Array(l4 + udpBytes(sa) + esp.length);
  out.set(packet.subarray(0, l4));
  out[at] = sa.encap === 'udp' ? PROTO_UDP : PROTO_ESP;
  if (isV4) {
    put16(out, IPV4_TOTAL_LENGTH, out.length);
    setIpv4Checksum(out, 0);
  } else {
    put16(out, IPV6_PAYLOAD_LENGTH, out.length - IPV6_HEADER);
  }
  return fill(out, l4, sa, esp, options);
}

function udpBytes(sa: Sa): number {
  return sa.encap === 'udp' ? UDP_HEADER : 0;
}

/** Puts ESP, with UDP in front when the SA says so, behind the headers. UDP has no checksum over IPv4, one over IPv6, as Linux sends it. */
function fill(packet: Uint8Array, l4: number, sa: Sa, esp: Uint8Array, options: EncapsulateOptions): Uint8Array {
  packet.set(esp, packet.length - esp.length);
  if (sa.encap === 'udp') {
    const { sport = UDP_PORT_NATT, dport = UDP_PORT_NATT } = options;
    emitUdp(packet, l4, sport, dport, packet.length - l4);
    if (packet[0] >> 4 === 6) setL4Checksum(packet, 0, l4, packet.length, PROTO_UDP);
  }
  return packet;
}
