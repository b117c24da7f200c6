/** The parts of a receiver without its threads: a dispatcher, its rings and frame memory, and lanes on request. */

import { FrameBatch } from '../src/capture/frame-batch.ts';
import { exportSas, type Sa, SaTable } from '../src/esp/index.ts';
import { Reassembler } from '../src/fragments/reassembler.ts';
import { microsoftKey } from '../src/hash/keys.ts';
import { createKernels } from '../src/kernels/create.ts';
import type { Consumer } from '../src/lane/consumer.ts';
import { Lane } from '../src/lane/lane.ts';
import { UnknownSpis } from '../src/lane/unknown-spis.ts';
import { Arena } from '../src/memory/arena.ts';
import { createFrameMemory, type Region } from '../src/memory/frame-memory.ts';
import { RingConsumer, RingProducer } from '../src/memory/ring.ts';
import { type Control, layControl } from '../src/receiver/control.ts';
import { Dispatcher } from '../src/receiver/dispatcher.ts';
import { type Resolved, resolveOptions } from '../src/receiver/options.ts';
import { Steerer } from '../src/steer/steerer.ts';
import { Dissection } from '../src/wire/dissect.ts';

/** Bytes between two frames: what a pcapng file has there, so that they lie as a file reader leaves them. */
const GAP = 32;

export interface Rig {
  readonly bytes: Uint8Array;
  readonly memory: WebAssembly.Memory;
  readonly options: Resolved;
  readonly control: Control;
  readonly dispatcher: Dispatcher;
  readonly consumers: readonly RingConsumer[];
  lane(number: number, consumer: Consumer): Lane;
}

export interface RigOptions {
  readonly queues?: number;
  readonly sas?: readonly Sa[];
  /** As in `replay`: the dispatcher ends the polls. */
  readonly deterministic?: boolean;
}

export function makeRig({ queues = 4, sas, deterministic = false }: RigOptions = {}): Rig {
  const options = resolveOptions({
    queues,
    inline: true,
    full: 'wait',
    deterministic,
    rss: { key: microsoftKey() },
    consumer: { onPackets() {} },
    ...(sas === undefined ? {} : { esp: { sas } }),
  });
  const { layout, slots } = options;
  const memory = createFrameMemory(layout.bytes);
  const bytes = new Uint8Array(memory.buffer);
  const kernels = createKernels(memory, bytes);
  const control = layControl(options);
  const { buffer, places, units } = control;
  const words = new Int32Array(buffer);
  const unknown = new UnknownSpis(buffer, control.dispatcherUnknown);
  const dispatcher = new Dispatcher({
    bytes,
    kernels,
    d: new Dissection(),
    steerer: new Steerer(options.steerer),
    rings: places.rings.map((at) => new RingProducer(words, at >> 2, slots)),
    arenas: layout.lanes.map((lane) => new Arena(lane.arena, slots)),
    esp:
      options.esp === undefined
        ? undefined
        : {
            table: new SaTable(buffer, places.saTable, options.esp.sas.length),
            units,
            owners: words.subarray(places.owners >> 2),
            unknown,
            deliverUnknown: false,
          },
    fragments: new Reassembler(bytes, kernels, layout.fragments, {}),
    staging: layout.staging,
    dropWhenFull: false,
    deterministic,
  });
  return {
    bytes,
    memory,
    options,
    control,
    dispatcher,
    consumers: places.rings.map((at) => new RingConsumer(words, at >> 2, slots)),
    lane: (lane, consumer) =>
      new Lane(
        {
          lane,
          lanes: queues,
          memory,
          control: buffer,
          layout,
          places,
          slots,
          deterministic,
          nattPort: options.nattPort,
          key: options.steerer.key,
          fields: {},
          xfrm: 'none',
          ...(sas === undefined ? {} : { esp: { sas: exportSas(sas), units, deliverUnknown: false } }),
          fragments: options.fragments,
          gro: options.gro,
          excluded: options.excluded,
        },
        consumer,
      ),
  };
}

/** Puts frames into the windows of a frame memory, as a file reader does; returns them as one batch. */
export function place(frames: readonly Uint8Array[], bytes: Uint8Array, { offset, length }: Region): FrameBatch {
  const batch = new FrameBatch(frames.length);
  let at = offset;
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
