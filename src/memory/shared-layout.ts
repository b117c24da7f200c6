/** Lays parts of one SharedArrayBuffer out, each on cache lines of its own. */
export class SharedLayout {
  /** Offset of what is laid out next; bytes laid out so far, when it began at 0. */
  bytes: number;

  /** @param start where the first part goes, a multiple of 64 */
  constructor(start = 0) {
    this.bytes = start;
  }

  /** Takes `bytes` bytes and returns their offset, a multiple of 64. */
  take(bytes: number): number {
    const offset = this.bytes;
    this.bytes = (offset + bytes + 63) & ~63;
    return offset;
  }
}
