/** Frames built layer by layer, inside out, every field right or deliberately wrong. */
import { put16, put32 } from '../../src/wire/bytes.ts';
import { onesSum } from './linux/skb.ts';

export interface Ethernet {
  kind: 'eth';
  mac: number;
}
export interface Vlan {
  kind: 'vlan';
  tpid: number;
  tci: number;
}
export interface Ip4 {
  kind: 'ip4';
  src: number;
  dst: number;
  ttl: number;
  tos: number;
  id: number;
  /** Flags and offset: DF is 0x4000. */
  frag: number;
  options: number;
  /** Added to the length, to the checksum. */
  lie: number;
  badSum: number;
  proto?: number;
}
export interface Ip6 {
  kind: 'ip6';
  src: number;
  dst: number;
  version: number;
  hops: number;
  tclass: number;
  label: number;
  /** Types of extension headers of 8 bytes, and a byte that stands in them. */
  ext: number[];
  extByte: number;
  lie: number;
  proto?: number;
}
export interface Udp {
  kind: 'udp';
  sport: number;
  dport: number;
  sum: 'right' | 'none' | 'bad';
  lie: number;
}
export interface Tcp {
  kind: 'tcp';
  sport: number;
  dport: number;
  seq: number;
  ack: number;
  flags: number;
  window: number;
  urgent: number;
  reserved: number;
  options: number[];
  badSum: number;
  /** Added to the data offset. */
  lie: number;
}
export interface Vxlan {
  kind: 'vxlan';
  flags: number;
  vni: number;
}
export interface Geneve {
  kind: 'geneve';
  vni: number;
  options: number[];
  /** Version, and the control bit, as they stand in the first two bytes. */
  bits: number;
  lie: number;
}
export interface Gue {
  kind: 'gue';
  /** Variant 1 has no header. */
  variant: number;
  options: number[];
  flags: number;
  control: boolean;
  lie: number;
}
export interface Gre {
  kind: 'gre';
  sum: 'right' | 'none' | 'bad';
  key?: number;
  sequence?: number;
  /** Other bits of the first word. */
  bits: number;
}
export type Layer = Ethernet | Vlan | Ip4 | Ip6 | Udp | Tcp | Vxlan | Geneve | Gue | Gre;

const PROTO: Partial<Record<Layer['kind'], number>> = { ip4: 4, tcp: 6, udp: 17, ip6: 41, gre: 47 };

/** The frame of these layers, the outermost first. */
export function build(layers: readonly Layer[], payload: Uint8Array): Uint8Array {
  let bytes: Uint8Array = payload;
  for (let i = layers.length - 1; i >= 0; i--) {
    const next = layers.slice(i + 1).find((l) => !(l.kind === 'gue' && l.variant === 1));
    bytes = wrap(layers[i], next, bytes);
    if ((layers[i].kind === 'ip4' || layers[i].kind === 'ip6') && i + 1 < layers.length) {
      finishSum(bytes, layers[i] as Ip4 | Ip6, layers[i + 1]);
    }
  }
  return bytes;
}

function typeOf(next: Layer | undefined): number {
  if (next?.kind === 'ip4') return 0x0800;
  if (next?.kind === 'ip6') return 0x86dd;
  return next?.kind === 'vlan' ? next.tpid : 0x6558;
}

const protoOf = (next: Layer | undefined): number => (next === undefined ? 253 : (PROTO[next.kind] ?? 253));

function wrap(layer: Layer, next: Layer | undefined, inner: Uint8Array): Uint8Array {
  const head = header(layer, next, inner.length);
  const out = new Uint8Array(head.length + inner.length);
  out.set(head);
  out.set(inner, head.length);
  if (layer.kind === 'gre' && layer.sum !== 'none') {
    put16(out, 4, onesSum(out, 0, out.length) ^ 0xffff ^ (layer.sum === 'bad' ? 0x1234 : 0));
  }
  return out;
}

