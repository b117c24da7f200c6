import type { Region } from './frame-memory.ts';

/** Parts that are kept, at most. */
const KEPT = 64;

/**
 * Bytes that live for one poll: handed out one behind the other, all given back at once. A poll's bytes may be kept beyond it;
 * then the next one goes on behind them, and kept parts come back in their order.
 *
 *     | free | kept, the oldest first ... | this poll's | free |           or around the end
 */
export class Scratch {
  private readonly start: number;
  private readonly end: number;
  private readonly reserve: number;
  private at: number;
  /** Where this poll's bytes begin, and the end of what it may take. */
  private floor: number;
  private limit: number;
  /** Queue of kept parts: where each begins. */
  private readonly kept = new Float64Array(KEPT);
  private first = 0;
  private last = 0;
  /** Where the next poll begins, while one has the reserve. */
  private resume = -1;

  /** @param reserve bytes that only a poll gets which says so */
  constructor(region: Region, reserve = 0) {
    this.start = region.offset;
    this.end = region.offset + region.length - reserve;
    this.reserve = reserve;
    this.at = this.start;
    this.floor = this.start;
    this.limit = this.end;
  }

  /** Bytes left. */
  get room(): number {
    return this.limit - this.at;
  }

  /** Where the next bytes come from, and where there are none any more. */
  get position(): number {
    return this.at;
  }

  get most(): number {
    return this.limit;
  }

  /** Absolute offset of `length` fresh bytes, or -1 when there are not that many. */
  take(length: number): number {
    const at = this.at;
    if (length > this.limit - at) return -1;
    this.at = at + ((length + 7) & ~7);
    return at;
  }

  /** Gives back what lies behind `end`, which is inside what was taken last. */
  trim(end: number): void {
    this.at = (end + 7) & ~7;
  }

  /** Gives this poll's bytes back. */
  reset(): void {
    this.at = this.floor;
  }

  /** Keeps this poll's bytes. At most 64 parts are kept at a time. */
  keep(): void {
    this.kept[this.last++ % KEPT] = this.floor;
    this.floor = this.at;
  }

  /** The oldest `count` kept parts are free. */
  free(count: number): void {
    this.first += count;
  }

  /** Begins a poll where there is most room; nothing of it has been taken. */
  begin(): void {
    if (this.resume >= 0) {
      this.floor = this.resume;
      this.resume = -1;
    }
    if (this.first === this.last) {
      // What is used again and again stays in the cache.
      this.floor = this.start;
      this.limit = this.end;
    } else {
      const tail = this.kept[this.first % KEPT];
      if (this.floor <= tail) this.limit = tail;
      else if (this.end - this.floor >= tail - this.start) this.limit = this.end;
      else {
        this.floor = this.start;
        this.limit = tail;
      }
    }
    this.at = this.floor;
  }

  /** Begins a poll in the reserve; nothing of it can be kept. */
  beginReserve(): void {
    if (this.resume < 0) this.resume = this.floor;
    this.floor = this.end;
    this.at = this.end;
    this.limit = this.end + this.reserve;
  }
}
