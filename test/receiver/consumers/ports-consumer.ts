/** Sends the ports of what it is given. */
import type { Consumer, ConsumerContext } from '../../../src/lane/consumer.ts';
import { Tuple } from '../../../src/wire/tuple.ts';

export default function ports({ post }: ConsumerContext): Consumer {
  const tuple = new Tuple();
  return {
    onPackets(batch) {
      post(
        Array.from({ length: batch.length }, (_, i) => {
          batch.tuple(i, tuple);
          return `${tuple.sport} ${tuple.dport}`;
        }),
      );
    },
  };
}
