import { DROP_CONSUMER_ERROR, DROP_FRAGMENT_TIMEOUT, DROP_LANE_LOST, DROP_NESTING } from '../counters.ts';
import type { SaCopy } from '../esp/index.ts';
import type { Reassembler } from '../fragments/reassembler.ts';
import type { Gro } from '../gro/index.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { D_CLASS, D_END, D_HASH, D_LEN, DF_MARK, DF_POLL_END } from '../memory/descriptor.ts';
import { P_HASH, P_NSEC, P_SEC, type PacketTable, ROW_SHIFT } from '../memory/packet-table.ts';
import type { RingConsumer } from '../memory/ring.ts';
import type { Scratch } from '../memory/scratch.ts';
import type { Batch } from './batch.ts';
import { type LaneConfig, POLL_BUDGET } from './config.ts';
import type { Consumer } from './consumer.ts';
import {
  C_BYTES,
  C_DELIVERED,
  C_DROPS,
  C_FLUSHES,
  C_HELD,
  C_MERGED,
  C_MOVES,
  C_POLLS,
  C_RECEIVED,
  C_SEGMENTS,
  C_TAKEN,
  C_THROWS,
} from './counters.ts';
import type { Decap } from './decap.ts';
import { espScratch, isProtected, MAX_IP } from './esp-stage.ts';
import { type FastPath, HEADER_SCRATCH } from './fast-path.ts';
import { type Handover, PARCEL_SCRATCH } from './handover.ts';
import type { HoldOver } from './hold-over.ts';
import type { InnerHasher } from './inner-hasher.ts';
import type { Intake } from './intake.ts';
import type { LaneEsp } from './lane-esp.ts';
import type { LookAhead } from './look-ahead.ts';
import type { Outlet } from './outlet.ts';
import { CLEAR, ELSEWHERE, GONE, type PacketPath } from './packet-path.ts';
import { makeParts } from './parts.ts';
import type { SaEvent } from './sa-events.ts';

/** After a call of the kernel in vain, what follows is likely of the same kind: twice as many packets as before go without it, up to so many. */
const ALONE_MOST = 16;

/**
 * The pipeline of one queue: ring -> ESP -> inner fragments -> GRO -> consumer, or its consumer's lane. A plain class: whoever
 * owns the thread calls `poll`. Nothing is allocated per packet (what the `node` crypto backend allocates aside).
 *
 *     poll:  take descriptors ... process each ... end of poll: flush GRO, one call of the consumer, release the ring
 *
 * Frames of a poll are in use until its end; the ring's low-water mark moves only there. What other lanes hand over has polls
 * of its own.
 */
export class Lane {
  readonly bytes: Uint8Array;
  readonly kernels: Kernels;
  /** What settles when the consumer's promise of the last poll does; undefined when the lane may poll. */
  pending: Promise<void> | undefined;
  /** Called with what the consumer threw or rejected with. */
  onError: (error: unknown) => void = () => {};
  /** Called with what the program is told of, at the end of a poll. */
  onEvent: (event: SaEvent) => void = () => {};
  private readonly config: LaneConfig;
  private readonly consumer: Consumer;
  private readonly ring: RingConsumer;
  private readonly table: PacketTable;
  private readonly batch: Batch;
  private readonly scratch: Scratch;
  private readonly hasher: InnerHasher;
  private readonly esp: LaneEsp | undefined;
  private readonly lookAhead: LookAhead | undefined;
  private readonly fast: FastPath | undefined;
  private readonly fragments: Reassembler | undefined;
  private readonly path: PacketPath;
  private readonly gro: Gro | undefined;
  private readonly holdOver: HoldOver | undefined;
  private readonly decap: Decap | undefined;
  private readonly outerBuckets: boolean = false;
  private readonly outlet: Outlet;
  private readonly handover: Handover | undefined;
  private readonly intake: Intake | undefined;
  private readonly counters: Float64Array;
  private readonly shared: Float64Array;
  /** Descriptors taken since the last end of a poll, and how many it may have; whether the next planned ones end it. */
  private inPoll = 0;
  private most = POLL_BUDGET;
  /** Packets that may be taken before what was handed over is published. */
  private budget = 0;
  /** Packets that are taken without the kernel before it is called again. */
  private alone = 1;
  private planEnds = false;
  private planFull = false;
  /** What was due of other lanes has been taken: now the own ring. */
  private ownTurn = false;
  /** No packet may be taken before another lane has gone on. */
  private blocked = false;
  private abandoned = false;

