import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLOW_LIMIT_BUCKETS, FlowLimit } from '../../src/steer/flow-limit.ts';

function limit(buckets: number): FlowLimit {
  return new FlowLimit(new ArrayBuffer(FlowLimit.bytes(buckets)), 0, buckets);
}

/** skb_flow_limit in net/core/dev.c, line by line. */
class Linux {
  private readonly history = new Array<number>(128).fill(0);
  private head = 0;
  private readonly buckets: number[];

  constructor(buckets: number) {
    this.buckets = new Array<number>(buckets).fill(0);
  }

  refuses(hash: number): boolean {
    const now = (hash >>> 0) % this.buckets.length;
    const old = this.history[this.head];
    this.history[this.head] = now;
    this.head = (this.head + 1) % 128;
    if (this.buckets[old] !== 0) this.buckets[old] -= 1;
    this.buckets[now] += 1;
    return this.buckets[now] > 64;
  }
}

describe('the flow limit', () => {
  it('refuses what has more than half of the last 128', () => {
    const one = limit(64);
    expect(Array.from({ length: 64 }, () => one.refuses(7))).not.toContain(true);
    expect(one.refuses(7)).toBe(true);
    // Others are not touched by it, and what they have is no more the first one's.
    for (let other = 8; other < 8 + 62; other++) expect(one.refuses(other)).toBe(false);
    expect(one.refuses(7)).toBe(true);
    for (let n = 0; n < 64; n++) expect(one.refuses(n % 3)).toBe(false);
    expect(one.refuses(7)).toBe(false);
  });

  it('cannot tell flows apart that share a bucket', () => {
    const one = limit(64);
    for (let n = 0; n < 32; n++) for (const hash of [5, 5 + 64]) expect(one.refuses(hash)).toBe(false);
    expect([one.refuses(5 + 6400), one.refuses(6)]).toEqual([true, false]);
  });

  it('has 4,096 buckets as in Linux, and takes hashes below 0', () => {
    expect(FLOW_LIMIT_BUCKETS).toBe(4096);
    const one = limit(FLOW_LIMIT_BUCKETS);
    for (let n = 0; n < 64; n++) one.refuses(-1);
    expect([one.refuses(4095), one.refuses(-2)]).toEqual([true, false]);
  });

  it('does what Linux does', () => {
    const run = fc.record({ hash: fc.oneof(fc.nat(5), fc.integer()), times: fc.integer({ min: 1, max: 90 }) });
    fc.assert(
      fc.property(fc.constantFrom(64, 256, 4096), fc.array(run, { maxLength: 40 }), (buckets, runs) => {
        const ours = limit(buckets);
        const linux = new Linux(buckets);
        for (const { hash, times } of runs) {
          for (let n = 0; n < times; n++) expect(ours.refuses(hash)).toBe(linux.refuses(hash));
        }
      }),
    );
  });
});
