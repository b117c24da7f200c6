/** The shell that the pool starts around a lane: loads the consumer, polls, sleeps, and ends when it is told to. */
import { Lane } from '../src/lane/lane.ts';
import type { FromLane, LaneTask, ToLane } from '../src/receiver/lane-task.ts';
import { loadConsumer } from '../src/receiver/load-consumer.ts';

/** Empty polls before the lane goes to sleep: a push that follows at once finds it awake. */
const SPINS = 20;
/** The event loop gets a turn at least so often, in milliseconds, so that the consumer's timers and sockets live. */
const TURN_MS = 1;

export default async function run(task: LaneTask): Promise<void> {
  const { config, port } = task;
  const tell = (message: FromLane): void => port.postMessage(message);
  const consumer = await loadConsumer(task.consumer, {
    lane: config.lane,
    lanes: config.lanes,
    data: task.data,
    post: (message) => tell({ kind: 'message', message }),
  });
  const lane = new Lane(config, consumer);
  lane.onError = (error) => tell({ kind: 'error', error: cloneable(error) });
  port.on('message', ({ message }: ToLane) => consumer.onMessage?.(message));
  const stop = new Int32Array(config.control, config.places.stop, 1);
  const stopped = (): boolean => Atomics.load(stop, 0) !== 0;
  tell({ kind: 'ready' });

  let lastTurn = performance.now();
  let empty = 0;
  for (;;) {
    if (lane.poll() > 0) empty = 0;
    else empty++;
    if (lane.pending !== undefined) await lane.pending;
    if (empty > SPINS) {
      if (stopped()) break;
      if (task.idle === 'block') lane.block(TURN_MS, stopped);
      else await lane.sleep(stopped);
      empty = 0;
    }
    if (performance.now() - lastTurn >= TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      lastTurn = performance.now();
    }
  }
  await lane.close();
  port.close();
}

/** An error as it can be sent: what a consumer throws may be anything. */
function cloneable(error: unknown): unknown {
  return error instanceof Error ? error : new Error(String(error));
}
