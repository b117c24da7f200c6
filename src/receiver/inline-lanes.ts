import type { SaCopy } from '../esp/index.ts';
import type { LaneConfig } from '../lane/config.ts';
import type { Consumer } from '../lane/consumer.ts';
import { Lane } from '../lane/lane.ts';
import { type LaneEvents, type Lanes, PROGRESS_MS, turn } from './lanes.ts';

/** All lanes in the calling thread: polled in their order, after each push. */
export class InlineLanes implements Lanes {
  private readonly lanes: Lane[];
  private readonly consumers: readonly Consumer[];
  /** The promise of each lane that is waited for already. */
  private readonly awaited: (Promise<void> | undefined)[] = [];
  private polling = false;
  private ended = false;

  constructor(configs: readonly LaneConfig[], consumers: readonly Consumer[], events: LaneEvents) {
    this.consumers = consumers;
    this.lanes = configs.map((config, i) => {
      const lane = new Lane(config, consumers[i]);
      lane.onError = (error) => events.consumerError(i, error);
      // Not in the middle of a push: what a listener throws is no failure of it.
      lane.onEvent = (event) => queueMicrotask(() => events.sa(event));
      return lane;
    });
  }

  kick(): void {
    // A consumer that pushes packets itself must not poll the lane that has called it.
    if (this.polling || this.ended) return;
    this.polling = true;
    try {
      // What one lane hands over to another that had its turn already is for the next round.
      while (this.round());
    } finally {
      this.polling = false;
    }
  }

  wake(): void {
    this.kick();
  }

  /** Polls every lane until it has nothing to do. False: none had anything. */
  private round(): boolean {
    let some = false;
    for (let i = 0; i < this.lanes.length; i++) {
      const lane = this.lanes[i];
      while (lane.poll() > 0) some = true;
      if (lane.pending === undefined || lane.pending === this.awaited[i]) continue;
      this.awaited[i] = lane.pending;
      // What came while the consumer's promise was pending is taken when it settles, not with the next push.
      lane.pending.then(() => this.kick());
    }
    return some;
  }

  async progress(): Promise<void> {
    const pending: Promise<unknown>[] = this.lanes.flatMap(({ pending }) => (pending === undefined ? [] : [pending]));
    if (pending.length === 0) await turn();
    else {
      let timer: NodeJS.Timeout | undefined;
      pending.push(
        new Promise((resolve) => {
          timer = setTimeout(resolve, PROGRESS_MS);
        }),
      );
      await Promise.race(pending);
      clearTimeout(timer);
    }
    this.kick();
  }

  sweep(): void {}

  async forgetSas(slots: Int32Array, units: Int32Array): Promise<void> {
    for (const lane of this.lanes) lane.forgetSas(slots, units);
  }

  async copySas(lane: number, slots: Int32Array): Promise<SaCopy | undefined> {
    return this.lanes[lane].copySas(slots);
  }

  post(lane: number, message: unknown): void {
    if (!this.ended) this.consumers[lane].onMessage?.(message);
  }

  async end(): Promise<void> {
    this.ended = true;
    for (const lane of this.lanes) await lane.close();
  }

  async kill(): Promise<void> {
    this.ended = true;
    for (const lane of this.lanes) lane.abandon();
  }
}
