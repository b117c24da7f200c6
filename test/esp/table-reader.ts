/** Looks SAs up in a thread of its own, while another one changes the table. */
import { type Keyed, SaTable } from '../../src/esp/index.ts';

/** Words: set to end; look-ups; SAs that were there all the while and not found; wrong slots; found. Then a word for each key. */
export const STOP = 0;
export const READS = 1;
export const MISSED = 2;
export const WRONG = 3;
export const FOUND = 4;
export const READER_WORDS = 5;

export interface TableReaderTask {
  readonly buffer: ArrayBufferLike;
  readonly capacity: number;
  /** Key i is in slot 10 i or 10 i + 1. Its word is odd while it is there for sure. */
  readonly keys: readonly Keyed[];
  readonly words: Int32Array;
}

export default function read({ buffer, capacity, keys, words }: TableReaderTask): void {
  const table = new SaTable(buffer, 0, capacity);
  while (Atomics.load(words, STOP) === 0) {
    keys.forEach(({ spi, dstBytes }, i) => {
      const before = Atomics.load(words, READER_WORDS + i);
      const slot = table.lookupShared(dstBytes, 0, false, spi);
      const isThere = (before & 1) === 1 && Atomics.load(words, READER_WORDS + i) === before;
      if (slot >= 0) words[slot === 10 * i || slot === 10 * i + 1 ? FOUND : WRONG]++;
      else if (isThere) words[MISSED]++;
    });
    Atomics.add(words, READS, keys.length);
  }
}
