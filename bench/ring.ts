/** What does a descriptor cost on its way through a ring, in one thread and from one thread to another; and a line that goes there and back? */
import { extname } from 'node:path';
import { Piscina } from 'piscina';
import { D_HASH, D_OFF, DESCRIPTOR_WORDS } from '../src/memory/descriptor.ts';
import { RingConsumer, RingProducer, ringWords } from '../src/memory/ring.ts';
import type { Case, Round } from './harness.ts';
import { OVER, PING, PONG, type PongTask } from './line-pong.ts';
import { RESULT, RING_AT, type RingTask, SLOTS, STOP } from './ring-consumer.ts';

const BURST = 32;
const SAME_THREAD = 32 * 512;
/** Long enough that starting and stopping of a round do not count. */
const TWO_THREADS = 1 << 17;

/** Fills a burst of descriptors, as many words of each as a dispatcher writes. */
function produce(ring: RingProducer, from: number): boolean {
  const words = ring.words;
  for (let i = 0; i < BURST; i++) {
    const s = ring.claim();
    if (s < 0) return false;
    for (let word = 0; word < DESCRIPTOR_WORDS - 3; word++) words[s + word] = from + i + word;
  }
  ring.publish();
  return true;
}

function sameThread(): Round {
  const words = new Int32Array(new SharedArrayBuffer(4 * ringWords(SLOTS)));
  const producer = new RingProducer(words, 0, SLOTS);
  const consumer = new RingConsumer(words, 0, SLOTS);
  return {
    items: SAME_THREAD,
    run() {
      let sum = 0;
      for (let from = 0; from < SAME_THREAD; from += BURST) {
        if (!produce(producer, from)) throw new Error('the ring is full');
        const n = consumer.available();
        for (let k = 0; k < n; k++) {
          const s = consumer.slot(k);
          sum = (sum + words[s + D_HASH] + words[s + D_OFF]) | 0;
        }
        consumer.take(n);
        consumer.release();
      }
      return sum;
    },
  };
}

/** One more thread, which runs the default export of a module beside this one. */
function threadOf(module: string): Piscina {
  return new Piscina({
    filename: new URL(`./${module}${extname(import.meta.url)}`, import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    atomics: 'disabled',
  });
}

async function twoThreads(): Promise<Round> {
  const buffer = new SharedArrayBuffer(4 * (RING_AT + ringWords(SLOTS)));
  const words = new Int32Array(buffer);
  const pool = threadOf('ring-consumer');
  const task: RingTask = { buffer };
  const done = pool.run(task);
  const producer = new RingProducer(words, RING_AT, SLOTS);
  return {
    items: TWO_THREADS,
    run() {
      for (let from = 0; from < TWO_THREADS; from += BURST) {
        while (SLOTS - ((producer.head - producer.delivered) | 0) < BURST) producer.refresh();
        produce(producer, from);
      }
      while (!producer.idle());
      return Atomics.load(words, RESULT);
    },
    async close() {
      Atomics.store(words, STOP, 1);
      await done;
      await pool.destroy();
    },
  };
}

const ROUND_TRIPS = 1000;

/** A word that one thread writes and the other reads, and one the other way: two transfers of a cache line between cores. */
async function thereAndBack(): Promise<Round> {
  const buffer = new SharedArrayBuffer(128);
  const words = new Int32Array(buffer);
  const pool = threadOf('line-pong');
  const done = pool.run({ buffer } satisfies PongTask);
  let number = 0;
  return {
    items: ROUND_TRIPS,
    run() {
      for (let i = 0; i < ROUND_TRIPS; i++) {
        number = (number + 1) & 0xffffff;
        Atomics.store(words, PING, number);
        while (Atomics.load(words, PONG) !== number);
      }
      return number;
    },
    async close() {
      Atomics.store(words, PING, OVER);
      await done;
      await pool.destroy();
    },
  };
}

export const cases: readonly Case[] = [
  { name: 'ring_same_thread', bytes: 0, make: sameThread },
  { name: 'ring_two_threads', bytes: 0, threads: 2, long: true, make: twoThreads },
  { name: 'line_there_and_back', bytes: 0, threads: 2, long: true, make: thereAndBack },
];
