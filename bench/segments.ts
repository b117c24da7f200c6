/** TCP segments with right checksums: what senders with segmentation offload put on the wire. */
import { put16 } from '../src/wire/bytes.ts';
import { setL4Checksum } from '../src/wire/checksum.ts';
import { emitEthernet } from '../src/wire/ethernet.ts';
import { emitIpv4, setIpv4Checksum } from '../src/wire/ipv4.ts';
import { emitTcp } from '../src/wire/tcp.ts';
import { emitVxlan } from '../src/wire/vxlan.ts';
import { Random } from './random.ts';

const ETHERNET = 14;
const IP = 20;
/** With timestamps, as nearly every connection has them. */
const TCP = 32;
const ACK = 0x10;
const TIMESTAMPS = [1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0];

/** Payload of a full-size segment in an MTU of 1500. */
export const MSS = 1448;
/** The same when it is to fit into ESP with AES-GCM in tunnel mode: the outer packet has 1500 bytes, without padding. */
export const MSS_ESP = 1394;

export interface SegmentsOptions {
  readonly count: number;
  readonly flows: number;
  /** Segments of a flow in a row. Default 1: flows interleaved packet by packet. */
  readonly train?: number;
  /** Payload bytes. Default {@link MSS}. */
  readonly payload?: number;
}

/** Ethernet frames of `flows` streams, each in order. */
export function segments({ count, flows, train = 1, payload = MSS }: SegmentsOptions): Uint8Array[] {
  const random = new Random(0x55aa55aa, 0x01020304);
  const content = new Uint8Array(payload + 256);
  random.fill(content, 0, content.length);
  const sent = new Array<number>(flows).fill(0);
  return Array.from({ length: count }, (_, i) => {
    const flow = Math.floor(i / train) % flows;
    const number = sent[flow]++;
    return segment(flow, number, content.subarray(number & 0xff, (number & 0xff) + payload));
  });
}

function segment(flow: number, number: number, payload: Uint8Array): Uint8Array {
  const l4 = ETHERNET + IP;
  const frame = new Uint8Array(l4 + TCP + payload.length);
  emitEthernet(frame, 0, Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 0, 2), 0x0800);
  const src = Uint8Array.of(10, 1, flow >> 8, flow & 0xff);
  emitIpv4(frame, ETHERNET, src, Uint8Array.of(10, 2, 0, 1), 6, IP + TCP + payload.length);
  put16(frame, ETHERNET + 4, number & 0xffff);
  emitTcp(frame, l4, 40000 + flow, 443, (1 + number * payload.length) | 0, 77, ACK);
  frame[l4 + 12] = (TCP >> 2) << 4;
  frame.set(TIMESTAMPS, l4 + 20);
  frame.set(payload, l4 + TCP);
  setIpv4Checksum(frame, ETHERNET);
  setL4Checksum(frame, ETHERNET, l4, frame.length, 6);
  return frame;
}

/** The IP packet of an Ethernet frame in ESP: the frame again, with what `wrap` makes of the packet. */
export function wrapped(frame: Uint8Array, wrap: (packet: Uint8Array) => Uint8Array): Uint8Array {
  const outer = wrap(frame.subarray(ETHERNET));
  const out = new Uint8Array(ETHERNET + outer.length);
  out.set(frame.subarray(0, ETHERNET));
  out.set(outer, ETHERNET);
  put16(out, 12, outer[0] >> 4 === 6 ? 0x86dd : 0x0800);
  return out;
}

/** Ethernet, IPv4, UDP and VXLAN around an Ethernet frame. The source port says which inner flow it is. */
const VXLAN_AROUND: number = ETHERNET + IP + 8 + 8;
/** A full-size segment in VXLAN, in an MTU of 1500. */
export const MSS_VXLAN: number = MSS - (VXLAN_AROUND - ETHERNET) - ETHERNET;

/** The frame in VXLAN as Linux sends it: DF, no UDP checksum, one source port for each inner flow. */
export function inVxlan(frame: Uint8Array): Uint8Array {
  const out = new Uint8Array(VXLAN_AROUND + frame.length);
  emitEthernet(out, 0, Uint8Array.of(2, 0, 0, 0, 0, 3), Uint8Array.of(2, 0, 0, 0, 0, 4), 0x0800);
  emitIpv4(out, ETHERNET, Uint8Array.of(192, 0, 2, 1), Uint8Array.of(192, 0, 2, 2), 17, out.length - ETHERNET);
  put16(out, ETHERNET + 6, 0x4000);
  setIpv4Checksum(out, ETHERNET);
  const udp = ETHERNET + IP;
  put16(out, udp, 0xc000 + frame[ETHERNET + 15]);
  put16(out, udp + 2, 4789);
  put16(out, udp + 4, out.length - udp);
  emitVxlan(out, udp + 8, 42);
  out.set(frame, VXLAN_AROUND);
  return out;
}
