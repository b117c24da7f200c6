/**
 * A lane without thread or dispatcher: the test writes its descriptors. Frames go to the middle of the frame memory's windows and are
 * wiped when the lane has given them back.
 */

import { DROP_REASONS, type DropReason } from '../../src/counters.ts';
import { type Sa, SaTable } from '../../src/esp/index.ts';
import { FlowHasher } from '../../src/hash/flow-hasher.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import type { Batch } from '../../src/lane/batch.ts';
import type { Consumer } from '../../src/lane/consumer.ts';
import {
  C_DELIVERED,
  C_DROPS,
  C_DUMMY,
  C_HELD,
  C_JOINED,
  C_MERGED,
  C_POLLS,
  C_SEGMENTS,
  C_TAKEN,
  C_THROWS,
  LANE_COUNTERS,
} from '../../src/lane/counters.ts';
import { isAh, isProtected } from '../../src/lane/esp-stage.ts';
import { Lane } from '../../src/lane/lane.ts';
import * as D from '../../src/memory/descriptor.ts';
import type { RingProducer } from '../../src/memory/ring.ts';
import type { Control } from '../../src/receiver/control.ts';
import { type Core, makeCore } from '../../src/receiver/core.ts';
import { type ReceiverOptions, resolveOptions } from '../../src/receiver/options.ts';
import type { SaStats } from '../../src/receiver/sa-stats.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';

/** A delivered packet, copied. */
export interface Delivered {
  readonly bytes: Uint8Array;
  readonly class: string;
  readonly sa: number;
  readonly segments: number;
  readonly gsoSize: number;
  readonly number: number;
  readonly lastNumber: number;
  readonly linkLength: number;
  readonly headerLength: number;
  readonly lane: number;
}

export function deliveredOf(batch: Batch): Delivered[] {
  return Array.from({ length: batch.length }, (_, i) => ({
    bytes: batch.copy(i),
    class: batch.className(i),
    sa: batch.sa(i),
    segments: batch.segments(i),
    gsoSize: batch.gsoSize(i),
    number: batch.number(i),
    lastNumber: batch.lastNumber(i),
    linkLength: batch.linkLength(i),
    headerLength: batch.headerLength(i),
    lane: batch.lane,
  }));
}

export type LaneBenchOptions = Partial<Omit<ReceiverOptions, 'consumer' | 'queues'>> & {
  readonly sas?: readonly Sa[];
  readonly onPackets?: Consumer['onPackets'];
  readonly onEvent?: Consumer['onEvent'];
  readonly close?: Consumer['close'];
  /** False: `batches` stays empty, and nothing has been asked of the batch before `onPackets`. */
  readonly copies?: boolean;
};

export interface LaneCounts {
  readonly taken: number;
  readonly delivered: number;
  readonly segments: number;
  readonly joined: number;
  readonly dummy: number;
  readonly held: number;
  readonly polls: number;
  readonly throws: number;
  readonly merged: number;
  readonly drops: Partial<Record<DropReason, number>>;
}

export class LaneBench {
  readonly lane: Lane;
  readonly bytes: Uint8Array;
  readonly control: Control;
  readonly ring: RingProducer;
  /** What was delivered, batch by batch. */
  readonly batches: Delivered[][] = [];
  readonly errors: unknown[] = [];
  /** The clock of the frames stands; else they are a second apart. */
  still = false;
  private readonly d = new Dissection();
  private readonly hasher: FlowHasher;
  private readonly saTable: SaTable | undefined;
  private readonly core: Core;
  private readonly counters: Float64Array;
  private readonly windows: { readonly offset: number; readonly length: number };
  private at: number;
  private number = 0;
  private seconds = 1000;

