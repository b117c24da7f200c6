/**
 * Dispatcher and lanes of a receiver without threads: the test says which lane polls when, and may let one die in the middle of a
 * poll. What a receiver does about a thread that has ended is done here as well.
 */

import type { Sa } from '../../src/esp/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import type { Batch } from '../../src/lane/batch.ts';
import { C_TAKEN, LANE_COUNTERS } from '../../src/lane/counters.ts';
import { Lane } from '../../src/lane/lane.ts';
import { type Core, makeCore } from '../../src/receiver/core.ts';
import { type ReceiverOptions, resolveOptions } from '../../src/receiver/options.ts';
import { collectStats, type ReceiverStats } from '../../src/receiver/stats.ts';
import { type Delivered, deliveredOf } from './lane-bench.ts';

export type LaneGroupOptions = Omit<ReceiverOptions, 'consumer' | 'inline'> & {
  readonly sas?: readonly Sa[];
  /** Called in the lane of the batch; what it returns holds the lane. */
  readonly onPackets?: (batch: Batch) => void | Promise<void>;
};

export class LaneGroup {
  readonly core: Core;
  readonly lanes: Lane[];
  /** What was delivered, in its order over all lanes. */
  readonly delivered: Delivered[] = [];
  readonly errors: unknown[] = [];
  private readonly onPackets: LaneGroupOptions['onPackets'];
  private readonly counters: readonly Float64Array[];
  private readonly lost: Float64Array;
  private readonly lostOwn: Float64Array;
  private readonly held: Set<number> = new Set();

  constructor({ sas, onPackets, ...rest }: LaneGroupOptions = {}) {
    const options = resolveOptions({
      rss: { key: microsoftKey() },
      inline: true,
      consumer: { onPackets() {} },
      ...(sas === undefined ? {} : { esp: { sas } }),
      ...rest,
    });
    this.onPackets = onPackets;
    this.core = makeCore(options);
    const { places, buffer } = this.core.control;
    this.counters = places.counters.map((at) => new Float64Array(buffer, at, LANE_COUNTERS));
    this.lost = new Float64Array(options.queues);
    this.lostOwn = new Float64Array(options.queues);
    this.lanes = places.rings.map((_, lane) => this.makeLane(lane));
  }

  /** Seconds of the packets that are pushed. */
  time = 1000;

  push(...frames: Uint8Array[]): void {
    for (const frame of frames) {
      if (!this.core.dispatcher.push(frame, 1, this.time, 0)) throw new Error('the ring is full');
    }
  }

  /** Polls one lane until it has nothing to do, or so many times. Returns what was delivered meanwhile. */
  poll(lane: number, times = Number.POSITIVE_INFINITY): Delivered[] {
    const before = this.delivered.length;
    for (let n = 0; n < times && this.lanes[lane].poll() > 0; n++);
    return this.delivered.slice(before);
  }

  /** Polls all lanes in their order until none has anything to do. */
  run(): Delivered[] {
    const before = this.delivered.length;
    for (let some = true; some; ) {
      some = false;
      for (const lane of this.lanes) while (lane.poll() > 0) some = true;
    }
    return this.delivered.slice(before);
  }

  /** The consumer of a lane keeps its next batch for ever: its thread is to die with it. */
  hold(lane: number): void {
    this.held.add(lane);
  }

  /** The thread of a lane ends, whatever it was about, and another one takes over. */
  replace(lane: number): void {
    const { rings, dispatcher, handover } = this.core;
    this.lanes[lane].abandon();
    this.held.delete(lane);
    const left = rings[lane].abandon();
    const lost = dispatcher.placed[lane] - left - this.counters[lane][C_TAKEN] - this.lostOwn[lane];
    this.lostOwn[lane] += lost;
    this.lost[lane] += lost + (handover?.abandon(lane) ?? 0);
    this.lanes[lane] = this.makeLane(lane);
  }

  stats(): ReceiverStats {
    const { dispatcher, handover, control, options, sas, unknown } = this.core;
    return collectStats({
      dispatcher,
      counters: this.counters,
      lost: this.lost,
      closed: new Float64Array(options.queues),
      handover,
      rfs: options.rfs && { entries: options.rfs.entries, moves: control.plan.moves[0] },
      unknown,
      sas,
      hkey: '',
    });
  }

  /** Why not all is accounted for, when nothing flows. */
  fault(): string | undefined {
    const stats = this.stats();
    if (!stats.conserved) return 'not conserved';
    if (stats.queues.some((queue) => queue.held < 0)) return 'a lane has less than nothing';
    return undefined;
  }

  private makeLane(number: number): Lane {
    const lane = new Lane(this.core.laneConfig(number), {
      onPackets: (batch) => {
        if (this.held.has(number)) return new Promise(() => {});
        this.delivered.push(...deliveredOf(batch));
        return this.onPackets?.(batch);
      },
    });
    lane.onError = (error) => this.errors.push(error);
    return lane;
  }
}
