import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { D_CLASS, DESCRIPTOR_WORDS, DF_MARK } from '../../src/memory/descriptor.ts';
import { RingConsumer, RingProducer, ringWords } from '../../src/memory/ring.ts';

const BASE = 16;
/** Words of a ring as ring.ts draws them. */
const PRODUCED = BASE;
const DELIVERED = BASE + 16;
const TAKEN = BASE + 17;

interface Ends {
  words: Int32Array;
  producer: RingProducer;
  consumer: RingConsumer;
}

/** Both ends of a ring whose cursors stand at `start`. */
function ring(slots: number, start = 0): Ends {
  const words = new Int32Array(new SharedArrayBuffer(4 * (BASE + ringWords(slots))));
  for (const word of [PRODUCED, DELIVERED, TAKEN]) words[word] = start;
  return { words, producer: new RingProducer(words, BASE, slots), consumer: new RingConsumer(words, BASE, slots) };
}

const STARTS = [0, 2 ** 31 - 3, 2 ** 32 - 3, 2 ** 32 - 130];

describe.each(STARTS)('ring whose cursors start at %i', (start) => {
  it('has nothing to take when empty, and takes nothing more when full', () => {
    const { producer, consumer } = ring(8, start);
    expect(consumer.available()).toBe(0);
    expect(producer.idle()).toBe(true);
    for (let i = 0; i < 8; i++) expect(producer.claim()).toBeGreaterThanOrEqual(BASE);
    expect(producer.claim()).toBe(-1);
    expect(consumer.available()).toBe(0);
    producer.publish();
    expect(consumer.available()).toBe(8);
    expect(producer.idle()).toBe(false);
    consumer.take(3);
    expect(producer.claim()).toBe(-1);
    consumer.release();
    expect(producer.claim()).toBeGreaterThanOrEqual(BASE);
  });

  it('carries what was written, in order, as a queue does', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('claim' as const), n: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ op: fc.constant('publish' as const), n: fc.constant(0) }),
      fc.record({ op: fc.constant('take' as const), n: fc.integer({ min: 1, max: 12 }) }),
      fc.record({ op: fc.constant('release' as const), n: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.constantFrom(2, 4, 8, 16), fc.array(step, { maxLength: 120 }), (slots, steps) => {
        const { words, producer, consumer } = ring(slots, start);
        const model = { claimed: [] as number[], published: [] as number[], taken: 0 };
        let next = 1;
        for (const { op, n } of steps) {
          const used = model.claimed.length + model.published.length + model.taken;
          if (op === 'claim') {
            for (let i = 0; i < n; i++) {
              const at = producer.claim();
              expect(at >= 0).toBe(used + i < slots);
              if (at < 0) break;
              for (let word = 0; word < DESCRIPTOR_WORDS; word++) words[at + word] = next * 100 + word;
              model.claimed.push(next++);
            }
          } else if (op === 'publish') {
            producer.publish();
            model.published.push(...model.claimed.splice(0));
          } else if (op === 'take') {
            // A lane looks before it takes.
            const there = Math.min(n, consumer.available());
            expect(there).toBeLessThanOrEqual(model.published.length);
            for (let k = 0; k < there; k++) {
              const at = consumer.slot(k);
              for (const word of [0, DESCRIPTOR_WORDS - 1])
                expect(words[at + word]).toBe(model.published[k] * 100 + word);
            }
            consumer.take(there);
            model.published.splice(0, there);
            model.taken += there;
          } else {
            consumer.release();
            model.taken = 0;
          }
          expect(producer.idle()).toBe(model.published.length + model.taken === 0);
        }
        consumer.take(consumer.available());
        consumer.release();
        producer.publish();
        consumer.take(consumer.available());
        consumer.release();
        expect(producer.idle()).toBe(true);
        expect(producer.head - start === next - 1 || ((producer.head - start) | 0) === next - 1).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('gives up what a dead lane had taken, and keeps what it had not', () => {
    const { words, producer, consumer } = ring(8, start);
    for (let i = 0; i < 7; i++) words[producer.claim()] = i;
    producer.publish();
    consumer.take(2);
    consumer.release();
    consumer.take(3);
    // One of the two that are left is no packet.
    words[consumer.slot(1) + D_CLASS] = DF_MARK << 8;
    expect(producer.abandon()).toBe(1);
    const heir = new RingConsumer(words, BASE, 8);
    expect(heir.available()).toBe(2);
    expect([words[heir.slot(0)], words[heir.slot(1)]]).toEqual([5, 6]);
    for (let i = 0; i < 6; i++) expect(producer.claim()).toBeGreaterThanOrEqual(BASE);
    expect(producer.claim()).toBe(-1);
    heir.take(2);
    heir.release();
    producer.publish();
    expect(heir.available()).toBe(6);
  });
});

describe('a ring after a crash', () => {
  it('is outside of the consumer again, whether the thread died inside it or not', () => {
    for (const inside of [false, true]) {
      const { words, producer, consumer } = ring(8);
      consumer.called();
      consumer.called();
      if (inside) consumer.called();
      producer.abandon();
      expect(producer.calls() & 1).toBe(0);
      const heir = new RingConsumer(words, BASE, 8);
      heir.called();
      expect(producer.calls() & 1).toBe(1);
    }
  });

  it('discards everything when no thread takes over', () => {
    const { producer, consumer } = ring(8);
    for (let i = 0; i < 5; i++) producer.claim();
    producer.publish();
    consumer.take(2);
    producer.discard();
    expect(producer.idle()).toBe(true);
    for (let i = 0; i < 8; i++) expect(producer.claim()).toBeGreaterThanOrEqual(BASE);
  });
});

describe('sleep', () => {
  const never = (): boolean => false;
  /** Whether a promise settles within a few turns of the event loop. */
  async function settles(wait: Promise<unknown> | undefined): Promise<boolean> {
    let settled = wait === undefined;
    wait?.then(() => {
      settled = true;
    });
    for (let i = 0; i < 20 && !settled; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    return settled;
  }

  it('lasts until something is published', async () => {
    const { producer, consumer } = ring(8);
    const wait = consumer.sleep(never);
    expect(wait).toBeInstanceOf(Promise);
    expect(await settles(wait)).toBe(false);
    producer.claim();
    producer.publish();
    expect(await settles(wait)).toBe(true);
    expect(consumer.available()).toBe(1);
  });

  it('lasts until it is woken without anything to take', async () => {
    const { producer, consumer } = ring(8);
    const wait = consumer.sleep(never);
    producer.wake();
    expect(await settles(wait)).toBe(true);
  });

  it('does not begin when something is there, or when it is over', () => {
    const { producer, consumer } = ring(8);
    expect(consumer.sleep(() => true)).toBeUndefined();
    producer.claim();
    producer.publish();
    expect(consumer.sleep(() => consumer.available() > 0)).toBeUndefined();
  });

  /** The producer's steps fall between the lane's look and its going to sleep: `stopped` is called exactly there. */
  const between: [string, (ends: Ends) => void][] = [
    [
      'a publish',
      ({ producer }) => {
        producer.claim();
        producer.publish();
      },
    ],
    ['a stop', ({ producer }) => producer.wake()],
  ];
  it.each(between)('misses no wake-up by %s just before it', async (_, act) => {
    const ends = ring(8);
    const wait = ends.consumer.sleep(() => {
      act(ends);
      return false;
    });
    expect(await settles(wait)).toBe(true);
  });

  it.each(between)('blocked, misses no wake-up by %s just before it', (_, act) => {
    const ends = ring(8);
    const woken = ends.consumer.block(2000, () => {
      act(ends);
      return false;
    });
    expect(woken).toBe(true);
  });

  it('of the producer ends with a release, or does not begin when there was one', async () => {
    const { producer, consumer } = ring(8);
    producer.claim();
    producer.publish();
    consumer.take(consumer.available());
    producer.refresh();
    const wait = producer.progress();
    expect(await settles(wait)).toBe(false);
    consumer.release();
    expect(await settles(wait)).toBe(true);
    producer.claim();
    producer.publish();
    consumer.take(consumer.available());
    consumer.release();
    expect(producer.progress()).toBeUndefined();
  });

  it('of the producer of a full ring ends when half of it is free', async () => {
    const { producer, consumer } = ring(8);
    for (let i = 0; i < 8; i++) producer.claim();
    producer.publish();
    const wait = producer.progress();
    for (let i = 0; i < 3; i++) {
      consumer.available();
      consumer.take(1);
      consumer.release();
    }
    expect(await settles(wait)).toBe(false);
    consumer.take(1);
    consumer.release();
    expect(await settles(wait)).toBe(true);
  });

  it('of the producer ends when the lane is given up', async () => {
    const { producer, consumer } = ring(8);
    producer.claim();
    producer.publish();
    consumer.take(consumer.available());
    producer.refresh();
    const wait = producer.progress();
    producer.abandon();
    expect(await settles(wait)).toBe(true);
  });
});
