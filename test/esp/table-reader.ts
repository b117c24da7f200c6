/** Looks SAs up in a thread of its own, while another one changes the table. */
import { type Keyed, SaTable } from '../../src/esp/index.ts';

/** Words: set to end; look-ups; of the steady SAs, not found; of any, a wrong slot; of the churned ones, found. */
export const STOP = 0;
export const READS = 1;
export const MISSED = 2;
export const WRONG = 3;
export const FOUND = 4;
export const READER_WORDS = 5;

export interface TableReaderTask {
  readonly buffer: ArrayBufferLike;
  readonly capacity: number;
  /** Always there, in slots of their order. */
  readonly steady: readonly Keyed[];
  /** Come and go, in slots 10 and 11, 20 and 21, ... */
  readonly churned: readonly Keyed[];
  readonly words: Int32Array;
}

export default function read({ buffer, capacity, steady, churned, words }: TableReaderTask): void {
  const table = new SaTable(buffer, 0, capacity);
  while (Atomics.load(words, STOP) === 0) {
    steady.forEach(({ spi, dstBytes }, i) => {
      const slot = table.lookupShared(dstBytes, 0, false, spi);
      if (slot < 0) words[MISSED]++;
      else if (slot !== i) words[WRONG]++;
    });
    churned.forEach(({ spi, dstBytes }, i) => {
      const slot = table.lookupShared(dstBytes, 0, false, spi);
      if (slot < 0) return;
      if (slot !== 10 * (i + 1) && slot !== 10 * (i + 1) + 1) words[WRONG]++;
      words[FOUND]++;
    });
    Atomics.add(words, READS, steady.length + churned.length);
  }
}
