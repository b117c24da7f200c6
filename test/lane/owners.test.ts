import { describe, expect, it } from 'vitest';
import { holdOwner, moveOwner, ownerOf, pinnedOwner } from '../../src/lane/owners.ts';

const words = (...values: number[]): Int32Array => {
  const owners = new Int32Array(new SharedArrayBuffer(4 * Math.max(4, values.length)));
  owners.set(values);
  return owners;
};

describe('the owner of an order group', () => {
  it('is the lane of its first packet, whatever lanes are asked for later', () => {
    const owners = words();
    expect([ownerOf(owners, 1, 0), ownerOf(owners, 1, 3), ownerOf(owners, 2, 255), ownerOf(owners, 2, 0)]).toEqual([
      0, 0, 255, 255,
    ]);
    expect(owners[0]).toBe(0);
  });

  it('is the pinned lane from the beginning, and stays', () => {
    for (const lane of [0, 7, 255]) {
      const owners = words(pinnedOwner(lane));
      expect([ownerOf(owners, 0, 3), holdOwner(owners, 0, 4)]).toEqual([lane, lane]);
      expect(moveOwner(owners, 0, lane, 1)).toBe(false);
      expect(ownerOf(owners, 0, 3)).toBe(lane);
    }
  });

  it('moves only from the lane that has it', () => {
    const owners = words();
    expect(moveOwner(owners, 0, 0, 1)).toBe(false);
    ownerOf(owners, 0, 2);
    expect(moveOwner(owners, 0, 1, 3)).toBe(false);
    expect(moveOwner(owners, 0, 2, 0)).toBe(true);
    expect([ownerOf(owners, 0, 3), moveOwner(owners, 0, 2, 3), moveOwner(owners, 0, 0, 0)]).toEqual([0, false, true]);
  });

  it('is nobody again when it moves to lane -1', () => {
    const owners = words();
    ownerOf(owners, 0, 2);
    expect(moveOwner(owners, 0, 2, -1)).toBe(true);
    expect(ownerOf(owners, 0, 1)).toBe(1);
  });

  it('is fixed where it is when it is met inside other ESP', () => {
    const owners = words();
    ownerOf(owners, 0, 2);
    // It has an owner; it has none.
    expect([holdOwner(owners, 0, 1), holdOwner(owners, 1, 1)]).toEqual([2, 1]);
    expect([moveOwner(owners, 0, 2, 3), moveOwner(owners, 1, 1, 3)]).toEqual([false, false]);
    expect([ownerOf(owners, 0, 0), ownerOf(owners, 1, 0), holdOwner(owners, 0, 0)]).toEqual([2, 1, 2]);
  });
});
