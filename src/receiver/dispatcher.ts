import type { FrameBatch } from '../capture/frame-batch.ts';
import {
  BAD_OVERSIZE,
  CLASS_FRAGMENT4,
  CLASS_MALFORMED,
  DROP_CLOSED,
  DROP_FLOW_LIMIT,
  DROP_FRAGMENT_LIMIT,
  DROP_FRAGMENT_TIMEOUT,
  DROP_FULL,
  DROP_MALFORMED,
  MALFORMED_REASONS,
} from '../counters.ts';
import type { LifeClock } from '../esp/index.ts';
import { FRAGMENT_COMPLETE, FRAGMENT_REFUSED, type Reassembler } from '../fragments/reassembler.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { Arena } from '../memory/arena.ts';
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
  DF_POLL_END,
  DF_TRUNCATED,
} from '../memory/descriptor.ts';
import { MAX_FRAME, type Region } from '../memory/frame-memory.ts';
import type { RingProducer } from '../memory/ring.ts';
import type { FlowLimit } from '../steer/flow-limit.ts';
import type { Steerer } from '../steer/steerer.ts';
import { type Dissection, dissect, LINK_ETHERNET } from '../wire/dissect.ts';
import { BatchKernel } from './batch-kernel.ts';
import { ABSORBED, GOES_ON, type Placement } from './placement.ts';
import { type DispatchPlan, STAGED } from './plan.ts';
import { PollEnds } from './poll-ends.ts';
import type { SaMoves } from './sa-moves.ts';

/**
 * A call of the kernel that takes no frame, or one, is in vain: 80 ns. What follows is likely of the same kind (a context, a symmetric
 * transform), so twice as many frames as before go without it then, up to so many: 217 ns became 140 where no frame was its.
 */
const ALONE_MAX = 16;

export interface DispatcherParts {
  /** The frame memory. */
  readonly bytes: Uint8Array;
  readonly kernels: Kernels;
  readonly d: Dissection;
  readonly placement: Placement;
  /** Told of the time of packets. */
  readonly clock: LifeClock;
  readonly rings: readonly RingProducer[];
  readonly arenas: readonly Arena[];
  readonly fragments?: Reassembler;
  readonly staging: Region;
  /** Counters and tables, shared with the kernel: in the frame memory. */
  readonly plan: DispatchPlan;
  readonly dropWhenFull: boolean;
  readonly deterministic: boolean;
  /** Of each lane; absent: a flow may fill a ring. */
  readonly limits?: readonly FlowLimit[];
  /** Absent: SAs stay in their lanes. */
  readonly saMoves?: SaMoves;
}

/** What `place` did. */
const PLACED = 0;
const FULL = 1;
const REFUSED = 2;

/**
 * The dispatcher: frames in, descriptors out. It dissects and hashes each frame once, looks SAs up before the hash decides
 * (an SA has one owner lane, whatever its packets' outer sources say), reassembles outer fragments, and writes descriptors
 * into the lanes' rings. Nothing is allocated per packet.
 */
export class Dispatcher {
  /** Called when a lane is full, before the packet is refused: lanes in the same thread may be polled then. */
  relieve: () => void = () => {};
  /** Packets taken, their bytes, and how they fall on classes, malformed reasons and queues (first placement). */
  packets = 0;
  readonly classes: Float64Array;
  readonly malformed: Float64Array = new Float64Array(MALFORMED_REASONS.length);
  readonly queuePackets: Float64Array;
  readonly queueBytes: Float64Array;
  readonly drops: Float64Array;
  joined = 0;
  keepalives = 0;
  /** Descriptors handed to each lane that are packets. */
  readonly placed: Float64Array;
  private readonly bytes: Uint8Array;
  private readonly kernels: Kernels;
  private readonly d: Dissection;
  private readonly placement: Placement;
  private readonly clock: LifeClock;
  private readonly rings: readonly RingProducer[];
  private readonly arenas: readonly Arena[];
  private readonly limits: readonly FlowLimit[] | undefined;
  readonly saMoves: SaMoves | undefined;
  private readonly fragments: Reassembler | undefined;
  private readonly staging: Region;
  private readonly dropWhenFull: boolean;
  private readonly deterministic: boolean;
  private readonly polls: PollEnds;
  private readonly kernel: BatchKernel | undefined;
  /** Frames that are taken without the kernel before it is called again. */
  private alone = 1;
  private readonly aloneMax: number = ALONE_MAX;
  /** A datagram that is complete and waits for room, and what its descriptor will say. */
  private readonly waiting = { offset: -1, length: 0, wire: 0, seconds: 0, nanos: 0, linkType: 0, number: 0 };

