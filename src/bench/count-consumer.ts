/** Looks at each packet's length and no more: what is measured is the way to it. */
import type { Batch } from '../lane/batch.ts';
import type { Consumer } from '../lane/consumer.ts';

export default function countConsumer(): Consumer {
  // Not a variable: a number beyond 31 bits would be allocated anew with each addition.
  const bytes = new Float64Array(1);
  return {
    onPackets(batch: Batch): void {
      for (let i = 0; i < batch.length; i++) bytes[0] += batch.byteLength(i);
    },
  };
}
