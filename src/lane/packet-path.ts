import {
  CLASS_MALFORMED,
  DROP_FRAGMENT_LIMIT,
  DROP_FRAGMENT_TIMEOUT,
  DROP_INNER_MALFORMED,
  DROP_NESTING,
  DROP_POLICY,
  DROP_SELECTOR,
} from '../counters.ts';
import { type LifeClock, type Policy, Traffic } from '../esp/index.ts';
import { FRAGMENT_COMPLETE, FRAGMENT_REFUSED, type Reassembler } from '../fragments/reassembler.ts';
import type { Kernels } from '../kernels/kernels.ts';
import {
  D_CLASS,
  D_END,
  D_HASH,
  D_HEADERS,
  D_LEN,
  D_NSEC,
  D_NUMBER,
  D_OFF,
  D_PROTO,
  D_SA,
  D_SEC,
  D_VLAN,
  D_WIRE,
  DF_HASH_VALID,
  DF_TRUNCATED,
} from '../memory/descriptor.ts';
import {
  F_HASH_VALID,
  F_TRUNCATED,
  LINK_SHIFT,
  P_CLS,
  P_END,
  P_FLAGS,
  P_HASH,
  P_L3,
  P_L4,
  P_LAST,
  P_LEN,
  P_NSEC,
  P_NUMBER,
  P_OFF,
  P_PROTO,
  P_SA,
  P_SEC,
  P_UNIT,
  P_VLAN,
  P_WIRE,
  type PacketTable,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import type { Scratch } from '../memory/scratch.ts';
import { type Dissection, dissectIp } from '../wire/dissect.ts';
import { C_DROPS, C_DUMMY, C_HELD, C_JOINED } from './counters.ts';
import {
  type EspStage,
  espScratch,
  isFragment,
  isProtected,
  STAGE_DUMMY,
  STAGE_ELSEWHERE,
  STAGE_OPENED,
} from './esp-stage.ts';

export interface PacketPathParts {
  readonly d: Dissection;
  readonly bytes: Uint8Array;
  readonly kernels: Kernels;
  readonly table: PacketTable;
  readonly scratch: Scratch;
  readonly counters: Float64Array;
  /** Absent: ESP stays as it is. `units`: order group of each SA. */
  readonly stage?: EspStage;
  readonly units?: Int32Array;
  /** Told of the time of packets that are opened. */
  readonly clock?: LifeClock;
  readonly fragments?: Reassembler;
  /** What may come in clear; absent: anything. */
  readonly policy?: Policy;
}

/** What became of a packet. */
export const GONE = -1;
export const CLEAR = 0;
export const OPENED = 1;
/** ESP or AH inside ESP whose SA is another lane's. */
export const ELSEWHERE = 2;

/** The way of one packet through a lane, up to GRO: descriptor -> row -> ESP -> inner fragments. */
export class PacketPath {
  private readonly d: Dissection;
  private readonly bytes: Uint8Array;
  private readonly kernels: Kernels;
  private readonly table: PacketTable;
  private readonly scratch: Scratch;
  private readonly counters: Float64Array;
  private readonly stage: EspStage | undefined;
  private readonly units: Int32Array;
  private readonly clock: LifeClock | undefined;
  private readonly fragments: Reassembler | undefined;
  private readonly policy: Policy | undefined;
  private readonly traffic = new Traffic();

  constructor(parts: PacketPathParts) {
    this.d = parts.d;
    this.bytes = parts.bytes;
    this.kernels = parts.kernels;
    this.table = parts.table;
    this.scratch = parts.scratch;
    this.counters = parts.counters;
    this.stage = parts.stage;
    this.units = parts.units ?? new Int32Array(0);
    this.clock = parts.clock;
    this.fragments = parts.fragments;
    this.policy = parts.policy;
  }

  /** Makes a row of the descriptor at word `s`. Returns its number. */
  row(words: Int32Array, s: number): number {
    const row = this.table.row();
    const b = row << ROW_SHIFT;
    const w = this.table.w;
    const flags = words[s + D_CLASS] >> 8;
    const off = words[s + D_OFF];
    w[b + P_OFF] = off;
    w[b + P_LEN] = words[s + D_LEN];
    w[b + P_L3] = off + (words[s + D_HEADERS] & 0xffff);
    w[b + P_L4] = off + (words[s + D_HEADERS] >>> 16);
    w[b + P_END] = off + words[s + D_END];
    w[b + P_CLS] = words[s + D_CLASS] & 0xff;
    w[b + P_PROTO] = words[s + D_PROTO] & 0xff;
    w[b + P_HASH] = words[s + D_HASH];
    w[b + P_FLAGS] =
      ((words[s + D_PROTO] >> 8) << LINK_SHIFT) |
      ((flags & DF_HASH_VALID) !== 0 ? F_HASH_VALID : 0) |
      ((flags & DF_TRUNCATED) !== 0 ? F_TRUNCATED : 0);
    w[b + P_SA] = words[s + D_SA];
    w[b + P_NUMBER] = words[s + D_NUMBER];
    w[b + P_LAST] = words[s + D_NUMBER];
    w[b + P_SEC] = words[s + D_SEC];
    w[b + P_NSEC] = words[s + D_NSEC];
    w[b + P_WIRE] = words[s + D_WIRE];
    w[b + P_VLAN] = words[s + D_VLAN];
    return row;
  }

  /** Opens the row's packet if it has an SA. @returns CLEAR, OPENED, ELSEWHERE, or GONE: it is counted. */
  open(row: number): number {
    const w = this.table.w;
    const b = row << ROW_SHIFT;
    if (this.stage === undefined || w[b + P_SA] === 0) {
      if (this.policy === undefined || !this.isRefused(this.policy, w, b)) return CLEAR;
      this.counters[C_DROPS + DROP_POLICY]++;
      return GONE;
    }
    this.clock?.packet(w[b + P_SEC], w[b + P_NSEC]);
    w[b + P_UNIT] = this.units[w[b + P_SA] - 1] + 1;
    let verdict = this.stage.run(w, row);
    if (verdict === STAGE_OPENED && this.fragments !== undefined && isFragment(w[b + P_CLS])) {
      if (!this.reassemble(this.fragments, w, b)) return GONE;
      if (!this.stage.allows(w, b)) verdict = DROP_SELECTOR + 1;
      else if (isProtected(w[b + P_CLS])) verdict = this.descend(this.stage, w, row);
    }
    if (verdict === STAGE_OPENED) return OPENED;
    if (verdict === STAGE_ELSEWHERE) return ELSEWHERE;
    if (verdict === STAGE_DUMMY) this.counters[C_DUMMY]++;
    else {
      this.counters[C_DROPS + verdict - 1]++;
      this.stage.reporter.dropped(w[b + P_SA] - 1, verdict - 1);
    }
    return GONE;
  }

  /** Whether a packet that came in clear must not. */
  private isRefused(policy: Policy, w: Int32Array, b: number): boolean {
    this.traffic.load(this.bytes, w[b + P_CLS], w[b + P_L3], w[b + P_L4], w[b + P_PROTO]);
    return policy.drops(this.traffic);
  }

  /** Opens ESP that came out of ESP in fragments; what comes out of that stays in fragments, if it is some. */
  private descend(stage: EspStage, w: Int32Array, row: number): number {
    // `plan` has counted the first chain of layers in; a second one is rare enough to depend on what is left.
    if (this.scratch.room < espScratch(w[(row << ROW_SHIFT) + P_LEN])) return DROP_NESTING + 1;
    return stage.descend(w, row);
  }

  /** Joins an inner fragment to its datagram. False: the datagram is not complete, or was refused (and counted). */
  private reassemble(fragments: Reassembler, w: Int32Array, b: number): boolean {
    const counters = this.counters;
    counters[C_DROPS + DROP_FRAGMENT_TIMEOUT] += fragments.expire(w[b + P_SEC], w[b + P_NSEC]);
    const serial = this.stage!.serial(w, b);
    const result = fragments.add(this.d, w[b + P_OFF], serial, w[b + P_SEC], w[b + P_NSEC]);
    counters[C_DROPS + DROP_FRAGMENT_LIMIT] += fragments.evicted;
    if (result >= FRAGMENT_REFUSED) counters[C_DROPS + result - FRAGMENT_REFUSED] += fragments.lost;
    counters[C_HELD] = fragments.held;
    if (result !== FRAGMENT_COMPLETE) return false;
    counters[C_JOINED] += fragments.outFragments - 1;
    // The pool is small: a datagram leaves it at once. `espScratch` has counted it in.
    const length = fragments.outLength;
    const off = this.scratch.take(length);
    this.kernels.copy(off, fragments.outOffset, length);
    fragments.release(fragments.outOffset);
    const d = this.d;
    const cls = dissectIp(this.bytes, off + fragments.outL3 - fragments.outOffset, off + length, d);
    if (cls === CLASS_MALFORMED) {
      counters[C_DROPS + DROP_INNER_MALFORMED]++;
      this.stage!.reporter.dropped(w[b + P_SA] - 1, DROP_INNER_MALFORMED);
      return false;
    }
    w[b + P_OFF] = off;
    w[b + P_LEN] = length;
    w[b + P_L3] = d.l3;
    w[b + P_L4] = d.l4;
    w[b + P_END] = d.end;
    w[b + P_CLS] = cls;
    w[b + P_PROTO] = d.proto;
    return true;
  }
}
