/** Checks the order of what it is given, is slow and claims flows at random. */
import type { Consumer, ConsumerContext } from '../../../src/lane/consumer.ts';
import { randomNumbers } from '../../support/corpus.ts';
import { OrderLog, type OrderWords } from '../../support/order-traffic.ts';

export interface OrderConsumerData extends OrderWords {
  readonly seed: number;
  /** Of so many batches, one is followed by a claim for some lane; and one is slow. */
  readonly claimEvery: number;
  readonly slowEvery: number;
}

export default function orderConsumer({ lane, lanes, data }: ConsumerContext): Consumer {
  const { seed, claimEvery, slowEvery, last, counts } = data as OrderConsumerData;
  const random = randomNumbers(seed + lane);
  const log = new OrderLog({ last, counts });
  return {
    onPackets(batch): void | Promise<void> {
      const slow = random(slowEvery);
      // Before it is looked at: what comes out of order in another lane meanwhile is seen.
      if (slow === 0) for (const until = performance.now() + random(200) / 1000; performance.now() < until; );
      if (random(claimEvery) === 0 && batch.claim(random(batch.length), random(lanes))) log.claimed();
      if (slow !== 1) return log.check(batch);
      return new Promise((resolve) => setImmediate(resolve)).then(() => log.check(batch));
    },
  };
}
