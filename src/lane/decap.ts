import { CLASS_FRAGMENT4, CLASS_OTHER4, CLASS_UDP4 } from '../counters.ts';
import type { Kernels } from '../kernels/kernels.ts';
import {
  F_CSUM_GOOD,
  F_FROM_ESP,
  F_HASH_VALID,
  F_TRUNCATED,
  LINK_SHIFT,
  P_CLS,
  P_END,
  P_FLAGS,
  P_L3,
  P_L4,
  P_LEN,
  P_OFF,
  P_PIECES,
  P_PROTO,
  P_TUNNEL,
  P_VLAN,
  type PacketTable,
  ROW_SHIFT,
  TUNNEL_PLAIN,
  TUNNEL_SHIFT,
} from '../memory/packet-table.ts';
import type { Scratch } from '../memory/scratch.ts';
import { u16 } from '../wire/bytes.ts';
import { fold, ipv4HeaderOk, pseudoSum } from '../wire/checksum.ts';
import { type Dissection, LINK_ETHERNET, LINK_RAW } from '../wire/dissect.ts';
import { clean, TUNNEL_NONE } from '../wire/dissection.ts';
import { PROTO_GRE, PROTO_UDP } from '../wire/protocols.ts';
import { decapsulateEcn } from '../wire/rewrite.ts';
import { enterTunnel, TUNNEL_MAX_DEPTH, TUNNELS_IP, TUNNELS_UDP } from '../wire/tunnel.ts';
import { UDP_CHECKSUM } from '../wire/udp.ts';

const GRE_FLAG_CHECKSUM = 0x8000;
const CE = 3;

/**
 * Takes packets out of clear tunnels, so that GRO sees the inner flow and the consumer gets it: VXLAN, Geneve, GUE, GTP-U, GRE, IP in IP, by
 * their standard ports. The frame becomes the inner Ethernet frame, or the inner IP packet (link type raw). At most one tunnel with an
 * identifier is taken off, which is what `P_TUNNEL` keeps: flows of different tenants stay apart.
 */
export class Decap {
  private readonly bytes: Uint8Array;
  private readonly kernels: Kernels;
  private readonly scratch: Scratch;
  private readonly table: PacketTable;
  private readonly d: Dissection;

  /** @param d becomes the record of the inner packet */
  constructor(bytes: Uint8Array, kernels: Kernels, scratch: Scratch, table: PacketTable, d: Dissection) {
    this.bytes = bytes;
    this.kernels = kernels;
    this.scratch = scratch;
    this.table = table;
    this.d = d;
  }

  /** Makes the row describe what is in its tunnel; false, and the row unchanged, when it has none, or one that is damaged. */
  run(row: number): boolean {
    const { w } = this.table;
    const b = row << ROW_SHIFT;
    const sort = w[b + P_CLS] & ~1;
    if ((sort !== CLASS_UDP4 && sort !== CLASS_OTHER4) || w[b + P_PIECES] !== 0) return false;
    if ((w[b + P_FLAGS] & F_TRUNCATED) !== 0) return false;
    const { d, bytes } = this;
    this.load(w, b);
    const outer = w[b + P_L3];
    let layers = 0;
    let congested = false;
    while (layers < TUNNEL_MAX_DEPTH && d.tunnel === TUNNEL_NONE && this.isSound()) {
      congested ||= ecn(bytes, d.l3) === CE;
      if (!enterTunnel(bytes, d, TUNNELS_UDP | TUNNELS_IP)) break;
      layers++;
      if ((d.cls & ~1) === CLASS_FRAGMENT4) break;
    }
    if (layers === 0) return false;
    if (congested && ecn(bytes, d.l3) !== CE) this.mark(outer, w[b + P_OFF] + w[b + P_LEN]);
    this.store(w, b);
    return true;
  }

  private load(w: Int32Array, b: number): void {
    const { d } = this;
    clean(d);
    d.cls = w[b + P_CLS];
    d.l3 = w[b + P_L3];
    d.l4 = w[b + P_L4];
    d.end = w[b + P_END];
    d.proto = w[b + P_PROTO];
    d.vlan = w[b + P_VLAN];
    d.dirty = 1;
  }

  private store(w: Int32Array, b: number): void {
    const { d } = this;
    const kind = d.tunnel === TUNNEL_NONE ? TUNNEL_PLAIN : d.tunnel;
    const link = d.frame < d.l3 ? LINK_ETHERNET : LINK_RAW;
    const flags = w[b + P_FLAGS];
    // A checksum that was verified was the outer one; `trustIcv` of an SA vouches for all.
    const kept = flags & (F_FROM_ESP | F_HASH_VALID | ((flags & F_FROM_ESP) !== 0 ? F_CSUM_GOOD : 0));
    w[b + P_FLAGS] = kept | (link << LINK_SHIFT) | (kind << TUNNEL_SHIFT) | (d.truncated === 1 ? F_TRUNCATED : 0);
    w[b + P_OFF] = d.frame;
    w[b + P_LEN] = Math.max(d.end, d.l3) - d.frame;
    w[b + P_L3] = d.l3;
    w[b + P_L4] = d.l4;
    w[b + P_END] = d.end;
    w[b + P_CLS] = d.cls;
    w[b + P_PROTO] = d.proto;
    w[b + P_VLAN] = d.vlan;
    w[b + P_TUNNEL] = d.tunnelId;
  }

  /** Whether a host would take this layer in: header checksums that are there are right. */
  private isSound(): boolean {
    const { d, bytes } = this;
    const isV6 = (d.cls & 1) !== 0;
    if (!isV6 && !ipv4HeaderOk(bytes, d.l3)) return false;
    const length = d.end - d.l4;
    if (d.proto === PROTO_UDP && u16(bytes, d.l4 + UDP_CHECKSUM) !== 0) {
      const sum = this.kernels.checksum(d.l4, length) + pseudoSum(bytes, d.l3, isV6, PROTO_UDP, length);
      return fold(sum) === 0xffff;
    }
    if (d.proto !== PROTO_GRE || length < 4 || (u16(bytes, d.l4) & GRE_FLAG_CHECKSUM) === 0) return true;
    return this.kernels.checksum(d.l4, length) === 0xffff;
  }

  /** Congestion met outside is told inside (RFC 6040): in a copy, frames are never written to. */
  private mark(outer: number, end: number): void {
    const { d, bytes } = this;
    const length = end - d.frame;
    const copy = this.scratch.take(length);
    // Without room the mark is lost, as one packet's mark may be.
    if (copy < 0) return;
    this.kernels.copy(copy, d.frame, length);
    const moved = copy - d.frame;
    d.frame += moved;
    d.l3 += moved;
    d.l4 += moved;
    d.end += moved;
    decapsulateEcn(bytes, outer, d.l3);
  }
}

function ecn(bytes: Uint8Array, l3: number): number {
  return bytes[l3] >> 4 === 4 ? bytes[l3 + 1] & CE : (bytes[l3 + 1] >> 4) & CE;
}
