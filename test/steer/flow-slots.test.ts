import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowSlots, hasPassed } from '../../src/steer/flow-slots.ts';

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });

function slots(count: number): FlowSlots {
  return new FlowSlots(new ArrayBuffer(FlowSlots.bytes(count)), 0, count);
}

describe('whether a lane has passed a tail', () => {
  it.each([
    [0, 0, true],
    [0, 1, false],
    [1, 0, true],
    [-1, 0, false],
    [0, -1, true],
    // The counts wrap from 2^31 - 1 to -2^31.
    [-0x80000000, 0x7fffffff, true],
    [0x7fffffff, -0x80000000, false],
    [-0x7fffffff, 0x7ffffff0, true],
    // Less than 2^31 apart, and just that.
    [0x7fffffff, 0, true],
    [0, 0x7fffffff, false],
    [-1, -0x80000000, true],
    [-0x80000000, -1, false],
    [-0x80000000, 0, false],
    [0, -0x80000000, false],
  ])('delivered %i, tail %i: %s', (delivered, tail, passed) => {
    expect(hasPassed(delivered, tail)).toBe(passed);
  });

  it('holds wherever the counts stand, as long as they are less than 2^31 apart', () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: -0x7fffffff, max: 0x7fffffff }), (tail, ahead) => {
        expect(hasPassed((tail + ahead) | 0, tail)).toBe(ahead >= 0);
      }),
    );
  });
});

describe('slots', () => {
  it('are indexed by the upper bits of the hash times 0x61c88647, as hash_32 of Linux', () => {
    fc.assert(
      fc.property(int32, fc.integer({ min: 1, max: 22 }), (hash, bits) => {
        const product = (BigInt(hash >>> 0) * 0x61c88647n) & 0xffffffffn;
        expect(slots(2 ** bits).index(hash)).toBe(Number(product >> BigInt(32 - bits)));
      }),
      { numRuns: 50 },
    );
  });

  it('are all used by the flows of one queue, whose hashes have the same low bits', () => {
    const table = slots(512);
    for (const queue of [0, 5, 127]) {
      const bare = new Set<number>();
      const used = new Set<number>();
      for (let flow = 0; flow < 8192; flow++) {
        const hash = (flow << 7) | queue;
        bare.add(hash & 511);
        used.add(table.index(hash));
      }
      expect(bare.size).toBe(4);
      expect(used.size).toBe(512);
    }
  });

  it('hold lane and tail of what was put last, and nothing at first', () => {
    const table = slots(8);
    expect([0, 7].map((slot) => [table.lane(slot), table.tail(slot)])).toEqual([
      [-1, 0],
      [-1, 0],
    ]);
    table.put(3, 0, -5);
    table.put(4, 255, 0x7fffffff);
    table.put(3, 2, 9);
    expect([2, 3, 4, 5].map((slot) => [table.lane(slot), table.tail(slot)])).toEqual([
      [-1, 0],
      [2, 9],
      [255, 0x7fffffff],
      [-1, 0],
    ]);
    table.clear();
    expect([3, 4].map((slot) => table.lane(slot))).toEqual([-1, -1]);
  });

  it('are one for all who look at the same memory; a snapshot is its own', () => {
    const buffer = new SharedArrayBuffer(64 + FlowSlots.bytes(16));
    const table = new FlowSlots(buffer, 64, 16);
    const same = new FlowSlots(buffer, 64, 16);
    table.put(1, 4, 100);
    const before = same.snapshot();
    expect([before.count, before.shift]).toEqual([16, table.shift]);
    same.put(1, 5, 101);
    before.put(2, 1, 1);
    expect([table.lane(1), table.tail(1), table.lane(2)]).toEqual([5, 101, -1]);
    table.clear();
    expect([before.lane(1), before.tail(1), before.lane(2)]).toEqual([4, 100, 1]);
  });
});
