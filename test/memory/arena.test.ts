import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena } from '../../src/memory/arena.ts';

const BASE = 4096;

describe('arena', () => {
  it('hands out bytes one behind the other, and none beyond its end', () => {
    const arena = new Arena({ offset: BASE, length: 100 }, 8);
    expect(arena.take(40)).toBe(BASE);
    arena.mark(0);
    expect(arena.take(40)).toBe(BASE + 40);
    arena.mark(1);
    expect(arena.take(40)).toBe(-1);
    expect(arena.take(20)).toBe(BASE + 80);
  });

  it('begins again at the front when a frame does not fit behind, and only once that is free', () => {
    const arena = new Arena({ offset: BASE, length: 100 }, 8);
    for (let i = 0; i < 2; i++) {
      arena.take(40);
      arena.mark(i);
    }
    arena.free(1);
    expect(arena.take(40)).toBe(BASE);
    arena.mark(2);
    expect(arena.take(1)).toBe(-1);
    arena.free(3);
    // The unused end came back with the frame in front of it.
    expect(arena.take(60)).toBe(BASE + 40);
  });

  it('takes back what no descriptor followed', () => {
    const arena = new Arena({ offset: BASE, length: 100 }, 8);
    for (let i = 0; i < 50; i++) expect(arena.take(60)).toBe(BASE);
    arena.mark(0);
    expect(arena.take(60)).toBe(-1);
    arena.free(1);
    expect(arena.take(30)).toBe(BASE + 60);
  });

  it('frees nothing when the ring is full and nothing is delivered', () => {
    const arena = new Arena({ offset: BASE, length: 80 }, 8);
    for (let i = 0; i < 8; i++) {
      expect(arena.take(10)).toBe(BASE + 10 * i);
      arena.mark(i);
    }
    arena.free(0);
    expect(arena.take(10)).toBe(-1);
    arena.free(1);
    expect(arena.take(10)).toBe(BASE);
  });

  it('never hands out bytes that are in use, for any order of taking and freeing', () => {
    const step = fc.record({
      take: fc.integer({ min: 1, max: 60 }),
      // Without a slot in the ring the bytes are not kept.
      free: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(2, 4, 8, 16),
        fc.constantFrom(0, 2 ** 31 - 5, -5),
        fc.array(step, { minLength: 1, maxLength: 200 }),
        (slots, start, steps) => {
          const size = 200;
          const arena = new Arena({ offset: BASE, length: size }, slots);
          let head = start;
          let tail = start;
          const live: { at: number; length: number }[] = [];
          for (const { take, free } of steps) {
            let at = arena.take(take);
            if (at < 0) {
              arena.free(tail);
              at = arena.take(take);
            }
            if (at >= 0) {
              expect(at).toBeGreaterThanOrEqual(BASE);
              expect(at + take).toBeLessThanOrEqual(BASE + size);
              for (const other of live) {
                expect(at + take <= other.at || other.at + other.length <= at).toBe(true);
              }
            } else {
              // Refused only when little is free: what is in use, and an end that could not be used.
              const used = live.reduce((sum, { length }) => sum + length, 0);
              expect(used + take + 60).toBeGreaterThan(size);
            }
            if (at >= 0 && ((head - tail) | 0) < slots) {
              arena.mark(head);
              head = (head + 1) | 0;
              live.push({ at, length: take });
            }
            const done = Math.min(free, live.length);
            live.splice(0, done);
            tail = (tail + done) | 0;
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