  constructor({ sas, onPackets, onEvent, close, copies = true, ...rest }: LaneBenchOptions = {}) {
    const consumer: Consumer = {
      onPackets: (batch) => {
        if (copies) this.batches.push(deliveredOf(batch));
        return onPackets?.(batch);
      },
      onEvent,
      close,
    };
    const options = resolveOptions({
      // Not the random key of a receiver: over a few ports and SPIs it may have a low rank, and all fall on one queue.
      rss: { key: microsoftKey() },
      queues: 1,
      inline: true,
      consumer,
      ...(sas === undefined ? {} : { esp: { sas, ...rest.esp } }),
      ...rest,
    });
    const core = makeCore(options);
    this.core = core;
    this.bytes = core.bytes;
    this.control = core.control;
    this.ring = core.rings[0];
    this.counters = new Float64Array(this.control.buffer, this.control.places.counters[0], LANE_COUNTERS);
    this.hasher = new FlowHasher({ key: options.steerer.key });
    if (options.esp !== undefined) {
      this.saTable = new SaTable(this.control.buffer, this.control.places.saTable, options.esp.maxSas);
    }
    this.windows = options.layout.windows;
    this.at = this.windows.offset;
    this.lane = new Lane(core.laneConfig(0), consumer);
    this.lane.onError = (error) => this.errors.push(error);
  }

  /** Places a frame as the dispatcher would; `end`: it is the last of its poll. */
  push(frame: Uint8Array, { linkType = 1, end = false }: { linkType?: number; end?: boolean } = {}): void {
    const s = this.ring.claim();
    if (s < 0) throw new Error('the ring is full');
    if (this.at + frame.length > this.windows.offset + this.windows.length) this.at = this.windows.offset;
    const off = this.at;
    this.at += frame.length;
    this.bytes.set(frame, off);
    const { d, ring } = this;
    const cls = dissect(this.bytes, off, off + frame.length, linkType, d);
    const hash = this.hasher.hash(this.bytes, d);
    const flags =
      (this.hasher.valid ? D.DF_HASH_VALID : 0) | (d.truncated === 1 ? D.DF_TRUNCATED : 0) | (end ? D.DF_POLL_END : 0);
    const v6 = (cls & 1) === 1;
    const sa = isProtected(cls)
      ? (this.saTable?.lookup(this.bytes, d.l3 + (v6 ? 24 : 16), v6, d.spi, isAh(cls)) ?? -1)
      : -1;
    const w = ring.words;
    w[s + D.D_OFF] = off;
    w[s + D.D_LEN] = frame.length;
    w[s + D.D_WIRE] = frame.length + 4;
    w[s + D.D_HASH] = hash;
    w[s + D.D_CLASS] = cls | (flags << 8);
    w[s + D.D_HEADERS] = (d.l3 - off) | ((d.l4 - off) << 16);
    w[s + D.D_END] = d.end - off;
    w[s + D.D_PROTO] = d.proto | (linkType << 8);
    w[s + D.D_SEC] = this.seconds;
    if (!this.still) this.seconds++;
    w[s + D.D_NSEC] = 5;
    w[s + D.D_NUMBER] = this.number++;
    w[s + D.D_SA] = sa + 1;
    w[s + D.D_VLAN] = d.vlan;
    ring.publish();
  }

  /** A mark: the end of a poll, and no packet. */
  mark(): void {
    const s = this.ring.claim();
    this.ring.words[s + D.D_CLASS] = D.DF_MARK << 8;
    this.ring.publish();
  }

  /** Polls until there is nothing to do; then the frames that were pushed so far are wiped. Returns what was delivered. */
  run(): Delivered[] {
    const before = this.batches.length;
    while (this.lane.poll() > 0);
    if (this.ring.idle()) this.bytes.fill(0xdd, this.windows.offset, this.at);
    return this.batches.slice(before).flat();
  }

  /** All SAs, with what they have done. */
  sas(): SaStats[] {
    const { sas } = this.core;
    return Array.from(sas.values(), (entry) => sas.stats(entry));
  }

  counts(): LaneCounts {
    const c = this.counters;
    const drops: Partial<Record<DropReason, number>> = {};
    DROP_REASONS.forEach((reason, i) => {
      if (c[C_DROPS + i] > 0) drops[reason] = c[C_DROPS + i];
    });
    return {
      taken: c[C_TAKEN],
      delivered: c[C_DELIVERED],
      segments: c[C_SEGMENTS],
      joined: c[C_JOINED],
      dummy: c[C_DUMMY],
      held: c[C_HELD],
      polls: c[C_POLLS],
      throws: c[C_THROWS],
      merged: c[C_MERGED],
      drops,
    };
  }

  /** Packets that were taken and are in no counter: 0, or the lane has lost some. */
  unaccounted(): number {
    const { taken, segments, joined, dummy, held, drops } = this.counts();
    return taken - segments - joined - dummy - held - Object.values(drops).reduce((sum, n) => sum + n, 0);
  }
}
