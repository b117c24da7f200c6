import { CLASS_FRAGMENT4, CLASS_FRAGMENT6, CLASS_MALFORMED, CLASS_TCP4, CLASS_TCP6 } from '../counters.ts';
import { checkInteger, optionError } from '../errors.ts';
import type { Kernels } from '../kernels/kernels.ts';
import {
  F_CSUM_GOOD,
  F_FROM_ESP,
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
  P_VLAN,
  type PacketTable,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import { pseudoSum } from './checksum.ts';
import { ip4Flush, ip4LengthDiffers, ip4Pass, ip4Reserved, ip4SameAddresses } from './ip4.ts';
import { ip6Flush, ip6LengthDiffers, ip6Pass, ip6SameAddresses, ip6SameFlow } from './ip6.ts';
import { addressFamily, mayBeTcp, mayCarryTcp, tcpBehind, tcpIsWhole } from './look-again.ts';
import { PlainMerge } from './plain.ts';
import * as R from './reasons.ts';
import { G_LENGTH, G_MIX, G_MSS, G_PORTS, G_SEQ } from './row.ts';
import { beginRun, completeRun, extendRun, hold, type Scratch } from './run.ts';
import { HeldTable } from './table.ts';
import { tcpFlush, tcpLength, WORD_ENDS, WORD_FIN, WORD_PSH } from './tcp.ts';

/** Where completed packets go. `row`: its number in the PacketTable; the call is made once for each packet that comes out. */
export interface GroSink {
  deliver(row: number): void;
}

export interface GroOptions {
  /**
   * `flow` (default): packets of one flow (addresses and ports, clear or out of ESP) come out in the order they came in. `linux`: as
   * Linux, where a packet that cannot be compared (bad checksum, IP options, fragment) overtakes what is held of its flow.
   */
  readonly order?: 'flow' | 'linux';
  /** A power of two from 1 to 256. Default 8, as Linux. */
  readonly buckets?: number;
  /** 1 to 256. Default 8, as Linux. */
  readonly heldPerBucket?: number;
  /** Bytes that a super-packet stays below, counted behind the Ethernet header: 1 to 65536, the default. */
  readonly maxSize?: number;
  /** The same for IPv4 alone; never above `maxSize`. Default `maxSize`. */
  readonly maxSize4?: number;
  /** Default true. False: TCP checksums are not looked at (somebody did); a wrong one stays wrong in a super-packet. */
  readonly verify?: boolean;
  /** Default true: one inner flow merges across SAs, as in Linux (a rekey). */
  readonly acrossSas?: boolean;
}

/**
 * Generic receive offload for TCP over IPv4 and IPv6 by the rules of Linux 6.18, on rows of a {@link PacketTable}.
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
  private readonly plain: PlainMerge;
  private readonly flowOrder: boolean;
  private readonly mask: number;
  private readonly maxSize: number;
  private readonly maxSize4: number;
  private readonly verify: boolean;
  private readonly acrossSas: boolean;

  /**
   * @param bytes the whole frame memory: offsets in rows are indices of it.
   * @param scratch gives bytes of the frame memory for headers, good until the rows are cleared, or -1.
   * @throws ERR_RXSTEER_OPTION
   */
  constructor(
    bytes: Uint8Array,
    kernels: Kernels,
    table: PacketTable,
    sink: GroSink,
    scratch: Scratch,
    options: GroOptions = {},
  ) {
    const order = options.order ?? 'flow';
    if (order !== 'flow' && order !== 'linux') throw optionError('gro.order', '"flow" or "linux"', order);
    const buckets = checkInteger('gro.buckets', options.buckets ?? 8, 1, 256);
    if ((buckets & (buckets - 1)) !== 0) throw optionError('gro.buckets', 'a power of two', buckets);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.kernels = kernels;
    this.packets = table;
    this.w = table.w;
    this.sink = sink;
    this.scratch = scratch;
    this.table = new HeldTable(buckets, checkInteger('gro.heldPerBucket', options.heldPerBucket ?? 8, 1, 256));
    this.flowOrder = order === 'flow';
    this.mask = buckets - 1;
    this.maxSize = checkInteger('gro.maxSize', options.maxSize ?? 65536, 1, 65536);
    this.maxSize4 = Math.min(this.maxSize, checkInteger('gro.maxSize4', options.maxSize4 ?? this.maxSize, 1, 65536));
    this.verify = options.verify ?? true;
    this.acrossSas = options.acrossSas ?? true;
    const { maxSize, maxSize4, verify, acrossSas } = this;
    this.plain = new PlainMerge(this.view, kernels, table, scratch, this.table, {
      maxSize,
      maxSize4,
      verify,
      acrossSas,
    });
  }

  /** Packets held now. */
  get held(): number {
    return this.table.held;
  }

  /** Takes a row in: delivers it, holds it, or merges it. Words 0 to 15 of the row are set. */
  receive(row: number): void {
    const w = this.w;
    const b = row << ROW_SHIFT;
    const cls = w[b + P_CLS];
    const tcp = (cls & ~1) === CLASS_TCP4;
    if (tcp && this.plain.merge(b)) return;
    if (w[b + P_PIECES] === 0) w[b + P_TOTAL] = w[b + P_LEN];
    if (tcp) this.tcp(row, b, cls === CLASS_TCP6);
    else this.other(row, b, cls);
  }

  /** TCP, as the dissection says, that is not just the next segment of a run. */
  private tcp(row: number, b: number, v6: boolean): void {
    const w = this.w;
    const view = this.view;
    const l3 = w[b + P_L3];
    const l4 = w[b + P_L4];
    const end = w[b + P_OFF] + w[b + P_LEN];
    let pass: number;
    // What keeps the packet from being merged, but not from being compared: it ends the run of its flow.
    let refused = 0;
    if (v6) {
      pass = l4 - l3 === 40 ? R.PASS_NONE : ip6Pass(view, l3, l4);
      if (ip6LengthDiffers(view, l3, end - l3)) refused = R.FLUSH_IP_LENGTH;
    } else {
      pass = ip4Pass(view, l3);
      if (ip4LengthDiffers(view, l3, end - l3)) refused = R.FLUSH_IP_LENGTH;
      else if (ip4Reserved(view, l3)) refused = R.FLUSH_IP_RESERVED;
    }
    if (w[b + P_PIECES] !== 0) refused = R.FLUSH_PIECES;
    if (pass === R.PASS_NONE) {
      if (refused !== 0) {
        if (!tcpIsWhole(view, l4, end)) pass = R.PASS_MALFORMED;
      } else if (this.verify && (w[b + P_FLAGS] & F_CSUM_GOOD) === 0) {
        const sum = this.kernels.checksum(l4, end - l4) + pseudoSum(view, l3, v6) + (end - l4);
        // At most 19 words: one fold tells.
        if ((sum & 0xffff) + (sum >>> 16) === 0xffff) w[b + P_FLAGS] |= F_CSUM_GOOD;
        else pass = R.PASS_TCP_CHECKSUM;
      }
    }
    if (pass === R.PASS_NONE) this.segment(row, b, v6, l3, l4, end, refused);
    else this.pass(row, pass);
  }

  /** The end of a poll: everything held comes out, bucket by bucket, the oldest first. */
  flush(): void {
    const counts = this.table.counts;
    for (let bucket = 0; this.table.held > 0 && bucket < counts.length; bucket++) {
      while (counts[bucket] > 0) this.complete(bucket, 0, R.FLUSH_POLL);
    }
  }

  /**
   * Completes what the packet of `row` must not overtake: what is held of its flow or, when its ports cannot be told (a fragment,
   * a damaged header), of its address pair. For whoever delivers a row without {@link receive}; the row itself is left alone.
   */
  flushFor(row: number): void {
    if (this.table.held === 0) return;
    const w = this.w;
    const b = row << ROW_SHIFT;
    const cls = w[b + P_CLS];
    const l3 = w[b + P_L3];
    const esp = w[b + P_FLAGS] & F_FROM_ESP;
    if (cls === CLASS_TCP4 || cls === CLASS_TCP6) {
      this.flushTuple(cls, l3, this.view.getInt32(w[b + P_L4]), esp);
    } else if (cls === CLASS_FRAGMENT4 || cls === CLASS_FRAGMENT6) {
      const v6 = cls === CLASS_FRAGMENT6;
      if (mayCarryTcp(w[b + P_PROTO], v6)) this.flushPair(v6 ? CLASS_TCP6 : CLASS_TCP4, l3, esp);
    } else if (cls === CLASS_MALFORMED) {
      const family = addressFamily(this.view, l3, w[b + P_OFF] + w[b + P_LEN]);
      const v6 = family === 6;
      if (family !== 0 && mayBeTcp(this.view, l3, v6)) this.flushPair(v6 ? CLASS_TCP6 : CLASS_TCP4, l3, esp);
    }
  }

  /** What is not TCP, or not recognised as such. */
  private other(row: number, b: number, cls: number): void {
    if (cls !== CLASS_MALFORMED) {
      const fragment = cls === CLASS_FRAGMENT4 || cls === CLASS_FRAGMENT6;
      this.pass(row, fragment ? R.PASS_FRAGMENT : R.PASS_PROTOCOL);
      return;
    }
    const w = this.w;
    const l3 = w[b + P_L3];
    const end = w[b + P_OFF] + w[b + P_LEN];
    const l4 = tcpBehind(this.view, l3, end);
    if (l4 < 0) this.pass(row, R.PASS_MALFORMED);
    else this.segment(row, b, this.view.getUint8(l3) >> 4 === 6, l3, l4, end, R.FLUSH_IP_LENGTH);
  }

  private pass(row: number, reason: number): void {
    this.passes[reason]++;
    if (this.flowOrder) this.flushFor(row);
    this.sink.deliver(row);
  }

  /** A TCP segment that may be compared with its flow; `refused`: a flush reason when it must not be merged or held. */
  private segment(row: number, b: number, v6: boolean, l3: number, l4: number, end: number, refused: number): void {
    const w = this.w;
    const view = this.view;
    const cls = v6 ? CLASS_TCP6 : CLASS_TCP4;
    const ports = view.getInt32(l4);
    const word = view.getInt32(l4 + 12);
    const length = end - l4 - tcpLength(word);
    const bucket = w[b + P_HASH] & this.mask;
    const at = this.find(b, cls, l3, l4, ports, bucket);
    if (at >= 0) {
      const hb = this.table.row(bucket, at) << ROW_SHIFT;
      let reason = refused !== 0 ? refused : this.refusal(hb, v6, l3, l4, word, length);
      if (reason === 0 && w[hb + P_SEGS] === 1 && !beginRun(view, this.kernels, this.packets, this.scratch, hb, v6)) {
        reason = R.FLUSH_SCRATCH;
      }
      if (reason === 0) {
        extendRun(view, this.packets, hb, b, l4, word, length);
        if (length < w[hb + G_MSS]) this.complete(bucket, at, R.FLUSH_SHORT);
        else if ((word & WORD_FIN) !== 0) this.complete(bucket, at, R.FLUSH_FIN);
        else if ((word & WORD_PSH) !== 0) this.complete(bucket, at, R.FLUSH_PUSH);
        return;
      }
      this.complete(bucket, at, reason);
    } else if (this.flowOrder && this.table.held > 0) {
      this.flushTuple(cls, l3, ports, w[b + P_FLAGS] & F_FROM_ESP);
    }
    if (refused !== 0 || length === 0 || (word & WORD_ENDS) !== 0) {
      const reason = refused === R.FLUSH_PIECES ? R.PASS_PIECES : R.PASS_IP_LENGTH;
      this.passes[refused !== 0 ? reason : length === 0 ? R.PASS_EMPTY : R.PASS_FLAGS]++;
      this.sink.deliver(row);
      return;
    }
    if (this.table.counts[bucket] === this.table.perBucket) this.complete(bucket, 0, R.FLUSH_EVICTED);
    const mix = this.flowOrder ? tupleMix(view, l3, v6, ports) : 0;
    hold(view, w, b, l3, l4, end, ports, length, mix);
    this.table.add(bucket, row, w[b + P_HASH], mix);
  }

  /** Position in the bucket of what is held of the very same flow, or -1. */
  private find(b: number, cls: number, l3: number, l4: number, ports: number, bucket: number): number {
    const w = this.w;
    const rows = this.table.rows;
    const start = bucket * this.table.perBucket;
    const hash = w[b + P_HASH];
    for (let at = start + this.table.counts[bucket] - 1; at >= start; at--) {
      const hb = rows[at] << ROW_SHIFT;
      if (w[hb + G_PORTS] === ports && w[hb + P_HASH] === hash && this.sameFlow(b, hb, cls, l3, l4)) return at - start;
    }
    return -1;
  }

  private sameFlow(b: number, hb: number, cls: number, l3: number, l4: number): boolean {
    const w = this.w;
    const view = this.view;
    if (w[hb + P_CLS] !== cls || w[hb + P_VLAN] !== w[b + P_VLAN]) return false;
    if (((w[hb + P_FLAGS] ^ w[b + P_FLAGS]) & F_FROM_ESP) !== 0) return false;
    if (!this.acrossSas && w[hb + P_SA] !== w[b + P_SA]) return false;
    const held = w[hb + P_L3];
    if (cls === CLASS_TCP4) {
      if (!ip4SameAddresses(view, l3, held)) return false;
    } else if (w[hb + P_L4] - held !== l4 - l3 || !ip6SameFlow(view, l3, held, l4 - l3)) {
      return false;
    }
    const off = w[b + P_OFF];
    const heldOff = w[hb + P_OFF];
    const link = l3 - off;
    return held - heldOff === link && sameBytes(view, off, heldOff, link);
  }

  /** 0 when the segment continues the run of the packet held at word `hb`, else the flush reason. */
  private refusal(hb: number, v6: boolean, l3: number, l4: number, word: number, length: number): number {
    const w = this.w;
    const view = this.view;
    if (length === 0) return R.FLUSH_EMPTY;
    const tcp = tcpFlush(view, l4, w[hb + P_L4], word);
    if (tcp !== 0) return tcp;
    const held = w[hb + P_SEGS] * w[hb + G_MSS];
    if (((view.getInt32(l4 + 4) - w[hb + G_SEQ]) | 0) !== held) return R.FLUSH_TCP_SEQUENCE;
    if (length > w[hb + G_MSS]) return R.FLUSH_LARGER;
    const held3 = w[hb + P_L3];
    const ip = v6 ? ip6Flush(view, l3, held3) : ip4Flush(view, l3, held3, w, hb);
    if (ip !== 0) return ip;
    return w[hb + G_LENGTH] + held - w[hb + G_MSS] + length >= (v6 ? this.maxSize : this.maxSize4) ? R.FLUSH_SIZE : 0;
  }

  /** Takes a packet out of the table, finishes it and delivers it. */
  private complete(bucket: number, at: number, reason: number): void {
    const row = this.table.row(bucket, at);
    const hb = row << ROW_SHIFT;
    this.table.remove(bucket, at, this.w[hb + P_HASH]);
    this.flushes[reason]++;
    this.merged += completeRun(this.view, this.packets, hb);
    this.sink.deliver(row);
  }

  /** Completes what is held with these addresses and ports, whatever else differs. At most one is: this very rule sees to it. */
  private flushTuple(cls: number, l3: number, ports: number, esp: number): void {
    const mix = tupleMix(this.view, l3, cls === CLASS_TCP6, ports);
    if (!this.table.maySee(mix)) return;
    this.flushMatching(cls, l3, esp, mix, ports, true);
  }

  private flushPair(cls: number, l3: number, esp: number): void {
    this.flushMatching(cls, l3, esp, 0, 0, false);
  }

  private flushMatching(cls: number, l3: number, esp: number, mix: number, ports: number, withPorts: boolean): void {
    const w = this.w;
    const { rows, counts, perBucket } = this.table;
    for (let bucket = 0; bucket < counts.length; bucket++) {
      for (let at = 0; at < counts[bucket]; ) {
        const hb = rows[bucket * perBucket + at] << ROW_SHIFT;
        const other = withPorts && (w[hb + G_MIX] !== mix || w[hb + G_PORTS] !== ports);
        if (
          other ||
          w[hb + P_CLS] !== cls ||
          (w[hb + P_FLAGS] & F_FROM_ESP) !== esp ||
          !this.sameAddresses(cls, l3, hb)
        ) {
          at++;
        } else {
          this.complete(bucket, at, R.FLUSH_ORDER);
        }
      }
    }
  }

  private sameAddresses(cls: number, l3: number, hb: number): boolean {
    const held = this.w[hb + P_L3];
    return cls === CLASS_TCP4 ? ip4SameAddresses(this.view, l3, held) : ip6SameAddresses(this.view, l3, held);
  }
}

/** 32 bits that addresses and ports decide; the upper ones are the good ones. */
function tupleMix(view: DataView, l3: number, v6: boolean, ports: number): number {
  let mix = Math.imul(ports, 0x9e3779b1);
  for (let i = v6 ? 8 : 12, end = v6 ? 40 : 20; i < end; i += 4)
    mix = Math.imul(mix ^ view.getInt32(l3 + i), 0x85ebca6b);
  return mix;
}

function sameBytes(view: DataView, a: number, b: number, length: number): boolean {
  let i = 0;
  for (; i < length - 3; i += 4) if (view.getInt32(a + i) !== view.getInt32(b + i)) return false;
  for (; i < length; i++) if (view.getUint8(a + i) !== view.getUint8(b + i)) return false;
  return true;
}
