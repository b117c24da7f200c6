/** The other thread of `ring_two_threads`: takes descriptors as fast as they come, until it is told to stop. */
import { D_HASH, D_OFF } from '../src/memory/descriptor.ts';
import { RingConsumer } from '../src/memory/ring.ts';

export const SLOTS = 1024;
/** Words in front of the ring: 1 ends the thread; the sum of what was read. Each on a cache line of its own. */
export const STOP = 0;
export const RESULT = 16;
export const RING_AT = 32;

export interface RingTask {
  readonly buffer: SharedArrayBuffer;
}

/** Looks at the stop word once in so many empty turns. */
const PATIENCE = 1024;

export default function consume({ buffer }: RingTask): void {
  const words = new Int32Array(buffer);
  const ring = new RingConsumer(words, RING_AT, SLOTS);
  let sum = 0;
  for (let empty = 0; ; ) {
    const n = Math.min(ring.available(), 64);
    if (n === 0) {
      if (++empty % PATIENCE === 0 && Atomics.load(words, STOP) !== 0) return;
      continue;
    }
    for (let k = 0; k < n; k++) {
      const s = ring.slot(k);
      sum = (sum + words[s + D_HASH] + words[s + D_OFF]) | 0;
    }
    ring.take(n);
    Atomics.store(words, RESULT, sum);
    ring.release();
  }
}
