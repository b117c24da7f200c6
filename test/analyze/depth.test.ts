import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Depth } from '../../src/analyze/depth.ts';

describe('simulated rings', () => {
  it('by hand: a burst of five into a ring of three, one served a microsecond', () => {
    const depth = new Depth(2, { rate: 1e6, ring: 3 });
    for (let i = 0; i < 5; i++) depth.arrive(0, 0);
    depth.arrive(0, 2000); // two are done, one waits
    depth.arrive(1, 2000);
    const report = depth.report();
    expect(report.queues).toEqual([
      { queue: 0, max: 3, drops: 2 },
      { queue: 1, max: 1, drops: 0 },
    ]);
    // depths found: 1, 2, 3, then 2, and 1 on the other queue
    expect(report).toMatchObject({ drops: 2, p50: 2, p95: 3, p99: 3, max: 3 });
  });

  it('is what a server that takes one packet after another does', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3000), { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (gaps, ring) => {
        const depth = new Depth(1, { rate: 1e6, ring });
        // each packet takes 1000 ns; those that wait are done at these times
        let done: number[] = [];
        let drops = 0;
        let max = 0;
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          done = done.filter((time) => time > now);
          depth.arrive(0, now);
          if (done.length >= ring) drops++;
          else {
            done.push((done.at(-1) ?? now) + 1000);
            max = Math.max(max, done.length);
          }
        }
        expect(depth.report()).toMatchObject({ drops, max });
      }),
    );
  });
});
