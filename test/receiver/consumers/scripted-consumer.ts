/** Tells of all that it is given; packets to certain UDP ports say what it is to do. */
import type { Batch } from '../../../src/lane/batch.ts';
import type { Consumer, ConsumerContext } from '../../../src/lane/consumer.ts';
import { Tuple } from '../../../src/wire/tuple.ts';

export const PORT_THROW = 60_001;
export const PORT_REJECT = 60_002;
export const PORT_EXIT = 60_003;
export const PORT_TIMER_THROW = 60_004;
export const PORT_HANG = 60_005;
export const PORT_STRANGE = 60_006;
export const PORT_WAIT = 60_007;

/** A throw, when it is asked of the module as it is made again after a crash. */
export interface ScriptData {
  /** Shared words: [0] how often a consumer was made. From the second time on it throws when [1] is set. */
  readonly words?: Int32Array;
  /** Milliseconds that each batch takes, as a promise. */
  readonly slow?: number;
}

export default function scripted({ lane, lanes, data, post }: ConsumerContext): Consumer {
  const { words, slow } = (data ?? {}) as ScriptData;
  if (words !== undefined) {
    const before = Atomics.add(words, 0, 1);
    if (before >= lanes && Atomics.load(words, 1) === 1) throw new Error('not again');
  }
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  return {
    onPackets(batch): void | Promise<void> {
      const packets = Array.from({ length: batch.length }, (_, i) => [
        batch.className(i),
        batch.number(i),
        batch.segments(i),
      ]);
      post({ kind: 'packets', packets });
      const waited = act(batch);
      if (slow !== undefined) return new Promise((resolve) => setTimeout(resolve, slow));
      return waited;
    },
    onMessage(message) {
      if (message === 'who') post({ kind: 'who', lane, lanes, data });
      if (message === 'ticks') post({ kind: 'ticks', ticks });
      if (message === 'throw') throw new Error('from a message');
    },
    close() {
      clearInterval(timer);
      post({ kind: 'closed' });
    },
  };
}

const tuple = new Tuple();

function act(batch: Batch): void | Promise<void> {
  for (let i = 0; i < batch.length; i++) {
    if (!batch.tuple(i, tuple)) continue;
    if (tuple.dport === PORT_THROW) throw new Error('as asked');
    if (tuple.dport === PORT_REJECT) return Promise.reject(new Error('as asked, later'));
    if (tuple.dport === PORT_EXIT) process.exit(3);
    if (tuple.dport === PORT_TIMER_THROW) {
      setTimeout(() => {
        throw new Error('from a timer');
      });
      // The lane stays in this call until then.
      return new Promise(() => {});
    }
    if (tuple.dport === PORT_HANG) for (;;);
    if (tuple.dport === PORT_STRANGE) throw Object.create(null);
    if (tuple.dport === PORT_WAIT) return new Promise(() => {});
  }
  return undefined;
}
