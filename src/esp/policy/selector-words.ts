/**
 * Selectors as words, so that a packet is compared without touching an object:
 *
 *     family | proto | source ports: low, high | destination ports: low, high | flags | action
 *     source: 4 words | its mask: 4 words | destination: 4 words | its mask: 4 words | next | 7 unused
 */
import { PROTO_AH, PROTO_ESP, PROTO_UDP } from '../../wire/protocols.ts';
import type { Prefix, Selector } from './selector.ts';
import { PORTS_HIDDEN, PORTS_NONE, type Traffic } from './traffic.ts';

export const SELECTOR_SHIFT = 5;
export const S_FAMILY = 0;
const S_PROTO = 1;
const S_SPORT = 2;
const S_DPORT = 4;
const S_FLAGS = 6;
/** For whoever keeps the selectors: what is done with a packet, and the next selector of a chain + 1. */
export const S_ACTION = 7;
export const S_SRC = 8;
export const S_SRC_MASK = 12;
export const S_DST = 16;
export const S_DST_MASK = 20;
export const S_NEXT = 24;

const HAS_PORTS = 1;
/** It names ESP, AH, or ports of UDP: so it speaks of what IPsec consists of, too. */
const NAMES_KEYING = 2;

/** Words of so many selectors. */
export function selectorWords(selectors: readonly Selector[]): Int32Array {
  const w = new Int32Array(selectors.length << SELECTOR_SHIFT);
  selectors.forEach((selector, i) => {
    const b = i << SELECTOR_SHIFT;
    const { family, proto, sport, dport, src, dst } = selector;
    const hasPorts = sport !== undefined || dport !== undefined;
    const keying = proto === PROTO_ESP || proto === PROTO_AH || (proto === PROTO_UDP && hasPorts);
    w[b + S_FAMILY] = family;
    w[b + S_PROTO] = proto;
    w.set(sport ?? [0, 65535], b + S_SPORT);
    w.set(dport ?? [0, 65535], b + S_DPORT);
    w[b + S_FLAGS] = (hasPorts ? HAS_PORTS : 0) | (keying ? NAMES_KEYING : 0);
    putPrefix(w, b + S_SRC, src);
    putPrefix(w, b + S_DST, dst);
  });
  return w;
}

function putPrefix(w: Int32Array, at: number, prefix: Prefix | undefined): void {
  if (prefix === undefined) return;
  const { address, length } = prefix;
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  for (let i = 0; i < address.length >> 2; i++) {
    const bits = Math.max(0, Math.min(32, length - i * 32));
    w[at + i] = view.getInt32(i * 4);
    w[at + 4 + i] = bits === 0 ? 0 : -1 << (32 - bits);
  }
}

/** Whether family and addresses are the selector's. */
export function matchesAddresses(w: Int32Array, b: number, t: Traffic): boolean {
  const family = w[b + S_FAMILY];
  if (family === 0) return true;
  if (family !== t.family) return false;
  if (((t.s0 ^ w[b + S_SRC]) & w[b + S_SRC_MASK]) !== 0 || ((t.d0 ^ w[b + S_DST]) & w[b + S_DST_MASK]) !== 0)
    return false;
  if (family === 4) return true;
  return (
    (((t.s1 ^ w[b + S_SRC + 1]) & w[b + S_SRC_MASK + 1]) |
      ((t.s2 ^ w[b + S_SRC + 2]) & w[b + S_SRC_MASK + 2]) |
      ((t.s3 ^ w[b + S_SRC + 3]) & w[b + S_SRC_MASK + 3]) |
      ((t.d1 ^ w[b + S_DST + 1]) & w[b + S_DST_MASK + 1]) |
      ((t.d2 ^ w[b + S_DST + 2]) & w[b + S_DST_MASK + 2]) |
      ((t.d3 ^ w[b + S_DST + 3]) & w[b + S_DST_MASK + 3])) ===
    0
  );
}

/**
 * Whether protocol and ports are the selector's.
 *
 * @param loose what cannot be seen, in a fragment, counts as matching
 */
export function matchesUpper(w: Int32Array, b: number, t: Traffic, loose: boolean): boolean {
  const proto = w[b + S_PROTO];
  if (proto !== -1 && proto !== t.proto && !(loose && t.proto === PORTS_HIDDEN)) return false;
  if ((w[b + S_FLAGS] & HAS_PORTS) === 0) return true;
  if (t.sport === PORTS_NONE) return false;
  if (t.sport === PORTS_HIDDEN) return loose;
  return (
    t.sport >= w[b + S_SPORT] &&
    t.sport <= w[b + S_SPORT + 1] &&
    t.dport >= w[b + S_DPORT] &&
    t.dport <= w[b + S_DPORT + 1]
  );
}

/** Whether the selector speaks of the packet at all: of what IPsec consists of, only where it says so. */
export function concerns(w: Int32Array, b: number, t: Traffic): boolean {
  return t.keying === 0 || (w[b + S_FLAGS] & NAMES_KEYING) !== 0;
}
