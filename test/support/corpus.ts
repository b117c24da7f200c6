/** Frames for property tests: one of every kind that the walk knows, and those of the captures that are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as f from './frames.ts';

export interface SampleFrame {
  name: string;
  linkType: number;
  bytes: Uint8Array;
}

const V4 = { src: '10.1.2.3', dst: '192.168.7.9' };
const V6 = { src: '2001:db8::1', dst: 'fe80::2:3' };
const T = { sport: 1234, dport: 443 };

/** IP packets by name. */
export function samplePackets(): Record<string, Uint8Array> {
  const v4 = (proto: number, payload: Uint8Array, more: Partial<f.Ipv4Options> = {}): Uint8Array =>
    f.ipv4({ ...V4, proto, payload, ...more });
  const v6 = (proto: number, payload: Uint8Array, more: Partial<f.Ipv6Options> = {}): Uint8Array =>
    f.ipv6({ ...V6, proto, payload, ...more });
  const natt = (payload: Uint8Array, sport = 4500, dport = 4500): Uint8Array => f.udp({ sport, dport, payload });
  const data = f.filler(24);
  const inner = f.ethernet({ payload: v4(6, f.tcp({ ...T, payload: data })), vlans: [5] });
  const to = (dport: number, payload: Uint8Array): Uint8Array => f.udp({ sport: 999, dport, payload });
  const session: [number, Uint8Array] = [0x85, f.bytesOf(0x10, 9)];
  const packets: Record<string, Uint8Array> = {};
  for (const [family, ip] of [
    ['4', v4],
    ['6', v6],
  ] as const) {
    Object.assign(packets, {
      [`tcp${family}`]: ip(6, f.tcp({ ...T, payload: data })),
      [`tcp${family} with options`]: ip(6, f.tcp({ ...T, options: f.filler(12), payload: data })),
      [`tcp${family} data offset 4`]: ip(6, f.tcp({ ...T, dataOffset: 4 })),
      [`tcp${family} data offset beyond`]: ip(6, f.tcp({ ...T, dataOffset: 15 })),
      [`udp${family}`]: ip(17, f.udp({ ...T, payload: data })),
      [`udp${family} port 500`]: ip(17, f.udp({ sport: 500, dport: 500, payload: data })),
      [`udp${family} shorter than IP`]: ip(17, f.udp({ ...T, payload: data, length: 12 })),
      [`udp${family} longer than IP`]: ip(17, f.udp({ ...T, payload: data, length: 200 })),
      [`udp${family} length 0`]: ip(17, f.udp({ ...T, payload: data, length: 0 })),
      [`udp${family} length 7`]: ip(17, f.udp({ ...T, payload: data, length: 7 })),
      [`sctp${family}`]: ip(132, f.sctp(5, 6)),
      [`esp${family}`]: ip(50, f.esp(0xdeadbeef)),
      [`esp${family} SPI 0`]: ip(50, f.esp(0)),
      [`esp${family} of 8 bytes`]: ip(50, f.esp(5, 1, new Uint8Array(0))),
      [`ah${family}`]: ip(51, f.ah(0x90000001)),
      [`natt${family}`]: ip(17, natt(f.esp(0xc0ffee01))),
      [`natt${family} one port`]: ip(17, natt(f.esp(0xff000000), 4500, 61000)),
      [`natt${family} cut by the UDP length`]: ip(
        17,
        f.udp({ sport: 4500, dport: 4500, payload: f.esp(3), length: 15 }),
      ),
      [`natt${family} empty`]: ip(17, natt(new Uint8Array(0))),
      [`ike${family}`]: ip(17, natt(f.bytesOf(0, 0, 0, 0, data))),
      [`ike${family} of 4 bytes`]: ip(17, natt(new Uint8Array(4))),
      [`keepalive${family}`]: ip(17, natt(f.bytesOf(0xff))),
      [`one byte that is no keepalive ${family}`]: ip(17, natt(f.bytesOf(0xfe))),
      [`icmp${family}`]: ip(family === '4' ? 1 : 58, f.filler(16)),
      [`vxlan${family}`]: ip(17, f.udp({ sport: 999, dport: 4789, payload: f.vxlan(7, inner) })),
      [`gre${family}`]: ip(47, f.gre({ protocol: 0x6558, payload: inner, key: 9, seq: 1, checksum: true })),
      [`ipip${family}`]: ip(4, v4(6, f.tcp(T))),
      [`6in${family}`]: ip(41, v6(17, f.udp(T))),
      [`geneve${family}`]: ip(17, to(6081, f.geneve({ payload: inner, options: f.geneveOption(2), flags: 0x40 }))),
      [`geneve${family} of IP`]: ip(17, to(6081, f.geneve({ payload: v6(6, f.tcp(T)), protocol: 0x86dd }))),
      [`geneve${family} of options that do not add up`]: ip(
        17,
        to(6081, f.geneve({ payload: inner, options: f.geneveOption(2, 1) })),
      ),
      [`gue${family}`]: ip(17, to(6080, f.gue({ payload: v4(6, f.tcp(T)), fields: new Uint8Array(8) }))),
      [`gue${family} direct`]: ip(17, to(6080, v6(6, f.tcp(T)))),
      [`gtpu${family}`]: ip(17, to(2152, f.gtpu({ payload: v4(17, f.udp(T)) }))),
      [`gtpu${family} with everything`]: ip(
        17,
        to(2152, f.gtpu({ payload: v6(6, f.tcp(T)), sequence: 1, npdu: 2, extensions: [session, session] })),
      ),
      [`mpls in IP ${family}`]: ip(137, f.mpls([16, 17], v4(6, f.tcp(T)))),
      [`vxlan${family} of PPPoE`]: ip(
        17,
        to(4789, f.vxlan(7, f.ethernet({ payload: f.pppoe({ payload: v4(6, f.tcp(T)) }), type: 0x8864 }))),
      ),
    });
  }
  return Object.assign(packets, {
    'v4 options': v4(6, f.tcp(T), { options: f.filler(8) }),
    'v4 total length 0': v4(6, f.tcp(T), { totalLength: 0 }),
    'v4 total length 19': v4(6, f.tcp(T), { totalLength: 19 }),
    'v4 total length beyond': v4(6, f.tcp(T), { totalLength: 1500 }),
    'v4 no DF': v4(6, f.tcp(T), { df: false }),
    'v4 first fragment': v4(6, f.tcp(T), { mf: true, id: 0x1234 }),
    'v4 last fragment': v4(50, data, { fragmentOffset: 1480, df: false, id: 0xffff }),
    'v6 extensions': v6(6, f.tcp(T), { exts: [f.ext(0), f.ext(43, 3), f.ext(60, 2)] }),
    'v6 extensions and ESP': v6(50, f.esp(7), { exts: [f.ext(60)] }),
    'v6 first fragment': v6(17, f.udp({ ...T, payload: data }), {
      exts: [f.ext(60), f.fragmentExt(0, true, 0x89abcdef)],
    }),
    'v6 later fragment': v6(17, data, { exts: [f.fragmentExt(1448, false, 5)] }),
    'v6 atomic fragment': v6(6, f.tcp(T), { exts: [f.fragmentExt(0, false, 5), f.ext(60)] }),
    'v6 15 extensions': v6(6, f.tcp(T), { exts: Array.from({ length: 15 }, () => f.ext(60)) }),
    'v6 16 extensions': v6(6, f.tcp(T), { exts: Array.from({ length: 16 }, () => f.ext(60)) }),
    'v6 jumbo': v6(6, f.tcp(T), { exts: [f.jumboExt(70000)], payloadLength: 0 }),
    'v6 jumbo of a small length': v6(6, f.tcp(T), { exts: [f.jumboExt(65535)], payloadLength: 0 }),
    'v6 payload length 0': v6(6, f.tcp(T), { payloadLength: 0 }),
    'v6 payload length beyond': v6(6, f.tcp(T), { payloadLength: 1000 }),
    'v6 no next header': v6(59, new Uint8Array(0)),
  });
}

