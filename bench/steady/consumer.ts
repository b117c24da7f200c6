/** The lane's consumer: how long has each packet been on its way, and what does the heap of this thread do meanwhile? */
import type { Batch } from '../../src/lane/batch.ts';
import type { Consumer, ConsumerContext } from '../../src/lane/consumer.ts';
import { SharedClock } from './clock.ts';
import { HeapWatch } from './heap-watch.ts';
import { LatencyHistogram } from './latency.ts';

export interface SteadyData {
  readonly epoch: bigint;
  readonly latency: Float64Array;
  readonly heap: Float64Array;
}

/** The message that asks for a collection; it is sent back when that is done. */
export const COLLECT = 'collect';

export default function steadyConsumer({ data, post }: ConsumerContext): Consumer {
  const { epoch, latency, heap } = data as SteadyData;
  const clock = new SharedClock(epoch);
  const times = new LatencyHistogram(latency);
  const watch = new HeapWatch(heap);
  return {
    onPackets(batch: Batch): void {
      const now = clock.now();
      // The time of a super-packet is that of its first segment: the others have waited no longer.
      for (let i = 0; i < batch.length; i++) {
        times.add(now - (1e9 * batch.seconds(i) + batch.nanos(i)), batch.segments(i));
      }
    },
    onMessage(): void {
      watch.collectAll();
      post(COLLECT);
    },
    close: () => watch.close(),
  };
}
