import { CLASS_FRAGMENT4, CLASS_MALFORMED, CLASS_OTHER4, CLASS_TCP4, CLASS_UDP4 } from '../counters.ts';
import type { Kernels } from '../kernels/kernels.ts';
import {
  F_CSUM_GOOD,
  F_FROM_ESP,
  F_ORIGIN,
  P_CLS,
  P_FLAGS,
  P_HASH,
  P_L3,
  P_L4,
  P_LEN,
  P_OFF,
  P_PIECES,
  P_PROTO,
  P_SA,
  P_SEGS,
  P_TOTAL,
  P_TUNNEL,
  P_VLAN,
  type PacketTable,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import { ownWords, type TakeWords } from '../memory/words.ts';
import { GroPlan, WAITING_MOST } from './gro-plan.ts';
import { HEADER_INNER, HEADER_OUTER, ip4Flush } from './ip4.ts';
import { ip6Flush } from './ip6.ts';
import { addressFamily } from './look-again.ts';
import { GRO_LEGACY_MAX_SIZE, type GroOptions, type GroSettings, groSettings } from './options.ts';
import { FlowOrder, tupleMix } from './order.ts';
import * as R from './reasons.ts';
import {
  G_HASH,
  G_KIND,
  G_LENGTH,
  G_MSS,
  G_PORTS,
  G_SEQ,
  K_FIXED,
  K_OUTER6,
  K_TUNNEL,
  K_UDP,
  K_V6,
  KIND_L3_MAX,
  KIND_L4_MAX,
  kindL3,
  kindL4,
  kindWord,
} from './row.ts';
import { beginRun, completeRun, extendRun, hold, type Scratch } from './run.ts';
import { sameBytes, sameIp, sameOuterIp, sameTunnel } from './same.ts';
import { HeldTable } from './table.ts';
import { tcpFlush, tcpLength, WORD_ENDS, WORD_FIN, WORD_PSH } from './tcp.ts';
import { UDP_HEADER, UDP_MOST } from './udp.ts';
import { TRUST_ALL, TRUST_NONE, TRUST_OUTER, Walk } from './walk.ts';

const UDP = 17;
const ETHERNET_HEADER = 14;

/** Where completed packets go. `row`: its number in the PacketTable; the call is made once for each packet that comes out. */
export interface GroSink {
  deliver(row: number): void;
}

/**
 * Generic receive offload by the rules of Linux, on rows of a {@link PacketTable}: TCP over IPv4 and IPv6; by option UDP, and inner flows of
 * tunnels.
 *
 * A row given to {@link receive} is delivered at once, or held, or merged: then it never comes out, its payload is a piece of a
 * held row (`P_SEGS`, `P_GSO`, `P_PIECES`, `P_FIRST`, `P_LASTP`, `P_TOTAL`, `P_LAST`). The first piece of a super-packet is a copy of its
 * headers, which `P_OFF`, `P_LEN`, `P_L3`, `P_L4` and `P_END` are moved to; frames are never written to.
 * Call {@link flush} at the end of every poll, before rows and scratch are used anew.
 */
export class Gro {
  /** Held packets completed, by reason number (`FLUSH_REASONS`). Those that were alone count too. */
  readonly flushes: Float64Array = new Float64Array(R.FLUSH_REASONS.length);
  /** Packets passed on at once, by reason number (`PASS_REASONS`). */
  readonly passes: Float64Array = new Float64Array(R.PASS_REASONS.length);
  /** Packets that were merged into another one, counted when that one is complete. */
  merged = 0;

  private readonly view: DataView;
  private readonly kernels: Kernels;
  private readonly packets: PacketTable;
  private readonly w: Int32Array;
  private readonly sink: GroSink;
  private readonly scratch: Scratch;
  private readonly table: HeldTable;
  private readonly walk: Walk;
  private readonly settings: GroSettings;
  private readonly order: FlowOrder | undefined;
  private readonly mask: number;
  /** What else than TCP is looked into. */
  private readonly udp: boolean;
  private readonly other: boolean;
  /** What the kernel is told; undefined when there is none. */
  private readonly plan: GroPlan | undefined;
  /** Rows that wait for it. */
  private waiting = 0;

  /**
   * @param bytes the whole frame memory: offsets in rows are indices of it.
   * @param scratch gives bytes of the frame memory for headers, good until the rows are cleared, or -1.
   * @param take gives words of the frame memory. With it, and a table that lies there, the kernel does most of the work.
   * @throws ERR_RXSTEER_OPTION
   */
  constructor(
    bytes: Uint8Array,
    kernels: Kernels,
    table: PacketTable,
    sink: GroSink,
    scratch: Scratch,
    options: GroOptions = {},
    take: TakeWords = ownWords,
  ) {
    const settings = groSettings(options);
    this.settings = settings;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.kernels = kernels;
    this.packets = table;
    this.w = table.w;
    this.sink = sink;
    this.scratch = scratch;
    this.table = new HeldTable(settings.buckets, settings.heldPerBucket, take);
    this.mask = settings.buckets - 1;
    this.walk = new Walk(this.view, kernels, settings);
    const { vxlan, geneve, gue } = settings.ports;
    this.udp = settings.udpAll || settings.udpPorts.includes(1) || Math.max(vxlan, geneve, gue) > 0;
    this.other = settings.ipTunnels;
    const complete = (bucket: number, at: number): void => this.complete(bucket, at, R.FLUSH_ORDER);
    this.order = settings.isFlowOrder ? new FlowOrder(this.view, this.w, this.table, complete) : undefined;
    const isSeen = table.w.buffer === bytes.buffer && this.table.words.buffer === bytes.buffer;
    if (isSeen && kernels.coalesce !== undefined) this.plan = new GroPlan(take, table, this.table, settings);
  }

  /** Packets held now, of those that were taken in. */
  get held(): number {
    return this.table.held;
  }

  /**
   * Takes a row in: delivers it, holds it, or merges it, now or when some more have come. Words 0 to 15 of the row are set.
   *
   * @param hash chooses the bucket, and is the same for all packets of a flow; default: the hash in the row
   */
  receive(row: number, hash: number = this.w[(row << ROW_SHIFT) + P_HASH]): void {
    if (this.plan === undefined) {
      this.take(row, hash);
      return;
    }
    this.w[(row << ROW_SHIFT) + G_HASH] = hash;
    this.plan.waiting[this.waiting++] = row;
    if (this.waiting === WAITING_MOST) this.drain();
  }

  /** Takes in what waits. */
  drain(): void {
    if (this.waiting > 0) this.drainBy(this.plan!);
  }

  private drainBy(plan: GroPlan): void {
    const { w, kernels, scratch } = this;
    const count = this.waiting;
    this.waiting = 0;
    for (let i = 0; i < count; i++) {
      const first = w[(plan.waiting[i] << ROW_SHIFT) + P_CLS];
      if ((first & ~1) === CLASS_TCP4) {
        i = plan.run(kernels, scratch, i, count);
        const outs = plan.takeOutCount();
        for (let k = 0; k < outs; k++) this.finish(plan.out[2 * k], plan.out[2 * k + 1]);
        if (i === count) return;
      }
      const row = plan.waiting[i];
      this.take(row, w[(row << ROW_SHIFT) + G_HASH]);
    }
  }

  private take(row: number, hash: number): void {
    const w = this.w;
    const b = row << ROW_SHIFT;
    const cls = w[b + P_CLS];
    const tcp = (cls & ~1) === CLASS_TCP4;
    if (w[b + P_PIECES] === 0) w[b + P_TOTAL] = w[b + P_LEN];
    const pass = tcp ? this.walkFrom(b, w[b + P_L3], (cls & 1) !== 0) : this.find(b, cls);
    if (pass === R.PASS_NONE) this.segment(row, b, hash);
    else this.pass(row, pass);
  }

  /** The end of a poll: everything held comes out, bucket by bucket, the oldest first. `isTimeout`: it was held over from earlier polls. */
  flush(isTimeout = false): void {
    const reason = isTimeout ? R.FLUSH_TIMEOUT : R.FLUSH_POLL;
    this.drain();
    const counts = this.table.counts;
    for (let bucket = 0; this.table.held > 0 && bucket < counts.length; bucket++) {
      while (counts[bucket] > 0) this.complete(bucket, 0, reason);
    }
  }

  /**
   * Completes what the packet of `row` must not overtake. For whoever delivers a row without {@link receive}; the row itself is left
   * alone.
   */
  flushFor(row: number): void {
    this.drain();
    this.order?.flushFor(row);
  }

  /** What is not TCP, as the dissection says. */
  private find(b: number, cls: number): number {
    const w = this.w;
    const l3 = w[b + P_L3];
    const sort = cls & ~1;
    if (sort === CLASS_FRAGMENT4) return R.PASS_FRAGMENT;
    if (cls === CLASS_MALFORMED) {
      const family = addressFamily(this.view, l3, w[b + P_OFF] + w[b + P_LEN]);
      if (family === 0 || w[b + P_PIECES] !== 0) return R.PASS_MALFORMED;
      const pass = this.walkFrom(b, l3, family === 6);
      const { walk } = this;
      // Linux compares a packet with its flow although its lengths contradict each other; that only keeps it from being merged. The
      // length of UDP around a tunnel it does not look at.
      const isDatagram = walk.outerProto === UDP && walk.outerL4 === w[b + P_L4];
      if (walk.refused === 0 && (this.order !== undefined || !isDatagram)) walk.refused = R.FLUSH_IP_LENGTH;
      return pass === R.PASS_PROTOCOL ? R.PASS_MALFORMED : pass;
    }
    if (!((sort === CLASS_UDP4 && this.udp) || (sort === CLASS_OTHER4 && this.other))) return R.PASS_PROTOCOL;
    if (w[b + P_PIECES] !== 0) return R.PASS_PIECES;
    const pass = this.walkFrom(b, l3, (cls & 1) !== 0);
    const { outerL4, outerProto } = this.walk;
    // More extension headers than the dissection walks.
    if (pass === R.PASS_NONE && (outerL4 !== w[b + P_L4] || outerProto !== w[b + P_PROTO])) return R.PASS_IP_EXTENSION;
    return pass;
  }

  private walkFrom(b: number, l3: number, v6: boolean): number {
    const w = this.w;
    const flags = w[b + P_FLAGS];
    const trust = (flags & F_CSUM_GOOD) === 0 ? TRUST_NONE : (flags & F_FROM_ESP) !== 0 ? TRUST_ALL : TRUST_OUTER;
    const { walk } = this;
    const pass = walk.from(l3, v6, w[b + P_OFF] + w[b + P_LEN], trust, tagsInFrame(w, b));
    if (pass !== R.PASS_NONE) return pass;
    if (walk.verified && !walk.tunnel) w[b + P_FLAGS] |= F_CSUM_GOOD;
    if (w[b + P_PIECES] !== 0) walk.refused = R.FLUSH_PIECES;
    const off = w[b + P_OFF];
    return walk.l4 - off > KIND_L4_MAX || walk.l3 - off > KIND_L3_MAX ? R.PASS_IP_EXTENSION : R.PASS_NONE;
  }

  private pass(row: number, reason: number): void {
    this.passes[reason]++;
    this.order?.flushFor(row);
    this.sink.deliver(row);
  }

  /** A segment that may be compared with its flow: the one that was walked last. */
  private segment(row: number, b: number, given: number): void {
    const w = this.w;
    const { view, walk, table } = this;
    const { udp, l4, refused } = walk;
    const word = udp ? 0 : view.getInt32(l4 + 12);
    const header = udp ? UDP_HEADER : tcpLength(word);
    const end = w[b + P_OFF] + w[b + P_LEN];
    const length = end - l4 - header;
    const ports = view.getInt32(l4);
    // The upper bits of a mix are the good ones.
    const hash = walk.tunnel && this.settings.innerBuckets ? tupleMix(view, walk.l3, walk.v6, ports) >>> 16 : given;
    const bucket = hash & this.mask;
    const kind = this.kind(b);
    const at = this.findHeld(b, kind, bucket, hash);
    if (at >= 0) {
      const hb = table.row(bucket, at) << ROW_SHIFT;
      let reason = refused !== 0 ? refused : this.refusal(hb, word, length);
      if (reason === 0 && w[hb + P_SEGS] === 1 && !beginRun(view, this.kernels, this.packets, this.scratch, hb)) {
        reason = R.FLUSH_SCRATCH;
      }
      if (reason === 0) {
        extendRun(view, this.packets, hb, b, l4, word, header, length);
        if (length < w[hb + G_MSS]) this.complete(bucket, at, R.FLUSH_SHORT);
        else if ((word & WORD_FIN) !== 0) this.complete(bucket, at, R.FLUSH_FIN);
        else if ((word & WORD_PSH) !== 0) this.complete(bucket, at, R.FLUSH_PUSH);
        else if (udp && w[hb + P_SEGS] >= UDP_MOST) this.complete(bucket, at, R.FLUSH_COUNT);
        return;
      }
      this.complete(bucket, at, reason);
    } else if (this.order !== undefined && table.held > 0) {
      this.order.flushFlow(walk.l3, walk.v6, udp, ports, b);
    }
    if (refused !== 0 || length === 0 || (word & WORD_ENDS) !== 0) {
      const reason = refused === R.FLUSH_PIECES ? R.PASS_PIECES : R.PASS_IP_LENGTH;
      this.passes[refused !== 0 ? reason : length === 0 ? R.PASS_EMPTY : R.PASS_FLAGS]++;
      this.sink.deliver(row);
      return;
    }
    if (table.counts[bucket] === table.perBucket) this.complete(bucket, 0, R.FLUSH_EVICTED);
    hold(view, w, b, l4, end, kind, length, hash);
    const mix = this.order === undefined ? 0 : tupleMix(view, walk.l3, walk.v6, ports);
    table.add(bucket, row, hash, mix, walk.tunnel);
  }

  /** The word `G_KIND` of the row of the packet that was walked last. */
  private kind(b: number): number {
    const { walk, w } = this;
    const off = w[b + P_OFF];
    const outer6 = this.view.getUint8(w[b + P_L3]) >> 4 === 6;
    const flags =
      (walk.tunnel ? K_TUNNEL : 0) | (walk.udp ? K_UDP : 0) | (walk.v6 ? K_V6 : 0) | (outer6 ? K_OUTER6 : 0);
    return kindWord(walk.l3 - off, walk.l4 - off, flags);
  }

  /** Position in the bucket of what is held of the very same flow, or -1. */
  private findHeld(b: number, kind: number, bucket: number, hash: number): number {
    const w = this.w;
    const rows = this.table.rows;
    const start = bucket * this.table.perBucket;
    const ports = this.view.getInt32(this.walk.l4);
    for (let at = start + this.table.counts[bucket] - 1; at >= start; at--) {
      const hb = rows[at] << ROW_SHIFT;
      if (
        w[hb + G_PORTS] === ports &&
        w[hb + G_HASH] === hash &&
        (w[hb + G_KIND] & ~K_FIXED) === kind &&
        this.sameFlow(b, hb, kind)
      ) {
        return at - start;
      }
    }
    return -1;
  }

  private sameFlow(b: number, hb: number, kind: number): boolean {
    const { w, view, walk } = this;
    if (w[hb + P_VLAN] !== w[b + P_VLAN]) return false;
    if (((w[hb + P_FLAGS] ^ w[b + P_FLAGS]) & F_ORIGIN) !== 0 || w[hb + P_TUNNEL] !== w[b + P_TUNNEL]) return false;
    if (!this.settings.acrossSas && w[hb + P_SA] !== w[b + P_SA]) return false;
    const heldOff = w[hb + P_OFF];
    const held3 = heldOff + kindL3(kind);
    if (!sameIp(view, walk.l3, held3, walk.l4 - walk.l3, walk.v6)) return false;
    const off = w[b + P_OFF];
    const l3 = w[b + P_L3];
    if (walk.tunnel) {
      const outer = w[hb + P_L3];
      const outer4 = w[hb + P_L4];
      const { outerL4, outerProto } = walk;
      if (w[hb + P_PROTO] !== outerProto || outer4 - outer !== outerL4 - l3) return false;
      if (!sameOuterIp(view, l3, outer, outerL4 - l3, (kind & K_OUTER6) !== 0)) return false;
      if (!sameTunnel(view, outerL4, outer4, walk.l3 - outerL4, outerProto)) return false;
    }
    return w[hb + P_L3] - heldOff === l3 - off && sameBytes(view, off, heldOff, l3 - off);
  }

  /** 0 when the segment continues the run of the packet held at word `hb`, else the flush reason. */
  private refusal(hb: number, word: number, length: number): number {
    const w = this.w;
    const { view, walk, settings } = this;
    const { udp, l4 } = walk;
    const mss = w[hb + G_MSS];
    const payload = w[hb + P_SEGS] * mss;
    if (!udp) {
      if (length === 0) return R.FLUSH_EMPTY;
      const tcp = tcpFlush(view, l4, w[hb + P_OFF] + kindL4(w[hb + G_KIND]), word, settings.rules.cwr);
      if (tcp !== 0) return tcp;
      if (((view.getInt32(l4 + 4) - w[hb + G_SEQ]) | 0) !== payload) return R.FLUSH_TCP_SEQUENCE;
    }
    if (length > mss) return R.FLUSH_LARGER;
    const ip = this.ipFlush(hb);
    if (ip !== 0) return ip;
    return this.isTooLarge(hb, w[hb + G_LENGTH] + payload - mss + length) ? R.FLUSH_SIZE : 0;
  }

  private ipFlush(hb: number): number {
    const { w, view, walk, settings } = this;
    const { rules } = settings;
    const kind = w[hb + G_KIND];
    const outer = w[hb + P_L3];
    const { tunnel } = walk;
    const l3 = outer - w[hb + P_OFF];
    if (tunnel) {
      const at = walk.l4 - kindL4(kind) + l3;
      const flush =
        (kind & K_OUTER6) !== 0
          ? ip6Flush(view, at, outer)
          : ip4Flush(view, at, outer, w, hb, HEADER_OUTER, true, rules);
      if (flush !== 0) return flush;
    }
    const held = w[hb + P_OFF] + kindL3(kind);
    if (walk.v6) return ip6Flush(view, walk.l3, held);
    return ip4Flush(view, walk.l3, held, w, hb, tunnel ? HEADER_INNER : HEADER_OUTER, tunnel, rules);
  }

  /** Whether a packet of `length` bytes behind the Ethernet header may not be. Linux goes by the EtherType: VLAN tags count as IPv4. */
  private isTooLarge(hb: number, length: number): boolean {
    const { w, walk, settings } = this;
    const byV6 = (w[hb + G_KIND] & K_OUTER6) !== 0 && tagsInFrame(w, hb) === 0;
    if (length >= (byV6 ? settings.maxSize : settings.maxSize4)) return true;
    if (length < GRO_LEGACY_MAX_SIZE) return false;
    // A jumbo option goes behind the IPv6 header: no extension headers may stand there.
    return walk.udp || walk.tunnel || (settings.rules.jumboOption && walk.v6 && walk.l4 - walk.l3 !== 40);
  }

  /** Takes a packet out of the table, finishes it and delivers it. */
  private complete(bucket: number, at: number, reason: number): void {
    const row = this.table.row(bucket, at);
    this.table.remove(bucket, at, this.w[(row << ROW_SHIFT) + G_HASH]);
    this.finish(row, reason);
  }

  private finish(row: number, reason: number): void {
    const hb = row << ROW_SHIFT;
    this.flushes[reason]++;
    this.merged += completeRun(this.view, this.kernels, this.packets, hb, this.settings.rules.jumboOption);
    this.sink.deliver(row);
  }
}

/** VLAN tags between the Ethernet header and the IP header of the row at word `b`. */
function tagsInFrame(w: Int32Array, b: number): number {
  return w[b + P_VLAN] === 0 ? 0 : (w[b + P_L3] - w[b + P_OFF] - ETHERNET_HEADER) >> 2;
}
