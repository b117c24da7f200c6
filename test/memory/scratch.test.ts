import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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

/** Gives all bytes back that one of `owners` has. */
function release(owner: Int32Array, owners: readonly number[]): void {
  for (let i = 0; owners.length > 0 && i < owner.length; i++) if (owners.includes(owner[i])) owner[i] = 0;
}

describe('scratch that is kept beyond a poll', () => {
  it('is not handed out again before it is free', () => {
    const scratch = new Scratch({ offset: 0, length: 1000 });
    const poll = (length: number): number => {
      scratch.begin();
      const at = scratch.take(length);
      scratch.keep();
      return at;
    };
    expect([poll(400), poll(200)]).toEqual([0, 400]);
    scratch.begin();
    expect(scratch.room).toBe(400);
    // The first part is free: its place is larger than what is left behind the second one.
    scratch.free(1);
    scratch.begin();
    expect([scratch.room, scratch.take(1)]).toEqual([400, 600]);
    scratch.reset();
    expect(poll(72)).toBe(600);
    expect(poll(300)).toBe(0);
    // What is left lies between the newest part and the oldest one.
    scratch.begin();
    expect(scratch.room).toBe(400 - 304);
    expect(scratch.take(97)).toBe(-1);
    expect(scratch.take(96)).toBe(304);
    scratch.keep();
    scratch.begin();
    expect([scratch.room, scratch.take(1)]).toEqual([0, -1]);
    scratch.free(4);
    scratch.begin();
    expect([scratch.room, scratch.take(8)]).toEqual([1000, 0]);
  });

  it('leaves a reserve alone, which a poll gets that says so, again and again', () => {
    const scratch = new Scratch({ offset: 64, length: 1000 }, 200);
    scratch.begin();
    expect(scratch.room).toBe(800);
    expect(scratch.take(800)).toBe(64);
    scratch.keep();
    for (let round = 0; round < 3; round++) {
      scratch.beginReserve();
      expect([scratch.room, scratch.take(200), scratch.take(1)]).toEqual([200, 864, -1]);
      if (round === 1) scratch.reset();
    }
    scratch.begin();
    expect(scratch.room).toBe(0);
    scratch.beginReserve();
    expect(scratch.take(8)).toBe(864);
    scratch.free(1);
    scratch.begin();
    expect([scratch.room, scratch.take(8)]).toEqual([800, 64]);
  });

  it('is never overwritten, by whatever polls come', () => {
    const SIZE = 1600;
    const RESERVE = 320;
    const poll = fc.record({
      takes: fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 5 }),
      trim: fc.nat(700),
      /** Kept, given back, or in the reserve. */
      kind: fc.constantFrom('keep', 'keep', 'reset', 'reserve'),
      free: fc.nat(3),
      again: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(poll, { maxLength: 60 }), (polls) => {
        const scratch = new Scratch({ offset: 64, length: SIZE }, RESERVE);
        /** The naive side: whose each byte is. */
        const owner = new Int32Array(64 + SIZE);
        const kept: number[] = [];
        let number = 0;
        for (const { takes, trim, kind, free, again } of polls) {
          number++;
          const low = kind === 'reserve' ? 64 + SIZE - RESERVE : 64;
          const high = kind === 'reserve' ? 64 + SIZE : 64 + SIZE - RESERVE;
          if (kind === 'reserve') scratch.beginReserve();
          else scratch.begin();
          // A lane begins again that could not go on.
          if (again && kind !== 'reserve') scratch.begin();
          if (kept.length === 0) expect(scratch.room).toBe(high - low);
          let last = -1;
          for (const length of takes) {
            const { room } = scratch;
            const at = scratch.take(length);
            expect(at >= 0).toBe(length <= room);
            if (at < 0) continue;
            expect(at % 8).toBe(0);
            expect(at).toBeGreaterThanOrEqual(low);
            expect(at + length).toBeLessThanOrEqual(high);
            expect(owner.subarray(at, at + length).some((of) => of !== 0)).toBe(false);
            owner.fill(number, at, at + length);
            last = at;
            if (trim < length) {
              scratch.trim(at + trim);
              owner.fill(0, at + trim, at + length);
            }
          }
          if (kind === 'keep' && last >= 0 && kept.length < 64) {
            scratch.keep();
            kept.push(number);
          } else {
            scratch.reset();
            release(owner, [number]);
          }
          const freed = kept.splice(0, Math.min(free, kept.length));
          scratch.free(freed.length);
          release(owner, freed);
        }
      }),
      { numRuns: 200 },
    );
  });
});