  constructor(config: LaneConfig, consumer: Consumer) {
    const parts = makeParts(config);
    this.config = config;
    this.consumer = consumer;
    this.bytes = parts.bytes;
    this.kernels = parts.kernels;
    this.ring = parts.ring;
    this.table = parts.table;
    this.batch = parts.batch;
    this.scratch = parts.scratch;
    this.hasher = parts.hasher;
    this.esp = parts.esp;
    this.lookAhead = parts.lookAhead;
    this.fast = parts.fast;
    if (this.fast === undefined) this.alone = POLL_BUDGET;
    this.fragments = parts.fragments;
    this.path = parts.path;
    this.gro = parts.gro;
    this.holdOver = parts.holdOver;
    this.decap = parts.decap;
    this.outerBuckets = config.gro?.engine.bucketBy === 'outer';
    this.outlet = parts.outlet;
    this.handover = parts.handover;
    this.intake = parts.intake;
    this.counters = parts.counters;
    this.shared = parts.shared;
    this.adoptLosses();
  }

  /**
   * Takes what the ring holds, up to the end of a poll; or what other lanes have handed over.
   *
   * @returns descriptors taken; 0 when there is nothing to do, while `pending` is set, or before other lanes have gone on
   */
  poll(): number {
    if (this.pending !== undefined) return 0;
    const mayGoOn = !this.hasher.isBehind || this.inPoll > 0 || this.adoptKey();
    const { intake } = this;
    if (intake !== undefined) {
      if (intake.left > 0) return this.takeOver(intake);
      // Others may hand over without end: what was in the own ring at the look has its turn before the next look.
      if (this.ownTurn) {
        this.ownTurn = false;
        const taken = this.takeOwn(mayGoOn);
        if (taken > 0 || this.pending !== undefined) return taken;
      }
      // First the lane's own ring is looked at, then the others: see `look`.
      this.ring.available();
      if (intake.look()) {
        this.ownTurn = true;
        // A poll that waits for its end (deterministic) ends here: the lanes that hand over wait for room.
        if (this.inPoll > 0 || this.isHolding) this.endPoll(true);
        return this.pending === undefined ? this.takeOver(intake) : 0;
      }
    }
    return this.takeOwn(mayGoOn);
  }

  /** Resolves when something is there to take, or the lane is woken; undefined when it need not sleep. */
  sleep(stopped: () => boolean): Promise<unknown> | undefined {
    return this.ring.sleep(() => this.isReady() || stopped());
  }

  /** As `sleep`, blocking the thread for at most `ms`. */
  block(ms: number, stopped: () => boolean): void {
    this.ring.block(ms, () => this.isReady() || stopped());
  }

  /**
   * SAs have gone, and all of their packets are delivered in all lanes: their keys and contexts are given up.
   *
   * @param slots of the SAs
   * @param units their order groups
   */
  forgetSas(slots: Iterable<number>, units: Iterable<number>): void {
    this.esp?.forget(slots);
    this.outlet.forgetUnits(units);
  }

  /** Copies the state of those of these SAs that are this lane's. Between two polls, as anything from outside is. */
  copySas(slots: Int32Array): SaCopy | undefined {
    return this.esp?.copy(slots);
  }

