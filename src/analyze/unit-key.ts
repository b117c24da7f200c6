/**
 * What an analysis counts apart: flows, and SAs. Keys are words, so that a table holds them side by side.
 *
 *     flow: 0..3 source | 4..7 destination (IPv4: words 0 and 4) | 8 ports or SPI | 9 class, protocol | 10 ports around an SPI
 *     SA:   0..3 destination (IPv4: word 0) | 4 SPI | 5 family and protocol (50: ESP, in UDP too; 51: AH)
 *
 * TCP, UDP and SCTP have ports; ESP, ESP in UDP and AH have the SPI, which is all of the flow that the outside sees; the rest is
 * an address pair with a protocol.
 */
import {
  CLASS_AH4,
  CLASS_ESP4,
  CLASS_FRAGMENT4,
  CLASS_IKE4,
  CLASS_KEEPALIVE4,
  CLASS_NATT4,
  CLASS_NONIP,
  CLASS_SCTP6,
  CLASSES,
} from '../counters.ts';
import { addressText, endpointText } from '../wire/address.ts';
import { put32, u32 } from '../wire/bytes.ts';
import type { Dissection } from '../wire/dissection.ts';
import { IPV4_SRC } from '../wire/ipv4.ts';
import { IPV6_SRC } from '../wire/ipv6.ts';
import { PROTO_AH, PROTO_ESP } from '../wire/protocols.ts';

export const FLOW_WORDS = 11;
export const FLOW_PORTS = 8;
export const FLOW_KIND = 9;
/** Of ESP in UDP: the ports of UDP, which is what most devices hash. */
export const FLOW_OUTER = 10;
export const SA_WORDS = 6;
const SA_SPI = 4;
const SA_KIND = 5;
const SA_V6 = 1 << 8;

// Copies: V8 folds a constant of the module itself, but loads and checks an imported one at every use.
const V4_AT = IPV4_SRC;
const V6_AT = IPV6_SRC;

/** Whether packets of the class belong to an SA. */
export function isProtected(cls: number): boolean {
  const family = cls & ~1;
  return family === CLASS_ESP4 || family === CLASS_NATT4 || family === CLASS_AH4;
}

/** Whether packets of the class have ports where others have an SPI. */
export function hasPorts(cls: number): boolean {
  const family = cls & ~1;
  return (cls > CLASS_NONIP && cls <= CLASS_SCTP6) || family === CLASS_IKE4 || family === CLASS_KEEPALIVE4;
}

/** Fills `key` with the flow of the packet, which must be IP. */
export function readFlow(bytes: Uint8Array, d: Dissection, key: Int32Array): void {
  const { cls, l3 } = d;
  if ((cls & 1) === 0) {
    key[0] = u32(bytes, l3 + V4_AT);
    key[4] = u32(bytes, l3 + V4_AT + 4);
    key[1] = key[2] = key[3] = key[5] = key[6] = key[7] = 0;
  } else {
    for (let i = 0; i < 8; i++) key[i] = u32(bytes, l3 + V6_AT + 4 * i);
  }
  key[FLOW_PORTS] = hasPorts(cls) ? u32(bytes, d.l4) : isProtected(cls) ? d.spi : 0;
  key[FLOW_KIND] = cls | (d.proto << 8);
  key[FLOW_OUTER] = (cls & ~1) === CLASS_NATT4 ? u32(bytes, d.l4) : 0;
}

/** Fills `sa` with the SA of a flow of a protected class. */
export function readSa(flow: Int32Array, sa: Int32Array): void {
  for (let i = 0; i < 4; i++) sa[i] = flow[4 + i];
  sa[SA_SPI] = flow[FLOW_PORTS];
  const cls = flow[FLOW_KIND] & 0xff;
  sa[SA_KIND] = ((cls & ~1) === CLASS_AH4 ? PROTO_AH : PROTO_ESP) | ((cls & 1) === 1 ? SA_V6 : 0);
}

/** The flow of the other direction. False: it has none that could be told. */
export function reverseFlow(keys: Int32Array, at: number, out: Int32Array): boolean {
  const kind = keys[at + FLOW_KIND];
  if (!hasPorts(kind & 0xff)) return false;
  for (let i = 0; i < 4; i++) {
    out[i] = keys[at + 4 + i];
    out[4 + i] = keys[at + i];
  }
  const ports = keys[at + FLOW_PORTS];
  out[FLOW_PORTS] = (ports << 16) | (ports >>> 16);
  out[FLOW_KIND] = kind;
  out[FLOW_OUTER] = 0;
  return true;
}

