/** Dispatcher and lane, called in turn in one thread, a batch of frames each, and the clock read between. */
import { captureBatches } from '../io/capture-file.ts';
import { Lane } from '../lane/lane.ts';
import { makeCore } from '../receiver/core.ts';
import { resolveOptions } from '../receiver/options.ts';
import { Windows } from '../receiver/windows.ts';
import countConsumer from './count-consumer.ts';
import { receiverOptions } from './receiver-options.ts';
import type { Scenario } from './scenario.ts';
import { sasOf } from './traffic-of.ts';

/** What is measured, as it is sent to a process. */
export interface SplitTask {
  readonly scenario: Scenario;
  readonly path: string;
  readonly packets: number;
  /** Without: what the lane gets is not opened. */
  readonly esp: boolean;
  readonly gro: boolean;
  /** Seconds of the first repeat, and of each that comes after it. */
  readonly warmUp: number;
  readonly seconds: number;
}

/** Nanoseconds a packet. */
export interface Split {
  readonly read: number;
  readonly dispatch: number;
  readonly lane: number;
}

/** Makes what takes a repeat: at least one pass through the capture. */
export function splitter({ scenario, path, packets, esp, gro, warmUp, seconds }: SplitTask): () => Promise<Split> {
  const options = receiverOptions({ ...scenario, gro }, esp ? sasOf(scenario) : []);
  const core = makeCore(resolveOptions({ ...options, consumer: countConsumer() }));
  const { control, dispatcher, sas } = core;
  const lane = new Lane(core.laneConfig(0), countConsumer());
  const windows = new Windows(
    core.bytes,
    core.options.layout.windows,
    core.rings,
    async () => {},
    () => dispatcher.blockDone(),
    control.plan.lent,
  );
  const drain = (): void => {
    while (lane.poll() > 0);
  };
  const times = new Float64Array(2);
  const pass = async (): Promise<void> => {
    sas.restartWindows();
    for await (const batch of captureBatches([path], windows)) {
      for (let from = 0; from < batch.count; ) {
        const started = process.hrtime.bigint();
        from += dispatcher.pushBatch(batch, from);
        const placed = process.hrtime.bigint();
        drain();
        const delivered = process.hrtime.bigint();
        times[0] += Number(placed - started);
        times[1] += Number(delivered - placed);
      }
    }
    dispatcher.mark();
    drain();
  };
  let isWarm = false;
  return async () => {
    times.fill(0);
    let passes = 0;
    const wanted = 1000 * (isWarm ? seconds : warmUp);
    isWarm = true;
    const from = performance.now();
    do {
      await pass();
      passes++;
    } while (performance.now() - from < wanted);
    const taken = passes * packets;
    const all = (1e6 * (performance.now() - from)) / taken;
    const [dispatch, inLane] = times.map((time) => time / taken);
    return { read: all - dispatch - inLane, dispatch, lane: inLane };
  };
}