  /** The end of everything: what waits is lost (and counted), the consumer is closed. The ring must be empty. */
  async close(): Promise<void> {
    await this.pending;
    if (this.inPoll > 0 || this.isHolding) this.endPoll(true);
    await this.pending;
    if (this.fragments !== undefined) {
      this.counters[C_DROPS + DROP_FRAGMENT_TIMEOUT] += this.fragments.flush();
      this.counters[C_HELD] = 0;
    }
    try {
      await this.consumer.close?.();
    } catch (error) {
      this.counters[C_THROWS]++;
      this.onError(error);
    }
    this.esp?.close();
    this.shared.set(this.counters);
  }

  /** Given up while its consumer has a batch: what becomes of that is not counted any more. */
  abandon(): void {
    this.abandoned = true;
    this.esp?.close();
  }

  /** GRO holds packets over the end of a poll: the lane must not sleep for long. */
  get isHolding(): boolean {
    return this.holdOver?.isOpen === true;
  }

  /** Takes the lane's own ring, unless other lanes must go on first. */
  private takeOwn(mayGoOn: boolean): number {
    if (mayGoOn) return this.pollRing();
    this.blocked = true;
    return 0;
  }

  private pollRing(): number {
    let taken = 0;
    this.blocked = false;
    if (this.inPoll === 0 && this.handover !== undefined) {
      if (!this.isHolding) this.budget = this.handover.begin();
      this.most = Math.min(POLL_BUDGET, this.budget);
      if (this.most === 0) {
        if (this.isHolding) this.endPoll(true);
        this.blocked = true;
        return 0;
      }
    }
    for (;;) {
      const fast = this.fast === undefined ? 0 : this.takeFast(this.fast);
      if (fast > 0) {
        taken += fast;
        this.alone = 1;
        if (this.planEnds) break;
        continue;
      }
      const n = this.plan();
      if (n === 0) {
        if (!this.planFull) break;
        if (this.inPoll === 0 && !this.isHolding) {
          this.blocked = true;
          break;
        }
        this.endPoll(true);
        if (this.pending !== undefined || this.handover !== undefined) return taken;
        continue;
      }
      if (this.fast !== undefined) this.alone = Math.min(2 * this.alone, ALONE_MOST);
      this.ring.take(n);
      this.lookAhead?.passed(n);
      // What was just taken lies behind the cursor.
      for (let k = -n; k < 0; k++) this.process(this.ring.slot(k));
      this.inPoll += n;
      this.budget -= n;
      taken += n;
      if (this.planEnds) break;
    }
    if (this.planEnds || (!this.config.deterministic && this.inPoll > 0)) this.endPoll();
    else if (this.holdOver?.isDue) this.endPoll(true);
    return taken;
  }

  /** A poll of what other lanes have handed over. */
  private takeOver(intake: Intake): number {
    this.outlet.foreign = true;
    this.scratch.beginReserve();
    let taken = 0;
    for (;;) {
      // What is nested is opened here, and needs scratch for that.
      const row = intake.next(this.scratch.room >= espScratch(MAX_IP));
      if (row < 0) break;
      taken++;
      if (intake.nested) this.enter(row);
      else {
        this.gro?.drain();
        this.batch.push(row);
      }
    }
    this.endPoll(true);
    return taken;
  }

  /** Takes what the kernel makes rows of. @returns how many; sets `planEnds` (the last one ends the poll) */
  private takeFast(fast: FastPath): number {
    this.planEnds = false;
    const most = this.next();
    if (most <= 0) return 0;
    const { ring, table } = this;
    const n = fast.run(most);
    if (n === 0) return 0;
    const first = table.count;
    table.count += n;
    this.planEnds = fast.isEnd;
    this.counters[C_TAKEN] += n;
    ring.take(n);
    this.lookAhead?.passed(n);
    for (let k = 0; k < n; k++) {
      const row = first + k;
      const s = ring.slot(k - n);
      if (this.holdOver !== undefined) this.holdOver.bytes += ring.words[s + D_LEN];
      if (!fast.isOpened(k)) this.enter(row);
      else {
        if (this.decap?.run(row) === true) {
          if (!this.path.mayPass(row)) continue;
          this.hasher.hash(row);
        }
        this.receive(row, ring.words[s + D_HASH]);
      }
    }
    this.inPoll += n;
    this.budget -= n;
    return n;
  }