/** So that nobody can make flows that all fall on one place of a table. What is counted does not depend on it. */
const SEED = (Math.random() * 0x100000000) | 0;

/** Where a key has its place in a table. */
export function placeHash(key: Int32Array, words: number): number {
  let h = SEED;
  for (let i = 0; i < words; i++) {
    const word = key[i];
    // of IPv4 most words are 0
    if (word !== 0) h = Math.imul(h ^ word ^ (h >>> 15) ^ Math.imul(i, 0x27d4eb2f), 0x9e3779b1);
  }
  h = Math.imul(h ^ (h >>> 13), 0x85ebca77);
  return h ^ (h >>> 16);
}

/** What decides whether a flow is in the sample: the same on every machine, and for both directions. */
export function flowSample(key: Int32Array): number {
  const kind = key[FLOW_KIND];
  const ports = key[FLOW_PORTS];
  const two = hasPorts(kind & 0xff);
  const a = endHash(key, 0, two ? ports >>> 16 : 0);
  const b = endHash(key, 4, two ? ports & 0xffff : 0);
  return finish((a + b) ^ Math.imul(kind, 0x165667b1) ^ (two ? 0 : Math.imul(ports, 0x27d4eb2f)));
}

/** The same of an SA. */
export function saSample(key: Int32Array): number {
  return finish(endHash(key, 0, key[SA_SPI]) ^ key[SA_KIND]);
}

function endHash(key: Int32Array, at: number, more: number): number {
  let h = Math.imul(more ^ 0x165667b1, 0x9e3779b1);
  for (let i = at; i < at + 4; i++) h = Math.imul(h ^ key[i] ^ (h >>> 15), 0x85ebca77);
  return h ^ (h >>> 13);
}

function finish(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A flow or an SA for people. */
export interface UnitName {
  /** Class of its packets; of an SA `esp` or `ah`. */
  readonly class: string;
  readonly proto: number;
  readonly src?: string;
  readonly dst: string;
  readonly sport?: number;
  readonly dport?: number;
  /** `0x00001001` */
  readonly spi?: string;
  /** All of it in one line. */
  readonly text: string;
}

const text = new Uint8Array(16);

function address(words: Int32Array, at: number, six: boolean): string {
  for (let i = 0; i < 4; i++) put32(text, 4 * i, words[at + i]);
  return addressText(text, 0, six ? 16 : 4);
}

function spiText(spi: number): string {
  return `0x${(spi >>> 0).toString(16).padStart(8, '0')}`;
}

export function nameFlow(keys: Int32Array, at: number): UnitName {
  const kind = keys[at + FLOW_KIND];
  const number = kind & 0xff;
  const cls = CLASSES[number];
  const proto = kind >>> 8;
  const six = (number & 1) === 1;
  const src = address(keys, at, six);
  const dst = address(keys, at + 4, six);
  const ports = keys[at + FLOW_PORTS];
  if (hasPorts(number)) {
    const sport = ports >>> 16;
    const dport = ports & 0xffff;
    const line = `${cls} ${endpointText(src, sport)} > ${endpointText(dst, dport)}`;
    return { class: cls, proto, src, dst, sport, dport, text: line };
  }
  if (isProtected(number)) {
    const spi = spiText(ports);
    const outer = keys[at + FLOW_OUTER];
    if (outer === 0) return { class: cls, proto, src, dst, spi, text: `${cls} ${src} > ${dst} spi ${spi}` };
    const sport = outer >>> 16;
    const dport = outer & 0xffff;
    const line = `${cls} ${endpointText(src, sport)} > ${endpointText(dst, dport)} spi ${spi}`;
    return { class: cls, proto, src, dst, sport, dport, spi, text: line };
  }
  const what = (number & ~1) === CLASS_FRAGMENT4 ? 'fragments of protocol' : 'protocol';
  return { class: cls, proto, src, dst, text: `${src} > ${dst} ${what} ${proto}` };
}

export function nameSa(keys: Int32Array, at: number): UnitName {
  const kind = keys[at + SA_KIND];
  const proto = kind & 0xff;
  const dst = address(keys, at, (kind & SA_V6) !== 0);
  const spi = spiText(keys[at + SA_SPI]);
  const cls = proto === PROTO_AH ? 'ah' : 'esp';
  return { class: cls, proto, dst, spi, text: `${cls} SA ${spi} to ${dst}` };
}
