import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinearSystem, rank } from '../../src/hash/gf2.ts';

/** All sums of columns, by input: what a linear map does, without algebra. */
function table(columns: readonly number[]): number[] {
  return Array.from({ length: 2 ** columns.length }, (_, input) =>
    columns.reduce((sum, column, i) => (((input >> i) & 1) === 1 ? sum ^ column : sum), 0),
  );
}

const columns = fc.array(fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer()), { maxLength: 8 });

describe('rank', () => {
  it('is the logarithm of the number of sums', () => {
    fc.assert(fc.property(columns, (words) => 2 ** rank(words) === new Set(table(words)).size));
  });

  it('of no words and of zeros is 0; of all bits 32', () => {
    expect([rank([]), rank([0, 0]), rank([-1, -1]), rank(Array.from({ length: 40 }, (_, i) => 1 << i))]).toEqual([
      0, 0, 1, 32,
    ]);
  });
});

describe('LinearSystem', () => {
  it('gives all inputs of a word, in ascending order, and none of a word that is not reached', () => {
    fc.assert(
      fc.property(columns, fc.integer({ min: 0, max: 7 }), (words, other) => {
        const system = new LinearSystem(words);
        const results = table(words);
        expect(system.rank).toBe(rank(words));
        for (const word of new Set([...results, other])) {
          const inputs = results.flatMap((result, input) => (result === word ? [input] : []));
          const solved = [];
          for (let k = 0, input = system.solve(word, 0); input !== undefined; input = system.solve(word, ++k)) {
            solved.push(input);
          }
          expect(solved).toEqual(inputs);
          if (inputs.length > 0) expect(system.solutions).toBe(inputs.length);
        }
      }),
    );
  });

  it('has 32 unknowns at most, of which the last are as good as the first', () => {
    const system = new LinearSystem(Array.from({ length: 32 }, (_, i) => (i === 31 ? 1 : 0)));
    expect(system.solve(1, 0)).toBe(0x80000000);
    expect(system.solve(1, 2 ** 31 - 1)).toBe(0xffffffff);
    expect(system.solve(1, 2 ** 31)).toBeUndefined();
    expect(system.solve(2)).toBeUndefined();
  });
});
