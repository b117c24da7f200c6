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
  /** Bytes taken and given back so far, unused ends included. */
  private head = 0;
  private tail = 0;
  /** `head` behind each descriptor of the ring. */
  private readonly marks: Float64Array;

  constructor(region: Region, slots: number) {
    this.offset = region.offset;
    this.size = region.length;
    this.mask = slots - 1;
    this.marks = new Float64Array(slots);
  }

  /** Absolute offset of `length` bytes, or -1 when they are not free. They are lost unless `mark` follows. */
  take(length: number): number {
    let head = this.head;
    const at = head % this.size;
    if (at + length > this.size) head += this.size - at;
    if (head + length - this.tail > this.size) return -1;
    this.head = head + length;
    return this.offset + (head % this.size);
  }

  /** Everything taken so far belongs to descriptor number `cursor` and those before it. */
  mark(cursor: number): void {
    this.marks[cursor & this.mask] = this.head;
  }

  /** All descriptors before `delivered` are done. */
  free(delivered: number): void {
    this.tail = Math.max(this.tail, this.marks[(delivered - 1) & this.mask]);
  }
}
