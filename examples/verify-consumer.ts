import { type Consumer, type ConsumerContext, Tuple } from '../src/index.ts';
import { Dissection, dissectIp, l4ChecksumOk } from '../src/wire/index.ts';

/** Verifies what its lane delivers. Flows of different SAs in one lane are told apart by their SA too. */
export default function verifyConsumer({ post }: ConsumerContext): Consumer {
  const last = new Map<string, number>();
  const tuple = new Tuple();
  const d = new Dissection();
  const found = { packets: 0, flows: 0, reordered: 0, badChecksums: 0 };
  return {
    onPackets(batch) {
      for (let i = 0; i < batch.length; i++) {
        found.packets++;
        if (!batch.tuple(i, tuple)) continue;
        const flow = `${batch.sa(i)} ${tuple}`;
        if (batch.number(i) <= (last.get(flow) ?? -1)) found.reordered++;
        last.set(flow, batch.lastNumber(i));
        if (!batch.className(i).startsWith('tcp')) continue;
        const start = batch.contiguous(i) + batch.linkLength(i);
        dissectIp(batch.bytes, start, start + batch.byteLength(i) - batch.linkLength(i), d);
        if (!l4ChecksumOk(batch.bytes, d)) found.badChecksums++;
      }
    },
    close() {
      found.flows = last.size;
      post(found);
    },
  };
}
