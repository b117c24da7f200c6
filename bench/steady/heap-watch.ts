/** Watches the heap of a thread from within: how much it uses, what is allocated, and collections. Others read it in shared memory. */
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const SAMPLE_MS = 200;

/** Numbers in the shared memory. */
const USED = 0;
const ALLOCATED = 1;
const MINOR = 2;
const MAJOR = 3;
const PAUSE = 4;
const LONGEST = 5;
const LIVE = 6;

/** What a heap did in a time. */
export interface HeapUse {
  /** Bytes in use at the last look. */
  readonly used: number;
  /** Bytes allocated, by the growth between looks: what was allocated and collected between two of them is missing. */
  readonly allocated: number;
  /** Collections of the young generation; others. Those that were asked for do not count. */
  readonly minor: number;
  readonly major: number;
  /** Milliseconds of all collections, and of the longest. */
  readonly pause: number;
  readonly longest: number;
}

export class HeapWatch {
  static readonly WORDS: number = 8;
  private readonly words: Float64Array;
  private readonly observer: PerformanceObserver;
  private readonly timer: NodeJS.Timeout;
  private collect: (() => void) | undefined;

  /** For the thread that is watched. @param words `WORDS` numbers */
  constructor(words: Float64Array) {
    this.words = words;
    this.observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { duration, detail } = entry as PerformanceEntry & { detail: { kind: number; flags: number } };
        const { kind, flags } = detail;
        if ((flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0) continue;
        words[kind === constants.NODE_PERFORMANCE_GC_MINOR ? MINOR : MAJOR]++;
        words[PAUSE] += duration;
        words[LONGEST] = Math.max(words[LONGEST], duration);
      }
    });
    this.observer.observe({ entryTypes: ['gc'] });
    words[USED] = getHeapStatistics().used_heap_size;
    this.timer = setInterval(() => this.look(), SAMPLE_MS);
    this.timer.unref();
  }

  private look(): void {
    const used = getHeapStatistics().used_heap_size;
    const grown = used - this.words[USED];
    if (grown > 0) this.words[ALLOCATED] += grown;
    this.words[USED] = used;
  }

  /** Collects everything that can be collected, and notes what is left. */
  collectAll(): void {
    setFlagsFromString('--expose-gc');
    this.collect ??= runInNewContext('gc') as () => void;
    this.collect();
    // What finalizers let go takes a second one.
    this.collect();
    this.words[LIVE] = getHeapStatistics().used_heap_size;
    this.words[USED] = this.words[LIVE];
  }

  close(): void {
    clearInterval(this.timer);
    this.observer.disconnect();
  }
}

/** Bytes that were in use after `collectAll`. */
export function liveHeap(words: Float64Array): number {
  return words[LIVE];
}

/** What the heap has done since the last call. For any thread, while nothing is measured. */
export function takeHeapUse(words: Float64Array): HeapUse {
  const use = {
    used: words[USED],
    allocated: words[ALLOCATED],
    minor: words[MINOR],
    major: words[MAJOR],
    pause: words[PAUSE],
    longest: words[LONGEST],
  };
  words.fill(0, ALLOCATED, LIVE);
  return use;
}
