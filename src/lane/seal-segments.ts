import { optionError } from '../errors.ts';
import { type EncapsulateOptions, type Sa, sealTransport, sealTunnel } from '../esp/index.ts';
import { segmentTcp, segmentUdp } from '../gro/index.ts';
import { Dissection, dissectIp } from '../wire/dissect.ts';
import { PROTO_TCP, PROTO_UDP } from '../wire/protocols.ts';

export interface SealSegmentsOptions extends EncapsulateOptions {
  /** Payload bytes of each segment but the last. */
  readonly gsoSize: number;
}

/**
 * The way out: a TCP or UDP super-packet is segmented, then every segment is encrypted, in the SA's mode. What is neither, or has no
 * more payload than `gsoSize`, becomes one ESP packet. Allocates.
 *
 * @param sequence of the first ESP packet; the others count on: the next free one is `sequence` + what is returned
 * @param packet from its IP header on; its checksums need not be right yet
 * @returns ESP packets, each from its outer IP header on
 * @throws RxSteerError `ERR_RXSTEER_OPTION`, `ERR_RXSTEER_ADDRESS`
 */
export function sealSegments(
  sa: Sa,
  sequence: bigint | number,
  packet: Uint8Array,
  options: SealSegmentsOptions,
): Uint8Array[] {
  const { gsoSize, ...more } = options;
  const wrap = sa.mode === 'tunnel' ? sealTunnel : sealTransport;
  let number = BigInt(sequence);
  return segmentsOf(packet, gsoSize).map((segment) => wrap(sa, number++, segment, more));
}

function segmentsOf(packet: Uint8Array, gsoSize: number): Uint8Array[] {
  if (!Number.isInteger(gsoSize) || gsoSize < 1) throw optionError('gsoSize', 'a positive integer', gsoSize);
  const d = new Dissection();
  dissectIp(packet, 0, packet.length, d);
  const segment = d.proto === PROTO_TCP ? segmentTcp : d.proto === PROTO_UDP ? segmentUdp : undefined;
  const payload = d.end - d.l4;
  if (segment === undefined || d.end !== packet.length || payload <= gsoSize) return [packet];
  // Whatever the headers take: no segment without payload is made.
  const most = Math.ceil(payload / gsoSize);
  const lengths = new Int32Array(most);
  const target = new Uint8Array(most * d.l4 + most * 60 + payload);
  const count = segment(packet, 0, packet.length, 0, d.l4, { gsoSize }, target, 0, lengths);
  let at = 0;
  return Array.from(lengths.subarray(0, count), (length) => {
    at += length;
    return target.subarray(at - length, at);
  });
}
