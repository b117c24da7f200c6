/** What a lane does in its thread: loads the consumer, polls, sleeps, and ends when it is told to. */

import { Claims } from '../lane/claims.ts';
import type { Consumer } from '../lane/consumer.ts';
import { Lane } from '../lane/lane.ts';
import type { FromLane, LaneFailure, LaneTask, ToLane } from './lane-task.ts';
import { loadConsumer } from './load-consumer.ts';

/** Empty polls before the lane goes to sleep: a push that follows at once finds it awake. */
const SPINS = 20;
/** The event loop gets a turn at least so often, in milliseconds, so that the consumer's timers and sockets live. */
const TURN_MS = 1;
/**
 * Packets, and empty polls, between two looks at the clock. Each allocates; one a poll of few packets was most of what a lane allocated.
 * Where so many take longer than a turn, it looks after every poll.
 */
const LOOK = 64;

/** Resolves when the lane has ended, or with what is wrong when the consumer cannot be had. */
export async function runLane(task: LaneTask): Promise<LaneFailure | undefined> {
  const { config, port } = task;
  const tell = (message: FromLane): void => port.postMessage(message);
  let consumer: Consumer;
  const claims = new Claims(config);
  try {
    consumer = await loadConsumer(task.consumer, {
      lane: config.lane,
      lanes: config.lanes,
      data: task.data,
      claim: (tuple, lane = config.lane) => claims.claim(tuple, lane),
      post: (message) => tell({ kind: 'message', message }),
    });
  } catch (error) {
    port.close();
    return { message: (error as Error).message };
  }
  const lane = new Lane(config, consumer);
  lane.onError = (error) => {
    try {
      tell({ kind: 'error', error: error instanceof Error ? error : new Error(String(error)) });
    } catch {
      // What a consumer throws may be anything, even what can be neither sent nor told.
      tell({ kind: 'error', error: new Error('the consumer threw what cannot be sent to another thread') });
    }
  };
  lane.onEvent = (event) => tell({ kind: 'sa', event });
  port.on('message', (to: ToLane) => {
    if (to.kind === 'message') {
      consumer.onMessage?.(to.message);
      return;
    }
    if (to.kind === 'copy') {
      tell({ kind: 'copied', number: to.number, copy: lane.copySas(to.slots) });
      return;
    }
    lane.forgetSas(to.slots, to.units);
    tell({ kind: 'forgotten', number: to.number });
  });
  const stop = new Int32Array(config.memory.buffer, config.places.stop, 1);
  const stopped = (): boolean => Atomics.load(stop, 0) !== 0;
  tell({ kind: 'ready' });

  let lastTurn = performance.now();
  let empty = 0;
  let sinceLook = 0;
  let look = LOOK;
  let lastLook = lastTurn;
  /** Nothing came in the last millisecond of sleep. */
  let isQuiet = true;
  for (;;) {
    const taken = lane.poll();
    if (taken > 0) {
      empty = 0;
      isQuiet = false;
    } else empty++;
    sinceLook += taken || 1;
    if (lane.pending !== undefined) {
      await lane.pending;
      sinceLook = LOOK;
    }
    if (empty > SPINS) {
      if (stopped()) break;
      // What is held over a poll is due soon. And while packets come, the next ones are too: what each `waitAsync` allocates outlives
      // scavenges, and full collections stopped a lane that slept so between bursts for 5 to 40 ms every five seconds.
      if (task.idle === 'block' || lane.isHolding || !isQuiet) {
        isQuiet = true;
        lane.block(TURN_MS, stopped);
      } else await lane.sleep(stopped);
      empty = 0;
      sinceLook = LOOK;
    }
    if (sinceLook < look) continue;
    sinceLook = 0;
    const now = performance.now();
    look = now - lastLook < TURN_MS ? LOOK : 1;
    lastLook = now;
    if (now - lastTurn >= TURN_MS) {
      await new Promise((resolve) => setImmediate(resolve));
      lastTurn = performance.now();
    }
  }
  await lane.close();
  port.close();
  return undefined;
}
