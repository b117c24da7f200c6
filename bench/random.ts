/** xorshift64*, as the C peers use it (`peer_rand`): the same seed gives the same bytes there and here. */
export class Random {
  private high: number;
  private low: number;

  constructor(high: number, low: number) {
    this.high = high | 0;
    this.low = low | 0;
  }

  /** The top 32 of the next 64 bits, as an int32. */
  next(): number {
    let h = this.high;
    let l = this.low;
    // s ^= s >> 12; s ^= s << 25; s ^= s >> 27
    l ^= (l >>> 12) | (h << 20);
    h ^= h >>> 12;
    h ^= (h << 25) | (l >>> 7);
    l ^= l << 25;
    l ^= (l >>> 27) | (h << 5);
    h ^= h >>> 27;
    this.high = h;
    this.low = l;
    // the upper half of s * 0x2545f4914f6cdd1d
    return (mulHigh(l, 0x4f6cdd1d) + Math.imul(l, 0x2545f491) + Math.imul(h, 0x4f6cdd1d)) | 0;
  }

  byte(): number {
    return this.next() >>> 24;
  }

  /** From 0 to `n - 1`. */
  below(n: number): number {
    return (this.next() >>> 8) % n;
  }

  fill(bytes: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) bytes[i] = this.byte();
  }

  /** Passes over `n` numbers. */
  skip(n: number): void {
    for (let i = 0; i < n; i++) this.next();
  }
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function mulHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 0x10000);
  const cross = aLow * bHigh + (middle % 0x10000);
  return aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000);
}
