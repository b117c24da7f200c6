import type { Region } from './frame-memory.ts';

/** Bytes that live for one poll: handed out one behind the other, all given back at once. */
export class Scratch {
  private readonly start: number;
  private readonly end: number;
  private at: number;

  constructor(region: Region) {
    this.start = region.offset;
    this.end = region.offset + region.length;
    this.at = this.start;
  }

  /** Bytes left. */
  get room(): number {
    return this.end - this.at;
  }

  /** Absolute offset of `length` fresh bytes, or -1 when there are not that many. */
  take(length: number): number {
    const at = this.at;
    if (length > this.end - at) return -1;
    this.at = at + ((length + 7) & ~7);
    return at;
  }

  /** Gives back what lies behind `end`, which is inside what was taken last. */
  trim(end: number): void {
    this.at = (end + 7) & ~7;
  }

  reset(): void {
    this.at = this.start;
  }
}
