import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Ticks } from '../../src/capture/ticks.ts';

it('converts every count of every resolution exactly', () => {
  const ticks = new Ticks();
  const word = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(1 << 20));
  fc.assert(
    fc.property(word, word, fc.oneof(fc.nat(12), fc.nat(255)), (high, low, resolution) => {
      ticks.set(high, low, resolution);
      const power = BigInt(resolution & 127);
      const unit = resolution > 127 ? 2n ** power : 10n ** power;
      const count = (BigInt(high) << 32n) | BigInt(low);
      expect(ticks.seconds >>> 0).toBe(Number(BigInt.asUintN(32, count / unit)));
      expect(ticks.nanos).toBe(Number(((count % unit) * 10n ** 9n) / unit));
    }),
    { numRuns: 5000 },
  );
});

it('is exact on both sides of every whole second', () => {
  const ticks = new Ticks();
  for (let resolution = 0; resolution <= 9; resolution++) {
    const unit = 10n ** BigInt(resolution);
    for (const second of [0n, 1n, 1_700_000_000n, 0x7fffffffn, 0x80000000n, 0xfffffffen, 0xffffffffn]) {
      for (const rest of [0n, unit - 1n]) {
        const count = second * unit + rest;
        ticks.set(Number(count >> 32n), Number(count & 0xffffffffn), resolution);
        expect([ticks.seconds >>> 0, ticks.nanos]).toEqual([Number(second), Number((rest * 10n ** 9n) / unit)]);
      }
    }
  }
});
