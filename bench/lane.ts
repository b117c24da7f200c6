/** What does a packet cost in a lane, from its descriptor to the consumer: in clear, and in ESP? */
import type { FrameBatch } from '../src/capture/frame-batch.ts';
import type { PolicyConfig, SaConfig } from '../src/esp/index.ts';
import type { Batch } from '../src/lane/batch.ts';
import type { Case, Round } from './harness.ts';
import { makeRig, place, type Rig, type RigOptions } from './rig.ts';
import { MSS, MSS_ESP, segments } from './segments.ts';
import { espCapture, GCM_256, NULL_NONE } from './traffic.ts';

/** What a ring holds less the marks; all frames fit L2. */
export const PACKETS = 512;

/**
 * The ring is filled by the dispatcher before each round, untimed.
 *
 * @param refresh called before that instead of starting all replay windows again: makes other packets of the frames
 */
export function polling(
  frames: readonly Uint8Array[],
  more: Pick<RigOptions, 'sas' | 'policy' | 'crypto'> = {},
  refresh?: (rig: Rig, batch: FrameBatch) => void,
): Round & { readonly rig: Rig } {
  const packets = frames.length;
  const rig = makeRig({ queues: 1, deterministic: true, ...more });
  const { dispatcher, sas } = rig;
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
    // Anew: a lane writes to frames in NULL.
    const batch = place(frames, rig.bytes, rig.options.layout.windows);
    if (refresh === undefined) sas.restartWindows();
    else refresh(rig, batch);
    if (dispatcher.pushBatch(batch, 0) !== packets || !dispatcher.mark()) throw new Error('the ring is full');
  };
  const run = (): number => {
    segmentsSeen = 0;
    bytesSeen = 0;
    while (lane.poll() > 0);
    return segmentsSeen + bytesSeen;
  };
  prepare();
  run();
  if (segmentsSeen !== packets) throw new Error(`${segmentsSeen} of ${packets} segments came out`);
  return { items: packets, prepare, run, rig };
}

function clear(flows: number): Round {
  return polling(segments({ count: PACKETS, flows }));
}

function protectedBy(transform: SaConfig['transform'], flows: number): Round {
  const { frames, sas } = espCapture({ transform, count: PACKETS, flows, train: 1, sas: 1 });
  return polling(frames, { sas });
}

/** Prefixes of two lengths that no packet has, so that all groups are looked at and no entry ends the search. */
function underPolicy(entries: number): Round {
  const policy = Array.from(
    { length: entries },
    (_, i): PolicyConfig => ({
      src: i % 2 === 0 ? `198.18.${i >> 8}.${i & 255}` : `198.19.${i & 255}.0/24`,
      dst: `203.0.${i >> 8}.0/24`,
      proto: 'tcp',
      action: 'protect',
    }),
  );
  return polling(segments({ count: PACKETS, flows: 16 }), { policy });
}

export const cases: readonly Case[] = [
  { name: 'lane_clear_1flow', bytes: MSS + 66, make: () => clear(1) },
  { name: 'lane_clear_16flows', bytes: MSS + 66, make: () => clear(16) },
  { name: 'lane_policy_0_16flows', bytes: MSS + 66, make: () => underPolicy(0) },
  { name: 'lane_policy_10_16flows', bytes: MSS + 66, make: () => underPolicy(10) },
  { name: 'lane_policy_1000_16flows', bytes: MSS + 66, make: () => underPolicy(1000) },
  { name: 'lane_esp_null_16flows', bytes: MSS_ESP + 66, make: () => protectedBy(NULL_NONE, 16) },
  { name: 'lane_esp_gcm_16flows', bytes: MSS_ESP + 66, make: () => protectedBy(GCM_256, 16) },
];