  /** How many descriptors there are for this poll. */
  private next(): number {
    const available = this.intake === undefined ? this.ring.available() : this.ring.seen;
    const most = Math.min(available, this.most - this.inPoll);
    return this.lookAhead === undefined ? most : this.lookAhead.upTo(most);
  }

  /**
   * How many descriptors to take next: up to the end of the poll, and as many as the scratch is sure to have room for.
   * Sets `planEnds` (the last one ends the poll) and `planFull` (nothing more fits before this poll has ended).
   */
  private plan(): number {
    this.planEnds = this.inPoll >= this.most;
    this.planFull = false;
    if (this.planEnds) return 0;
    const words = this.ring.words;
    const most = Math.min(this.next(), this.alone);
    const parcel = this.handover === undefined ? 0 : PARCEL_SCRATCH;
    let room = this.scratch.room;
    let n = 0;
    while (n < most) {
      const s = this.ring.slot(n);
      const word = words[s + D_CLASS];
      const isOpened = this.esp !== undefined && isProtected(word & 0xff);
      room -= (isOpened ? espScratch(Math.min(words[s + D_END], MAX_IP)) : HEADER_SCRATCH) + parcel;
      // Taking a tunnel off may copy what was in it.
      if (this.decap !== undefined) room -= (isOpened ? MAX_IP : words[s + D_LEN]) + 8;
      if (room < 0) {
        this.planFull = n === 0;
        break;
      }
      n++;
      if (((word >> 8) & (DF_POLL_END | DF_MARK)) !== 0) {
        this.planEnds = true;
        break;
      }
    }
    return n;
  }

  /** One descriptor: to a row, through ESP and reassembly, into GRO. */
  private process(s: number): void {
    const words = this.ring.words;
    if (((words[s + D_CLASS] >> 8) & DF_MARK) !== 0) return;
    this.counters[C_TAKEN]++;
    if (this.holdOver !== undefined) this.holdOver.bytes += words[s + D_LEN];
    this.enter(this.path.row(words, s));
  }

  private enter(row: number): void {
    const outer = this.table.w[(row << ROW_SHIFT) + P_HASH];
    const result = this.path.open(row);
    if (result === GONE) return;
    if (result === ELSEWHERE) {
      this.handOverNested(row);
      return;
    }
    if (this.decap?.run(row) === true) {
      if (!this.path.mayPass(row)) return;
      this.hasher.hash(row);
    } else if (result !== CLEAR) this.hasher.hash(row);
    this.receive(row, outer);
  }

  /** @param outer hash of the packet as it came */
  private receive(row: number, outer: number): void {
    if (this.gro === undefined) this.outlet.deliver(row);
    else this.gro.receive(row, this.outerBuckets ? outer : this.table.w[(row << ROW_SHIFT) + P_HASH]);
  }

  /** ESP or AH inside ESP whose SA is another lane's goes there to be opened; once. */
  private handOverNested(row: number): void {
    if (this.outlet.foreign) this.counters[C_DROPS + DROP_NESTING]++;
    else this.outlet.handOver(row, this.esp!.stage.elsewhere, true);
  }

  /** @param last nothing may be held over its end */
  private endPoll(last = false): void {
    this.inPoll = 0;
    if (this.esp !== undefined) for (const event of this.esp.endPoll()) this.tell(event);
    if (this.counters[C_HELD] > 0 && this.table.count > 0) this.expire(this.fragments!);
    this.flush(last);
    if (this.batch.length === 0) {
      this.finish();
      return;
    }
    this.ring.called();
    try {
      const promise = this.consumer.onPackets(this.batch);
      if (promise !== undefined) {
        this.pending = promise.then(
          () => this.delivered(),
          (error: unknown) => this.failed(error),
        );
        return;
      }
    } catch (error) {
      this.failed(error);
      return;
    }
    this.delivered();
  }

