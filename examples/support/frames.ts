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

/** Ethernet frames of `flows` interleaved TCP streams, `segments` of `payload` bytes each. */
export function* tcpBurst(options: { flows: number; segments: number; payload: number }): Generator<Uint8Array> {
  const { flows, segments, payload } = options;
  const address = Uint8Array.of(2, 0, 0, 0, 0, 1);
  for (let segment = 0; segment < segments; segment++) {
    for (let flow = 0; flow < flows; flow++) {
      const frame = new Uint8Array(ETHER_HEADER + IPV4_HEADER + TCP_HEADER + payload);
      const l4 = ETHER_HEADER + IPV4_HEADER;
      emitEthernet(frame, 0, address, address, ETHERTYPE_IPV4);
      emitIpv4(
        frame,
        ETHER_HEADER,
        Uint8Array.of(10, 0, 0, 1),
        Uint8Array.of(10, 0, 1, flow),
        PROTO_TCP,
        frame.length - ETHER_HEADER,
      );
      emitTcp(frame, l4, 40000 + flow, 443, segment * payload, 1, 0x10);
      setL4Checksum(frame, ETHER_HEADER, l4, frame.length, PROTO_TCP);
      yield frame;
    }
  }
}
