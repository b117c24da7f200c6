/** A dispatcher without lanes: the test looks at what it placed in the rings, and empties them when it likes. */

import { CLASSES } from '../../src/counters.ts';
import type { Sa } from '../../src/esp/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import type { UnknownSpis } from '../../src/lane/unknown-spis.ts';
import { D_CLASS, D_HASH, D_LEN, D_NUMBER, D_OFF, D_SA, DF_MARK, DF_POLL_END } from '../../src/memory/descriptor.ts';
import type { FrameLayout } from '../../src/memory/frame-memory.ts';
import { RingConsumer, type RingProducer } from '../../src/memory/ring.ts';
import { makeCore } from '../../src/receiver/core.ts';
import type { Dispatcher } from '../../src/receiver/dispatcher.ts';
import { type ReceiverOptions, resolveOptions } from '../../src/receiver/options.ts';
import { Steerer } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';

export interface Placed {
  readonly lane: number;
  readonly mark: boolean;
  readonly pollEnd: boolean;
  readonly class: string;
  readonly sa: number;
  readonly number: number;
  readonly hash: number;
  readonly bytes: Uint8Array;
}

export type DispatcherBenchOptions = Omit<ReceiverOptions, 'consumer' | 'inline'> & { readonly sas?: readonly Sa[] };

export class DispatcherBench {
  readonly dispatcher: Dispatcher;
  readonly layout: FrameLayout;
  readonly bytes: Uint8Array;
  readonly unknown: UnknownSpis;
  readonly rings: readonly RingProducer[];
  /** A new end of a lane's ring: one that has been used looks for more only when it has taken what it knows of. */
  private readonly endOf: (lane: number) => RingConsumer;
  private readonly steerer: Steerer;
  private readonly d = new Dissection();

  constructor({ sas, ...rest }: DispatcherBenchOptions = {}) {
    const options = resolveOptions({
      // Not the random key of a receiver: over a few ports and SPIs it may have a low rank, and all fall on one queue.
      rss: { key: microsoftKey() },
      inline: true,
      consumer: { onPackets() {} },
      ...(sas === undefined ? {} : { esp: { sas } }),
      ...rest,
    });
    this.layout = options.layout;
    const core = makeCore(options);
    const { control } = core;
    const words = new Int32Array(control.buffer);
    this.bytes = core.bytes;
    this.rings = core.rings;
    this.endOf = (lane) => new RingConsumer(words, control.places.rings[lane] >> 2, options.slots);
    this.unknown = core.unknown[options.queues];
    this.steerer = new Steerer(options.steerer);
    this.dispatcher = core.dispatcher;
  }

  push(frame: Uint8Array, linkType = 1, seconds = 1): boolean {
    return this.dispatcher.push(frame, linkType, seconds, 0);
  }

  /** The lane that the hash alone would choose. */
  hashed(frame: Uint8Array): number {
    dissect(frame, 0, frame.length, 1, this.d);
    return this.steerer.steer(frame, this.d);
  }

  /** What is in a lane's ring; with `release` it is taken out as well. */
  placed(lane: number, { most = Number.POSITIVE_INFINITY, release = true } = {}): Placed[] {
    const ring = this.endOf(lane);
    const { words } = ring;
    const n = Math.min(most, ring.available());
    const out = Array.from({ length: n }, (_, k): Placed => {
      const s = ring.slot(k);
      const flags = words[s + D_CLASS] >> 8;
      return {
        lane,
        mark: (flags & DF_MARK) !== 0,
        pollEnd: (flags & DF_POLL_END) !== 0,
        class: CLASSES[words[s + D_CLASS] & 0xff],
        sa: words[s + D_SA],
        number: words[s + D_NUMBER],
        hash: words[s + D_HASH],
        bytes: this.bytes.slice(words[s + D_OFF], words[s + D_OFF] + words[s + D_LEN]),
      };
    });
    if (release) {
      ring.take(n);
      ring.release();
    }
    return out;
  }

  /** What is in all rings, lane by lane; the rings are empty afterwards. */
  all(): Placed[] {
    return this.rings.flatMap((_, lane) => this.placed(lane));
  }

  /** Packets that are in no count: 0, or the dispatcher has lost some. */
  unaccounted(): number {
    const { packets, placed, drops, joined, keepalives, held } = this.dispatcher;
    const sum = (counts: Float64Array): number => counts.reduce((a, n) => a + n, 0);
    return packets - sum(placed) - sum(drops) - joined - keepalives - held;
  }
}