  constructor(parts: DispatcherParts) {
    this.bytes = parts.bytes;
    this.kernels = parts.kernels;
    this.d = parts.d;
    this.placement = parts.placement;
    this.clock = parts.clock;
    this.rings = parts.rings;
    this.arenas = parts.arenas;
    this.limits = parts.limits;
    this.saMoves = parts.saMoves;
    this.fragments = parts.fragments;
    this.staging = parts.staging;
    this.dropWhenFull = parts.dropWhenFull;
    this.deterministic = parts.deterministic;
    const { plan } = parts;
    // The kernel hashes the outer packet.
    const place = parts.placement.steerer.level === 'outer' ? parts.kernels.dispatch : undefined;
    this.kernel = place === undefined ? undefined : new BatchKernel(place, plan, parts.bytes.buffer);
    this.classes = plan.classes;
    this.drops = plan.drops;
    this.queuePackets = plan.queuePackets;
    this.queueBytes = plan.queueBytes;
    this.placed = plan.placed;
    this.polls = new PollEnds(parts.rings, plan);
  }

  /** Bytes of all packets taken. */
  get byteCount(): number {
    return this.queueBytes.reduce((sum, n) => sum + n, 0);
  }

  /** Packets dropped because a lane was full, or their flow over its limit. */
  get refused(): number {
    return this.drops[DROP_FULL] + this.drops[DROP_FLOW_LIMIT];
  }

  /** Fragments that wait for the rest of their datagram. */
  get held(): number {
    const waiting = this.waiting.offset >= 0 ? 1 : 0;
    return (this.fragments === undefined ? 0 : this.fragments.held) + waiting;
  }

  /**
   * Takes frames of a batch from number `from` on, without copying them.
   *
   * @returns how many were taken: fewer than there are only when a lane is full and the policy is to wait
   */
  pushBatch(batch: FrameBatch, from: number): number {
    const { linkType, count } = batch;
    this.clock.tick();
    this.saMoves?.settle();
    const kernel = linkType === LINK_ETHERNET && this.placement.transition === undefined ? this.kernel : undefined;
    let i = from;
    while (i < count) {
      const to = kernel === undefined ? count : Math.min(count, i + STAGED);
      const next = kernel === undefined ? this.takeAll(batch, i, to) : this.takeFast(kernel, batch, i, to);
      i = next;
      if (next < to) break;
    }
    this.publish();
    return i - from;
  }

  /** Takes frames `from` to `to`; returns the first that was not taken. */
  private takeAll(batch: FrameBatch, from: number, to: number): number {
    const { offsets, lengths, wireLengths, seconds, nanos, linkType } = batch;
    let i = from;
    while (i < to && this.take(this.bytes, offsets[i], lengths[i], wireLengths[i], seconds[i], nanos[i], linkType)) i++;
    return i;
  }

  /** As `takeAll`, for at most STAGED frames: the kernel takes those that it understands, all in their order. */
  private takeFast(kernel: BatchKernel, batch: FrameBatch, from: number, to: number): number {
    let copy = kernel.load(batch, from, to);
    let i = from;
    while (i < to) {
      if (this.waiting.offset < 0) {
        const next = kernel.run(batch, from, i, to, this.packets);
        this.packets += next - i;
        this.alone = next - i > 1 ? 1 : Math.min(this.alone << 1, this.aloneMax);
        i = next;
        if (i === to) break;
      }
      const stop = Math.min(to, i + this.alone);
      i = this.takeAll(batch, i, stop);
      if (i < stop) break;
      if (kernel.overwritten(copy)) copy = kernel.load(batch, from, to);
    }
    return i;
  }

