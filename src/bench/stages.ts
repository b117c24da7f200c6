/**
 * Where the time of a packet goes, in one thread: dispatcher and lane are called in turn, a batch of frames each, and the clock is
 * read between. What ESP and GRO cost in the lane is the difference to a lane without them.
 */
import { captureBatches } from '../io/capture-file.ts';
import { Lane } from '../lane/lane.ts';
import { makeCore } from '../receiver/core.ts';
import { resolveOptions } from '../receiver/options.ts';
import { Windows } from '../receiver/windows.ts';
import countConsumer from './count-consumer.ts';
import { receiverOptions } from './receiver-options.ts';
import type { HistogramEffort, StageCosts } from './row.ts';
import type { Scenario } from './scenario.ts';
import type { Traffic } from './traffic.ts';

/** Nanoseconds a packet. */
interface Split {
  readonly read: number;
  readonly dispatch: number;
  readonly lane: number;
}

/** The scenario must be one of a single lane. */
export async function measureStages(
  scenario: Scenario,
  traffic: Traffic,
  effort: HistogramEffort,
): Promise<StageCosts> {
  const { protection, gro } = scenario;
  const whole = await split(scenario, traffic, true, gro, effort);
  const opened = gro ? await split(scenario, traffic, true, false, effort) : whole;
  const bare = protection === 'clear' ? opened : await split(scenario, traffic, false, false, effort);
  return {
    read: whole.read,
    dispatch: whole.dispatch,
    lane: bare.lane,
    open: opened.lane - bare.lane,
    gro: whole.lane - opened.lane,
  };
}

async function split(
  scenario: Scenario,
  traffic: Traffic,
  esp: boolean,
  gro: boolean,
  { repeats, seconds, warmUp }: HistogramEffort,
): Promise<Split> {
  const options = receiverOptions({ ...scenario, gro }, esp ? traffic.sas : []);
  const core = makeCore(resolveOptions({ ...options, consumer: countConsumer() }));
  const { control, dispatcher, sas } = core;
  const lane = new Lane(core.laneConfig(0), countConsumer());
  const nothing = async (): Promise<void> => {};
  const windows = new Windows(
    core.bytes,
    core.options.layout.windows,
    core.rings,
    nothing,
    () => dispatcher.blockDone(),
    control.plan.lent,
  );
  const drain = (): void => {
    while (lane.poll() > 0);
  };
  const times = new Float64Array(2);
  const pass = async (): Promise<void> => {
    sas.restartWindows();
    for await (const batch of captureBatches([traffic.path], windows)) {
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
  const splits: Split[] = [];
  // Number 0 trains the optimiser.
  for (let repeat = 0; repeat <= repeats; repeat++) {
    times.fill(0);
    let passes = 0;
    const from = performance.now();
    do {
      await pass();
      passes++;
    } while (performance.now() - from < 1000 * (repeat === 0 ? warmUp : seconds));
    const packets = passes * traffic.packets;
    const all = (1e6 * (performance.now() - from)) / packets;
    const [dispatch, inLane] = times.map((time) => time / packets);
    if (repeat > 0) splits.push({ read: all - dispatch - inLane, dispatch, lane: inLane });
  }
  await lane.close();
  // What others do on the machine only adds, and differences of medians would show it.
  const least = (stage: keyof Split): number => Math.min(...splits.map((one) => one[stage]));
  return { read: least('read'), dispatch: least('dispatch'), lane: least('lane') };
}
