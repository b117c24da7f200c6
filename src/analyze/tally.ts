/** What one scenario's table and queues have got. */
import type { Indirection } from '../steer/indirection.ts';
import { Depth, type ServiceOptions } from './depth.ts';
import { WindowCounts } from './windows.ts';

export class Tally {
  readonly indirection: Indirection;
  readonly queues: number;
  readonly bucketPackets: Float64Array;
  readonly bucketBytes: Float64Array;
  readonly queuePackets: Float64Array;
  readonly queueBytes: Float64Array;
  readonly windows: WindowCounts;
  readonly depth: Depth | undefined;
  /** Packets without a hash: they go to queue 0. */
  unhashed = 0;
  /** Packets that a rule or the letter r drops. */
  dropped = 0;
  /** Packets that went to another queue than the first one of their flow. */
  strays = 0;
  /** At flows: 1 where it has such packets. */
  strayed: Uint8Array | undefined;
  private readonly flowLimit: number;

  constructor(indirection: Indirection, queues: number, service: ServiceOptions | undefined, flowLimit: number) {
    this.flowLimit = flowLimit;
    this.indirection = indirection;
    this.queues = queues;
    this.bucketPackets = new Float64Array(indirection.size);
    this.bucketBytes = new Float64Array(indirection.size);
    this.queuePackets = new Float64Array(queues);
    this.queueBytes = new Float64Array(queues);
    this.windows = new WindowCounts(queues);
    this.depth = service === undefined ? undefined : new Depth(queues, service);
  }

  /** Counts packets of one hash. */
  hashed(hash: number, packets: number, bytes: number, window: number): void {
    const bucket = this.indirection.index(hash);
    this.bucketPackets[bucket] += packets;
    this.bucketBytes[bucket] += bytes;
    this.placed(this.indirection.entries[bucket], packets, bytes, window);
  }

  /** Counts packets that go to a queue without the table. */
  placed(queue: number, packets: number, bytes: number, window: number): void {
    const { windows } = this;
    const row = window * this.queues + queue;
    this.queuePackets[queue] += packets;
    this.queueBytes[queue] += bytes;
    windows.packets[row] += packets;
    windows.bytes[row] += bytes;
  }

  /** Notes that a packet of a flow went to another queue than its first one. */
  stray(flow: number): void {
    this.strays++;
    this.strayed ??= new Uint8Array(this.flowLimit);
    this.strayed[flow] = 1;
  }

  /** Flows have new indices: see `Units`. */
  flowsMoved(moved: Int32Array): void {
    const { strayed } = this;
    if (strayed === undefined) return;
    let count = 0;
    for (let i = 0; i < moved.length; i++) if (moved[i] >= 0) strayed[count++] = strayed[i];
    strayed.fill(0, count);
  }
}
