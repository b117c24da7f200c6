/** Frames for classification and dispatch: those of the C peers, byte for byte, and a mix of what IPsec hosts see. */
import type { Sa } from '../src/esp/index.ts';
import { put16, put32 } from '../src/wire/bytes.ts';
import { emitEsp } from '../src/wire/esp.ts';
import { emitIpv4, IPV4_FRAGMENT, setIpv4Checksum } from '../src/wire/ipv4.ts';
import { emitIpv6 } from '../src/wire/ipv6.ts';
import { emitUdp } from '../src/wire/udp.ts';
import { Random } from './random.ts';

export const FRAMES = 10_000;

interface Kind {
  readonly six: boolean;
  readonly tcp: boolean;
  readonly vlan: boolean;
}

const UNIFORM: Kind = { six: false, tcp: true, vlan: false };
/** Destination of the ESP frames that belong to no SA in particular. */
const TUNNEL_END = Uint8Array.of(198, 51, 100, 1);

/**
 * The 10,000 frames of `classify_64_*`, `classify_1400_*` and their `_uniform` forms: one stream of random numbers makes all
 * four sets, so those before are made or passed over. Half IPv4/TCP, a quarter IPv4/UDP, an eighth each IPv6/TCP and
 * IPv6/UDP, a quarter of all VLAN-tagged, in random order. The UDP length alone differs: there it is random.
 */
export function peerFrames(size: 64 | 1400, uniform: boolean): Uint8Array[] {
  const random = new Random(0x44444444, 0x44444444);
  let frames: Uint8Array[] = [];
  for (const want of [64, 1400]) {
    for (const same of [false, true]) {
      frames = Array.from({ length: FRAMES }, () => peerFrame(same ? UNIFORM : kindOf(random), want, random));
      if (want === size && same === uniform) return frames;
    }
  }
  return frames;
}

function kindOf(random: Random): Kind {
  const r = random.next() >>> 8;
  return {
    six: r % 8 >= 6,
    tcp: r % 8 < 4 || r % 8 === 6,
    vlan: (r >>> 3) % 4 === 3,
  };
}

function peerFrame({ six, tcp, vlan }: Kind, want: number, random: Random): Uint8Array {
  const l3 = vlan ? 18 : 14;
  const l4 = l3 + (six ? 40 : 20);
  const frame = new Uint8Array(Math.max(want, l4 + (tcp ? 20 : 8)));
  const end = frame.length;
  random.fill(frame, 0, end);
  frame[0] &= 0xfe;
  frame[6] &= 0xfe;
  if (vlan) put16(frame, 12, 0x8100);
  put16(frame, vlan ? 16 : 12, six ? 0x86dd : 0x0800);
  const protocol = tcp ? 6 : 17;
  if (six) {
    put32(frame, l3, 6 << 28);
    put16(frame, l3 + 4, end - l4);
    frame[l3 + 6] = protocol;
    frame[l3 + 7] = 64;
  } else {
    const id = frame.slice(l3 + 4, l3 + 6);
    emitIpv4(frame, l3, frame.slice(l3 + 12, l3 + 16), frame.slice(l3 + 16, l3 + 20), protocol, end - l3);
    frame.set(id, l3 + 4);
    setIpv4Checksum(frame, l3);
  }
  if (tcp) frame[l4 + 12] = 0x50;
  else put16(frame, l4 + 4, end - l4);
  return frame;
}

/**
 * 10,000 frames of a host that speaks IPsec, in random order: half ESP over IPv4, an eighth each ESP over IPv6, ESP in UDP and
 * clear IPv4/TCP, a sixteenth each fragments and IKE. SPIs and sources are random.
 */
export function ipsecFrames(size: number): Uint8Array[] {
  const random = new Random(0x12345678, 0x9abcdef1);
  return Array.from({ length: FRAMES }, () => ipsecFrame(random.below(16), size, random));
}

function ipsecFrame(kind: number, size: number, random: Random): Uint8Array {
  if (kind < 8) return espFrame(random, size, random.next() | 1, TUNNEL_END);
  const frame = new Uint8Array(Math.max(size, 66));
  const end = frame.length;
  random.fill(frame, 0, end);
  const source = frame.slice(26, 30);
  put16(frame, 12, 0x0800);
  if (kind < 10) {
    put16(frame, 12, 0x86dd);
    emitIpv6(frame, 14, frame.slice(22, 38), frame.slice(38, 54), 50, end - 54);
  } else if (kind < 12) {
    emitIpv4(frame, 14, source, TUNNEL_END, 17, end - 14);
    emitUdp(frame, 34, 4500, 4500, end - 34);
    emitEsp(frame, 42, random.next() | 1, random.next());
  } else if (kind < 14) {
    emitIpv4(frame, 14, source, TUNNEL_END, 6, end - 14);
    frame[46] = 0x50;
  } else if (kind === 14) {
    emitIpv4(frame, 14, source, TUNNEL_END, 17, end - 14);
    put16(frame, 14 + IPV4_FRAGMENT, random.below(2) === 0 ? 0x2000 : 0x00b9);
    setIpv4Checksum(frame, 14);
  } else {
    emitIpv4(frame, 14, source, TUNNEL_END, 17, end - 14);
    emitUdp(frame, 34, 4500, 4500, end - 34);
    put32(frame, 42, 0);
  }
  return frame;
}

/** 10,000 frames with ESP headers of these SAs in random order, from random sources; what follows the header is random. */
export function espFrames(size: number, sas: readonly Sa[]): Uint8Array[] {
  const random = new Random(0x13572468, 0x2468ace1);
  return Array.from({ length: FRAMES }, () => {
    const sa = sas[random.below(sas.length)];
    return espFrame(random, size, sa.spi, sa.dstBytes);
  });
}

function espFrame(random: Random, size: number, spi: number, dst: Uint8Array): Uint8Array {
  const frame = new Uint8Array(size);
  random.fill(frame, 0, size);
  put16(frame, 12, 0x0800);
  emitIpv4(frame, 14, frame.slice(26, 30), dst, 50, size - 14);
  emitEsp(frame, 34, spi, random.next());
  return frame;
}
