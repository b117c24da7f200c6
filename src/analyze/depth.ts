/**
 * What would wait in the ring of each queue, were each queue served at one steady rate: Lindley's recursion (1952) in replay time.
 * A packet that finds its ring full is dropped.
 */
import { percentile } from './measures.ts';

export interface ServiceOptions {
  /** Packets a second that one queue gets done. */
  rate: number;
  /** Descriptors of a queue's ring. */
  ring: number;
}

export interface DepthReport {
  /** Packets waiting, the arriving one included, as arriving packets find them. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  readonly drops: number;
  readonly queues: readonly { readonly queue: number; readonly max: number; readonly drops: number }[];
}

export class Depth {
  private readonly perNano: number;
  private readonly ring: number;
  private readonly waiting: Float64Array;
  private readonly last: Float64Array;
  private readonly most: Uint32Array;
  private readonly drops: Float64Array;
  /** How many packets found each depth. */
  private readonly found: Float64Array;

  constructor(queues: number, { rate, ring }: ServiceOptions) {
    this.perNano = rate / 1e9;
    this.ring = ring;
    this.waiting = new Float64Array(queues);
    this.last = new Float64Array(queues);
    this.most = new Uint32Array(queues);
    this.drops = new Float64Array(queues);
    this.found = new Float64Array(ring + 1);
  }

  /** A packet comes to a queue at a time in nanoseconds that never goes back. */
  arrive(queue: number, time: number): void {
    const rest = this.waiting[queue] - (time - this.last[queue]) * this.perNano;
    this.last[queue] = time;
    const waiting = rest > 0 ? rest : 0;
    // The packet in service still has its descriptor.
    const depth = Math.ceil(waiting) + 1;
    if (depth > this.ring) {
      this.waiting[queue] = waiting;
      this.drops[queue]++;
      return;
    }
    this.waiting[queue] = waiting + 1;
    this.found[depth]++;
    if (depth > this.most[queue]) this.most[queue] = depth;
  }

  report(): DepthReport {
    const total = this.found.reduce((sum, n) => sum + n, 0);
    const at = (share: number): number => {
      const rank = Math.ceil(share * total);
      let sum = 0;
      for (let depth = 0; depth < this.found.length; depth++) {
        sum += this.found[depth];
        if (sum >= rank) return depth;
      }
      return 0;
    };
    const queues = Array.from(this.most, (max, queue) => ({ queue, max, drops: this.drops[queue] }));
    const drops = queues.reduce((sum, queue) => sum + queue.drops, 0);
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: percentile(this.most.slice().sort(), 1), drops, queues };
  }
}
