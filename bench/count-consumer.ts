/** The consumer of `replay_*`: looks at each packet's length and no more. */
import type { Batch } from '../src/lane/batch.ts';
import type { Consumer } from '../src/lane/consumer.ts';

export default function countConsumer(): Consumer & { bytes: number } {
  return {
    bytes: 0,
    onPackets(batch: Batch): void {
      for (let i = 0; i < batch.length; i++) this.bytes += batch.byteLength(i);
    },
  };
}
