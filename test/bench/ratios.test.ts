import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { watched } from '../../bench/ratios/cases.ts';
import { type Committed, compare, comparisonLine, gone } from '../../bench/ratios/compare.ts';
import { measureRatio, ratioOf } from '../../bench/ratios/measure.ts';
import { reference } from '../../bench/ratios/reference.ts';

const committed = (cases: Committed['cases']): Committed => ({
  schema: 'rxsteer.ratios/1',
  machine: { node: '20', cpu: 'any' },
  cases,
});
const THEN = committed({ a: { ratio: 10, spread: 0.02 } });

describe('a ratio beside the committed one', () => {
  it.each([
    ['the same', 10, 0.02, 'same', 0],
    ['a little more than nothing', 11.4, 0.02, 'same', 0.14],
    ['longer', 12, 0.02, 'slower', 0.2],
    ['longer, by turns that differ as much', 12, 0.09, 'same', 0.2],
    ['much longer, whatever the turns', 20, 0.3, 'slower', 1],
    ['a little shorter', 8.8, 0.02, 'same', -0.12],
    ['shorter', 8, 0.02, 'faster', -0.2],
    ['half as long, as far off as twice', 5, 0.3, 'faster', -0.5],
  ] as const)('that is %s', (_what, ratio, spread, verdict, change) => {
    const row = compare('a', { ratio, spread }, THEN);
    expect(row.verdict).toBe(verdict);
    expect(row.change).toBeCloseTo(change);
    expect(row.then).toEqual({ ratio: 10, spread: 0.02 });
  });

  it('of a case that is not committed is new, also by a name that objects have', () => {
    const now = { ratio: 1, spread: 0 };
    for (const name of ['b', 'constructor', '__proto__']) {
      expect(compare(name, now, THEN)).toEqual({ case: name, now, verdict: 'new' });
    }
    expect(compare('a', now, undefined).verdict).toBe('new');
  });

  it('is missed when its case has gone', () => {
    expect(gone(['b'], THEN)).toEqual(['a']);
    expect(gone(['a', 'b'], THEN)).toEqual([]);
    expect(gone(['a'], undefined)).toEqual([]);
  });

  it('is a line, marked when it is outside of the noise', () => {
    expect(comparisonLine(compare('a', { ratio: 12, spread: 0.02 }, THEN))).toMatch(
      /^a +12\.0 +2 % +10\.0 +\+20 % {2}slower$/,
    );
    expect(comparisonLine(compare('a', { ratio: 9.9, spread: 0.02 }, THEN))).toMatch(/^a +9\.90 +2 % +10\.0 +-1 %$/);
    expect(comparisonLine(compare('b', { ratio: 1500, spread: 0.5 }, THEN))).toMatch(
      /^b +1\.50e\+3 +50 % +- +- {2}new$/,
    );
  });
});

describe('ratios', () => {
  it('are the median of the turns, with what their middle half lies within', () => {
    expect(ratioOf([5])).toEqual({ ratio: 5, spread: 0 });
    expect(ratioOf([4, 1, 3, 2, 5])).toEqual({ ratio: 3, spread: 2 / 3 });
    expect(ratioOf([1, 2, 3, 4]).ratio).toBe(2.5);
    // One turn in which the machine did something else moves neither.
    expect(ratioOf([10, 10, 10, 10, 90])).toEqual({ ratio: 10, spread: 0 });
  });

  it('are measured by turns, and what was made is closed', async () => {
    let runs = 0;
    const closed: boolean[] = [];
    const round = { items: 1, run: () => ++runs, close: () => void closed.push(true) };
    const effort = { turns: 3, seconds: 0, warmUp: 0 };
    const { ratio, spread } = await measureRatio({ name: 'x', bytes: 0, make: () => round }, effort);
    expect(ratio).toBeGreaterThan(0);
    expect(spread).toBeGreaterThanOrEqual(0);
    expect(runs).toBe(4);
    expect(closed).toEqual([true]);
  });

  it('are to a loop that computes what it always did', () => {
    expect(reference().items).toBe(131_072);
  });

  it('are committed of exactly the cases that CI watches', () => {
    const { schema, cases } = JSON.parse(
      readFileSync(new URL('../../bench/ratios.json', import.meta.url), 'utf8'),
    ) as Committed;
    expect(schema).toBe('rxsteer.ratios/1');
    expect(Object.keys(cases)).toEqual(watched.map(({ name }) => name));
    for (const { ratio, spread } of Object.values(cases)) {
      expect(ratio).toBeGreaterThan(0);
      expect(spread).toBeGreaterThanOrEqual(0);
    }
  });
});
