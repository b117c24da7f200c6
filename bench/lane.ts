/** What does a packet cost in a lane, from its descriptor to the consumer: in clear, and in ESP? */
import type { Sa, SaConfig } from '../src/esp/index.ts';
import type { Batch } from '../src/lane/batch.ts';
import type { Case, Round } from './harness.ts';
import { makeRig, place } from './rig.ts';
import { MSS, MSS_ESP, segments } from './segments.ts';
import { espCapture, GCM_256, NULL_NONE } from './traffic.ts';

/** What a ring holds less the marks; all frames fit L2. */
const PACKETS = 512;

/** The ring is filled by the dispatcher before each round, untimed. */
function polling(frames: readonly Uint8Array[], sas?: readonly Sa[]): Round {
  const rig = makeRig({ queues: 1, deterministic: true, ...(sas === undefined ? {} : { sas }) });
  const { dispatcher, control } = rig;
  const batch = place(frames, rig.bytes, rig.options.layout.windows);
  let segmentsSeen = 0;
  let bytesSeen = 0;
  const lane = rig.lane(0, {
    onPackets(delivered: Batch): void {
      for (let i = 0; i < delivered.length; i++) {
        segmentsSeen += delivered.segments(i);
        bytesSeen += delivered.byteLength(i);
      }
    },
  });
  const prepare = (): void => {
    control.restartWindows();
    if (dispatcher.pushBatch(batch, 0) !== PACKETS || !dispatcher.mark()) throw new Error('the ring is full');
  };
  const run = (): number => {
    segmentsSeen = 0;
    bytesSeen = 0;
    while (lane.poll() > 0);
    return segmentsSeen + bytesSeen;
  };
  prepare();
  run();
  if (segmentsSeen !== PACKETS) throw new Error(`${segmentsSeen} of ${PACKETS} segments came out`);
  return { items: PACKETS, prepare, run };
}

function clear(flows: number): Round {
  return polling(segments({ count: PACKETS, flows }));
}

function protectedBy(transform: SaConfig['transform'], flows: number): Round {
  const { frames, sas } = espCapture({ transform, count: PACKETS, flows, train: 1, sas: 1 });
  return polling(frames, sas);
}

export const cases: readonly Case[] = [
  { name: 'lane_clear_1flow', bytes: MSS + 66, make: () => clear(1) },
  { name: 'lane_clear_16flows', bytes: MSS + 66, make: () => clear(16) },
  { name: 'lane_esp_null_16flows', bytes: MSS_ESP + 66, make: () => protectedBy(NULL_NONE, 16) },
  { name: 'lane_esp_gcm_16flows', bytes: MSS_ESP + 66, make: () => protectedBy(GCM_256, 16) },
];