  /** Takes one frame, copying it. False: not taken. */
  push(frame: Uint8Array, linkType: number, seconds: number, nanos: number): boolean {
    if (frame.length > MAX_FRAME) {
      this.malformed[BAD_OVERSIZE]++;
      this.drops[DROP_MALFORMED]++;
      this.count(CLASS_MALFORMED, 0, frame.length);
      return true;
    }
    this.clock.tick();
    this.saMoves?.settle();
    const taken = this.take(frame, 0, frame.length, frame.length, seconds, nanos, linkType);
    this.publish();
    return taken;
  }

  /**
   * Ends the poll of every lane that has packets since the last end.
   *
   * @returns false when a ring was full; call again
   */
  mark(): boolean {
    const placed = this.placeWaiting();
    const ended = this.polls.endAll();
    this.publish();
    return placed && ended;
  }

  /** The reader has finished a block: no poll may last until all blocks wait for its end. */
  blockDone(): void {
    this.polls.blockDone();
    this.settle();
  }

  /** Ends the polls whose end is due and had found their ring full. */
  settle(): void {
    this.polls.settle();
    this.publish();
  }

  /** The end of the input: fragments that wait are lost, and a datagram that found no room. */
  end(): void {
    if (this.fragments === undefined) return;
    this.drops[DROP_FRAGMENT_TIMEOUT] += this.fragments.flush();
    if (this.waiting.offset < 0) return;
    this.drops[DROP_CLOSED]++;
    this.fragments.release(this.waiting.offset);
    this.waiting.offset = -1;
  }

  /** Makes what was placed visible to the lanes. */
  publish(): void {
    for (let lane = 0; lane < this.rings.length; lane++) this.rings[lane].publish();
  }

  /** Dissects, steers and places one frame: where it lies when `source` is the frame memory, else as a copy. */
  private take(
    source: Uint8Array,
    off: number,
    len: number,
    wire: number,
    seconds: number,
    nanos: number,
    linkType: number,
  ): boolean {
    if (this.waiting.offset >= 0 && !this.placeWaiting()) return false;
    const { d, placement } = this;
    this.clock.packet(seconds, nanos);
    const cls = dissect(source, off, off + len, linkType, d);
    const verdict = placement.judge(source, cls);
    if (verdict === GOES_ON) {
      if ((cls & ~1) === CLASS_FRAGMENT4 && this.fragments !== undefined) {
        const number = this.packets;
        this.count(cls, placement.lane, len);
        this.reassemble(this.fragments, source, off, len, wire, seconds, nanos, linkType, number);
        return true;
      }
      const copy = source !== this.bytes;
      let result = this.place(source, off, len, wire, seconds, nanos, linkType, this.packets, copy);
      if (result === FULL) {
        this.relieve();
        // A consumer that was called meanwhile may have pushed packets itself.
        placement.judge(source, dissect(source, off, off + len, linkType, d));
        result = this.place(source, off, len, wire, seconds, nanos, linkType, this.packets, copy);
        if (result === FULL && !this.dropWhenFull) return false;
      }
      if (result !== PLACED) this.drops[result === FULL ? DROP_FULL : DROP_FLOW_LIMIT]++;
    } else if (verdict === ABSORBED) this.keepalives++;
    else {
      this.drops[verdict]++;
      if (verdict === DROP_MALFORMED) this.malformed[d.reason]++;
    }
    this.count(cls, placement.lane, len);
    return true;
  }

  private count(cls: number, lane: number, len: number): void {
    this.packets++;
    this.classes[cls]++;
    this.queuePackets[lane]++;
    this.queueBytes[lane] += len;
  }

