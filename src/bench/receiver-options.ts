import type { Sa } from '../esp/index.ts';
import { microsoftKey } from '../hash/keys.ts';
import type { ReceiverOptions } from '../receiver/options.ts';
import type { Scenario } from './scenario.ts';

/** What a scenario says to `createReceiver`, but for the consumer. */
export function receiverOptions(scenario: Scenario, sas: readonly Sa[]): Omit<ReceiverOptions, 'consumer'> {
  const { lanes, steering, gro, crypto } = scenario;
  return {
    queues: Math.max(1, lanes),
    inline: lanes === 0,
    full: 'wait',
    deterministic: true,
    rss: {
      key: microsoftKey(),
      ...(steering === 'none' ? { indirection: { equal: 1 } } : {}),
      ...(steering === 'addresses' ? { fields: { esp: 'sd' } } : {}),
    },
    gro: gro ? {} : false,
    ...(sas.length === 0 ? {} : { esp: { sas, ...(crypto === undefined ? {} : { crypto }) } }),
  };
}
