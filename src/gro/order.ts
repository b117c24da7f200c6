/**
 * Order of flows, which Linux does not keep: a packet that cannot be compared overtakes there what is held of its own flow. Here
 * it first completes that (`gro: { order: 'flow' }`).
 */
import { CLASS_FRAGMENT4, CLASS_MALFORMED, CLASS_NONIP, CLASS_OTHER4, CLASS_TCP4, CLASS_UDP4 } from '../counters.ts';
import {
  F_ORIGIN,
  P_CLS,
  P_FLAGS,
  P_L3,
  P_L4,
  P_LEN,
  P_OFF,
  P_PROTO,
  P_TUNNEL,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import { ip4SameAddresses } from './ip4.ts';
import { ip6SameAddresses } from './ip6.ts';
import { addressFamily } from './look-again.ts';
import { G_KIND, G_PORTS, K_OUTER6, K_TUNNEL, K_UDP, K_V6, kindL3 } from './row.ts';
import type { HeldTable } from './table.ts';

const TCP = 6;
const UDP = 17;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION = 60;

/** Completes the packet at a position of a bucket. */
type Complete = (bucket: number, at: number) => void;

export class FlowOrder {
  private readonly view: DataView;
  private readonly w: Int32Array;
  private readonly table: HeldTable;
  private readonly complete: Complete;

  constructor(view: DataView, w: Int32Array, table: HeldTable, complete: Complete) {
    this.view = view;
    this.w = w;
    this.table = table;
    this.complete = complete;
  }

  /**
   * Completes what the packet of `row` must not overtake: what is held of its flow; when its ports cannot be told (a fragment, a damaged
   * header) of its address pair; of a tunnel in UDP all that came by its ports.
   */
  flushFor(row: number): void {
    if (this.table.held === 0) return;
    const w = this.w;
    const b = row << ROW_SHIFT;
    const cls = w[b + P_CLS];
    if (cls === CLASS_NONIP) return;
    const l3 = w[b + P_L3];
    if ((cls & ~1) === CLASS_TCP4) {
      this.flushFlow(l3, (cls & 1) !== 0, false, this.view.getInt32(w[b + P_L4]), b);
      return;
    }
    if (cls === CLASS_MALFORMED) {
      const family = addressFamily(this.view, l3, w[b + P_OFF] + w[b + P_LEN]);
      // The protocol that the header names is the one that its packets would be held as.
      if (family !== 0) this.flushPair(l3, family === 6, this.view.getUint8(l3 + (family === 6 ? 6 : 9)), b);
      return;
    }
    const v6 = (cls & 1) !== 0;
    const sort = cls & ~1;
    if (sort === CLASS_UDP4) {
      const ports = this.view.getInt32(w[b + P_L4]);
      this.flushFlow(l3, v6, true, ports, b);
      if (this.table.tunnels > 0) this.flushTunnels(l3, v6, ports, b);
    } else if (sort === CLASS_FRAGMENT4 || sort === CLASS_OTHER4) this.flushPair(l3, v6, w[b + P_PROTO], b);
  }

  /** Completes what is held with these addresses and ports, and came as the row at word `b`; whatever else differs. */
  flushFlow(l3: number, v6: boolean, udp: boolean, ports: number, b: number): void {
    const mix = tupleMix(this.view, l3, v6, ports);
    if (!this.table.maySee(mix)) return;
    const sort = (udp ? K_UDP : 0) | (v6 ? K_V6 : 0);
    const w = this.w;
    const { rows, counts, perBucket } = this.table;
    for (let bucket = 0; bucket < counts.length; bucket++) {
      for (let at = 0; at < counts[bucket]; ) {
        const hb = rows[bucket * perBucket + at] << ROW_SHIFT;
        const kind = w[hb + G_KIND];
        if (
          w[hb + G_PORTS] !== ports ||
          (kind & (K_UDP | K_V6)) !== sort ||
          !this.sameOrigin(b, hb) ||
          !this.sameAddresses(l3, v6, w[hb + P_OFF] + kindL3(kind))
        ) {
          at++;
        } else {
          this.complete(bucket, at);
        }
      }
    }
  }

  /** Completes what is held between the addresses of the header at `l3` by a protocol; extension headers may hide any. */
  private flushPair(l3: number, v6: boolean, next: number, b: number): void {
    const proto = v6 && isExtension(next) ? -1 : next;
    const w = this.w;
    const { rows, counts, perBucket } = this.table;
    for (let bucket = 0; bucket < counts.length; bucket++) {
      for (let at = 0; at < counts[bucket]; ) {
        const hb = rows[bucket * perBucket + at] << ROW_SHIFT;
        if (!this.isOfPair(l3, v6, b, hb) || (proto >= 0 && proto !== outerProto(w, hb))) at++;
        else this.complete(bucket, at);
      }
    }
  }

  /** Completes what came by a tunnel in UDP with these ports. */
  private flushTunnels(l3: number, v6: boolean, ports: number, b: number): void {
    const w = this.w;
    const { rows, counts, perBucket } = this.table;
    for (let bucket = 0; bucket < counts.length; bucket++) {
      for (let at = 0; at < counts[bucket]; ) {
        const hb = rows[bucket * perBucket + at] << ROW_SHIFT;
        const isOfTunnel =
          (w[hb + G_KIND] & K_TUNNEL) !== 0 &&
          w[hb + P_PROTO] === UDP &&
          this.view.getInt32(w[hb + P_L4]) === ports &&
          this.isOfPair(l3, v6, b, hb);
        if (isOfTunnel) this.complete(bucket, at);
        else at++;
      }
    }
  }

  private isOfPair(l3: number, v6: boolean, b: number, hb: number): boolean {
    const w = this.w;
    return (
      (w[hb + G_KIND] & K_OUTER6) === (v6 ? K_OUTER6 : 0) &&
      this.sameOrigin(b, hb) &&
      this.sameAddresses(l3, v6, w[hb + P_L3])
    );
  }

  /** Whether two packets came the same way: in clear or out of ESP, out of the same tunnel. */
  private sameOrigin(b: number, hb: number): boolean {
    const w = this.w;
    return ((w[hb + P_FLAGS] ^ w[b + P_FLAGS]) & F_ORIGIN) === 0 && w[hb + P_TUNNEL] === w[b + P_TUNNEL];
  }

  private sameAddresses(l3: number, v6: boolean, held: number): boolean {
    return v6 ? ip6SameAddresses(this.view, l3, held) : ip4SameAddresses(this.view, l3, held);
  }
}

function isExtension(next: number): boolean {
  return next === HOP_BY_HOP || next === ROUTING || next === FRAGMENT || next === DESTINATION;
}

function outerProto(w: Int32Array, hb: number): number {
  const kind = w[hb + G_KIND];
  if ((kind & K_TUNNEL) !== 0) return w[hb + P_PROTO];
  return (kind & K_UDP) !== 0 ? UDP : TCP;
}

/** 32 bits that addresses and ports decide; the upper ones are the good ones. */
export function tupleMix(view: DataView, l3: number, v6: boolean, ports: number): number {
  let mix = Math.imul(ports, 0x9e3779b1);
  for (let i = v6 ? 8 : 12, end = v6 ? 40 : 20; i < end; i += 4)
    mix = Math.imul(mix ^ view.getInt32(l3 + i), 0x85ebca6b);
  return mix;
}
