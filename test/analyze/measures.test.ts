/** The measures, by hand. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bound,
  chiSquare,
  chiSquareTail,
  effectiveCount,
  gini,
  idle,
  jain,
  lorenz,
  maxOverMean,
  percentile,
} from '../../src/analyze/measures.ts';

describe('measures of loads', () => {
  it('by hand: 6, 2, 0, 0 on four queues', () => {
    const loads = [6, 2, 0, 0];
    expect(maxOverMean(loads)).toBe(3); // 6 / (8 / 4)
    expect(jain(loads)).toBe(0.4); // 8 * 8 / (4 * (36 + 4))
    // mean difference: pairs (6,2) 4, (6,0) 6 twice, (2,0) 2 twice: 20, twice over 2 * n * n * mean = 2 * 16 * 2
    expect(gini(loads)).toBe(40 / 64);
    expect(chiSquare(loads)).toBe(12); // (16 + 0 + 4 + 4) / 2
    expect(chiSquare(loads, [0.5, 0.5, 0, 0])).toBe(2); // (4 + 4) / 4
    expect(idle(loads)).toBe(2);
  });

  it('at their ends: even, all on one, nothing', () => {
    expect([maxOverMean, jain, gini, chiSquare].map((f) => f([5, 5, 5, 5]))).toEqual([1, 1, 0, 0]);
    expect([maxOverMean, jain, gini, chiSquare].map((f) => f([8, 0, 0, 0]))).toEqual([4, 0.25, 0.75, 24]);
    expect([maxOverMean, jain, gini, chiSquare].map((f) => f([0, 0]))).toEqual([1, 1, 0, 0]);
  });

  it('Gini is the mean difference over twice the mean', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 }), (loads) => {
        const sum = loads.reduce((a, b) => a + b, 0);
        let differences = 0;
        for (const a of loads) for (const b of loads) differences += Math.abs(a - b);
        const expected = sum === 0 ? 0 : differences / (2 * loads.length * sum);
        expect(gini(loads)).toBeCloseTo(expected, 12);
      }),
    );
  });
});

describe('the tail of chi-square', () => {
  // https://www.itl.nist.gov/div898/handbook/eda/section3/eda3674.htm: upper critical values
  it.each([
    [3.841, 1, 0.05],
    [6.635, 1, 0.01],
    [14.067, 7, 0.05],
    [18.475, 7, 0.01],
    [24.996, 15, 0.05],
    [124.342, 100, 0.05],
  ])('%f with %i degrees is %f', (value, degrees, p) => expect(chiSquareTail(value, degrees)).toBeCloseTo(p, 4));

  it('is exp(-x / 2) with two degrees, and 1 with none', () => {
    for (const x of [0.1, 1, 5, 30]) expect(chiSquareTail(x, 2)).toBeCloseTo(Math.exp(-x / 2), 12);
    expect(chiSquareTail(5, 0)).toBe(1);
    expect(chiSquareTail(0, 5)).toBe(1);
  });
});

describe('units', () => {
  it('bound what a hash can do', () => {
    expect(bound([50, 10, 10], 100, 4)).toBe(2); // half of all on one of four
    expect(bound([20, 20, 20, 20, 20], 100, 4)).toBe(1.6); // five on four: two share one
    expect(bound([1, 1, 1], 100, 4)).toBe(1);
    expect(bound([], 0, 4)).toBe(1);
  });

  it('never above the best placement there is', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        (weights, queues) => {
          let best = Number.POSITIVE_INFINITY;
          for (let way = 0; way < queues ** weights.length; way++) {
            const loads = new Array<number>(queues).fill(0);
            weights.forEach((weight, i) => {
              loads[Math.floor(way / queues ** i) % queues] += weight;
            });
            best = Math.min(best, maxOverMean(loads));
          }
          const total = weights.reduce((a, b) => a + b, 0);
          expect(
            bound(
              [...weights].sort((a, b) => b - a),
              total,
              queues,
            ),
          ).toBeLessThanOrEqual(best + 1e-9);
        },
      ),
    );
  });

  it('are worth so many equal ones', () => {
    expect(effectiveCount([5, 5, 5])).toBe(3);
    expect(effectiveCount([10, 0, 0])).toBe(1);
    expect(effectiveCount([])).toBe(0);
  });

  it('make a Lorenz curve', () => {
    expect(lorenz([1, 3], 8)).toEqual([
      [0, 0],
      [0.5, 0.25],
      [1, 1],
    ]);
    expect(lorenz([], 8)).toEqual([]);
    const curve = lorenz(
      Array.from({ length: 10_000 }, (_, i) => i),
      48,
    );
    expect(curve.length).toBeLessThanOrEqual(50);
    expect(curve.at(-1)).toEqual([1, 1]);
  });

  it('have percentiles by nearest rank', () => {
    const sorted = [15, 20, 35, 40, 50];
    expect([0.05, 0.3, 0.4, 0.5, 1].map((p) => percentile(sorted, p))).toEqual([15, 20, 20, 35, 50]);
  });
});
