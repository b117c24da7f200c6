import type { Consumer, ConsumerContext } from '../src/index.ts';

/** Counts what its lane delivers, and tells the program at the end. */
export default function embedConsumer({ post }: ConsumerContext): Consumer {
  let packets = 0;
  let segments = 0;
  return {
    onPackets(batch) {
      for (let i = 0; i < batch.length; i++) segments += batch.segments(i);
      packets += batch.length;
    },
    close: () => post(`${segments} segments came as ${packets} packets`),
  };
}
