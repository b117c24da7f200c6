import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayWindow, SaState, WindowRoom } from '../../src/esp/index.ts';

/** Words that a window takes: its top, and RFC 6479's ring. */
function wordsOf(packets: number): number {
  let ring = 2;
  while (ring * 32 < packets + 32) ring *= 2;
  return 2 + ring;
}

describe('WindowRoom', () => {
  it('has room for as many windows as there are slots, of whatever sizes, and no two lie over each other', () => {
    const step = fc.record({ slot: fc.nat(4), packets: fc.integer({ min: 32, max: 8192 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const room = new WindowRoom(5);
        const slots: ({ base: number; packets: number } | undefined)[] = [];
        for (const { slot, packets } of steps) {
          const before = slots[slot];
          if (before !== undefined) room.give(before.packets, before.base);
          slots[slot] = { base: room.take(packets), packets };
          const ranges = slots.flatMap((one) =>
            one === undefined ? [] : [[one.base, one.base + wordsOf(one.packets)]],
          );
          ranges.sort((a, b) => a[0] - b[0]);
          ranges.forEach(([from, to], i) => {
            expect(from % 16).toBe(0);
            expect(to).toBeLessThanOrEqual(ranges[i + 1]?.[0] ?? WindowRoom.words(5));
          });
        }
      }),
    );
  });
});

describe('a slot of SaState', () => {
  it('knows nothing of the SA that was there before', () => {
    const state = SaState.create([{ replayWindow: 64, esn: true, initialSeq: 7n }]);
    const window = new ReplayWindow(state);
    expect(window.mark(0, 5000, 0)).toBe(true);
    state.counters[3] = 9;
    const base = state.facts[0];
    state.start(0, { replayWindow: 224, esn: false, initialSeq: 0n }, base, 2);
    expect(state.top(0)).toBe(0n);
    expect(state.counts(0)).toMatchObject({ packets: 0, failed: { icv: 0 } });
    for (const number of [1, 5000, 4999]) {
      expect(window.check(0, number)).toBe(true);
      expect(window.mark(0, number, 0)).toBe(true);
    }
    expect(window.check(0, 5000)).toBe(false);
  });
});
