/** Claims the flow of a tuple that it is told, for its own lane or for another one, and tells of what it is given. */
import type { Consumer, ConsumerContext } from '../../../src/lane/consumer.ts';
import { parseAddress } from '../../../src/wire/address.ts';
import { Tuple } from '../../../src/wire/tuple.ts';

/** UDP from 10.1.0.1 to 10.1.0.2. */
export interface ClaimMessage {
  readonly sport: number;
  readonly dport: number;
  readonly lane?: number;
}

export default function claiming({ lane, claim, post }: ConsumerContext): Consumer {
  return {
    onPackets(batch) {
      for (let i = 0; i < batch.length; i++) post({ lane, number: batch.number(i) });
    },
    onMessage(message) {
      const { sport, dport, lane: to } = message as ClaimMessage;
      const tuple = new Tuple();
      tuple.src.set(parseAddress('10.1.0.1'));
      tuple.dst.set(parseAddress('10.1.0.2'));
      tuple.protocol = 17;
      tuple.sport = sport;
      tuple.dport = dport;
      try {
        post({ lane, claimed: to === undefined ? claim(tuple) : claim(tuple, to) });
      } catch (error) {
        post({ lane, threw: (error as { code?: string }).code });
      }
    },
  };
}
