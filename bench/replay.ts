/** How fast is the whole way, from a capture in the page cache to the consumer: inline, and with lanes in threads? */
import { extname } from 'node:path';
import type { Sa, SaConfig } from '../src/esp/index.ts';
import { microsoftKey } from '../src/hash/keys.ts';
import { captureBatches } from '../src/io/capture-file.ts';
import { createReceiver } from '../src/receiver/receiver.ts';
import type { Case, Effort, Round } from './harness.ts';
import { MSS, MSS_ESP, segments } from './segments.ts';
import { espCapture, GCM_256, NULL_NONE, writeCapture } from './traffic.ts';

/** What senders with segmentation offload make: so many segments of a flow in a row. */
const TRAIN = 16;
const FLOWS = 64;
const FRAME = MSS + 66;
const CONSUMER = new URL(`../src/bench/count-consumer${extname(import.meta.url)}`, import.meta.url);

interface Lanes {
  readonly inline: boolean;
  readonly queues: number;
}

/** A round is the whole capture, from opening the file to the last delivery. */
async function replaying(
  frames: readonly Uint8Array[],
  { inline, queues }: Lanes,
  sas?: readonly Sa[],
): Promise<Round> {
  const capture = writeCapture(frames);
  // The frames themselves must not stay: collections would have to walk them.
  const items = frames.length;
  const rx = await createReceiver({
    queues,
    inline,
    full: 'wait',
    deterministic: true,
    rss: { key: microsoftKey() },
    consumer: CONSUMER,
    ...(sas === undefined ? {} : { esp: { sas } }),
  });
  return {
    items,
    prepare: () => rx.restartWindows(),
    async run() {
      await rx.pushAll(captureBatches([capture.path], rx.windows));
      await rx.drain();
      return items;
    },
    async close() {
      capture.remove();
      const stats = await rx.close();
      const segmentsOut = stats.queues.reduce((sum, queue) => sum + queue.segments, 0);
      if (segmentsOut !== stats.packets) throw new Error(`${segmentsOut} of ${stats.packets} segments came out`);
    },
  };
}

function clear({ captureBytes }: Effort, lanes: Lanes): Promise<Round> {
  return replaying(segments({ count: Math.ceil(captureBytes / FRAME), flows: FLOWS, train: TRAIN }), lanes);
}

/** One SA for one lane; two for each of several. */
function protectedBy(transform: SaConfig['transform'], { captureBytes }: Effort, lanes: Lanes): Promise<Round> {
  const { queues } = lanes;
  const sas = queues === 1 ? 1 : 2 * queues;
  const count = Math.ceil(captureBytes / 2 / FRAME);
  const capture = espCapture({ transform, count, flows: FLOWS, train: TRAIN, sas, queues });
  return replaying(capture.frames, lanes, capture.sas);
}

const WAYS: readonly [name: string, lanes: Lanes][] = [
  ['inline', { inline: true, queues: 1 }],
  ['1lane', { inline: false, queues: 1 }],
  ['4lanes', { inline: false, queues: 4 }],
];

function ways(name: string, bytes: number, make: (effort: Effort, lanes: Lanes) => Promise<Round>): Case[] {
  return WAYS.map(([way, lanes]) => ({
    name: `replay_${name}_${way}`,
    bytes,
    threads: lanes.inline ? 1 : 1 + lanes.queues,
    long: true,
    make: (effort) => make(effort, lanes),
  }));
}

export const cases: readonly Case[] = [
  ...ways('clear', FRAME, clear),
  ...ways('esp_null', MSS_ESP + 120, (effort, lanes) => protectedBy(NULL_NONE, effort, lanes)),
  ...ways('esp_gcm', MSS_ESP + 120, (effort, lanes) => protectedBy(GCM_256, effort, lanes)),
];
