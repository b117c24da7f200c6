import type { FrameBatch } from '../capture/frame-batch.ts';
import { checkInteger } from '../errors.ts';

/** Part of a frame memory, in blocks that a file reader fills and that come back when their frames are done with. */
export interface BlockPool {
  /** The whole frame memory; a plain or a shared one. */
  readonly bytes: Uint8Array;
  /** Bytes of each block. */
  readonly blockSize: number;
  /** Takes a free block; waits until there is one. Returns its number. */
  take(): number | Promise<number>;
  /** Where a block begins in {@link bytes}. */
  offset(block: number): number;
  /**
   * A batch whose numbers lie where the receiver takes them fastest, or undefined: it is in use, or of another capacity. Given
   * back with `batchDone`.
   */
  takeBatch?(capacity: number): FrameBatch | undefined;
  batchDone?(batch: FrameBatch): void;
  /** The reader will hand out no more frames of this block: it may be taken again once all its frames are done with. */
  done(block: number): void;
}

/**
 * A pool over memory of its own, for programs that are through with a frame before they ask for the next batch: a block is
 * free again as soon as the reader is done with it.
 *
 * @param options.blocks how many, default 2
 * @param options.blockSize bytes of each, default 1 MiB: a file in the page cache comes at 19 GB/s, with 256 KiB at 15, with
 *   4 MiB at 19 (Node 20)
 * @throws RxSteerError ERR_RXSTEER_OPTION
 */
export function createBlockPool(options: { blocks?: number; blockSize?: number } = {}): BlockPool {
  const blocks = checkInteger('blocks', options.blocks ?? 2, 1, 65536);
  const blockSize = checkInteger('blockSize', options.blockSize ?? 1 << 20, 64, 1 << 30);
  const bytes = new Uint8Array(blocks * blockSize);
  const free = Array.from({ length: blocks }, (_, block) => blocks - 1 - block);
  const waiting: ((block: number) => void)[] = [];
  return {
    bytes,
    blockSize,
    take: () => free.pop() ?? new Promise((resolve) => waiting.push(resolve)),
    offset: (block) => block * blockSize,
    done(block) {
      const next = waiting.shift();
      if (next === undefined) free.push(block);
      else next(block);
    },
  };
}
