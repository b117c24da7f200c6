import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Indirection, makeIndirection, parseIndirection } from '../../src/steer/indirection.ts';

const code = expect.objectContaining({ code: 'ERR_RXSTEER_INDIRECTION' });
const counts = (table: Indirection): number[] => {
  const result = new Array<number>(table.queues).fill(0);
  for (const queue of table.entries) result[queue]++;
  return result;
};

/** `rxfhindir_weight` of ethtool.c, line by line. */
function ethtoolWeight(weights: number[], size: number): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const table: number[] = [];
  let j = -1;
  let partial = 0;
  for (let i = 0; i < size; i++) {
    while (i >= Math.floor((size * partial) / sum)) {
      j += 1;
      partial += weights[j];
    }
    table.push(j);
  }
  return table;
}

describe('Indirection', () => {
  it('equal: entry i is i mod N', () => {
    expect([...Indirection.equal(3, 8).entries]).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
    expect(Math.max(...counts(Indirection.equal(12, 128)))).toBe(11);
    expect(Indirection.equal(4).size).toBe(128);
  });

  it('weight: contiguous blocks, as ethtool fills them', () => {
    expect([...Indirection.weight([1, 3], 8).entries]).toEqual([0, 0, 1, 1, 1, 1, 1, 1]);
    expect(counts(Indirection.weight([0, 1, 2, 0], 128))).toEqual([0, 42, 86, 0]);
    const weights = fc.array(fc.nat(9), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 2048 }), (w, size) => {
        const sum = w.reduce((a, b) => a + b, 0);
        if (sum === 0 || sum > size) expect(() => Indirection.weight(w, size)).toThrow(code);
        else expect([...Indirection.weight(w, size).entries]).toEqual(ethtoolWeight(w, size));
      }),
    );
  });

  it('start: the first queue of equal and weight', () => {
    expect([...Indirection.equal(2, 5, 4).entries]).toEqual([4, 5, 4, 5, 4]);
    expect([...Indirection.weight([1, 1], 4, 3).entries]).toEqual([3, 3, 4, 4]);
    expect(makeIndirection({ equal: 2, start: 4 }, 8).queues).toBe(6);
    expect(makeIndirection({ weight: [1], start: 1 }, 2).entries).toEqual(Int32Array.of(1, 1));
    expect(() => Indirection.equal(2, 8, -1)).toThrow(code);
  });

  it('scaled: the index is the hash times the size, in units of 2^32', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2048 }), (hash, size) => {
        const table = Indirection.equal(size, size).scale();
        expect([table.scaled, table.size]).toEqual([true, size]);
        expect(table.index(hash)).toBe(Number((BigInt(hash >>> 0) * BigInt(size)) >> 32n));
      }),
    );
  });

  it('index is hash mod size, unsigned, for any size', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2048 }), (hash, size) => {
        const table = Indirection.equal(size, size);
        expect(table.index(hash)).toBe((hash >>> 0) % size);
        expect(table.queue(hash)).toBe((hash >>> 0) % size);
      }),
    );
  });

  it('from: a table as it stands', () => {
    const table = Indirection.from([3, 0, 0]);
    expect([table.size, table.queues, table.queue(3), table.queue(-1)]).toEqual([3, 4, 3, 3]);
  });

  it('texts', () => {
    expect(parseIndirection('equal:4')).toEqual({ equal: 4 });
    expect(parseIndirection('weight:1,0,3')).toEqual({ weight: [1, 0, 3] });
    expect(makeIndirection(parseIndirection('weight:1,3'), 4).entries).toEqual(Int32Array.of(0, 1, 1, 1));
    for (const bad of [
      '',
      'equal',
      'equal:',
      'equal:-1',
      'equal:1.5',
      'weight:',
      'weight:1,',
      'weight:a',
      'Equal:4',
      'equal:4 ',
    ]) {
      expect(() => parseIndirection(bad), bad).toThrow(code);
    }
  });

  it('refuses with a code', () => {
    expect(() => Indirection.equal(0, 8)).toThrow(code);
    expect(() => Indirection.equal(4, 0)).toThrow(code);
    expect(() => Indirection.equal(4, 2049)).toThrow(code);
    expect(() => Indirection.weight([], 8)).toThrow(code);
    expect(() => Indirection.weight([0, 0], 8)).toThrow(code);
    expect(() => Indirection.weight([1.5], 8)).toThrow(code);
    expect(() => Indirection.weight([9], 8)).toThrow(code);
    expect(() => Indirection.from([])).toThrow(code);
    expect(() => Indirection.from([0, -1])).toThrow(code);
    for (const bad of [{}, null, 'equal:4', { equal: '4' }])
      expect(() => makeIndirection(bad as unknown as { equal: number }, 8)).toThrow(code);
  });
});
