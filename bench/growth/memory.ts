export interface MemoryUse {
  /** Bytes of the process that are in memory. */
  readonly resident: number;
  /** Bytes of this thread's heap in use. */
  readonly heap: number;
}

/** What is in use now; of the heap, what a collection leaves, if there can be one (`--expose-gc`). */
export function memoryUse(): MemoryUse {
  // The last resort gives free pages back to the system too.
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  const { rss, heapUsed } = process.memoryUsage();
  return { resident: rss, heap: heapUsed };
}
