import type { LaneConfig } from '../lane/config.ts';
import type { Consumer } from '../lane/consumer.ts';
import { Lane } from '../lane/lane.ts';
import { type LaneEvents, type Lanes, turn } from './lanes.ts';

/** All lanes in the calling thread: polled in their order, after each push. */
export class InlineLanes implements Lanes {
  private readonly lanes: Lane[];
  private readonly consumers: readonly Consumer[];
  private polling = false;

  constructor(configs: readonly LaneConfig[], consumers: readonly Consumer[], events: LaneEvents) {
    this.consumers = consumers;
    this.lanes = configs.map((config, i) => {
      // The lanes share one consumer: it is closed once, in end().
      const lane = new Lane(config, consumers[i]);
      lane.onError = (error) => events.consumerError(i, error);
      return lane;
    });
  }

  kick(): void {
    // A consumer that pushes packets itself must not poll the lane that has called it.
    if (this.polling) return;
    this.polling = true;
    try {
      for (const lane of this.lanes) while (lane.poll() > 0);
    } finally {
      this.polling = false;
    }
  }

  async progress(): Promise<void> {
    const pending = this.lanes.flatMap((lane) => (lane.pending === undefined ? [] : [lane.pending]));
    await (pending.length > 0 ? Promise.race(pending) : turn());
    this.kick();
  }

  post(lane: number, message: unknown): void {
    this.consumers[lane].onMessage?.(message);
  }

  async end(): Promise<void> {
    for (const lane of this.lanes) await lane.close();
  }

  async kill(): Promise<void> {}
}
