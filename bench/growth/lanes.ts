/**
 * What does a packet cost with 1 to 8 lanes, each in its thread: on all processors, and on one? On one, nothing is contended for: threads
 * take turns. So what a packet takes more of processor time on several is contention, and what it waits is time-slicing.
 */
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import type { FrameBatch } from '../../src/capture/frame-batch.ts';
import type { Sa } from '../../src/esp/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import type { Effort } from '../harness.ts';
import { place } from '../rig.ts';
import { MSS, MSS_ESP, segments } from '../segments.ts';
import { espCapture, GCM_256 } from '../traffic.ts';
import { INLINE, PINNED, type Point, type PointRound } from './point.ts';
import { sampleThreads, threadFigures } from './threads.ts';

const CONSUMER = new URL(`../../src/bench/count-consumer${extname(import.meta.url)}`, import.meta.url);
/** What senders with segmentation offload make: so many segments of a flow in a row. */
const TRAIN = 16;
const PACKETS = 16_384;
const FLOWS = PACKETS / TRAIN;
const BURST = 256;
/** As `pushAll`, so often the event loop gets a turn. */
const TURN_MS = 1;
/** Milliseconds of each thread for each second of a warm-up, before threads are looked at: the optimiser works for each anew. */
const TRAINING = 2000;

interface Traffic {
  readonly frames: readonly Uint8Array[];
  readonly sas?: readonly Sa[];
}

/** Frames in the windows, pushed again and again: no file is read, nothing is copied. */
async function receiving(
  { frames, sas }: Traffic,
  lanes: number,
  { warmUp }: Effort,
  inputMade: () => void,
): Promise<PointRound> {
  inputMade();
  const rx = await createReceiver({
    queues: Math.max(1, lanes),
    inline: lanes === 0,
    full: 'wait',
    deterministic: true,
    rss: { key: microsoftKey() },
    consumer: CONSUMER,
    ...(sas === undefined ? {} : { esp: { sas } }),
  });
  const { windows } = rx;
  const batch = await placeIn(rx, frames);
  let full = 0;
  let lastTurn = performance.now();
  const run = async (): Promise<number> => {
    for (let from = 0; from < PACKETS; ) {
      batch.count = Math.min(from + BURST, PACKETS);
      const taken = rx.pushBatch(batch, from);
      from += taken;
      if (from < batch.count) {
        full++;
        await rx.writable();
      }
      if (performance.now() - lastTurn >= TURN_MS) {
        await new Promise((resolve) => setImmediate(resolve));
        lastTurn = performance.now();
      }
    }
    await rx.drain();
    return PACKETS;
  };
  const until = performance.now() + TRAINING * warmUp * (1 + lanes);
  do {
    rx.restartWindows();
    await run();
  } while (performance.now() < until);
  const from = sampleThreads();
  const before = rx.stats().packets;
  full = 0;
  return {
    items: PACKETS,
    reserved: windows.bytes.length,
    tables: 0,
    prepare: () => rx.restartWindows(),
    run,
    facts() {
      const { packets, queues } = rx.stats();
      const done = packets - before;
      return {
        threadUse: {
          processors: availableParallelism(),
          packets: done,
          full: (1000 * full) / done,
          busiestLane: Math.max(...queues.map((queue) => queue.packets)) / packets,
          threads: threadFigures(from, sampleThreads(), lanes, done),
        },
      };
    },
    async close() {
      const { packets, queues, conserved } = await rx.close();
      const out = queues.reduce((sum, queue) => sum + queue.segments, 0);
      if (!conserved || out !== packets) throw new Error(`${out} of ${packets} packets came out`);
    },
  };
}

/** Fills windows with the frames, as a reader does. */
async function placeIn({ windows }: Receiver, frames: readonly Uint8Array[]): Promise<FrameBatch> {
  const { blockSize } = windows;
  const length = frames.reduce((sum, frame) => sum + frame.length + 64, 64 * PACKETS);
  const blocks = await Promise.all(Array.from({ length: Math.ceil(length / blockSize) }, () => windows.take()));
  const offset = windows.offset(Math.min(...blocks));
  return place(frames, windows.bytes, { offset, length: blocks.length * blockSize });
}

const clear = (payload: number): Traffic => ({
  frames: segments({ count: PACKETS, flows: FLOWS, train: TRAIN, payload }),
});

/** Eight SAs for each lane, or 64 for the calling thread alone. */
function sealed(lanes: number): Traffic {
  const queues = Math.max(1, lanes);
  return espCapture({ transform: GCM_256, count: PACKETS, flows: FLOWS, train: TRAIN, sas: 64, queues });
}

const KINDS: readonly [series: string, name: string, bytes: number, make: (lanes: number) => Traffic][] = [
  ['clear, 1,448-byte segments', 'clear', MSS + 66, () => clear(MSS)],
  ['clear, 12-byte segments', 'small', 78, () => clear(12)],
  ['AES-256-GCM, 1,394-byte segments', 'gcm', MSS_ESP + 120, sealed],
];
const LANES = [1, 2, 4, 8];

export const points: readonly Point[] = KINDS.flatMap(([series, name, bytes, make]) => [
  {
    name: `lanes_${name}_inline`,
    chart: 'lanes' as const,
    series: `${series}, ${INLINE}`,
    x: 1,
    bytes,
    long: true,
    make: (effort: Effort, inputMade: () => void) => receiving(make(0), 0, effort, inputMade),
  },
  ...[false, true].flatMap((pinned) =>
    LANES.map((lanes) => ({
      name: `lanes_${name}_${lanes}${pinned ? '_pinned' : ''}`,
      chart: 'lanes' as const,
      series: pinned ? `${series}, ${PINNED}` : series,
      x: lanes,
      bytes,
      threads: 1 + lanes,
      long: true,
      pinned,
      make: (effort: Effort, inputMade: () => void) => receiving(make(lanes), lanes, effort, inputMade),
    })),
  ),
]);
