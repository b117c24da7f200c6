import { CLASSES, type ClassName } from '../counters.ts';
import { checkInteger } from '../errors.ts';
import type { Kernels } from '../kernels/kernels.ts';
import {
  LINK_SHIFT,
  P_CLS,
  P_FIRST,
  P_FLAGS,
  P_GSO,
  P_HASH,
  P_L3,
  P_L4,
  P_LAST,
  P_LEN,
  P_NSEC,
  P_NUMBER,
  P_OFF,
  P_PIECES,
  P_PROTO,
  P_SA,
  P_SEC,
  P_SEGS,
  P_TOTAL,
  P_UNIT,
  P_VLAN,
  P_WIRE,
  type PacketTable,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import type { Scratch } from '../memory/scratch.ts';
import type { FlowTable } from '../steer/flow-table.ts';
import type { Tuple } from '../wire/tuple.ts';
import { readTuple } from '../wire/tuple.ts';

/** What a batch is made from. */
export interface BatchParts {
  readonly lane: number;
  readonly lanes: number;
  readonly bytes: Uint8Array;
  readonly kernels: Kernels;
  readonly table: PacketTable;
  readonly room: Scratch;
  /** Absent: no RFS. */
  readonly flows: FlowTable | undefined;
}

/**
 * What a poll delivers: packets in order, addressed by their position `i` from 0 to `length - 1`.
 *
 * Everything here, and every view of {@link bytes}, is valid until the consumer's call returns or its promise settles. Then
 * the frame memory is used anew: {@link copy} keeps.
 */
export class Batch {
  /** The lane that delivers it: its queue. */
  readonly lane: number;
  /** The frame memory: all offsets are into it. Never write to it, never keep a view of it. */
  readonly bytes: Uint8Array;
  /** Packets in the batch. */
  length = 0;
  private readonly table: PacketTable;
  private readonly rows: Int32Array;
  private readonly kernels: Kernels;
  private readonly room: Scratch;
  private readonly lanes: number;
  private readonly flows: FlowTable | undefined;

  /** For the lane. */
  constructor(parts: BatchParts) {
    this.lane = parts.lane;
    this.lanes = parts.lanes;
    this.bytes = parts.bytes;
    this.kernels = parts.kernels;
    this.table = parts.table;
    this.room = parts.room;
    this.flows = parts.flows;
    this.rows = new Int32Array(parts.table.capacity);
  }

  /** Absolute offset of the first piece: of the whole frame when `pieces(i)` is 1, else of its headers. */
  offset(i: number): number {
    const b = this.rows[i] << ROW_SHIFT;
    const w = this.table.w;
    return w[b + P_PIECES] === 0 ? w[b + P_OFF] : this.table.pieceOff[w[b + P_FIRST]];
  }

  /** Bytes of the whole packet, from its link header to the end of its payload. */
  byteLength(i: number): number {
    const b = this.rows[i] << ROW_SHIFT;
    return this.table.w[b + P_PIECES] === 0 ? this.table.w[b + P_LEN] : this.table.w[b + P_TOTAL];
  }

  /** Bytes that the (first) frame had on the wire, still encrypted if it came so. */
  wireLength(i: number): number {
    return this.word(i, P_WIRE);
  }

  /** Class number (`CLASS_TCP4`, ...) of the packet as delivered: of what was inside ESP. */
  class(i: number): number {
    return this.word(i, P_CLS);
  }

  /** Name of the class: `tcp4`. */
  className(i: number): ClassName {
    return CLASSES[this.word(i, P_CLS)];
  }

  /** Hash of the flow as delivered (of the inner flow after ESP), unsigned; 0 without one, and see {@link hashValid}. */
  hash(i: number): number {
    return this.word(i, P_HASH) >>> 0;
  }

  hashValid(i: number): boolean {
    return (this.word(i, P_FLAGS) & 1) !== 0;
  }

  /** Time of the (first) frame, in seconds since 1970; to the microsecond. Exact: {@link seconds} and {@link nanos}. */
  time(i: number): number {
    return this.seconds(i) + this.nanos(i) / 1e9;
  }

  seconds(i: number): number {
    return this.word(i, P_SEC) >>> 0;
  }

  nanos(i: number): number {
    return this.word(i, P_NSEC);
  }

  /**
   * The security association it came by: its place in `esp.sas` + 1, or what `receiver.sas.add` said (`stats().sas[].id`); 0: it came
   * in clear. When an SA is gone, another one may be called so, but not before the call that has this batch is over.
   */
  sa(i: number): number {
    return this.word(i, P_SA);
  }

  /** Input packets in it: more than 1 for a super-packet. */
  segments(i: number): number {
    return this.word(i, P_SEGS);
  }

  /** Payload bytes of each segment but the last; 0 when nothing was merged. */
  gsoSize(i: number): number {
    return this.word(i, P_GSO);
  }

  /** Number of the first input packet in it, and of the last one. */
  number(i: number): number {
    return this.word(i, P_NUMBER) >>> 0;
  }

  lastNumber(i: number): number {
    return this.word(i, P_LAST) >>> 0;
  }

  /** Unit of order: 0 for what came in clear, else the order group of its SA + 1. */
  unit(i: number): number {
    return this.word(i, P_UNIT);
  }

  /** Link type of the frame, as in pcap: 1 is Ethernet. */
  linkType(i: number): number {
    return this.word(i, P_FLAGS) >> LINK_SHIFT;
  }

  /** 0, or 0x10000 | TCI of the outermost VLAN tag. */
  vlan(i: number): number {
    return this.word(i, P_VLAN);
  }

  /** Bytes in front of the IP header. */
  linkLength(i: number): number {
    const b = this.rows[i] << ROW_SHIFT;
    return this.table.w[b + P_L3] - this.table.w[b + P_OFF];
  }

  /** Bytes in front of the header behind IP. */
  headerLength(i: number): number {
    const b = this.rows[i] << ROW_SHIFT;
    return this.table.w[b + P_L4] - this.table.w[b + P_OFF];
  }

  /** IP protocol of what follows the IP header. */
  protocol(i: number): number {
    return this.word(i, P_PROTO);
  }

  /** Fills `out` with addresses, protocol and ports; false (and `out` unchanged) when the packet has no IP header. */
  tuple(i: number, out: Tuple): boolean {
    const b = this.rows[i] << ROW_SHIFT;
    const w = this.table.w;
    return readTuple(this.bytes, w[b + P_CLS], w[b + P_L3], w[b + P_L4], w[b + P_PROTO], out);
  }

  /**
   * How many pieces the packet lies in; fills `offsets` and `lengths` with as many of them as fit.
   * The first piece of a super-packet is its headers, the others are the payloads, in order.
   */
  pieces(i: number, offsets?: Int32Array, lengths?: Int32Array): number {
    const b = this.rows[i] << ROW_SHIFT;
    const t = this.table;
    const count = t.w[b + P_PIECES];
    if (count === 0) {
      if (offsets !== undefined) offsets[0] = t.w[b + P_OFF];
      if (lengths !== undefined) lengths[0] = t.w[b + P_LEN];
      return 1;
    }
    if (offsets !== undefined || lengths !== undefined) {
      let piece = t.w[b + P_FIRST];
      for (let k = 0; piece >= 0; k++, piece = t.pieceNext[piece]) {
        if (offsets !== undefined) offsets[k] = t.pieceOff[piece];
        if (lengths !== undefined) lengths[k] = t.pieceLen[piece];
      }
    }
    return count;
  }

  /**
   * Absolute offset of the whole packet in one piece: the frame where it lies, or a copy made on the first call.
   * `bytes.subarray(offset, offset + byteLength(i))` is it.
   */
  contiguous(i: number): number {
    const b = this.rows[i] << ROW_SHIFT;
    const w = this.table.w;
    if (w[b + P_PIECES] === 0) return w[b + P_OFF];
    const total = w[b + P_TOTAL];
    // The room holds a poll's packets of 64 KiB each, so this cannot fail.
    const target = this.room.take(total);
    this.gather(w[b + P_FIRST], target);
    const l3 = w[b + P_L3] - w[b + P_OFF];
    const l4 = w[b + P_L4] - w[b + P_OFF];
    w[b + P_OFF] = target;
    w[b + P_L3] = target + l3;
    w[b + P_L4] = target + l4;
    w[b + P_LEN] = total;
    w[b + P_PIECES] = 0;
    return target;
  }

  /** The packet's bytes, valid as long as the batch: a view where it lies in one piece. */
  view(i: number): Uint8Array {
    const offset = this.contiguous(i);
    return this.bytes.subarray(offset, offset + this.byteLength(i));
  }

  /** A copy of the packet that is yours to keep, in memory that is not shared. */
  copy(i: number): Uint8Array {
    return new Uint8Array(this.view(i));
  }

  /**
   * Says that the flow of packet `i` is wanted in a lane, this one unless another is named: RFS brings its next packets there, as
   * soon as nothing is overtaken. Claims cost a look at a table; a claim that holds already is not written again.
   *
   * @returns false without the option `rfs`, or when the packet has no hash
   * @throws RxSteerError `ERR_RXSTEER_OPTION`: there is no such lane
   */
  claim(i: number, lane: number = this.lane): boolean {
    if ((lane | 0) !== lane || lane < 0 || lane >= this.lanes) checkInteger('lane', lane, 0, this.lanes - 1);
    if (this.flows === undefined || !this.hashValid(i)) return false;
    this.flows.claim(this.word(i, P_HASH), lane);
    return true;
  }

  /** Appends a row. For the lane. */
  push(row: number): void {
    this.rows[this.length++] = row;
  }

  /** Input packets in the whole batch. For the lane. */
  totalSegments(): number {
    let sum = 0;
    for (let i = 0; i < this.length; i++) sum += this.word(i, P_SEGS);
    return sum;
  }

  /** Bytes in the whole batch. For the lane. */
  totalBytes(): number {
    let sum = 0;
    for (let i = 0; i < this.length; i++) sum += this.byteLength(i);
    return sum;
  }

  /** Empties the batch. For the lane. */
  clear(): void {
    this.length = 0;
    this.room.reset();
  }

  private word(i: number, word: number): number {
    return this.table.w[(this.rows[i] << ROW_SHIFT) + word];
  }

  private gather(first: number, target: number): void {
    const t = this.table;
    let at = target;
    for (let piece = first; piece >= 0; piece = t.pieceNext[piece]) {
      this.kernels.copy(at, t.pieceOff[piece], t.pieceLen[piece]);
      at += t.pieceLen[piece];
    }
  }
}
