/**
 * The case that nearly all segments of a bulk transfer are: the next one of its run, as large as the others, nothing in its
 * headers changed but what must. One comparison of words decides; whatever is not as plain takes the long way through the rules
 * of ip4.ts, ip6.ts and tcp.ts, which say the same (a property test holds all of it to one reference).
 */

import { CLASS_TCP6 } from '../counters.ts';
import type { Kernels } from '../kernels/kernels.ts';
import {
  F_CSUM_GOOD,
  F_ORIGIN,
  P_CLS,
  P_FLAGS,
  P_L3,
  P_L4,
  P_LEN,
  P_OFF,
  P_PIECES,
  P_SA,
  P_SEGS,
  P_TUNNEL,
  P_VLAN,
  type PacketTable,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import { pseudoSum } from './checksum.ts';
import { GRO_LEGACY_MAX_SIZE } from './options.ts';
import { G_HASH, G_KIND, G_LENGTH, G_MSS, G_PORTS, G_SEQ, K_FIXED_OUTER } from './row.ts';
import { beginRun, extendRun, type Scratch } from './run.ts';
import { type HeldTable, HINTS as HINT_COUNT } from './table.ts';
import { WORD_CWR, WORD_ENDS } from './tcp.ts';

// A constant of another module is loaded through its cell and checked at every use; one of this module is not.
// Worth 9 of 80 ns a segment (Node 20, tsx).
const OFF: number = P_OFF;
const LEN: number = P_LEN;
const L3: number = P_L3;
const L4: number = P_L4;
const CLS: number = P_CLS;
const HASH: number = G_HASH;
const FLAGS: number = P_FLAGS;
const SA: number = P_SA;
const VLAN: number = P_VLAN;
const SEGS: number = P_SEGS;
const PIECES: number = P_PIECES;
const KIND: number = G_KIND;
const FIXED: number = K_FIXED_OUTER;
const LENGTH: number = G_LENGTH;
const MSS: number = G_MSS;
const SEQ: number = G_SEQ;
const PORTS: number = G_PORTS;
const SHIFT: number = ROW_SHIFT;
const GOOD: number = F_CSUM_GOOD;
const ORIGIN: number = F_ORIGIN;
const TUNNEL: number = P_TUNNEL;
const HINTS: number = HINT_COUNT;
const TCP6: number = CLASS_TCP6;
const NEVER: number = WORD_CWR | WORD_ENDS;

export class PlainMerge {
  private readonly view: DataView;
  private readonly w: Int32Array;
  private readonly kernels: Kernels;
  private readonly packets: PacketTable;
  private readonly scratch: Scratch;
  private readonly hints: Int32Array;
  private readonly maxSize: number;
  private readonly maxSize4: number;
  private readonly verify: boolean;
  private readonly acrossSas: boolean;
  private readonly idNeedsDf: boolean;

  constructor(
    view: DataView,
    kernels: Kernels,
    packets: PacketTable,
    scratch: Scratch,
    table: HeldTable,
    limits: { maxSize: number; maxSize4: number; verify: boolean; acrossSas: boolean; idNeedsDf: boolean },
  ) {
    this.view = view;
    this.w = packets.w;
    this.kernels = kernels;
    this.packets = packets;
    this.scratch = scratch;
    this.hints = table.hints;
    this.maxSize = limits.maxSize;
    this.maxSize4 = limits.maxSize4;
    this.verify = limits.verify;
    this.acrossSas = limits.acrossSas;
    this.idNeedsDf = limits.idNeedsDf;
  }

  /** Merges the TCP segment whose row starts at word `b` and whose bucket `hash` chooses, or leaves everything as it is and returns false. */
  merge(b: number, hash: number): boolean {
    const w = this.w;
    const view = this.view;
    const l4 = w[b + L4];
    const held = this.hints[hash & (HINTS - 1)];
    if (held < 0) return false;
    const hb = held << SHIFT;
    const off = w[b + OFF];
    const l3 = w[b + L3];
    const heldOff = w[hb + OFF];
    const held3 = w[hb + L3];
    const held4 = w[hb + L4];
    const word = view.getInt32(l4 + 12);
    const header = (word >>> 28) << 2;
    const mss = w[hb + MSS];
    const segs = w[hb + SEGS];
    const l4Length = header + mss;
    const v6 = w[b + CLS] === TCP6;
    let differ =
      (view.getInt32(l4) ^ w[hb + PORTS]) |
      (hash ^ w[hb + HASH]) |
      ((view.getInt32(l4 + 4) - w[hb + SEQ]) ^ (segs * mss)) |
      (view.getInt32(l4 + 8) ^ view.getInt32(held4 + 8)) |
      (word ^ view.getInt32(held4 + 12)) |
      (word & NEVER) |
      ((off + w[b + LEN] - l4) ^ l4Length) |
      ((l4 - l3) ^ (held4 - held3)) |
      ((l3 - off) ^ (held3 - heldOff)) |
      (w[b + CLS] ^ w[hb + CLS]) |
      (w[b + VLAN] ^ w[hb + VLAN]) |
      ((w[b + FLAGS] ^ w[hb + FLAGS]) & ORIGIN) |
      (w[b + TUNNEL] ^ w[hb + TUNNEL]) |
      w[b + PIECES];
    if (differ !== 0) return false;
    if (header === 32) {
      // Timestamps, which nearly every connection has, written out.
      differ |=
        (view.getInt32(l4 + 20) ^ view.getInt32(held4 + 20)) |
        (view.getInt32(l4 + 24) ^ view.getInt32(held4 + 24)) |
        (view.getInt32(l4 + 28) ^ view.getInt32(held4 + 28));
    } else {
      for (let i = 20; i < header; i += 4) differ |= view.getInt32(l4 + i) ^ view.getInt32(held4 + i);
    }
    let d = heldOff - off;
    let p = off;
    if (l3 - off === 14) {
      // Ethernet without tags, written out.
      differ |=
        (view.getInt32(off) ^ view.getInt32(heldOff)) |
        (view.getInt32(off + 4) ^ view.getInt32(heldOff + 4)) |
        (view.getInt32(off + 8) ^ view.getInt32(heldOff + 8)) |
        (view.getInt32(off + 10) ^ view.getInt32(heldOff + 10));
    } else {
      for (const stop = l3 - 4; p < stop; p += 4) differ |= view.getInt32(p) ^ view.getInt32(p + d);
      // The last four bytes of the link header, of which there are none or at least four.
      if (p < l3) differ |= view.getInt32(l3 - 4) ^ view.getInt32(l3 - 4 + d);
    }
    if (!this.acrossSas) differ |= w[b + SA] ^ w[hb + SA];
    if (v6) {
      d = held3 - l3;
      for (p = l3; p < l4; p += 4) differ |= view.getInt32(p) ^ view.getInt32(p + d);
    } else {
      differ |=
        (view.getInt32(l3) ^ view.getInt32(held3)) |
        (view.getInt32(l3 + 12) ^ view.getInt32(held3 + 12)) |
        (view.getInt32(l3 + 16) ^ view.getInt32(held3 + 16)) |
        this.ip4Differs(l3, held3, segs, w[hb + KIND] & FIXED);
    }
    if (differ !== 0) return false;
    const length = w[hb + LENGTH] + segs * mss;
    // By the EtherType, as in gro.ts: with VLAN tags in the frame that is not the one of IPv6.
    const byV6 = v6 && (w[b + VLAN] === 0 || l3 - off === 14);
    if (length >= (byV6 ? this.maxSize : this.maxSize4)) return false;
    if (length >= GRO_LEGACY_MAX_SIZE && l4 - l3 > 40) return false;
    if (this.verify && (w[b + FLAGS] & GOOD) === 0) {
      const sum = this.kernels.checksum(l4, l4Length) + pseudoSum(view, l3, v6, 6) + l4Length;
      if ((sum & 0xffff) + (sum >>> 16) !== 0xffff) return false;
      w[b + FLAGS] |= GOOD;
    }
    if (segs === 1) {
      const fixed = !v6 && view.getUint16(l3 + 4) === view.getUint16(held3 + 4);
      if (!beginRun(view, this.kernels, this.packets, this.scratch, hb)) return false;
      if (fixed) w[hb + KIND] |= FIXED;
    }
    extendRun(view, this.packets, hb, b, l4, word, header, mss);
    return true;
  }

  /**
   * 0 when ID, fragment word, TTL and protocol continue the run and the header checksum is right, all other words being the
   * same: the held header has a right checksum, so this one has when checksum and ID together moved by 0 modulo 65535.
   */
  private ip4Differs(l3: number, held3: number, count: number, fixed: number): number {
    const view = this.view;
    const id = view.getInt32(l3 + 4);
    const heldId = view.getInt32(held3 + 4);
    const ttl = view.getInt32(l3 + 8);
    const heldTtl = view.getInt32(held3 + 8);
    const step = (id >>> 16) - (heldId >>> 16);
    const moved = step + (ttl & 0xffff) - (heldTtl & 0xffff);
    // The second segment may have either step: it decides for the rest.
    const isFixed = count === 1 ? step === 0 && (!this.idNeedsDf || (id & 0x4000) !== 0) : fixed !== 0;
    const wanted = isFixed ? 0 : count & 0xffff;
    return (
      ((id ^ heldId) & 0xffff) |
      ((ttl ^ heldTtl) >>> 16) |
      ((step & 0xffff) ^ wanted) |
      (moved === 0 || moved === 0xffff || moved === -0xffff ? 0 : 1)
    );
  }
}
