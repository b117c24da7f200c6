/** Sends on what it is told of SAs. */
import type { Consumer, ConsumerContext } from '../../../src/lane/consumer.ts';

export default function telling({ post }: ConsumerContext): Consumer {
  return { onPackets() {}, onEvent: (event) => post(event) };
}
