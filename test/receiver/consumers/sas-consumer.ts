/** Counts what is in order in each stream: the payload of UDP packets begins with stream and number. */
import type { Consumer, ConsumerContext } from '../../../src/lane/consumer.ts';
import { u32 } from '../../../src/wire/bytes.ts';
import { randomNumbers } from '../../support/corpus.ts';

export interface SasConsumerData {
  /** At streams: the number that came last + 1. */
  readonly last: Int32Array;
  /** Packets; those that came out of order, or twice, or after one that never came; 1 when a thread is about to end. */
  readonly counts: Int32Array;
  readonly seed: number;
}

/** Of a packet with this number the thread ends. */
export const DEADLY = 0x7fffffff;

export default function sasConsumer({ lane, data }: ConsumerContext): Consumer {
  const { last, counts, seed } = data as SasConsumerData;
  const random = randomNumbers(seed + lane);
  return {
    onPackets(batch): void | Promise<void> {
      for (let i = 0; i < batch.length; i++) {
        const at = batch.contiguous(i) + batch.headerLength(i) + 8;
        const stream = u32(batch.bytes, at);
        const number = u32(batch.bytes, at + 4);
        if (number === DEADLY) {
          Atomics.store(counts, 2, 1);
          Atomics.notify(counts, 2);
          process.exit(3);
        }
        if (Atomics.exchange(last, stream, number + 1) !== number) Atomics.add(counts, 1, 1);
        Atomics.add(counts, 0, 1);
      }
      if (random(4) > 0) return;
      return new Promise((resolve) => setImmediate(resolve));
    },
  };
}
