import type { Region } from './frame-memory.ts';

/**
 * A lane's arena: what `push(bytes)` copies frames into. Bytes are taken in the order of the ring's descriptors and come back
 * in that order, when the low-water mark has passed the descriptor; a frame never wraps around the end.
 *
 *     | free | frames of descriptors tail .. head | (unused end, when the next frame did not fit) |
 */
export class Arena {
  private readonly offset: number;
  private readonly size: number;
  private readonly mask: number;
  /** Bytes taken and given back so far, unused ends included. `taken`: with those that no descriptor holds yet. */
  private head = 0;
  private taken = 0;
  private tail = 0;
  /** `head` behind each descriptor of the ring, and behind those before: a full ring has one more mark than slots. */
  private readonly marks: Float64Array;

  constructor(region: Region, slots: number) {
    this.offset = region.offset;
    this.size = region.length;
    this.mask = 2 * slots - 1;
    this.marks = new Float64Array(2 * slots);
  }

  /** Absolute offset of `length` bytes, or -1 when they are not free. Without a `mark` the next `take` has them again. */
  take(length: number): number {
    let head = this.head;
    const at = head % this.size;
    if (at + length > this.size) head += this.size - at;
    if (head + length - this.tail > this.size) return -1;
    this.taken = head + length;
    return this.offset + (head % this.size);
  }

  /** Everything taken so far belongs to descriptor number `cursor` and those before it. */
  mark(cursor: number): void {
    this.head = this.taken;
    this.marks[cursor & this.mask] = this.head;
  }

  /** All descriptors before `delivered` are done. */
  free(delivered: number): void {
    this.tail = Math.max(this.tail, this.marks[(delivered - 1) & this.mask]);
  }
}
