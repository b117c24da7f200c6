/** The measures as functions of loads. docs/measures.md has each one's formula and source. */

/** Load of the busiest over the mean: 1 is even, n all on one of n. 1 where there is no load. */
export function maxOverMean(loads: ArrayLike<number>): number {
  let sum = 0;
  let most = 0;
  for (let i = 0; i < loads.length; i++) {
    sum += loads[i];
    if (loads[i] > most) most = loads[i];
  }
  return sum === 0 ? 1 : (most * loads.length) / sum;
}

/** Jain's fairness index: 1 is even, 1/n all on one of n. */
export function jain(loads: ArrayLike<number>): number {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < loads.length; i++) {
    sum += loads[i];
    squares += loads[i] * loads[i];
  }
  return sum === 0 ? 1 : (sum * sum) / (loads.length * squares);
}

/** Gini coefficient: 0 is even, (n - 1) / n all on one of n. */
export function gini(loads: ArrayLike<number>): number {
  const sorted = Float64Array.from(loads).sort();
  let sum = 0;
  let ranked = 0;
  for (let i = 0; i < sorted.length; i++) {
    sum += sorted[i];
    ranked += (2 * (i + 1) - sorted.length - 1) * sorted[i];
  }
  return sum === 0 ? 0 : ranked / (sorted.length * sum);
}

/** How many have no load. */
export function idle(loads: ArrayLike<number>): number {
  let n = 0;
  for (let i = 0; i < loads.length; i++) if (loads[i] === 0) n++;
  return n;
}

/** Pearson's chi-square of loads against expected shares (which add up to 1; default equal ones). */
export function chiSquare(loads: ArrayLike<number>, shares?: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < loads.length; i++) sum += loads[i];
  let result = 0;
  for (let i = 0; i < loads.length; i++) {
    const expected = sum * (shares === undefined ? 1 / loads.length : shares[i]);
    if (expected > 0) result += (loads[i] - expected) ** 2 / expected;
  }
  return result;
}

/**
 * The chance that a chi-square of so many degrees of freedom is at least `value`: the upper regularised gamma function Q(df/2,
 * value/2), by its series or its continued fraction (Numerical Recipes, section 6.2).
 */
export function chiSquareTail(value: number, df: number): number {
  if (df < 1 || value <= 0) return 1;
  const a = df / 2;
  const x = value / 2;
  const front = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 10_000 && term > sum * 1e-15; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return Math.max(0, 1 - front * sum);
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return front * h;
}

/** Lanczos' approximation, g = 7. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

function logGamma(z: number): number {
  if (z < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * z)) - logGamma(1 - z);
  let sum = LANCZOS[0];
  for (let i = 1; i < 9; i++) sum += LANCZOS[i] / (z - 1 + i);
  const t = z + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (z - 0.5) * Math.log(t) - t + Math.log(sum);
}

/** The value that a share `p` of the sorted values does not exceed: nearest rank. */
export function percentile(sorted: ArrayLike<number>, p: number): number {
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
}

/**
 * What no hash can do better, as max over mean: a unit stays on one queue, and of the heaviest `queues` + 1 units two share one.
 *
 * @param weights of units, the heaviest first; the first `queues` + 1 are enough
 */
export function bound(weights: ArrayLike<number>, total: number, queues: number): number {
  if (total === 0 || weights.length === 0) return 1;
  const alone = weights[0];
  const pair = weights.length > queues ? weights[queues - 1] + weights[queues] : 0;
  return Math.max(1, (Math.max(alone, pair) * queues) / total);
}

/** The number of equal units that would be as uneven: 1 over the sum of squared shares (Hill number of order 2). */
export function effectiveCount(weights: ArrayLike<number>): number {
  return weights.length === 0 ? 0 : jain(weights) * weights.length;
}

/**
 * The Lorenz curve of weights: pairs [share of units, lightest first; share of their weight], from [0, 0] to [1, 1], at most
 * `points` of them.
 */
export function lorenz(weights: ArrayLike<number>, points: number): [number, number][] {
  const sorted = Float64Array.from(weights).sort();
  const n = sorted.length;
  if (n === 0) return [];
  let total = 0;
  for (const weight of sorted) total += weight;
  const curve: [number, number][] = [[0, 0]];
  let sum = 0;
  // The last few units carry the curve's bend: half of the points lie among the heaviest 10 %.
  const want = new Set([...steps(n, points >> 1), ...steps(Math.ceil(n / 10), points >> 1).map((i) => n - i), n]);
  for (let i = 1; i <= n; i++) {
    sum += sorted[i - 1];
    if (want.has(i)) curve.push([i / n, total === 0 ? i / n : sum / total]);
  }
  return curve;
}

function steps(n: number, count: number): number[] {
  return Array.from({ length: Math.min(n, count) }, (_, i) => Math.floor(((i + 1) * n) / Math.min(n, count)));
}

/** Six decimals: enough for anyone, and the same text everywhere. */
export function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
