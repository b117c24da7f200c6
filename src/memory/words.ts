import type { Region } from './frame-memory.ts';

/** Makes an array of that many words, all 0. */
export type TakeWords = (words: number) => Int32Array;

/** Each by itself: for whoever has no kernel that looks into them. */
export const ownWords: TakeWords = (words) => new Int32Array(words);

/**
 * One behind the other in a region of the frame memory, on cache lines of their own.
 *
 * @throws RangeError when the region is full: whoever lays it out knows what goes in
 */
export function wordsOf(buffer: ArrayBufferLike, region: Region): TakeWords {
  const end = region.offset + region.length;
  let at = region.offset;
  return (words) => {
    const from = at;
    at = (from + 4 * words + 63) & ~63;
    if (at > end) throw new RangeError(`${at - end} bytes too many for a region of ${region.length}`);
    return new Int32Array(buffer, from, words).fill(0);
  };
}
