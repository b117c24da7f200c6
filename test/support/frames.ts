/**
 * Frames for tests, layer by layer: `ethernet({ payload: ipv4({ src, dst, proto: 6, payload: tcp({ .. }) }) })`. Lengths and
 * checksums are right unless a field says otherwise. Written apart from `src/wire`, so that the two check each other.
 */
import { parseAddress } from '../../src/wire/address.ts';

const b16 = (value: number): number[] => [(value >>> 8) & 255, value & 255];
const b32 = (value: number): number[] => [...b16(value >>> 16), ...b16(value & 0xffff)];

/** Bytes of parts, one after the other; a number is a byte. */
export function bytesOf(...parts: (number | ArrayLike<number>)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === 'number' ? [part] : Array.from(part))));
}

/** `length` bytes of a pattern that tells where each one came from. */
export function filler(length: number, start: number = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (start + i * 7) & 255);
}

/** One's complement sum of words, naively. */
export function internetChecksum(data: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) sum += data[i] * 256 + (data[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return 0xffff - sum;
}

export interface EthernetOptions {
  payload: Uint8Array;
  dst?: ArrayLike<number>;
  src?: ArrayLike<number>;
  /** Default: by the version of the IP header in the payload. */
  type?: number;
  /** Tags from the outside in: TCI, or [EtherType, TCI]. */
  vlans?: (number | [number, number])[];
  /** Frames are padded to 60 bytes as on a wire; false: not. */
  pad?: boolean;
}

export function ethernet(o: EthernetOptions): Uint8Array {
  const type = o.type ?? ipType(o.payload);
  const tags = (o.vlans ?? []).flatMap((tag) =>
    typeof tag === 'number' ? [0x81, 0, ...b16(tag)] : [...b16(tag[0]), ...b16(tag[1])],
  );
  const frame = bytesOf(o.dst ?? [2, 0, 0, 0, 0, 2], o.src ?? [2, 0, 0, 0, 0, 1], tags, b16(type), o.payload);
  return o.pad === false || frame.length >= 60 ? frame : bytesOf(frame, new Uint8Array(60 - frame.length));
}

/** Linux cooked capture, version 1 and 2, and BSD loopback. */
export function sll(payload: Uint8Array, type: number = ipType(payload)): Uint8Array {
  return bytesOf([0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], b16(type), payload);
}

export function sll2(payload: Uint8Array, type: number = ipType(payload)): Uint8Array {
  return bytesOf(b16(type), [0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], payload);
}

export function loopback(payload: Uint8Array, family: number, bigEndian: boolean = false): Uint8Array {
  return bytesOf(bigEndian ? [0, 0, 0, family] : [family, 0, 0, 0], payload);
}

export interface Ipv4Options {
  src: string;
  dst: string;
  proto: number;
  payload: Uint8Array;
  /** A multiple of 4 bytes. */
  options?: Uint8Array;
  totalLength?: number;
  id?: number;
  tos?: number;
  ttl?: number;
  df?: boolean;
  mf?: boolean;
  /** In bytes. */
  fragmentOffset?: number;
}

export function ipv4(o: Ipv4Options): Uint8Array {
  const options = o.options ?? new Uint8Array(0);
  const length = 20 + options.length;
  const flags = ((o.df ?? true) ? 0x4000 : 0) | (o.mf ? 0x2000 : 0) | ((o.fragmentOffset ?? 0) >> 3);
  const src = parseAddress(o.src);
  const dst = parseAddress(o.dst);
  const payload = withL4Checksum(o.payload, o.proto, bytesOf(src, dst), (o.mf ?? false) || (o.fragmentOffset ?? 0) > 0);
  const header = bytesOf(
    [0x40 | (length >> 2), o.tos ?? 0],
    b16(o.totalLength ?? length + payload.length),
    b16(o.id ?? 0),
    b16(flags),
    [o.ttl ?? 64, o.proto, 0, 0],
    src,
    dst,
    options,
  );
  header.set(b16(internetChecksum(header)), 10);
  return bytesOf(header, payload);
}

export interface Ipv6Options {
  src: string;
  dst: string;
  /** Protocol of the payload. */
  proto: number;
  payload: Uint8Array;
  /** Extension headers from the outside in, see {@link ext}; their next-header bytes are filled in. */
  exts?: { proto: number; bytes: Uint8Array }[];
  payloadLength?: number;
  flowLabel?: number;
  trafficClass?: number;
  hopLimit?: number;
}

export function ipv6(o: Ipv6Options): Uint8Array {
  const exts = o.exts ?? [];
  const src = parseAddress(o.src);
  const dst = parseAddress(o.dst);
  const chain = exts.map((e, i) => bytesOf([exts[i + 1]?.proto ?? o.proto], e.bytes.slice(1)));
  const fragment = exts.some((e) => e.proto === 44 && ((e.bytes[2] << 8) | (e.bytes[3] & 0xf9)) !== 0);
  const body = bytesOf(...chain, withL4Checksum(o.payload, o.proto, bytesOf(src, dst), fragment));
  return bytesOf(
    b32(0x60000000 | ((o.trafficClass ?? 0) << 20) | (o.flowLabel ?? 0)),
    b16(o.payloadLength ?? body.length),
    [exts[0]?.proto ?? o.proto, o.hopLimit ?? 64],
    src,
    dst,
    body,
  );
}

/** An extension header of `proto` (0 hop-by-hop, 43 routing, 60 destination) that is `units` of 8 bytes long. */
export function ext(proto: number, units: number = 1): { proto: number; bytes: Uint8Array } {
  const bytes = new Uint8Array(units * 8);
  bytes[1] = units - 1;
  // PadN over all of it
  bytes[2] = proto === 43 ? 4 : 1;
  bytes[3] = proto === 43 ? 0 : units * 8 - 4;
  return { proto, bytes };
}

export function fragmentExt(offset: number, more: boolean, id: number): { proto: number; bytes: Uint8Array } {
  return { proto: 44, bytes: bytesOf([0, 0], b16(offset | (more ? 1 : 0)), b32(id)) };
}

/** A hop-by-hop header with the jumbo option. */
export function jumboExt(length: number): { proto: number; bytes: Uint8Array } {
  return { proto: 0, bytes: bytesOf([0, 0, 0xc2, 4], b32(length)) };
}

export interface TcpOptions {
  sport: number;
  dport: number;
  payload?: Uint8Array;
  seq?: number;
  ack?: number;
  flags?: number;
  window?: number;
  /** A multiple of 4 bytes. */
  options?: Uint8Array;
  /** In words; default: what fits. */
  dataOffset?: number;
  /** Default: the right one. */
  checksum?: number;
}

export function tcp(o: TcpOptions): Uint8Array {
  const options = o.options ?? new Uint8Array(0);
  const words = o.dataOffset ?? (20 + options.length) >> 2;
  return bytesOf(
    b16(o.sport),
    b16(o.dport),
    b32(o.seq ?? 0),
    b32(o.ack ?? 0),
    [words << 4, o.flags ?? 0x10],
    b16(o.window ?? 0xffff),
    b16(o.checksum ?? 0),
    [0, 0],
    options,
    o.payload ?? [],
  );
}

export interface UdpOptions {
  sport: number;
  dport: number;
  payload?: Uint8Array;
  length?: number;
  /** Default: the right one. `none` writes 0. */
  checksum?: number | 'none';
}

export function udp(o: UdpOptions): Uint8Array {
  const payload = o.payload ?? new Uint8Array(0);
  const frame = bytesOf(b16(o.sport), b16(o.dport), b16(o.length ?? 8 + payload.length), [0, 0], payload);
  if (o.checksum === 'none') noChecksum.add(frame);
  else frame.set(b16(o.checksum ?? 0), 6);
  return frame;
}

export function sctp(sport: number, dport: number, payload: Uint8Array = filler(16)): Uint8Array {
  return bytesOf(b16(sport), b16(dport), b32(0x01020304), b32(0), payload);
}

/** ESP with something that stands for ciphertext and ICV. */
export function esp(spi: number, seq: number = 1, payload: Uint8Array = filler(32)): Uint8Array {
  return bytesOf(b32(spi), b32(seq), payload);
}

export function ah(spi: number, next: number = 6, seq: number = 1, payload: Uint8Array = filler(20)): Uint8Array {
  return bytesOf([next, 4, 0, 0], b32(spi), b32(seq), filler(12), payload);
}

export interface GreOptions {
  protocol: number;
  payload: Uint8Array;
  checksum?: boolean;
  key?: number;
  seq?: number;
  /** Low byte of the first word: version. */
  version?: number;
}

export function gre(o: GreOptions): Uint8Array {
  const flags = (o.checksum ? 0x80 : 0) | (o.key === undefined ? 0 : 0x20) | (o.seq === undefined ? 0 : 0x10);
  const packet = bytesOf(
    [flags, o.version ?? 0],
    b16(o.protocol),
    o.checksum ? [0, 0, 0, 0] : [],
    o.key === undefined ? [] : b32(o.key),
    o.seq === undefined ? [] : b32(o.seq),
    o.payload,
  );
  if (o.checksum) packet.set(b16(internetChecksum(packet)), 4);
  return packet;
}

/** VXLAN header and frame inside: the payload of a UDP packet to port 4789. */
export function vxlan(vni: number, frame: Uint8Array, flags: number = 8): Uint8Array {
  return bytesOf([flags, 0, 0, 0], b32(vni << 8), frame);
}

export interface GeneveOptions {
  payload: Uint8Array;
  /** Default: an Ethernet frame. */
  protocol?: number;
  vni?: number;
  /** Whole options, see {@link geneveOption}. */
  options?: Uint8Array;
  /** Default: words of `options`. */
  optionWords?: number;
  /** 0x80 control, 0x40 critical. */
  flags?: number;
  version?: number;
}

/** The payload of a UDP packet to port 6081. */
export function geneve(o: GeneveOptions): Uint8Array {
  const options = o.options ?? new Uint8Array(0);
  return bytesOf(
    [((o.version ?? 0) << 6) | (o.optionWords ?? options.length >> 2), o.flags ?? 0],
    b16(o.protocol ?? 0x6558),
    b32((o.vni ?? 0) << 8),
    options,
    o.payload,
  );
}

/** A Geneve option with `words` of data; `says` is what its length claims. */
export function geneveOption(words: number, says: number = words): Uint8Array {
  return bytesOf([0x01, 0x02, 0x03, says], filler(words * 4));
}

export interface GueOptions {
  payload: Uint8Array;
  /** Default: by the version of the packet in the payload, 4 or 41. */
  proto?: number;
  /** Extension fields, whole words. */
  fields?: Uint8Array;
  words?: number;
  flags?: number;
  control?: boolean;
}

/** GUE of variant 0: the payload of a UDP packet to port 6080. Variant 1 is the packet itself. */
export function gue(o: GueOptions): Uint8Array {
  const fields = o.fields ?? new Uint8Array(0);
  const proto = o.proto ?? (o.payload[0] >> 4 === 6 ? 41 : 4);
  const first = (o.control ? 0x20 : 0) | (o.words ?? fields.length >> 2);
  return bytesOf([first, proto], b16(o.flags ?? 0), fields, o.payload);
}

/** A label stack in front of the payload; the last label is the bottom, unless `bottom` is false. */
export function mpls(stack: number[], payload: Uint8Array, bottom: boolean = true): Uint8Array {
  const entries = stack.map((label, i) =>
    b32((label << 12) | (5 << 9) | (bottom && i === stack.length - 1 ? 0x100 : 0) | 64),
  );
  return bytesOf(...entries, payload);
}

export interface PppoeOptions {
  payload: Uint8Array;
  /** Default: by the version of the packet in the payload. */
  proto?: number;
  session?: number;
  /** Default: the payload and 2 bytes. */
  length?: number;
  code?: number;
  version?: number;
}

export function pppoe(o: PppoeOptions): Uint8Array {
  return bytesOf(
    [o.version ?? 0x11, o.code ?? 0],
    b16(o.session ?? 1),
    b16(o.length ?? o.payload.length + 2),
    b16(o.proto ?? (o.payload[0] >> 4 === 6 ? 0x57 : 0x21)),
    o.payload,
  );
}

export interface GtpuOptions {
  payload: Uint8Array;
  teid?: number;
  /** Message type; default G-PDU. */
  type?: number;
  sequence?: number;
  npdu?: number;
  /** Type and content of each; a content of 4n + 2 bytes. */
  extensions?: [number, Uint8Array][];
  /** Default: what follows the first 8 bytes. */
  length?: number;
  /** Default: version 1, GTP, and what is there. */
  flags?: number;
}

/** The payload of a UDP packet to port 2152. */
export function gtpu(o: GtpuOptions): Uint8Array {
  const extensions = o.extensions ?? [];
  const has = (extensions.length > 0 ? 4 : 0) | (o.sequence === undefined ? 0 : 2) | (o.npdu === undefined ? 0 : 1);
  const optional = has === 0 ? [] : [...b16(o.sequence ?? 0), o.npdu ?? 0, extensions[0]?.[0] ?? 0];
  const headers = extensions.map(([, content], i) =>
    bytesOf([(content.length + 2) >> 2], content, [extensions[i + 1]?.[0] ?? 0]),
  );
  const rest = bytesOf(optional, ...headers, o.payload);
  return bytesOf([o.flags ?? 0x30 | has, o.type ?? 255], b16(o.length ?? rest.length), b32(o.teid ?? 1), rest);
}

/** UDP packets that shall keep a checksum of 0. */
const noChecksum = new WeakSet<Uint8Array>();

/** Fills a TCP or UDP checksum that is 0 in, by the pseudo-header of `addresses`. */
function withL4Checksum(payload: Uint8Array, proto: number, addresses: Uint8Array, fragment: boolean): Uint8Array {
  const at = proto === 6 ? 16 : 6;
  const wants = (proto === 6 && payload.length >= 20) || (proto === 17 && payload.length >= 8);
  if (fragment || !wants || noChecksum.has(payload) || payload[at] !== 0 || payload[at + 1] !== 0) return payload;
  const result = payload.slice();
  const sum = internetChecksum(bytesOf(addresses, b32(payload.length), [0, 0, 0, proto], payload));
  result.set(b16(sum === 0 && proto === 17 ? 0xffff : sum), at);
  return result;
}

function ipType(payload: Uint8Array): number {
  return payload[0] >> 4 === 6 ? 0x86dd : 0x0800;
}
