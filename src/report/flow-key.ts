/**
 * Which flow a packet belongs to: 13 words, the last of them their hash.
 *
 *     0..3 source | 4..7 destination (IPv4: words 0 and 4) | 8 ports or SPI | 9 kind | 10 tunnel | 11 tunnels around it | 12 hash
 *
 * TCP, UDP and SCTP have ports; ESP, NAT-T and AH that were not opened have the SPI, for that is what they were steered by;
 * all others are an address pair with a protocol. Clear and protected are different flows. So are flows of different VNIs, GRE
 * keys and TEIDs: tenants may well have the same addresses.
 */
import {
  CLASS_AH4,
  CLASS_ESP4,
  CLASS_IKE4,
  CLASS_KEEPALIVE4,
  CLASS_NATT4,
  CLASS_SCTP4,
  CLASS_TCP4,
  CLASS_UDP4,
} from '../counters.ts';
import { addressText } from '../wire/address.ts';
import { put32, u32 } from '../wire/bytes.ts';
import { type Dissection, TUNNEL_NAMES } from '../wire/dissection.ts';

const KEY_PORTS = 8;
const KEY_KIND = 9;
/** Identifier of the innermost tunnel that has one (its type is in the kind), and a hash of those around it. */
const KEY_TUNNEL = 10;
const KEY_TUNNELS = 11;
/** Hash of the others: the last word. */
export const KEY_HASH = 12;
export const KEY_LENGTH = 13;

const KIND_V6 = 1 << 8;
const KIND_PROTECTED = 1 << 9;
/** Class number of packets without ports, above the flags. */
const KIND_CLASS = 10;
/** Marks the flows that are reported: TCP and UDP. */
const KIND_REPORTED = 1 << 20;
/** Type of the tunnel, above. */
const KIND_TUNNEL = 21;

/** So that nobody can compute flows that all fall on one place of the table. Keys of other threads are hashed anew. */
const SEED = (Math.random() * 0x100000000) | 0;

/** Fills `key` with the flow of the (innermost) packet of `d`, which must be IP. */
export function readKey(bytes: Uint8Array, d: Dissection, isProtected: boolean, key: Int32Array): void {
  const cls = d.cls & ~1;
  const v6 = d.cls & 1;
  let at = d.l3 + 12;
  if (v6 === 1) {
    at = d.l3 + 8;
    key[1] = u32(bytes, at + 4);
    key[2] = u32(bytes, at + 8);
    key[3] = u32(bytes, at + 12);
    key[4] = u32(bytes, at + 16);
    key[5] = u32(bytes, at + 20);
    key[6] = u32(bytes, at + 24);
    key[7] = u32(bytes, at + 28);
  } else {
    key[1] = key[2] = key[3] = key[5] = key[6] = key[7] = 0;
    key[4] = u32(bytes, at + 4);
  }
  key[0] = u32(bytes, at);
  let kind = d.proto | (v6 << 8) | (isProtected ? KIND_PROTECTED : 0);
  if (cls === CLASS_TCP4 || cls === CLASS_UDP4 || cls === CLASS_IKE4 || cls === CLASS_KEEPALIVE4) {
    kind |= KIND_REPORTED;
    key[KEY_PORTS] = u32(bytes, d.l4);
  } else {
    kind |= cls << KIND_CLASS;
    if (cls === CLASS_SCTP4) key[KEY_PORTS] = u32(bytes, d.l4);
    else if (cls === CLASS_ESP4 || cls === CLASS_NATT4 || cls === CLASS_AH4) key[KEY_PORTS] = d.spi;
    else key[KEY_PORTS] = 0;
  }
  key[KEY_KIND] = kind | (d.tunnel << KIND_TUNNEL);
  key[KEY_TUNNEL] = d.tunnelId;
  key[KEY_TUNNELS] = d.tunnelOuter;
  hashKey(key);
}

