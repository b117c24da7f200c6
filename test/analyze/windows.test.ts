import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MOST_WINDOWS, WindowCounts, Windows } from '../../src/analyze/windows.ts';

describe('windows of time', () => {
  it('hold what was counted, whatever the order and distance of times', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(2_000), fc.nat(5_000_000), fc.nat(2_000_000_000)), { minLength: 1, maxLength: 80 }),
        (millis) => {
          const counts = new WindowCounts(1);
          const windows = new Windows([counts]);
          for (const ms of millis) {
            const seconds = 1000 + Math.floor(ms / 1000);
            const nanos = (ms % 1000) * 1e6;
            const index = windows.same(seconds, nanos) ? undefined : windows.at(seconds, nanos);
            counts.packets[index ?? windows.at(seconds, nanos)]++;
          }
          expect(windows.used).toBeLessThanOrEqual(MOST_WINDOWS);
          expect(counts.packets.reduce((a, b) => a + b, 0)).toBe(millis.length);
          // The naive way: the windows that there are now, from the earliest time that any of them can have.
          const first = counts.packets.findIndex((n) => n > 0);
          const width = windows.width / 1e6;
          const earliest = Math.min(...millis);
          const span = (Math.max(...millis) - earliest) / width;
          const last = counts.packets.findLastIndex((n) => n > 0);
          expect(last - first).toBeGreaterThanOrEqual(Math.floor(span));
          expect(last - first).toBeLessThanOrEqual(Math.ceil(span) + 1);
        },
      ),
    );
  });

  it('fold in pairs, and begin earlier for what comes late', () => {
    const counts = new WindowCounts(2);
    const windows = new Windows([counts]);
    counts.packets[2 * windows.at(100, 0) + 1] += 1;
    counts.packets[2 * windows.at(100, 5e6)] += 2;
    counts.packets[2 * windows.at(99, 998e6)] += 4; // two windows before
    expect([...counts.packets.subarray(0, 16)]).toEqual([4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]);
    counts.packets[2 * windows.at(100, 510e6)] += 8; // window 512: pairs become one
    expect(windows.width).toBe(2e6);
    expect([...counts.packets.subarray(0, 8)]).toEqual([4, 0, 0, 1, 0, 0, 2, 0]);
    expect(counts.packets[2 * 256]).toBe(8);
  });
});
