import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/capture/index.ts';
import { RxSteerError } from '../../src/errors.ts';
import { mutate, random, randomCapture } from './random.ts';
import { readInWindows } from './read.ts';
import { hex, type Outcome, reference } from './reference.ts';

const seeds = fc.integer();

describe('whatever the windows are', () => {
  it('the records are those of the reference', () => {
    fc.assert(
      fc.property(
        seeds,
        fc.constantFrom(1, 3, 17, 64, 500, 5000),
        fc.constantFrom(1, 2, 7, 256),
        (seed, most, capacity) => {
          const next = random(seed);
          const file = randomCapture(next);
          const chunk = (): number => 1 + next(most);
          expect(readInWindows(file, { capacity, chunk })).toEqual(reference(file));
        },
      ),
      { numRuns: 400 },
    );
  });

  it('every truncation ends in the record that it cuts, after all before it', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const next = random(seed);
      const file = randomCapture(next).subarray(0, 1200);
      for (let length = 0; length < file.length; length++) {
        const cut = file.subarray(0, length);
        expect(readInWindows(cut, { chunk: () => 1 + next(200), capacity: 3 }), `${seed}:${length}`).toEqual(
          reference(cut),
        );
      }
    }
  });
});

/** All of the parser's own; anything else gets out of here. */
function readWhole(file: Uint8Array, maxRecord: number): Outcome {
  const records: Outcome['records'] = [];
  try {
    for (const { bytes, ...rest } of readCapture(file, { maxRecord })) records.push({ ...rest, bytes: hex(bytes) });
  } catch (error) {
    if (!(error instanceof RxSteerError)) throw error;
    return { records, fault: { code: error.code, offset: error.offset! } };
  }
  return { records };
}

describe('damaged captures', () => {
  it('20,000 of them are read as far as the reference gets, and end where it ends', () => {
    const endings = new Map<string, number>();
    let whole: Uint8Array = new Uint8Array(0);
    for (let seed = 0; seed < 20_000; seed++) {
      if (seed % 8 === 0) whole = randomCapture(random(seed));
      const next = random(seed);
      const file = mutate(next, whole);
      const maxRecord = [1 << 20, 2000, 200][next(3)]!;
      const expected = reference(file, maxRecord);
      const found = seed % 5 === 0 ? readInWindows(file, { maxRecord, chunk: () => 300 }) : readWhole(file, maxRecord);
      if (JSON.stringify(found) !== JSON.stringify(expected)) expect(found, `seed ${seed}`).toEqual(expected);
      const ending = expected.fault?.code ?? 'fine';
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
    // the mutations reach all three endings, often
    expect([...endings.values()].every((count) => count > 500) && endings.size === 3, `${[...endings]}`).toBe(true);
  });
});
