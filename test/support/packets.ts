/** Whole packets for the tests of lanes and receivers: from the IP header on, or as Ethernet frames. */
import { parseAddress } from '../../src/wire/address.ts';
import { put16 } from '../../src/wire/bytes.ts';
import { setL4Checksum } from '../../src/wire/checksum.ts';
import { emitIpv4, setIpv4Checksum } from '../../src/wire/ipv4.ts';
import { emitIpv6 } from '../../src/wire/ipv6.ts';
import { emitTcp } from '../../src/wire/tcp.ts';
import { emitUdp } from '../../src/wire/udp.ts';

export interface IpOptions {
  readonly src?: string;
  readonly dst?: string;
  /** TOS or traffic class. */
  readonly tos?: number;
  readonly id?: number;
}

/** An IP packet: of the family of its addresses, 10.1.0.1 > 10.1.0.2 unless told. */
export function ip(proto: number, payload: Uint8Array, options: IpOptions = {}): Uint8Array {
  const src = parseAddress(options.src ?? '10.1.0.1');
  const dst = parseAddress(options.dst ?? '10.1.0.2');
  const header = src.length === 4 ? 20 : 40;
  const packet = new Uint8Array(header + payload.length);
  if (src.length === 4) {
    emitIpv4(packet, 0, src, dst, proto, packet.length);
    packet[1] = options.tos ?? 0;
    put16(packet, 4, options.id ?? 1);
    setIpv4Checksum(packet, 0);
  } else {
    emitIpv6(packet, 0, src, dst, proto, payload.length);
    packet[0] |= (options.tos ?? 0) >> 4;
    packet[1] |= ((options.tos ?? 0) & 15) << 4;
  }
  packet.set(payload, header);
  if ((proto === 6 && payload.length >= 20) || (proto === 17 && payload.length >= 8)) {
    setL4Checksum(packet, 0, header, packet.length, proto);
  }
  return packet;
}

export interface TcpOptions extends IpOptions {
  readonly sport?: number;
  readonly dport?: number;
  readonly seq?: number;
  /** Default ACK. */
  readonly flags?: number;
}

export function tcp(payload: Uint8Array | number, options: TcpOptions = {}): Uint8Array {
  const seq = options.seq ?? 1;
  const data = typeof payload === 'number' ? fill(payload, seq) : payload;
  const segment = new Uint8Array(20 + data.length);
  emitTcp(segment, 0, options.sport ?? 40000, options.dport ?? 443, seq, 1, options.flags ?? 0x10);
  segment.set(data, 20);
  return ip(6, segment, options);
}

export function udp(
  payload: Uint8Array | number,
  options: IpOptions & { readonly sport?: number; readonly dport?: number } = {},
): Uint8Array {
  const data = typeof payload === 'number' ? fill(payload, 7) : payload;
  const datagram = new Uint8Array(8 + data.length);
  emitUdp(datagram, 0, options.sport ?? 5000, options.dport ?? 6000, datagram.length);
  datagram.set(data, 8);
  return ip(17, datagram, options);
}

/** Bytes that differ with their place and the salt. */
export function fill(length: number, salt: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => ((salt + i) * 7 + ((salt + i) >> 8) * 13) & 0xff);
}

/** An Ethernet frame around an IP packet, with VLAN tags in front of it. */
export function ether(packet: Uint8Array, tags: readonly number[] = []): Uint8Array {
  const frame = new Uint8Array(14 + 4 * tags.length + packet.length);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
  let at = 12;
  for (const tci of tags) {
    put16(frame, at, 0x8100);
    put16(frame, at + 2, tci);
    at += 4;
  }
  put16(frame, at, packet[0] >> 4 === 4 ? 0x0800 : 0x86dd);
  frame.set(packet, at + 2);
  return frame;
}

/** An ARP request: no IP. */
export function arp(): Uint8Array {
  const frame = new Uint8Array(60).fill(0xff, 0, 6);
  put16(frame, 12, 0x0806);
  return frame;
}

/**
 * The fragments of an IP packet, cut behind so many bytes of payload each (a multiple of 8). IPv6: `id` in a fragment header
 * in front of the payload.
 */
export function fragments(packet: Uint8Array, size: number, id = 77): Uint8Array[] {
  const v4 = packet[0] >> 4 === 4;
  const header = v4 ? (packet[0] & 15) * 4 : 40;
  const payload = packet.subarray(header);
  const out: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const piece = payload.subarray(at, at + size);
    const more = at + size < payload.length ? 1 : 0;
    const fragment = new Uint8Array(header + (v4 ? 0 : 8) + piece.length);
    fragment.set(packet.subarray(0, header));
    fragment.set(piece, fragment.length - piece.length);
    if (v4) {
      put16(fragment, 2, fragment.length);
      put16(fragment, 4, id);
      put16(fragment, 6, (more << 13) | (at >> 3));
      setIpv4Checksum(fragment, 0);
    } else {
      put16(fragment, 4, fragment.length - 40);
      fragment[6] = 44;
      fragment[40] = packet[6];
      put16(fragment, 42, at | more);
      put16(fragment, 46, id);
    }
    out.push(fragment);
  }
  return out;
}
