import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowTable } from '../../src/steer/flow-table.ts';

function table(entries: number, lanes: number): FlowTable {
  // Not at the beginning of its buffer, which is full of something.
  const buffer = new ArrayBuffer(64 + FlowTable.bytes(entries) + 64);
  new Uint8Array(buffer).fill(0xff, 0, 64).fill(0xff, 64 + FlowTable.bytes(entries));
  return new FlowTable(buffer, 64, entries, lanes);
}

/** The same without words: an entry keeps the hash bits above the lane, and claims of lanes that have gone count for nothing. */
class Model {
  private readonly entries = new Map<number, { upper: number; lane: number }>();
  private readonly gone = new Set<number>();
  private readonly size: number;
  private readonly laneBits: number;

  constructor(size: number, lanes: number) {
    this.size = size;
    // As many values as there are lanes, and one for `nobody`.
    this.laneBits = Math.ceil(Math.log2(lanes + 1));
  }

  lane(hash: number): number {
    const entry = this.entries.get((hash >>> 0) % this.size);
    return entry?.upper === this.upper(hash) ? entry.lane : -1;
  }

  claim(hash: number, lane: number): boolean {
    if (this.gone.has(lane)) return false;
    const index = (hash >>> 0) % this.size;
    const before = this.entries.get(index);
    const upper = this.upper(hash);
    this.entries.set(index, { upper, lane });
    return before?.upper !== upper || before.lane !== lane;
  }

  leave(lane: number): void {
    this.gone.add(lane);
    for (const [index, entry] of this.entries) if (entry.lane === lane) this.entries.delete(index);
  }

  clear(): void {
    this.entries.clear();
  }

  private upper(hash: number): number {
    return Math.floor((hash >>> 0) / 2 ** this.laneBits);
  }
}

describe('the table of claims', () => {
  it('has nothing at first, a hash of 0 included', () => {
    const flows = table(64, 4);
    for (const hash of [0, 1, -1, 0x7fffffff, -0x80000000]) expect(flows.lane(hash)).toBe(-1);
  });

  it('knows flows apart that share an entry, by the upper bits of their hash', () => {
    const flows = table(64, 4);
    expect(flows.claim(0x1000_0005, 2)).toBe(true);
    expect(flows.lane(0x1000_0005)).toBe(2);
    expect(flows.lane(0x2000_0005)).toBe(-1);
    expect(flows.lane(0x1000_0006)).toBe(-1);
    // The later claim takes the entry.
    expect(flows.claim(0x2000_0005, 0)).toBe(true);
    expect([flows.lane(0x1000_0005), flows.lane(0x2000_0005)]).toEqual([-1, 0]);
  });

  it('keeps a flow whose hash is 0', () => {
    const flows = table(64, 4);
    expect(flows.claim(0, 3)).toBe(true);
    expect(flows.lane(0)).toBe(3);
    expect(flows.lane(64)).toBe(-1);
  });

  it('says which claims are news', () => {
    const flows = table(64, 4);
    expect(flows.claim(77, 1)).toBe(true);
    expect(flows.claim(77, 1)).toBe(false);
    expect(flows.claim(77, 2)).toBe(true);
    expect(flows.claim(77 + 4096, 2)).toBe(true);
    expect(flows.claim(77, 2)).toBe(true);
  });

  it('has as many bits for the lane as there are lanes, and one more value for nobody', () => {
    for (let lanes = 1; lanes <= 256; lanes++) {
      const flows = table(512, lanes);
      expect(flows.laneMask).toBe(2 ** Math.ceil(Math.log2(lanes + 1)) - 1);
      for (let lane = 0; lane < lanes; lane++) {
        // Bits that the lane takes from the hash say nothing about the flow.
        const hash = -0x80000000 | lane;
        flows.claim(hash, lane);
        expect(flows.lane(hash)).toBe(lane);
        expect(flows.lane(hash ^ 0x40000000)).toBe(-1);
      }
    }
  });

  it('gives up the claims of a lane that leaves, and takes no more of them', () => {
    const flows = table(256, 256);
    for (const [hash, lane] of [
      [1, 255],
      [2, 31],
      [3, 32],
      [4, 255],
    ])
      flows.claim(hash, lane);
    flows.leave(255);
    flows.leave(32);
    expect([1, 2, 3, 4].map((hash) => flows.lane(hash))).toEqual([-1, 31, -1, -1]);
    expect([flows.claim(1, 255), flows.claim(3, 32), flows.lane(1), flows.lane(3)]).toEqual([false, false, -1, -1]);
    // A claim of a lane that has gone takes no other lane's away.
    expect([flows.claim(2, 255), flows.lane(2)]).toEqual([false, 31]);
    expect([flows.claim(1, 0), flows.claim(1, 63), flows.claim(1, 33), flows.lane(1)]).toEqual([true, true, true, 33]);
  });

  it('forgets claims, not who has left', () => {
    const flows = table(64, 4);
    flows.claim(9, 1);
    flows.leave(2);
    flows.clear();
    expect(flows.lane(9)).toBe(-1);
    expect(flows.claim(9, 2)).toBe(false);
    expect(flows.claim(9, 1)).toBe(true);
  });

  it('is one for all threads: two views of the same memory agree', () => {
    const buffer = new SharedArrayBuffer(FlowTable.bytes(64));
    const [one, other] = [new FlowTable(buffer, 0, 64, 4), new FlowTable(buffer, 0, 64, 4)];
    one.claim(5, 3);
    expect(other.lane(5)).toBe(3);
    other.leave(3);
    expect(one.lane(5)).toBe(-1);
    expect(one.claim(5, 3)).toBe(false);
  });

  it('does what a map would do', () => {
    const hash = fc.oneof(
      fc.integer({ min: -0x80000000, max: 0x7fffffff }),
      // Close to each other, so that they meet: few indexes, few upper bits.
      fc.tuple(fc.nat(3), fc.nat(3), fc.nat(7)).map(([high, low, lane]) => (high << 30) | (low << 4) | lane),
    );
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ op: fc.constant('claim' as const), hash, lane: fc.nat(255) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('leave' as const), hash, lane: fc.nat(255) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('clear' as const), hash, lane: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.constantFrom(64, 128, 1024),
        fc.array(step, { maxLength: 60 }),
        fc.array(hash, { maxLength: 20 }),
        (lanes, size, steps, others) => {
          const flows = table(size, lanes);
          const model = new Model(size, lanes);
          for (const { op, hash, lane } of steps) {
            if (op === 'claim') expect(flows.claim(hash, lane % lanes)).toBe(model.claim(hash, lane % lanes));
            else if (op === 'leave') {
              flows.leave(lane % lanes);
              model.leave(lane % lanes);
            } else {
              flows.clear();
              model.clear();
            }
            for (const probe of [hash, hash ^ 1, hash ^ size, hash ^ 0x80000000, ...others]) {
              expect(flows.lane(probe)).toBe(model.lane(probe));
            }
          }
        },
      ),
    );
  });
});
