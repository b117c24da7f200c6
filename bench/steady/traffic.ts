/** What is offered: the same frames over and over, in bursts. */
import type { CryptoName, Sa } from '../../src/esp/index.ts';
import { MSS, segments } from '../segments.ts';
import { espCapture, GCM_256 } from '../traffic.ts';

export type SteadyTraffic = 'clear' | 'esp';

/** Packets that arrive together: of one flow, as senders with segmentation offload send them. */
export const BURST = 32;
const FLOWS = 16;
/** Half of the frames: more than a ring holds. */
const HALF = 4096;

export interface SteadyFrames {
  readonly frames: readonly Uint8Array[];
  /** Of ESP: the first half of the frames is in the first SA, the other half in the second. */
  readonly sas: readonly Sa[];
}

/** Full-size segments of 16 streams; with `esp`, in two AES-256-GCM tunnels. */
export function steadyFrames(traffic: SteadyTraffic): SteadyFrames {
  const shape = { count: 2 * HALF, flows: FLOWS, train: BURST };
  if (traffic === 'clear') return { frames: segments({ ...shape, payload: MSS }), sas: [] };
  const { frames, sas } = espCapture({ ...shape, transform: GCM_256, sas: 2 });
  // Flow f, and with it its bursts, is in SA f mod 2.
  const inHalf = (half: number): Uint8Array[] => frames.filter((_, i) => (Math.floor(i / BURST) & 1) === half);
  return { frames: [...inHalf(0), ...inHalf(1)], sas };
}

export interface SteadyOptions {
  readonly traffic: SteadyTraffic;
  readonly crypto?: CryptoName;
  readonly idle: 'async' | 'block';
}
