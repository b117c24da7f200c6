import { type Consumer, type ConsumerContext, Tuple } from '../src/index.ts';

export interface FlowSummary {
  flow: string;
  lane: number;
  bytes: number;
  packets: number;
}

/** Keeps one record per flow, at most `data.most` of them. */
export default function flowStateConsumer({ lane, data, post }: ConsumerContext): Consumer {
  const { most } = data as { most: number };
  const flows = new Map<string, FlowSummary>();
  const tuple = new Tuple();
  return {
    onPackets(batch) {
      for (let i = 0; i < batch.length; i++) {
        if (!batch.tuple(i, tuple)) continue;
        const flow = tuple.toString();
        let state = flows.get(flow);
        if (state === undefined) {
          if (flows.size === most) continue;
          state = { flow, lane, bytes: 0, packets: 0 };
          flows.set(flow, state);
        }
        state.packets++;
        state.bytes += batch.byteLength(i);
      }
    },
    close: () => post([...flows.values()]),
  };
}
