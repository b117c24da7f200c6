/** Outbound AH, RFC 4302 section 3.3: whole packets of either mode. For generators, tests and tunnels; allocates. */
import { randomBytes } from 'node:crypto';
import { optionError } from '../../errors.ts';
import { AH_HEADER, emitAh } from '../../wire/ah.ts';
import { put16, u16 } from '../../wire/bytes.ts';
import {
  emitIpv4,
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_TOTAL_LENGTH,
  ipv4HeaderLength,
  setIpv4Checksum,
} from '../../wire/ipv4.ts';
import { EXT_LENGTH, EXT_NEXT, emitIpv6, IPV6_HEADER, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH } from '../../wire/ipv6.ts';
import { PROTO_AH, PROTO_HOP_BY_HOP, PROTO_IPIP, PROTO_IPV6, PROTO_ROUTING } from '../../wire/protocols.ts';
import type { Sa } from '../sa.ts';
import { halves } from '../seal.ts';
import { AhAuthenticator, icvField } from './authenticator.ts';

/**
 * Puts AH into an IP packet, in the mode of the SA: in tunnel mode (and mode any) behind a new header with the SA's addresses; in transport
 * mode behind the IP header and hop-by-hop and routing headers. The families of a tunnel may differ.
 *
 * @param sequence up to 64 bits with ESN, 32 without
 * @throws RxSteerError ERR_RXSTEER_OPTION
 */
export function sealAh(sa: Sa, sequence: bigint | number, packet: Uint8Array): Uint8Array {
  if (sa.proto !== 'ah') throw optionError('sa', "an SA with proto 'ah'", sa.proto);
  const { low, high } = halves(sequence, sa.esn);
  const [head, next, payload] = sa.mode === 'transport' ? split(packet) : outer(sa, packet);
  const v6 = head[0] >> 4 === 6;
  const least = AH_HEADER + icvField(sa);
  const length = v6 ? (least + 7) & -8 : (least + 3) & -4;
  const out = new Uint8Array(head.length + length + payload.length);
  out.set(head);
  out.set(payload, head.length + length);
  emitAh(out, head.length, next, sa.spi, low, length - AH_HEADER);
  if (v6) put16(out, IPV6_PAYLOAD_LENGTH, out.length - IPV6_HEADER);
  else {
    put16(out, IPV4_TOTAL_LENGTH, out.length);
    setIpv4Checksum(out, 0);
  }
  const field = head.length + AH_HEADER;
  const { ivBytes } = sa.transform;
  out.set(randomBytes(ivBytes), field);
  const icv = new AhAuthenticator(sa).compute(Uint8Array.from(out), head.length, high | 0);
  if (icv === undefined)
    throw optionError('packet', 'headers that are whole', 'an option or routing header that is not');
  out.set(icv, field + ivBytes);
  return out;
}

/** The headers in front of AH, with AH as their next one; what was the next one; and what follows. */
function split(packet: Uint8Array): [Uint8Array, number, Uint8Array] {
  const v4 = packet[0] >> 4 === 4;
  let l4 = v4 ? ipv4HeaderLength(packet, 0) : IPV6_HEADER;
  let at = v4 ? IPV4_PROTOCOL : IPV6_NEXT_HEADER;
  while (!v4 && (packet[at] === PROTO_HOP_BY_HOP || packet[at] === PROTO_ROUTING)) {
    at = l4 + EXT_NEXT;
    l4 += (packet[l4 + EXT_LENGTH] + 1) * 8;
  }
  const end = v4 ? u16(packet, IPV4_TOTAL_LENGTH) : IPV6_HEADER + u16(packet, IPV6_PAYLOAD_LENGTH);
  const head = packet.slice(0, l4);
  head[at] = PROTO_AH;
  return [head, packet[at], packet.subarray(l4, end)];
}

function outer({ srcBytes, dstBytes, dst }: Sa, inner: Uint8Array): [Uint8Array, number, Uint8Array] {
  if (srcBytes === undefined || dstBytes.length !== srcBytes.length) {
    throw optionError('sa', 'an SA with source and destination', dst);
  }
  const head = new Uint8Array(dstBytes.length === 4 ? IPV4_HEADER : IPV6_HEADER);
  if (dstBytes.length === 4) emitIpv4(head, 0, srcBytes, dstBytes, PROTO_AH, 0);
  else emitIpv6(head, 0, srcBytes, dstBytes, PROTO_AH, 0);
  return [head, inner[0] >> 4 === 4 ? PROTO_IPIP : PROTO_IPV6, inner];
}