function header(layer: Layer, next: Layer | undefined, length: number): Uint8Array {
  switch (layer.kind) {
    case 'eth': {
      const b = Uint8Array.from([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, layer.mac, 0, 0]);
      // Only the outermost Ethernet header may be followed by anything else than an EtherType that GRO knows.
      put16(b, 12, next === undefined ? 0x1234 : typeOf(next));
      return b;
    }
    case 'vlan': {
      const b = new Uint8Array(4);
      put16(b, 0, layer.tci);
      put16(b, 2, typeOf(next));
      return b;
    }
    case 'ip4':
      return ip4(layer, next, length);
    case 'ip6':
      return ip6(layer, next, length);
    case 'udp': {
      const b = new Uint8Array(8);
      put16(b, 0, layer.sport);
      put16(b, 2, layer.dport);
      put16(b, 4, Math.max(0, 8 + length + layer.lie));
      return b;
    }
    case 'tcp': {
      const b = new Uint8Array(20 + layer.options.length);
      put16(b, 0, layer.sport);
      put16(b, 2, layer.dport);
      put32(b, 4, layer.seq);
      put32(b, 8, layer.ack);
      b[12] = (((b.length >> 2) + layer.lie) << 4) | layer.reserved;
      b[13] = layer.flags;
      put16(b, 14, layer.window);
      put16(b, 18, layer.urgent);
      b.set(layer.options, 20);
      return b;
    }
    case 'vxlan': {
      const b = new Uint8Array(8);
      b[0] = layer.flags;
      put32(b, 4, layer.vni << 8);
      return b;
    }
    case 'geneve': {
      const b = new Uint8Array(8 + layer.options.length);
      put16(b, 0, layer.bits | (((layer.options.length >> 2) + layer.lie) << 8));
      put16(b, 2, typeOf(next));
      put32(b, 4, layer.vni << 8);
      b.set(layer.options, 8);
      return b;
    }
    case 'gue': {
      if (layer.variant === 1) return new Uint8Array(0);
      const b = new Uint8Array(4 + layer.options.length);
      b[0] = (layer.variant << 6) | (layer.control ? 0x20 : 0) | (((layer.options.length >> 2) + layer.lie) & 0x1f);
      b[1] = protoOf(next);
      put16(b, 2, layer.flags);
      b.set(layer.options, 4);
      return b;
    }
    case 'gre': {
      const parts = [layer.key, layer.sequence].filter((n) => n !== undefined);
      const at = layer.sum === 'none' ? 4 : 8;
      const b = new Uint8Array(at + 4 * parts.length);
      const flags =
        (at === 8 ? 0x8000 : 0) | (layer.key === undefined ? 0 : 0x2000) | (layer.sequence === undefined ? 0 : 0x1000);
      put16(b, 0, flags | layer.bits);
      put16(b, 2, typeOf(next));
      parts.forEach((n, i) => {
        put32(b, at + 4 * i, n);
      });
      return b;
    }
  }
}

function ip4(s: Ip4, next: Layer | undefined, length: number): Uint8Array {
  const b = new Uint8Array(20 + s.options).fill(1, 20);
  b[0] = 0x40 | (b.length >> 2);
  b[1] = s.tos;
  put16(b, 2, Math.max(0, b.length + length + s.lie));
  put16(b, 4, s.id);
  put16(b, 6, s.frag);
  b[8] = s.ttl;
  b[9] = s.proto ?? protoOf(next);
  b.set([10, 0, 0, s.src, 10, 0, 1, s.dst], 12);
  put16(b, 10, onesSum(b, 0, b.length) ^ 0xffff ^ s.badSum);
  return b;
}

function ip6(s: Ip6, next: Layer | undefined, length: number): Uint8Array {
  const b = new Uint8Array(40 + 8 * s.ext.length);
  put32(b, 0, (s.version << 28) | (s.tclass << 20) | s.label);
  put16(b, 4, Math.max(0, b.length - 40 + length + s.lie));
  const chain = [...s.ext, s.proto ?? protoOf(next)];
  b[6] = chain[0];
  b[7] = s.hops;
  b.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, s.src], 8);
  b.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, s.dst], 24);
  for (let i = 0; i + 1 < chain.length; i++) {
    b[40 + 8 * i] = chain[i + 1];
    b.set(chain[i] === 44 ? [0, 0, 0, 0, 0, 0, 1] : [0, 1, 4, 0, 0, 0, s.extByte], 41 + 8 * i);
  }
  return b;
}

/** The checksum of TCP or UDP behind an IP header, whose addresses it needs. */
function finishSum(bytes: Uint8Array, ip: Ip4 | Ip6, l4: Layer): void {
  if (l4.kind !== 'tcp' && l4.kind !== 'udp') return;
  const v6 = ip.kind === 'ip6';
  const at = v6 ? 40 + 8 * ip.ext.length : 20 + ip.options;
  const [from, to] = v6 ? [8, 40] : [12, 20];
  const proto = l4.kind === 'tcp' ? 6 : 17;
  const field = at + (l4.kind === 'tcp' ? 16 : 6);
  if (l4.kind === 'udp' && l4.sum === 'none') return;
  const start = onesSum(bytes, from, to) + proto + bytes.length - at;
  const sum = onesSum(bytes, at, bytes.length, start) ^ 0xffff;
  const bad = l4.kind === 'tcp' ? l4.badSum : l4.sum === 'bad' ? 0x0101 : 0;
  put16(bytes, field, (l4.kind === 'udp' && sum === 0 ? 0xffff : sum) ^ bad);
}
