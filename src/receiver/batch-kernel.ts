import type { FrameBatch } from '../capture/frame-batch.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { DispatchPlan } from './plan.ts';

/** The kernel that places frames, and the numbers of a batch where it can read them. */
export class BatchKernel {
  private readonly place: NonNullable<Kernels['dispatch']>;
  private readonly plan: DispatchPlan;
  private readonly memory: ArrayBufferLike;
  private loads = 0;

  constructor(place: NonNullable<Kernels['dispatch']>, plan: DispatchPlan, memory: ArrayBufferLike) {
    this.place = place;
    this.plan = plan;
    this.memory = memory;
  }

  /**
   * Makes the numbers of frames `from` to `to` readable: those of a batch that the windows gave out are, others are copied.
   *
   * @returns the number of this copy; 0: the batch lies in the frame memory
   */
  load(batch: FrameBatch, from: number, to: number): number {
    if (batch.offsets.buffer === this.memory) return 0;
    const { offsets, lengths, wireLengths, seconds, nanos } = this.plan.staged;
    fill(offsets, batch.offsets, from, to);
    fill(lengths, batch.lengths, from, to);
    fill(wireLengths, batch.wireLengths, from, to);
    fill(seconds, batch.seconds, from, to);
    fill(nanos, batch.nanos, from, to);
    this.loads++;
    return this.loads;
  }

  /** Whether another batch was copied over the one of this copy: a consumer that was called meanwhile has pushed one. */
  overwritten(copy: number): boolean {
    return copy !== 0 && copy !== this.loads;
  }

  /**
   * Places frames `i` to `to` of what `load(batch, from, to)` made readable.
   *
   * @param number of the packet at `i`
   * @returns the first frame that was not placed
   */
  run(batch: FrameBatch, from: number, i: number, to: number, number: number): number {
    const inPlace = batch.offsets.buffer === this.memory;
    const { offsets, lengths, wireLengths, seconds, nanos } = inPlace ? batch : this.plan.staged;
    const shift = inPlace ? 0 : from;
    const next = this.place(
      this.plan.address,
      offsets.byteOffset,
      lengths.byteOffset,
      wireLengths.byteOffset,
      seconds.byteOffset,
      nanos.byteOffset,
      i - shift,
      to - shift,
      number | 0,
    );
    return shift + next;
  }
}

/** Copies `from` to `to` of `source` to the beginning of `target`. */
function fill(target: Int32Array | Uint32Array, source: Int32Array | Uint32Array, from: number, to: number): void {
  // Without a view where it can be: whole arrays of the usual capacity.
  if (from === 0 && source.length <= target.length) target.set(source);
  else target.set(source.subarray(from, to));
}
