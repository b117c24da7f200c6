/**
 * The memory of reassembly: a fixed part of the frame memory, cut in two halves of 2 KiB units.
 *
 *     pool.offset                                                     pool.offset + pool.length
 *     | chunk | chunk | chunk | ...          | unit | unit | unit | unit | ...              |
 *      waiting half: fragments, in chains      complete half: datagrams, each one contiguous
 *
 * A waiting fragment takes as many chunks as its bytes need, so memory in use follows the bytes that came, and one small
 * fragment with a large offset cannot reserve a whole datagram. A complete datagram takes a run of units until it is
 * released; runs may be released in any order. Nothing moves, nothing grows: what does not fit is refused.
 */
import { checkInteger } from '../errors.ts';

export const CHUNK_SHIFT = 11;
/** Bytes of a chunk: one Ethernet frame of 1500 bytes fits. */
export const CHUNK: number = 1 << CHUNK_SHIFT;
/** Smallest pool, 256 KiB: each half holds one datagram of 65,535 bytes, in fragments of 1500 bytes and more beside it. */
export const POOL_MIN: number = 64 * 2 * CHUNK;

export class FragmentPool {
  /** Absolute offset of chunk 0. */
  readonly chunkBase: number;
  /** Chunks of the waiting half, and how many of them are free. */
  readonly chunks: number;
  free: number;
  /** The chunk behind a chunk, -1 at the end of a chain. */
  readonly next: Int32Array;
  private head = 0;

  /** Absolute offset of unit 0 of the complete half. */
  private readonly unitBase: number;
  private readonly units: number;
  private freeUnits: number;
  /** At the first unit of a run: its length. 0 elsewhere. */
  private readonly run: Int32Array;
  private cursor = 0;

  /** @throws RxSteerError `ERR_RXSTEER_OPTION` when the pool is smaller than {@link POOL_MIN}. */
  constructor(offset: number, length: number) {
    checkInteger('pool.offset', offset, 0, 0x7fffffff);
    checkInteger('pool.length', length, POOL_MIN, 0x7fffffff);
    const half = length >> (CHUNK_SHIFT + 1);
    this.chunkBase = offset;
    this.chunks = half;
    this.free = half;
    this.next = new Int32Array(half);
    for (let i = 0; i < half; i++) this.next[i] = i + 1 < half ? i + 1 : -1;
    this.unitBase = offset + (half << CHUNK_SHIFT);
    this.units = half;
    this.freeUnits = half;
    this.run = new Int32Array(half);
  }

  /** Takes a chain of `n` chunks, at least one; returns its first chunk, or -1 when there are not as many. */
  take(n: number): number {
    if (n > this.free) return -1;
    const first = this.head;
    let last = first;
    for (let i = 1; i < n; i++) last = this.next[last];
    this.head = this.next[last];
    this.next[last] = -1;
    this.free -= n;
    return first;
  }

  /** Gives a chain back; returns how many chunks it had. */
  give(first: number): number {
    let last = first;
    let n = 1;
    while (this.next[last] >= 0) {
      last = this.next[last];
      n++;
    }
    this.next[last] = this.head;
    this.head = first;
    this.free += n;
    return n;
  }

  /** Absolute offset of a chunk. */
  chunkOffset(chunk: number): number {
    return this.chunkBase + (chunk << CHUNK_SHIFT);
  }

  /** Whether a datagram of `bytes` bytes could be placed now. */
  fits(bytes: number): boolean {
    return this.find((bytes + CHUNK - 1) >> CHUNK_SHIFT) >= 0;
  }

  /** Takes room for a datagram of `bytes` bytes; returns its absolute offset, or -1. */
  place(bytes: number): number {
    const n = (bytes + CHUNK - 1) >> CHUNK_SHIFT;
    const start = this.find(n);
    if (start < 0) return -1;
    this.run[start] = n;
    this.freeUnits -= n;
    this.cursor = start + n;
    return this.unitBase + (start << CHUNK_SHIFT);
  }

  /** Gives the room of a datagram back. An offset that is no placed datagram is ignored. */
  release(offset: number): void {
    const unit = (offset - this.unitBase) >> CHUNK_SHIFT;
    if (unit < 0 || unit >= this.units || this.unitBase + (unit << CHUNK_SHIFT) !== offset) return;
    this.freeUnits += this.run[unit];
    this.run[unit] = 0;
  }

  /**
   * Next fit: the first run of `n` free units at or behind the cursor, then from the start. The scan goes `n` past the
   * cursor again, for a run that spans it. It visits only free units and starts of runs, so `run` alone tells them apart.
   */
  private find(n: number): number {
    if (n > this.freeUnits) return -1;
    const { run, units } = this;
    let i = this.cursor;
    let start = i;
    for (let seen = 0; seen < units + n; ) {
      if (i >= units) {
        i = 0;
        start = 0;
      }
      const taken = run[i];
      if (taken > 0) {
        i += taken;
        seen += taken;
        start = i;
      } else {
        i++;
        seen++;
        if (i - start >= n) return start;
      }
    }
    return -1;
  }
}
