/** The parts of a receiver without its threads: a dispatcher, its rings and frame memory, and lanes on request. */

import { FrameBatch } from '../src/capture/frame-batch.ts';
import type { CryptoName, PolicyConfig, Sa } from '../src/esp/index.ts';
import { microsoftKey } from '../src/hash/keys.ts';
import type { Consumer } from '../src/lane/consumer.ts';
import { Lane } from '../src/lane/lane.ts';
import { D_HASH, D_OFF } from '../src/memory/descriptor.ts';
import type { Region } from '../src/memory/frame-memory.ts';
import { RingConsumer } from '../src/memory/ring.ts';
import type { Control } from '../src/receiver/control.ts';
import { makeCore } from '../src/receiver/core.ts';
import type { Dispatcher } from '../src/receiver/dispatcher.ts';
import { type Resolved, type RfsOptions, resolveOptions } from '../src/receiver/options.ts';
import type { SaStore } from '../src/receiver/sa-store.ts';
import type { FlowTable } from '../src/steer/flow-table.ts';

/** Bytes between two frames: what a pcapng file has there, so that they lie as a file reader leaves them. */
const GAP = 32;

export interface Rig {
  readonly bytes: Uint8Array;
  readonly memory: WebAssembly.Memory;
  readonly options: Resolved;
  readonly control: Control;
  readonly dispatcher: Dispatcher;
  readonly sas: SaStore;
  /** The table of claims, with RFS. */
  readonly flows: FlowTable | undefined;
  readonly consumers: readonly RingConsumer[];
  lane(number: number, consumer: Consumer): Lane;
}

export interface RigOptions {
  readonly queues?: number;
  readonly sas?: readonly Sa[];
  /** As in `replay`: the dispatcher ends the polls. */
  readonly deterministic?: boolean;
  readonly rfs?: RfsOptions;
  /** Bytes of the frame memory. */
  readonly memory?: number;
  readonly rules?: readonly string[];
  readonly policy?: readonly PolicyConfig[];
  readonly crypto?: CryptoName;
}

export function makeRig({
  queues = 4,
  sas,
  deterministic = false,
  rfs,
  memory,
  rules = [],
  policy,
  crypto,
}: RigOptions = {}): Rig {
  const options = resolveOptions({
    queues,
    inline: true,
    full: 'wait',
    deterministic,
    rss: { key: microsoftKey(), rules },
    consumer: { onPackets() {} },
    ...(rfs === undefined ? {} : { rfs }),
    ...(memory === undefined ? {} : { memory }),
    ...(sas === undefined && policy === undefined
      ? {}
      : { esp: { sas: sas ?? [], ...(policy && { policy }), ...(crypto && { crypto }) } }),
  });
  const core = makeCore(options);
  const { bytes, control, dispatcher, flows } = core;
  const words = new Int32Array(control.buffer);
  return {
    bytes,
    memory: core.memory,
    options,
    control,
    flows,
    dispatcher,
    sas: core.sas,
    consumers: control.places.rings.map((at) => new RingConsumer(words, at >> 2, options.slots)),
    lane: (lane, consumer) => new Lane(core.laneConfig(lane), consumer),
  };
}

/** Takes what a ring holds, reads of each descriptor what a lane reads first, and gives it back. */
export function drain(ring: RingConsumer): number {
  const n = ring.available();
  if (n === 0) return 0;
  const words = ring.words;
  let sum = 0;
  for (let k = 0; k < n; k++) {
    const s = ring.slot(k);
    sum = (sum + words[s + D_HASH] + words[s + D_OFF]) | 0;
  }
  ring.take(n);
  ring.release();
  return sum;
}

/** Puts frames into the windows of a frame memory, as a file reader does; returns them as one batch. */
export function place(frames: readonly Uint8Array[], bytes: Uint8Array, { offset, length }: Region): FrameBatch {
  // Its numbers lie there too, as those of the batches that the windows lend.
  const batch = new FrameBatch(frames.length, bytes.buffer, offset);
  let at = offset + FrameBatch.bytes(frames.length);
  frames.forEach((frame, i) => {
    if (at + frame.length > offset + length) throw new RangeError('the frames do not fit into the region');
    bytes.set(frame, at);
    batch.offsets[i] = at;
    batch.lengths[i] = frame.length;
    batch.wireLengths[i] = frame.length;
    batch.seconds[i] = 1_700_000_000;
    batch.nanos[i] = i;
    at += (frame.length + GAP + 3) & ~3;
  });
  batch.count = frames.length;
  batch.linkType = 1;
  return batch;
}
