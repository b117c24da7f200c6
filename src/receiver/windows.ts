import type { FrameBatch } from '../capture/frame-batch.ts';
import { BLOCK_SIZE, type Region } from '../memory/frame-memory.ts';
import type { RingProducer } from '../memory/ring.ts';
import { hasPassed } from '../steer/flow-slots.ts';

/**
 * The windows of the frame memory as blocks for a reader. A block comes back when every lane's low-water mark has passed the
 * last descriptor that was written before the reader was done with it: no count per frame is kept.
 */
export class Windows {
  readonly bytes: Uint8Array;
  readonly blockSize: number = BLOCK_SIZE;
  private readonly region: Region;
  private readonly rings: readonly RingProducer[];
  private readonly progress: () => Promise<void>;
  private readonly onDone: () => void;
  /** A batch whose numbers lie in the frame memory, while nobody has it. */
  private batch: FrameBatch | undefined;
  private readonly free: number[];
  /** Blocks that the reader is done with, and the head of each lane's ring at that moment. */
  private readonly retired: number[] = [];
  private readonly heads: Int32Array;

  /**
   * @param progress resolves when a lane may have moved on, and throws when none will any more
   * @param onDone called when the reader is done with a block
   * @param batch what `takeBatch` lends
   */
  constructor(
    bytes: Uint8Array,
    region: Region,
    rings: readonly RingProducer[],
    progress: () => Promise<void>,
    onDone: () => void,
    batch?: FrameBatch,
  ) {
    this.bytes = bytes;
    this.region = region;
    this.rings = rings;
    this.progress = progress;
    this.onDone = onDone;
    this.batch = batch;
    const blocks = region.length / BLOCK_SIZE;
    this.free = Array.from({ length: blocks }, (_, i) => blocks - 1 - i);
    this.heads = new Int32Array(blocks * rings.length);
  }

  /** A block to fill; waits until lanes have given one back. */
  take(): number | Promise<number> {
    // The last one given back first: it is the likeliest to be in the cache.
    return this.pop() ?? this.wait();
  }

  offset(block: number): number {
    return this.region.offset + block * BLOCK_SIZE;
  }

  /** All frames of the block that there will be have been pushed. */
  done(block: number): void {
    const lanes = this.rings.length;
    for (let lane = 0; lane < lanes; lane++) this.heads[block * lanes + lane] = this.rings[lane].head;
    this.retired.push(block);
    this.onDone();
  }

  /** The batch whose numbers the dispatcher's kernel reads where they lie, unless another reader has it. */
  takeBatch(capacity: number): FrameBatch | undefined {
    const { batch } = this;
    if (batch?.capacity !== capacity) return undefined;
    this.batch = undefined;
    return batch;
  }

  batchDone(batch: FrameBatch): void {
    this.batch = batch;
  }

  private pop(): number | undefined {
    if (this.free.length === 0 || this.retired.length > 0) this.reclaim();
    return this.free.pop();
  }

  private async wait(): Promise<number> {
    for (;;) {
      await this.progress();
      const block = this.pop();
      if (block !== undefined) return block;
    }
  }

  private reclaim(): void {
    const lanes = this.rings.length;
    for (const ring of this.rings) ring.refresh();
    for (let r = 0; r < this.retired.length; ) {
      const block = this.retired[r];
      let passed = true;
      for (let lane = 0; lane < lanes && passed; lane++) {
        passed = hasPassed(this.rings[lane].delivered, this.heads[block * lanes + lane]);
      }
      if (!passed) {
        r++;
        continue;
      }
      this.free.push(block);
      this.retired.splice(r, 1);
    }
  }
}
