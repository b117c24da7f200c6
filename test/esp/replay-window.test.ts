/** The window against a naive one: a set of all numbers ever seen, and BigInt arithmetic. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayWindow, SaState } from '../../src/esp/index.ts';

const SUBSPACE = 1n << 32n;

/** RFC 4303 section 3.4.3 and appendix A2 as they read, remembering everything. */
class NaiveWindow {
  top: bigint;
  private readonly first: bigint;
  private readonly size: bigint;
  private readonly esn: boolean;
  private readonly seen = new Set<bigint>();

  constructor(top: bigint, size: bigint, esn: boolean) {
    this.top = top;
    this.first = top;
    this.size = size;
    this.esn = esn;
  }

  /** The 64-bit number of 32 received bits: the one in the window or to its right that is nearest. */
  number(low: bigint): bigint {
    if (!this.esn) return low;
    const bottom = this.top - this.size + 1n;
    let number = (this.top & ~(SUBSPACE - 1n)) - SUBSPACE + low;
    while (number < bottom) number += SUBSPACE;
    return number;
  }

  allows(number: bigint): boolean {
    if (number <= 0n || number >= SUBSPACE * (this.esn ? SUBSPACE : 1n)) return false;
    return number > this.first && number > this.top - this.size && !this.seen.has(number);
  }

  mark(number: bigint): void {
    this.seen.add(number);
    if (number > this.top) this.top = number;
  }
}

function windowOf(replayWindow: number, esn: boolean, initialSeq: bigint): { state: SaState; window: ReplayWindow } {
  const other = { replayWindow: 100, esn: false, initialSeq: 7n };
  const state = SaState.create([other, { replayWindow, esn, initialSeq }, other]);
  return { state, window: new ReplayWindow(state) };
}

/** Steps from the top: mostly near it, at times far. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -100, max: 100 }) },
  { weight: 2, arbitrary: fc.integer({ min: -9000, max: 9000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 }) },
);
const start = fc.oneof(
  fc.constantFrom(0n, 1n, 31n, 63n, SUBSPACE - 32n, SUBSPACE - 1n, SUBSPACE, SUBSPACE * 5n - 3n),
  fc.constantFrom((1n << 63n) - 32n, SUBSPACE * SUBSPACE - 40n, SUBSPACE * SUBSPACE - 1n),
);

describe.each([{ esn: false }, { esn: true }])('esn: $esn', ({ esn }) => {
  it('does what the naive window does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 32, max: 8192 }),
        start,
        fc.array(step, { maxLength: 300 }),
        (size, from, steps) => {
          const top = esn ? from : from % SUBSPACE;
          const naive = new NaiveWindow(top, BigInt(size), esn);
          const { state, window } = windowOf(size, esn, top);
          for (const distance of steps) {
            const low = BigInt.asUintN(32, naive.top + BigInt(distance));
            const number = naive.number(low);
            const allowed = window.check(1, Number(low));
            expect(allowed).toBe(naive.allows(number));
            if (!allowed) continue;
            if (esn) expect(window.high >>> 0).toBe(Number(number >> 32n));
            expect(window.mark(1, Number(low), window.high)).toBe(true);
            naive.mark(number);
            expect(state.top(1)).toBe(naive.top);
          }
          expect([state.top(0), state.top(2)]).toEqual([7n, 7n]);
        },
      ),
    );
  });

  it.each([32, 33, 64, 100, 1024, 4096, 8192])('window %i: nothing that was accepted is accepted again', (size) => {
    const top = esn ? SUBSPACE - 700n : 0n;
    const { window } = windowOf(size, esn, top);
    const accepted: bigint[] = [];
    // A number is taken when its high half is inferred as it is: another one would not authenticate.
    const take = (number: bigint): boolean => {
      const low = Number(BigInt.asUintN(32, number));
      return window.check(1, low) && window.high === Number(number >> 32n) && window.mark(1, low, window.high);
    };
    for (let i = 1n; i <= 20_000n; i++) {
      // Some numbers stay out and come later, out of order.
      const number = top + (i % 7n === 0n && i > 14n ? i - 14n : i);
      if (take(number)) accepted.push(number);
    }
    expect(accepted.length).toBeGreaterThan(17_000);
    expect(accepted.filter(take)).toEqual([]);
  });

  it('marks a number once, whatever check said before', () => {
    const { window } = windowOf(64, esn, 0n);
    expect(window.check(1, 5)).toBe(true);
    expect(window.mark(1, 5, 0)).toBe(true);
    expect(window.mark(1, 5, 0)).toBe(false);
    expect(window.mark(1, 200, 0)).toBe(true);
    expect(window.mark(1, 6, 0)).toBe(false);
    expect(window.mark(1, 137, 0)).toBe(true);
    expect(window.mark(1, 136, 0)).toBe(false);
  });

  it('counts the initial number and everything below as seen', () => {
    const { window } = windowOf(64, esn, 1000n);
    for (const low of [0, 1, 937, 999, 1000]) expect(window.check(1, low) && window.high === 0).toBe(false);
    expect(window.check(1, 1001)).toBe(true);
  });
});

it('without ESN refuses 0, takes the last number, and nothing after it', () => {
  const { window } = windowOf(64, false, 0n);
  expect(window.check(1, 0)).toBe(false);
  expect(window.check(1, 0xffffffff)).toBe(true);
  expect(window.mark(1, 0xffffffff, 0)).toBe(true);
  expect(window.check(1, 0)).toBe(false);
  expect(window.check(1, 1)).toBe(false);
});

it('with ESN takes a low half of 0 that is not the number 0', () => {
  expect(windowOf(64, true, 0n).window.check(1, 0)).toBe(false);
  const { window } = windowOf(64, true, SUBSPACE - 1n);
  expect(window.check(1, 0)).toBe(true);
  expect(window.high).toBe(1);
});