/** The headers of tunnels alone, in front of a few bytes: what their checks pass. */
export function tunnelHeaders(): Uint8Array[] {
  const payload = f.filler(6);
  return [
    f.geneve({ payload, vni: 0xabcdef, options: f.bytesOf(f.geneveOption(0), f.geneveOption(3)), flags: 0xc0 }),
    f.gue({ payload, proto: 4, fields: f.filler(8), flags: 1 }),
    f.gue({ payload, proto: 5, control: true }),
    f.mpls([0xfffff, 16, 3], payload),
    f.pppoe({ payload, session: 0xbeef }),
    f.gtpu({
      payload,
      teid: 0xdeadbeef,
      sequence: 7,
      extensions: [
        [0x85, f.filler(2)],
        [0x40, f.filler(6)],
      ],
    }),
    f.gtpu({ payload, npdu: 3 }),
    f.gre({ protocol: 0x0800, payload, checksum: true, key: 1, seq: 2 }),
    f.vxlan(7, payload),
  ];
}

/** Every packet with an Ethernet header, some with tags, and a few with each of the other link headers. */
export function sampleFrames(): SampleFrame[] {
  const frames: SampleFrame[] = [];
  const add = (name: string, linkType: number, bytes: Uint8Array): number => frames.push({ name, linkType, bytes });
  for (const [name, packet] of Object.entries(samplePackets())) {
    add(name, 1, f.ethernet({ payload: packet, pad: false }));
    add(`${name}, padded`, 1, f.ethernet({ payload: packet }));
    add(`${name}, tagged`, 1, f.ethernet({ payload: packet, vlans: [0x2005], pad: false }));
    add(`${name}, raw`, 101, packet);
    add(`${name}, cooked`, 113, f.sll(packet));
    add(`${name}, cooked 2`, 276, f.sll2(packet));
    const six = packet[0] >> 4 === 6;
    add(`${name}, as IPv4`, 228, packet);
    add(`${name}, as IPv6`, 229, packet);
    add(`${name}, loopback`, 0, f.loopback(packet, six ? 30 : 2));
    add(`${name}, loopback of another order`, 0, f.loopback(packet, six ? 24 : 2, true));
    add(`${name}, LOOP`, 108, f.loopback(packet, six ? 28 : 2, true));
  }
  const ip = f.ipv4({ ...V4, proto: 6, payload: f.tcp(T) });
  const arp = f.filler(28);
  add('ARP', 1, f.ethernet({ payload: arp, type: 0x0806 }));
  const two = f.gtpu({ payload: ip, extensions: [[0x85, f.bytesOf(0, 9)]] });
  const deep = f.ipv4({ ...V4, proto: 17, payload: f.udp({ sport: 2152, dport: 2152, payload: two }) });
  add('mpls', 1, f.ethernet({ payload: f.mpls([16], ip), type: 0x8847 }));
  add(
    'mpls, tagged',
    1,
    f.ethernet({ payload: f.mpls([0xfffff, 5, 2], samplePackets().tcp6), type: 0x8848, vlans: [7] }),
  );
  add('mpls, cooked', 113, f.sll(f.mpls([16, 17], deep), 0x8847));
  add('mpls of seven labels', 1, f.ethernet({ payload: f.mpls([1, 2, 3, 4, 5, 6, 7], ip), type: 0x8847 }));
  add('mpls of eight labels', 1, f.ethernet({ payload: f.mpls([1, 2, 3, 4, 5, 6, 7, 8], ip), type: 0x8847 }));
  add('pppoe', 1, f.ethernet({ payload: f.pppoe({ payload: ip }), type: 0x8864 }));
  add('pppoe, tagged', 1, f.ethernet({ payload: f.pppoe({ payload: deep }), type: 0x8864, vlans: [7, 8] }));
  add('pppoe, cooked 2', 276, f.sll2(f.pppoe({ payload: samplePackets().tcp6 }), 0x8864));
  add('LLC', 1, f.ethernet({ payload: arp, type: 38 }));
  add('QinQ', 1, f.ethernet({ payload: ip, vlans: [[0x88a8, 0xefff], 6] }));
  add('tag 0', 1, f.ethernet({ payload: ip, vlans: [0] }));
  add('four tags', 1, f.ethernet({ payload: ip, vlans: [1, 2, 3, 4] }));
  add('five tags', 1, f.ethernet({ payload: ip, vlans: [1, 2, 3, 4, 5] }));
  add('IPv4 announced, IPv6 inside', 1, f.ethernet({ payload: samplePackets().tcp6, type: 0x0800 }));
  add('IPv6 announced, IPv4 inside', 1, f.ethernet({ payload: ip, type: 0x86dd }));
  add('raw version 5', 101, f.bytesOf(0x55, ip.slice(1)));
  add('raw of BSD', 12, ip);
  add('raw of OpenBSD', 14, ip);
  add('loopback of AppleTalk', 0, f.loopback(ip, 16));
  return frames;
}

