/** Bad packets never throw: each is counted once. Frames of real captures, cut short everywhere and damaged at random. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameBatch } from '../../src/capture/index.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import type { ReceiverStats } from '../../src/receiver/stats.ts';
import { CAPTURE_NAMES, capture, framesOf } from '../support/captures.ts';
import { closingFault } from '../support/receivers.ts';

const captures = CAPTURE_NAMES.map(capture);
const corpus = captures.flatMap(({ path }) => framesOf(path));
// SPIs repeat between captures; those of one capture do not.
const sas = captures.flatMap((one, i) => (i === 0 || i === 2 ? one.sas : []));

/** Touches all that a consumer can ask of a packet, within the bounds of the memory. */
function receiver(queues: number): Promise<Receiver> {
  return createReceiver({
    queues,
    inline: true,
    full: 'wait',
    esp: { sas },
    consumer: {
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) {
          const at = batch.contiguous(i);
          const link = batch.linkLength(i);
          const headers = batch.headerLength(i);
          const length = batch.byteLength(i);
          if (link < 0 || headers < link || headers > length || at <= 0 || at + length > batch.bytes.length) {
            throw new Error(`${batch.className(i)}: ${link} ${headers} ${length}`);
          }
        }
      },
    },
  });
}

/** Puts frames into the windows of a receiver block by block, and pushes them. */
class Feeder {
  readonly rx: Receiver;
  private readonly batch = new FrameBatch(16_384);
  private block = -1;
  private at = 0;
  private end = 0;

  constructor(rx: Receiver) {
    this.rx = rx;
    this.batch.linkType = 1;
  }

  /** Room for `length` bytes and as many frames; where they go. */
  async room(length: number): Promise<number> {
    const { count, capacity } = this.batch;
    if (this.block < 0 || this.at + length > this.end || count + length >= capacity) await this.next();
    return this.at;
  }

  /** A frame that was written to `at`. */
  add(length: number, at: number): void {
    const { batch } = this;
    const i = batch.count++;
    batch.offsets[i] = at;
    batch.lengths[i] = length;
    batch.wireLengths[i] = length;
    batch.seconds[i] = 1000;
  }

  /** What lies there is kept. */
  skip(length: number): void {
    this.at += length;
  }

  async flush(): Promise<void> {
    if (this.block < 0) return;
    await this.rx.pushAll([this.batch]);
    this.rx.windows.done(this.block);
    this.batch.count = 0;
    this.block = -1;
  }

  private async next(): Promise<void> {
    await this.flush();
    this.block = await this.rx.windows.take();
    this.at = this.rx.windows.offset(this.block);
    this.end = this.at + this.rx.windows.blockSize;
  }
}

function sound(stats: ReceiverStats, packets: number): void {
  expect(closingFault(stats)).toBeUndefined();
  expect(stats.packets).toBe(packets);
  expect(stats.queues.reduce((sum, queue) => sum + queue.consumerErrors, 0)).toBe(0);
  // What was opened was authentic: it came out, or says why not.
  expect(stats.drops['consumer-error']).toBeUndefined();
}

describe('frames of the captures', () => {
  it('cut off behind every one of their bytes', async () => {
    const feeder = new Feeder(await receiver(2));
    const { bytes } = feeder.rx.windows;
    let packets = 0;
    for (const frame of corpus) {
      const at = await feeder.room(frame.length);
      bytes.set(frame, at);
      // All of them lie in one place: nothing writes to a frame.
      for (let length = 0; length <= frame.length; length++) feeder.add(length, at);
      feeder.skip(frame.length);
      packets += frame.length + 1;
    }
    await feeder.flush();
    const stats = await feeder.rx.close();
    sound(stats, packets);
    expect(packets).toBeGreaterThan(1_500_000);
    expect(stats.classes.malformed).toBeGreaterThan(100_000);
  });

  it('damaged at random, 100,000 times', async () => {
    // fast-check chooses the seed and shows it when the test fails; the mutations come of it alone.
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.constantFrom(1, 3), async (seed, queues) => {
        let state = seed | 1;
        const random = (n: number): number => {
          state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
          state = (state + 0x9e3779b9) | 0;
          return ((state ^ (state >>> 13)) >>> 0) % n;
        };
        const feeder = new Feeder(await receiver(queues));
        const { bytes } = feeder.rx.windows;
        for (let k = 0; k < 25_000; k++) {
          const frame = corpus[random(corpus.length)];
          const length = random(4) === 0 ? random(frame.length + 1) : frame.length;
          const at = await feeder.room(length);
          bytes.set(frame.subarray(0, length), at);
          for (let m = random(6); m >= 0 && length > 0; m--) {
            // Half of them hit the headers.
            const where = random(2) === 0 ? random(Math.min(length, 64)) : random(length);
            bytes[at + where] = random(3) === 0 ? random(2) * 255 : random(256);
          }
          feeder.add(length, at);
          feeder.skip(length);
        }
        await feeder.flush();
        sound(await feeder.rx.close(), 25_000);
      }),
      { numRuns: 4 },
    );
  });

  it('pushed as copies, with every link type', async () => {
    const rx = await receiver(2);
    const types = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276, 9999];
    let packets = 0;
    for (const frame of corpus.filter((_, i) => i % 40 === 0)) {
      for (const linkType of types) {
        for (const from of [0, 14]) {
          rx.push(frame.subarray(from), { linkType, time: packets / 1000 });
          packets++;
        }
      }
    }
    sound(await rx.close(), packets);
  });
});
