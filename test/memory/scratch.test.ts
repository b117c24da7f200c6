import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Scratch } from '../../src/memory/scratch.ts';
import { SharedLayout } from '../../src/memory/shared-layout.ts';

it('scratch hands out bytes that do not overlap, until there are no more', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 }), (lengths) => {
      const scratch = new Scratch({ offset: 64, length: 1000 });
      let end = 64;
      for (const length of lengths) {
        const room = scratch.room;
        const at = scratch.take(length);
        expect(at >= 0).toBe(length <= room);
        if (at < 0) continue;
        expect(at).toBeGreaterThanOrEqual(end);
        expect(at % 8).toBe(0);
        end = at + length;
        expect(end).toBeLessThanOrEqual(1064);
      }
      scratch.reset();
      expect(scratch.take(1000)).toBe(64);
    }),
  );
});

it('scratch is given back from an end on', () => {
  const scratch = new Scratch({ offset: 64, length: 1000 });
  const at = scratch.take(500);
  scratch.trim(at + 10);
  expect(scratch.take(8)).toBe(at + 16);
  scratch.trim(at);
  expect(scratch.room).toBe(1000);
});

it('parts of shared memory begin on cache lines of their own', () => {
  const layout = new SharedLayout();
  const parts = [4, 64, 65, 0, 100].map((bytes) => ({ bytes, at: layout.take(bytes) }));
  let end = 0;
  for (const { bytes, at } of parts) {
    expect(at % 64).toBe(0);
    expect(at).toBeGreaterThanOrEqual(end);
    end = at + bytes;
  }
  expect(layout.bytes).toBeGreaterThanOrEqual(end);
});
