import {
  CLASS_FRAGMENT4,
  CLASS_MALFORMED,
  DROP_CONSUMER_ERROR,
  DROP_EXCLUDED,
  DROP_FRAGMENT_LIMIT,
  DROP_FRAGMENT_TIMEOUT,
  DROP_INNER_MALFORMED,
  DROP_LANE_LOST,
  DROP_NESTING,
} from '../counters.ts';
import { EspOpener, importSas, SaState, SaTable } from '../esp/index.ts';
import { FRAGMENT_COMPLETE, FRAGMENT_REFUSED, Reassembler } from '../fragments/reassembler.ts';
import { Gro } from '../gro/index.ts';
import { FlowHasher } from '../hash/flow-hasher.ts';
import { createKernels } from '../kernels/create.ts';
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
  DF_MARK,
  DF_POLL_END,
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
  P_SEGS,
  P_UNIT,
  P_VLAN,
  P_WIRE,
  PacketTable,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import { RingConsumer } from '../memory/ring.ts';
import { Scratch } from '../memory/scratch.ts';
import { Dissection, dissectIp } from '../wire/dissect.ts';
import { innermostOf } from '../wire/tunnel.ts';
import { Batch } from './batch.ts';
import { type LaneConfig, POLL_BUDGET } from './config.ts';
import type { Consumer } from './consumer.ts';
import {
  C_BYTES,
  C_DELIVERED,
  C_DROPS,
  C_DUMMY,
  C_FLUSHES,
  C_HELD,
  C_JOINED,
  C_MERGED,
  C_POLLS,
  C_SEGMENTS,
  C_TAKEN,
  C_THROWS,
  LANE_COUNTERS,
} from './counters.ts';
import { EspStage, espScratch, isEsp, STAGE_DUMMY, STAGE_OPENED } from './esp-stage.ts';
import { UnknownSpis } from './unknown-spis.ts';

/** Scratch that a packet takes which is not opened: room for the headers of a super-packet. */
const HEADER_SCRATCH = 512;
/** What an IP packet and its link header reach at most; longer ESP is refused before it is opened. */
const MAX_IP = 66_000;

/**
 * The pipeline of one queue: ring -> ESP -> inner fragments -> GRO -> consumer. A plain class: whoever owns the thread calls
 * `poll`. Nothing is allocated per packet (what node:crypto allocates aside).
 *
 *     poll:  take descriptors ... process each ... end of poll: flush GRO, one call of the consumer, release the ring
 *
 * Frames of a poll are in use until its end; the ring's low-water mark moves only there.
 */
export class Lane {
  readonly bytes: Uint8Array;
  readonly kernels: Kernels;
  /** What settles when the consumer's promise of the last poll does; undefined when the lane may poll. */
  pending: Promise<void> | undefined;
  /** Called with what the consumer threw or rejected with. */
  onError: (error: unknown) => void = () => {};
  private readonly config: LaneConfig;
  private readonly consumer: Consumer;
  private readonly ring: RingConsumer;
  private readonly table: PacketTable;
  private readonly batch: Batch;
  private readonly scratch: Scratch;
  private readonly hasher: FlowHasher;
  private readonly d: Dissection;
  /** Record of the innermost packet, with steering level `inner`. */
  private readonly inner: Dissection | undefined;
  private readonly stage: EspStage | undefined;
  private readonly fragments: Reassembler | undefined;
  private readonly gro: Gro | undefined;
  private readonly counters: Float64Array;
  private readonly shared: Float64Array;
  /** Descriptors taken since the last end of a poll; whether the next planned ones end it. */
  private inPoll = 0;
  private planEnds = false;
  private planFull = false;
  private abandoned = false;

  constructor(config: LaneConfig, consumer: Consumer) {
    this.config = config;
    this.consumer = consumer;
    const { places, lane } = config;
    const control = config.memory.buffer;
    const regions = config.layout.lanes[lane];
    this.bytes = new Uint8Array(config.memory.buffer);
    this.kernels = createKernels(config.memory, this.bytes);
    this.ring = new RingConsumer(new Int32Array(control), places.rings[lane] >> 2, config.slots);
    this.table = new PacketTable(POLL_BUDGET);
    this.batch = new Batch(lane, this.bytes, this.kernels, this.table, new Scratch(regions.contiguous));
    this.scratch = new Scratch(regions.scratch);
    this.hasher = new FlowHasher({ key: config.key, fields: config.fields, xfrm: config.xfrm, hfunc: config.hfunc });
    this.d = new Dissection();
    this.d.nattPort = config.nattPort;
    this.inner = config.level === 'inner' ? new Dissection() : undefined;
    this.shared = new Float64Array(control, places.counters[lane], LANE_COUNTERS);
    this.counters = new Float64Array(this.shared);
    if (config.esp !== undefined) {
      const sas = importSas(config.esp.sas);
      const words = new Int32Array(control);
      this.stage = new EspStage({
        d: this.d,
        bytes: this.bytes,
        kernels: this.kernels,
        scratch: this.scratch,
        opener: new EspOpener(this.bytes, sas, new SaState(control, places.saState, sas), { kernels: this.kernels }),
        table: new SaTable(control, places.saTable, sas.length),
        tunnel: Uint8Array.from(sas, (sa) => (sa.mode === 'tunnel' ? 1 : 0)),
        units: config.esp.units,
        owners: words.subarray(places.owners >> 2),
        unknown: new UnknownSpis(control, places.unknownSpis[lane]),
        deliverUnknown: config.esp.deliverUnknown,
        lane,
      });
    }
    if (config.fragments !== undefined) {
      this.fragments = new Reassembler(this.bytes, this.kernels, regions.fragments, config.fragments);
    }
    if (config.gro !== undefined) {
      this.gro = new Gro(this.bytes, this.kernels, this.table, this, this.scratch, config.gro);
    }
    this.adoptLosses();
  }

