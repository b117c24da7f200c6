/** Lays parts of one SharedArrayBuffer out, each on cache lines of its own. */
export class SharedLayout {
  /** Bytes laid out so far. */
  bytes = 0;

  /** Takes `bytes` bytes and returns their offset, a multiple of 64. */
  take(bytes: number): number {
    const offset = this.bytes;
    this.bytes = (offset + bytes + 63) & ~63;
    return offset;
  }
}