  /** Writes the descriptor of the frame in the record. FULL: its ring or its arena is; REFUSED: its flow has had its share. */
  private place(
    source: Uint8Array,
    off: number,
    len: number,
    wire: number,
    seconds: number,
    nanos: number,
    linkType: number,
    number: number,
    copy: boolean,
  ): number {
    const { d, placement, polls } = this;
    const { lane, steerer } = placement;
    if (!polls.mayGoOn(lane)) return FULL;
    const ring = this.rings[lane];
    const arena = this.arenas[lane];
    let target = off;
    if (copy) {
      const alignment = (source.byteOffset + off) & 7;
      target = arena.take(len, alignment);
      if (target < 0) {
        arena.free(ring.refresh());
        target = arena.take(len, alignment);
        if (target < 0) return FULL;
      }
    }
    if (this.limits !== undefined && this.isLimited(this.limits[lane], ring, steerer)) return REFUSED;
    const s = ring.claim();
    if (s < 0) return FULL;
    if (copy) arena.mark((ring.head - 1) | 0);
    if (source !== this.bytes) this.bytes.set(source, target);
    else if (copy) this.kernels.copy(target, off, len);
    let flags = (steerer.valid ? DF_HASH_VALID : 0) | (d.truncated === 1 ? DF_TRUNCATED : 0);
    if (this.deterministic && polls.isLast(lane, copy ? len : 0)) flags |= DF_POLL_END;
    const words = ring.words;
    words[s + D_OFF] = target;
    words[s + D_LEN] = len;
    words[s + D_WIRE] = wire;
    words[s + D_HASH] = steerer.hash;
    words[s + D_CLASS] = d.cls | (flags << 8);
    words[s + D_HEADERS] = (d.l3 - off) | ((d.l4 - off) << 16);
    words[s + D_END] = d.end - off;
    words[s + D_PROTO] = d.proto | (linkType << 8);
    words[s + D_SEC] = seconds;
    words[s + D_NSEC] = nanos;
    words[s + D_NUMBER] = number;
    words[s + D_SA] = placement.sa;
    words[s + D_VLAN] = d.vlan;
    this.placed[lane]++;
    placement.put();
    return PLACED;
  }

  /** Whether the ring is half full, and that by the packet's flow. */
  private isLimited(limit: FlowLimit, ring: RingProducer, steerer: Steerer): boolean {
    const half = ring.slots >> 1;
    if (steerer.valid === 0 || ((ring.head - ring.delivered) | 0) < half) return false;
    const backlog = (ring.head - ring.refresh()) | 0;
    return backlog >= half && backlog < ring.slots && limit.refuses(steerer.hash);
  }

  /** The slow path: a fragment. What it completes is dissected and steered again, by its ports or its SPI. */
  private reassemble(
    fragments: Reassembler,
    source: Uint8Array,
    off: number,
    len: number,
    wire: number,
    seconds: number,
    nanos: number,
    linkType: number,
    number: number,
  ): void {
    let at = off;
    if (source !== this.bytes) {
      at = this.staging.offset;
      this.bytes.set(source, at);
      dissect(this.bytes, at, at + len, linkType, this.d);
    }
    this.drops[DROP_FRAGMENT_TIMEOUT] += fragments.expire(seconds, nanos);
    const result = fragments.add(this.d, at, 0, seconds, nanos);
    this.drops[DROP_FRAGMENT_LIMIT] += fragments.evicted;
    if (result >= FRAGMENT_REFUSED) this.drops[result - FRAGMENT_REFUSED] += fragments.lost;
    if (result !== FRAGMENT_COMPLETE) return;
    this.joined += fragments.outFragments - 1;
    const w = this.waiting;
    w.offset = fragments.outOffset;
    w.length = fragments.outLength;
    w.wire = wire;
    w.seconds = seconds;
    w.nanos = nanos;
    w.linkType = linkType;
    w.number = number;
    this.placeWaiting();
  }

  /** Places the datagram that waits, if one does. False: it still waits. */
  private placeWaiting(): boolean {
    if (this.tryWaiting(false)) return true;
    this.relieve();
    return this.tryWaiting(this.dropWhenFull);
  }

  private tryWaiting(drop: boolean): boolean {
    const w = this.waiting;
    if (w.offset < 0) return true;
    const verdict = this.placement.judge(
      this.bytes,
      dissect(this.bytes, w.offset, w.offset + w.length, w.linkType, this.d),
    );
    if (verdict === GOES_ON) {
      const result = this.place(this.bytes, w.offset, w.length, w.wire, w.seconds, w.nanos, w.linkType, w.number, true);
      if (result === FULL && !drop) return false;
      if (result !== PLACED) this.drops[result === FULL ? DROP_FULL : DROP_FLOW_LIMIT]++;
    } else if (verdict === ABSORBED) this.keepalives++;
    else {
      this.drops[verdict]++;
      if (verdict === DROP_MALFORMED) this.malformed[this.d.reason]++;
    }
    this.fragments!.release(w.offset);
    w.offset = -1;
    return true;
  }
}