  /**
   * Takes what the ring holds, up to the end of a poll.
   *
   * @returns descriptors taken; 0 when there is nothing to do, or while `pending` is set
   */
  poll(): number {
    if (this.pending !== undefined) return 0;
    let taken = 0;
    for (;;) {
      const n = this.plan();
      if (n === 0) {
        if (!this.planFull || this.inPoll === 0) break;
        this.endPoll();
        if (this.pending !== undefined) return taken;
        continue;
      }
      this.ring.take(n);
      // What was just taken lies behind the cursor.
      for (let k = -n; k < 0; k++) this.process(this.ring.slot(k));
      this.inPoll += n;
      taken += n;
      if (this.planEnds) break;
    }
    if (this.planEnds || (!this.config.deterministic && this.inPoll > 0)) this.endPoll();
    return taken;
  }

  /** Resolves when something is there to take, or the lane is woken; undefined when it need not sleep. */
  sleep(stopped: () => boolean): Promise<unknown> | undefined {
    return this.ring.sleep(stopped);
  }

  /** As `sleep`, blocking the thread for at most `ms`. */
  block(ms: number, stopped: () => boolean): void {
    this.ring.block(ms, stopped);
  }

  /** The end of everything: what waits is lost (and counted), the consumer is closed. The ring must be empty. */
  async close(): Promise<void> {
    if (this.inPoll > 0) this.endPoll();
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
    this.shared.set(this.counters);
  }

  /** Given up while its consumer has a batch: what becomes of that is not counted any more. */
  abandon(): void {
    this.abandoned = true;
  }

  /** GRO's sink: the row is finished. */
  deliver(row: number): void {
    const b = row << ROW_SHIFT;
    const w = this.table.w;
    if (this.config.excluded[w[b + P_CLS]] === 1) {
      this.counters[C_DROPS + DROP_EXCLUDED] += w[b + P_SEGS];
    } else {
      this.batch.push(row);
    }
  }

  /**
   * How many descriptors to take next: up to the end of the poll, and as many as the scratch is sure to have room for.
   * Sets `planEnds` (the last one ends the poll) and `planFull` (nothing more fits before this poll has ended).
   */
  private plan(): number {
    this.planEnds = this.inPoll >= POLL_BUDGET;
    this.planFull = false;
    if (this.planEnds) return 0;
    const words = this.ring.words;
    const most = Math.min(this.ring.available(), POLL_BUDGET - this.inPoll);
    let room = this.scratch.room;
    let n = 0;
    while (n < most) {
      const s = this.ring.slot(n);
      const word = words[s + D_CLASS];
      room -=
        this.stage !== undefined && isEsp(word & 0xff)
          ? espScratch(Math.min(words[s + D_END], MAX_IP))
          : HEADER_SCRATCH;
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
    const flags = words[s + D_CLASS] >> 8;
    if ((flags & DF_MARK) !== 0) return;
    this.counters[C_TAKEN]++;
    const row = this.table.row();
    const b = row << ROW_SHIFT;
    const w = this.table.w;
    const off = words[s + D_OFF];
    const cls = words[s + D_CLASS] & 0xff;
    w[b + P_OFF] = off;
    w[b + P_LEN] = words[s + D_LEN];
    w[b + P_L3] = off + (words[s + D_HEADERS] & 0xffff);
    w[b + P_L4] = off + (words[s + D_HEADERS] >>> 16);
    w[b + P_END] = off + words[s + D_END];
    w[b + P_CLS] = cls;
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
    if (this.stage !== undefined && w[b + P_SA] !== 0) {
      w[b + P_UNIT] = this.config.esp!.units[w[b + P_SA] - 1] + 1;
      let verdict = this.stage.run(w, row);
      if (verdict === STAGE_OPENED && this.fragments !== undefined && isFragment(w[b + P_CLS])) {
        if (!this.reassemble(this.fragments, w, b)) return;
        if (isEsp(w[b + P_CLS])) verdict = this.descend(this.stage, w, row);
      }
      if (verdict !== STAGE_OPENED) {
        if (verdict === STAGE_DUMMY) this.counters[C_DUMMY]++;
        else this.counters[C_DROPS + verdict - 1]++;
        return;
      }
      const { d, inner } = this;
      w[b + P_HASH] = this.hasher.hash(this.bytes, inner === undefined ? d : innermostOf(this.bytes, d, inner));
      if (this.hasher.valid) w[b + P_FLAGS] |= F_HASH_VALID;
    }
    if (this.gro !== undefined) this.gro.receive(row);
    else this.deliver(row);
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
    const result = fragments.add(this.d, w[b + P_OFF], w[b + P_SA], w[b + P_SEC], w[b + P_NSEC]);
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

  private endPoll(): void {
    this.inPoll = 0;
    this.gro?.flush();
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
    this.batch.clear();
    this.table.clear();
    this.scratch.reset();
    const counters = this.counters;
    counters[C_POLLS]++;
    if (this.gro !== undefined) {
      const { flushes } = this.gro;
      counters[C_MERGED] += this.gro.merged;
      this.gro.merged = 0;
      for (let reason = 0; reason < flushes.length; reason++) counters[C_FLUSHES + reason] += flushes[reason];
      flushes.fill(0);
    }
    this.shared.set(counters);
    this.ring.release();
  }

  /** After a crash of this lane's thread: inner fragments that it held are lost. */
  private adoptLosses(): void {
    this.counters[C_DROPS + DROP_LANE_LOST] += this.counters[C_HELD];
    this.counters[C_HELD] = 0;
  }
}

function isFragment(cls: number): boolean {
  return (cls & ~1) === CLASS_FRAGMENT4;
}
