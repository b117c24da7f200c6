import { setL4Checksum } from '../../src/wire/checksum.ts';
import {
  ETHER_HEADER,
  ETHERTYPE_IPV4,
  emitEthernet,
  emitIpv4,
  emitTcp,
  IPV4_HEADER,
  PROTO_TCP,
  TCP_HEADER,
} from '../../src/wire/index.ts';

/** The frame of a TCP segment, with whatever is made of its IP packet. */
export function tcpFrame(
  segment: { src: Uint8Array; dst: Uint8Array; sport: number; dport: number; seq: number; payload: number },
  wrap: (packet: Uint8Array) => Uint8Array = (packet) => packet,
): Uint8Array {
  const { src, dst, sport, dport, seq, payload } = segment;
  const packet = new Uint8Array(IPV4_HEADER + TCP_HEADER + payload);
  emitIpv4(packet, 0, src, dst, PROTO_TCP, packet.length);
  emitTcp(packet, IPV4_HEADER, sport, dport, seq, 1, 0x10);
  setL4Checksum(packet, 0, IPV4_HEADER, packet.length, PROTO_TCP);
  const wrapped = wrap(packet);
  const frame = new Uint8Array(ETHER_HEADER + wrapped.length);
  const address = Uint8Array.of(2, 0, 0, 0, 0, 1);
  emitEthernet(frame, 0, address, address, ETHERTYPE_IPV4);
  frame.set(wrapped, ETHER_HEADER);
  return frame;
}

/** Ethernet frames of `flows` interleaved TCP streams, `segments` of `payload` bytes each. */
export function* tcpBurst(options: { flows: number; segments: number; payload: number }): Generator<Uint8Array> {
  const { flows, segments, payload } = options;
  for (let segment = 0; segment < segments; segment++) {
    for (let flow = 0; flow < flows; flow++) {
      yield tcpFrame({
        src: Uint8Array.of(10, 0, 0, 1),
        dst: Uint8Array.of(10, 0, 1, flow),
        sport: 40000 + flow,
        dport: 443,
        seq: segment * payload,
        payload,
      });
    }
  }
}
