/** A set of numbers as sorted, disjoint, never touching half-open intervals: [from, to, from, to, ...]. */

/** Intervals that a set may have; a hostile stream of single bytes with holes is cut off here. */
const MAX_INTERVALS = 65536;

export class Intervals {
  edges: number[] = [];
  /** The last {@link gap}. */
  gapFrom = 0;
  gapTo = 0;

  /** Adds [from, to), which must not be empty; returns how many numbers are new, or -1 when there is no room for one more interval. */
  add(from: number, to: number): number {
    const e = this.edges;
    const n = e.length;
    // In order, the usual case: goes on in the last interval.
    if (n > 0 && from >= e[n - 2] && from <= e[n - 1]) {
      if (to <= e[n - 1]) return 0;
      const added = to - e[n - 1];
      e[n - 1] = to;
      return added;
    }
    if (n === 0) {
      this.edges = [from, to];
      return to - from;
    }
    const first = this.reaching(from);
    let added = to - from;
    let low = from;
    let high = to;
    let last = first;
    for (; last < n && e[last] <= to; last += 2) {
      added -= Math.min(e[last + 1], to) - Math.max(e[last], from);
      low = Math.min(low, e[last]);
      high = Math.max(high, e[last + 1]);
    }
    if (last === first && n >= 2 * MAX_INTERVALS) return -1;
    if (last === first + 2) {
      e[first] = low;
      e[first + 1] = high;
    } else {
      e.splice(first, last - first, low, high);
    }
    return added;
  }

  /** Finds the first part of [from, to) that is not in the set, as `gapFrom` and `gapTo`; false when all is. */
  gap(from: number, to: number): boolean {
    const e = this.edges;
    let i = this.reaching(from);
    let p = from;
    while (i < e.length && e[i] <= p) {
      p = Math.max(p, e[i + 1]);
      i += 2;
    }
    if (p >= to) return false;
    this.gapFrom = p;
    this.gapTo = i < e.length ? Math.min(to, e[i]) : to;
    return true;
  }

  /** The end of the interval that holds or touches `at`; `at` itself when none does. */
  endOf(at: number): number {
    const e = this.edges;
    const i = this.reaching(at);
    return i < e.length && e[i] <= at ? e[i + 1] : at;
  }

  /** Index of the first interval that ends at or behind `at`. */
  private reaching(at: number): number {
    const e = this.edges;
    let low = 0;
    let high = e.length >> 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (e[2 * middle + 1] < at) low = middle + 1;
      else high = middle;
    }
    return low << 1;
  }
}
