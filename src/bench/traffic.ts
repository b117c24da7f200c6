/** Frames of the histogram: TCP streams from a seed, cut by our own GSO, and sealed by our own ESP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PcapngWriter } from '../capture/index.ts';
import { createSas, type Sa } from '../esp/index.ts';
import { segmentTcp } from '../gro/index.ts';
import { openSink } from '../io/sink.ts';
import { sealSegments } from '../lane/seal-segments.ts';
import { ETHER_HEADER, ETHERTYPE_IPV4, emitEthernet } from '../wire/ethernet.ts';
import { emitIpv4, IPV4_HEADER } from '../wire/ipv4.ts';
import { emitTcp, TCP_FLAG_ACK, TCP_HEADER, TCP_OFFSET } from '../wire/tcp.ts';
import { type Protection, type Scenario, TRANSFORMS } from './scenario.ts';

/** Payload of a full-size segment in an MTU of 1500: in clear, and so that ESP in tunnel mode with an AEAD fits. */
export const MSS_CLEAR = 1448;
export const MSS_ESP = 1394;

/** As many segments as a sender with segmentation offload sends of a stream in a row: nearly 64 KiB. */
const TRAIN = 44;
/** With timestamps, as nearly every connection has them. */
const TCP_LENGTH = 32;
const TIMESTAMPS = [1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0];
const L4 = IPV4_HEADER;
const HEADERS = L4 + TCP_LENGTH;
const GATEWAY = { src: '203.0.113.1', dst: '198.51.100.1' };
const MAC = [Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 0, 2)];

/** A capture that is replayed, and what is in it. */
export interface Traffic {
  readonly path: string;
  readonly streams: number;
  readonly packets: number;
  /** Bytes of all frames, and of the TCP payload in them. */
  readonly bytes: number;
  readonly payload: number;
  readonly sas: readonly Sa[];
  /** Takes the capture away if it was made for this. It goes with the process too. */
  remove(): void;
}

const SEED = 0x5eed;

/** The SAs of the streams that `makeTraffic` makes: the same each time. */
export function trafficSas({ protection, streams }: Shape): Sa[] {
  return sasFrom(protection, streams, splitmix(SEED));
}

type Shape = Pick<Scenario, 'protection' | 'streams'>;

/** Whole trains of every stream, of at least `bytes` bytes together. */
export function makeTraffic({ protection, streams }: Shape, bytes: number): Traffic {
  const random = splitmix(SEED);
  const sas = sasFrom(protection, streams, random);
  const mss = protection === 'clear' ? MSS_CLEAR : MSS_ESP;
  const content = Uint8Array.from({ length: TRAIN * mss }, () => random() >>> 24);
  // As clients choose them: ports that count up would be hashed with a period.
  const ports = Array.from({ length: streams }, () => 32_768 + ((random() >>> 0) % 28_232));
  const folder = mkdtempSync(join(tmpdir(), 'rxsteer-bench-'));
  const path = join(folder, 'histogram.pcapng');
  const takeAway = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', takeAway);
  const sink = openSink(path);
  const writer = new PcapngWriter();
  sink.append(writer.start(1));
  let packets = 0;
  let written = 0;
  for (let round = 0; written < bytes; round++) {
    for (let stream = 0; stream < streams; stream++) {
      const train = superPacket(stream, ports[stream], round * TRAIN, content);
      const sequence = 1 + round * TRAIN;
      for (const packet of sas.length === 0
        ? cut(train, mss)
        : sealSegments(sas[stream], sequence, train, { gsoSize: mss })) {
        const frame = new Uint8Array(ETHER_HEADER + packet.length);
        emitEthernet(frame, 0, MAC[0], MAC[1], ETHERTYPE_IPV4);
        frame.set(packet, ETHER_HEADER);
        sink.append(writer.frame(1, 1_700_000_000 + Math.floor(packets / 1e6), (packets % 1e6) * 1000, frame));
        packets++;
        written += frame.length;
      }
    }
  }
  sink.close();
  const remove = (): void => {
    process.off('exit', takeAway);
    takeAway();
  };
  return { path, streams, packets, bytes: written, payload: packets * mss, sas, remove };
}

function sasFrom(protection: Protection, streams: number, random: () => number): Sa[] {
  return protection === 'clear' || protection === 'captured' ? [] : gatewaySas(TRANSFORMS[protection], streams, random);
}

/** SAs of one pair of gateways, with random SPIs as key exchanges draw them. */
function gatewaySas(transform: (typeof TRANSFORMS)['gcm256'], count: number, random: () => number): Sa[] {
  const spis = new Set<number>();
  while (spis.size < count) spis.add((random() >>> 0) | 0x100);
  return createSas([...spis].map((spi) => ({ spi: spi >>> 0, ...GATEWAY, mode: 'tunnel', transform })));
}

/** A TCP packet with all of `content`, from its IP header on; its checksums are not made yet. `segment`: how many were sent before. */
function superPacket(stream: number, port: number, segment: number, content: Uint8Array): Uint8Array {
  const mss = content.length / TRAIN;
  const packet = new Uint8Array(HEADERS + content.length);
  emitIpv4(packet, 0, Uint8Array.of(10, 1, stream >> 8, stream & 255), Uint8Array.of(10, 2, 0, 1), 6, packet.length);
  packet[4] = segment >> 8;
  packet[5] = segment;
  emitTcp(packet, L4, port, 443, (1 + segment * mss) | 0, 77, TCP_FLAG_ACK);
  packet[L4 + TCP_OFFSET] = (TCP_LENGTH >> 2) << 4;
  packet.set(TIMESTAMPS, L4 + TCP_HEADER);
  packet.set(content, HEADERS);
  return packet;
}

function cut(packet: Uint8Array, gsoSize: number): Uint8Array[] {
  const target = new Uint8Array(TRAIN * HEADERS + packet.length);
  const lengths = new Int32Array(TRAIN);
  const count = segmentTcp(packet, 0, packet.length, 0, L4, { gsoSize }, target, 0, lengths);
  let at = 0;
  return Array.from(lengths.subarray(0, count), (length) => {
    at += length;
    return target.subarray(at - length, at);
  });
}

/** splitmix32: the same numbers from the same seed. */
function splitmix(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
}