/** Sets the last word of a key by the others. */
export function hashKey(key: Int32Array): void {
  let h = Math.imul(key[0] ^ SEED, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15) ^ key[4], 0x85ebca77);
  h = Math.imul(h ^ (h >>> 15) ^ key[KEY_PORTS], 0xc2b2ae3d) ^ key[KEY_KIND];
  if ((key[KEY_KIND] & KIND_V6) !== 0) {
    h = Math.imul(h ^ (h >>> 15) ^ key[1] ^ Math.imul(key[5], 0x27d4eb2f), 0x9e3779b1);
    h = Math.imul(h ^ (h >>> 15) ^ key[2] ^ Math.imul(key[6], 0x27d4eb2f), 0x85ebca77);
    h = Math.imul(h ^ (h >>> 15) ^ key[3] ^ Math.imul(key[7], 0x27d4eb2f), 0xc2b2ae3d);
  }
  if (key[KEY_KIND] >> KIND_TUNNEL !== 0) {
    h = Math.imul(h ^ (h >>> 15) ^ key[KEY_TUNNEL] ^ Math.imul(key[KEY_TUNNELS], 0x27d4eb2f), 0x85ebca77);
  }
  h = Math.imul(h ^ (h >>> 13), 0x9e3779b1);
  key[KEY_HASH] = h ^ (h >>> 16);
}

/** Whether the flow is one of those that reports list: TCP and UDP (IKE too). */
export function isReported(key: Int32Array): boolean {
  return (key[KEY_KIND] & KIND_REPORTED) !== 0;
}

/** The innermost clear tunnel with an identifier that a flow came by. */
export interface FlowTunnel {
  type: Exclude<(typeof TUNNEL_NAMES)[number], 'none'>;
  /** VNI of VXLAN and Geneve, key of GRE, TEID of GTP-U. */
  id: number;
}

export interface FlowTuple {
  proto: 'tcp' | 'udp';
  src: string;
  sport: number;
  dst: string;
  dport: number;
  protected: boolean;
  /** Absent: it came by none. */
  tunnel?: FlowTunnel;
}

const text = new Uint8Array(32);

/** The parts of the reported flow whose key is at `at` of `keys`, for people. */
export function describeKey(keys: Int32Array, at: number): FlowTuple {
  const kind = keys[at + KEY_KIND];
  const ports = keys[at + KEY_PORTS];
  for (let i = 0; i < 8; i++) put32(text, 4 * i, keys[at + i]);
  const length = (kind & KIND_V6) !== 0 ? 16 : 4;
  const type = TUNNEL_NAMES[kind >> KIND_TUNNEL];
  return {
    proto: (kind & 0xff) === 6 ? 'tcp' : 'udp',
    src: addressText(text, 0, length),
    sport: ports >>> 16,
    dst: addressText(text, 16, length),
    dport: ports & 0xffff,
    protected: (kind & KIND_PROTECTED) !== 0,
    ...(type === 'none' ? {} : { tunnel: { type, id: keys[at + KEY_TUNNEL] >>> 0 } }),
  };
}

/**
 * Order of reports, of the keys at `a` and `b` of `keys`: protocol, IPv4 before IPv6, source, source port, destination,
 * destination port, out of tunnels first, clear before protected, tunnel identifier.
 */
export function compareKeys(keys: Int32Array, a: number, b: number): number {
  const ka = keys[a + KEY_KIND];
  const kb = keys[b + KEY_KIND];
  if ((ka & 0x1ff) !== (kb & 0x1ff)) return (ka & 0xff) - (kb & 0xff) || ka - kb;
  for (let i = 0; i < 4; i++) if (keys[a + i] !== keys[b + i]) return (keys[a + i] >>> 0) - (keys[b + i] >>> 0);
  const pa = keys[a + KEY_PORTS];
  const pb = keys[b + KEY_PORTS];
  if (pa >>> 16 !== pb >>> 16) return (pa >>> 16) - (pb >>> 16);
  for (let i = 4; i < 8; i++) if (keys[a + i] !== keys[b + i]) return (keys[a + i] >>> 0) - (keys[b + i] >>> 0);
  return (
    (pa & 0xffff) - (pb & 0xffff) ||
    ka - kb ||
    (keys[a + KEY_TUNNEL] >>> 0) - (keys[b + KEY_TUNNEL] >>> 0) ||
    keys[a + KEY_TUNNELS] - keys[b + KEY_TUNNELS]
  );
}
