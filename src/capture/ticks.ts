/**
 * Timestamps of pcapng: 64-bit counts of a unit that each interface chooses (`if_tsresol`), into seconds and nanoseconds.
 * Every result is exact, cut off below the nanosecond.
 */
export class Ticks {
  /** Whole seconds, modulo 2^32, as a signed word: a small integer, where an unsigned one would be a float in memory. */
  seconds = 0;
  /** 0 to 999,999,999. */
  nanos = 0;

  /**
   * Converts `high * 2^32 + low` units.
   *
   * @param resolution the byte of `if_tsresol`: n for 10^-n s, 0x80 | n for 2^-n s
   */
  set(high: number, low: number, resolution: number): void {
    if (resolution > 9 || high >= UNITS[resolution]!) {
      this.#exotic(high, low, resolution);
      return;
    }
    const unit = UNITS[resolution]!;
    // high < unit, so the quotient fits 32 bits. The float division is at most one off, which the remainder, taken modulo
    // 2^32, tells: it lies in [-unit, 2 * unit), and unit is below 2^30.
    let quotient = ((high * 4294967296 + low) / unit) | 0;
    let rest = (low - Math.imul(quotient, unit)) | 0;
    if (rest < 0) {
      rest += unit;
      quotient--;
    } else if (rest >= unit) {
      rest -= unit;
      quotient++;
    }
    this.seconds = quotient | 0;
    this.nanos = Math.imul(rest, UNITS[9 - resolution]!);
  }

  /** Powers of two, units finer than a nanosecond, times past 2^32 s: rare enough for big integers. */
  #exotic(high: number, low: number, resolution: number): void {
    const exponent = BigInt(resolution & 0x7f);
    const unit = resolution < 0x80 ? 10n ** exponent : 1n << exponent;
    const ticks = (BigInt(high) << 32n) | BigInt(low);
    this.seconds = Number(BigInt.asIntN(32, ticks / unit));
    this.nanos = Number(((ticks % unit) * 1_000_000_000n) / unit);
  }
}

/** 10^n at n. */
const UNITS = new Int32Array([1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]);