  /** Tells the consumer, and the program. */
  private tell(event: SaEvent): void {
    try {
      this.consumer.onEvent?.(event);
    } catch (error) {
      this.counters[C_THROWS]++;
      this.onError(error);
    }
    this.onEvent(event);
  }

  /** What GRO holds comes out, unless it may wait for the next poll. */
  private flush(last: boolean): void {
    const { gro, holdOver, table } = this;
    if (gro === undefined) return;
    gro.drain();
    if (holdOver === undefined) gro.flush();
    else if (!last && gro.held > 0 && holdOver.mayGoOn && table.fits(2 * POLL_BUDGET, POLL_BUDGET)) holdOver.open();
    else {
      gro.flush(holdOver.isDue);
      holdOver.close();
    }
  }

  /** Gives up fragments whose time is over, though no other one comes: a lane that has some keeps its SAs. */
  private expire(fragments: Reassembler): void {
    const w = this.table.w;
    const b = (this.table.count - 1) << ROW_SHIFT;
    this.counters[C_DROPS + DROP_FRAGMENT_TIMEOUT] += fragments.expire(w[b + P_SEC], w[b + P_NSEC]);
    this.counters[C_HELD] = fragments.held;
  }

  private delivered(): void {
    if (this.abandoned) return;
    this.counters[C_DELIVERED] += this.batch.length;
    this.counters[C_SEGMENTS] += this.batch.totalSegments();
    this.counters[C_BYTES] += this.batch.totalBytes();
    this.ring.called();
    this.finish();
  }

  private failed(error: unknown): void {
    if (this.abandoned) return;
    this.counters[C_THROWS]++;
    this.counters[C_DROPS + DROP_CONSUMER_ERROR] += this.batch.totalSegments();
    this.ring.called();
    this.finish();
    this.onError(error);
  }

  /** The poll is over: its frames are free. */
  private finish(): void {
    this.pending = undefined;
    this.lookAhead?.clear();
    this.batch.clear();
    const { counters, handover, intake } = this;
    counters[C_POLLS]++;
    if (this.gro !== undefined) {
      const { flushes } = this.gro;
      counters[C_MERGED] += this.gro.merged;
      this.gro.merged = 0;
      for (let reason = 0; reason < flushes.length; reason++) counters[C_FLUSHES + reason] += flushes[reason];
      flushes.fill(0);
    }
    if (intake !== undefined && handover !== undefined) {
      counters[C_RECEIVED] += intake.packets;
      counters[C_MOVES] += handover.moves;
      intake.packets = 0;
      handover.moves = 0;
    }
    // Frames, and the account of them, are given back together: what a crash loses is counted once.
    if (this.isHolding) return;
    this.table.clear();
    this.shared.set(counters);
    // What was handed over can be seen before the ring has passed it.
    if (handover === undefined) this.scratch.reset();
    else handover.publish();
    if (this.outlet.foreign) {
      this.outlet.foreign = false;
      intake!.release();
    } else this.ring.release();
  }

  /** Whether there is something to do. While other lanes must go on first, they are asked to wake this one. */
  private isReady(): boolean {
    if (this.hasher.isBehind && this.handover?.idle() !== false) return true;
    if (this.intake?.available()) return true;
    if (this.blocked) return this.handover!.arm();
    return this.ring.available() > 0;
  }

  /**
   * Takes the new hash key. What was handed over must be delivered first, as its slots are those of other hashes. False: it is
   * not.
   */
  private adoptKey(): boolean {
    if (this.handover?.idle() === false) return false;
    this.hasher.adopt();
    return true;
  }

  /** After a crash of this lane's thread: inner fragments that it held are lost. */
  private adoptLosses(): void {
    this.counters[C_DROPS + DROP_LANE_LOST] += this.counters[C_HELD];
    this.counters[C_HELD] = 0;
  }
}