/** Frames of the classic pcap files (little-endian, Ethernet) in a folder; none when it is absent. At most `most` a file. */
export function captureFrames(folder: URL, most: number): SampleFrame[] {
  if (!existsSync(folder)) return [];
  const frames: SampleFrame[] = [];
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.pcap'))
    .sort()) {
    const data = new Uint8Array(readFileSync(new URL(file, folder)));
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    const linkType = view.getUint32(20, true);
    for (let at = 24, n = 0; at + 16 <= data.length && n < most; n++) {
      const length = view.getUint32(at + 8, true);
      frames.push({
        name: `${fileURLToPath(new URL(file, folder)).split('/').pop()} ${n}`,
        linkType,
        bytes: data.slice(at + 16, at + 16 + length),
      });
      at += 16 + length;
    }
  }
  return frames;
}

export const CAPTURES: URL = new URL('../captures/esp/', import.meta.url);
export const GRO_CAPTURES: URL = new URL('../captures/gro/', import.meta.url);
/** Captures beside the checkout, where there are any. */
export const SHARED_CAPTURES: URL[] = ['esp/', 'gro/cases/'].map(
  (name) => new URL(`../../../shared/cases/${name}`, import.meta.url),
);

/** xorshift32: numbers from a seed, the same everywhere. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A copy with one to four bytes changed, biased to the front, where headers are; sometimes cut. */
export function mutate(frame: Uint8Array, random: (below: number) => number): Uint8Array {
  const bytes = frame.slice();
  for (let n = random(4) + 1; n > 0 && bytes.length > 0; n--) {
    const at = random(random(4) === 0 ? bytes.length : Math.min(bytes.length, 80));
    bytes[at] = [random(256), bytes[at] ^ (1 << random(8)), 0, 255][random(4)];
  }
  return random(4) === 0 ? bytes.slice(0, random(bytes.length + 1)) : bytes;
}
