/** Random bursts: `Gro` equals the plain reference in both orders, and keeps what it promises. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Burst, bursts } from './bursts.ts';
import { referenceGro } from './reference.ts';
import { type Output, runGro } from './rig.ts';

const lean = (o: { bytes: Uint8Array; gsoSize: number; segments: number; from: number[] }): unknown => [
  o.from.join(),
  o.gsoSize,
  o.segments,
  Buffer.from(o.bytes).toString('hex'),
];

const conserved = (outputs: Output[], inputs: number): void => {
  const all = outputs.flatMap((o) => o.from).sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: inputs }, (_, i) => i));
};

for (const order of ['linux', 'flow'] as const) {
  describe(`order: ${order}`, () => {
    for (const [name, arbitrary] of [
      ['mostly in order', bursts(4, 80, 8)],
      ['very odd', bursts(3, 60, 50)],
      ['many flows', bursts(40, 150, 4)],
    ] as const) {
      it(`equals the reference: ${name}`, () => {
        fc.assert(
          fc.property(arbitrary, fc.boolean(), (burst: Burst, acrossSas) => {
            const { outputs, gro } = runGro(burst.inputs, burst.polls, { order, acrossSas });
            conserved(outputs, burst.inputs.length);
            expect(outputs.map(lean)).toEqual(referenceGro(burst.inputs, burst.polls, { order, acrossSas }).map(lean));
            const flushed = gro.flushes.reduce((a, b) => a + b);
            const passed = gro.passes.reduce((a, b) => a + b);
            expect(flushed + passed).toBe(outputs.length);
            expect(gro.merged).toBe(burst.inputs.length - outputs.length);
            expect(gro.passes[0]).toBe(0);
          }),
          { numRuns: 150 },
        );
      });
    }

    it('small size limits', () => {
      fc.assert(
        fc.property(bursts(3, 60, 3), fc.integer({ min: 60, max: 400 }), (burst, maxSize) => {
          const { outputs } = runGro(burst.inputs, burst.polls, { order, maxSize });
          expect(outputs.map(lean)).toEqual(referenceGro(burst.inputs, burst.polls, { order, maxSize }).map(lean));
        }),
        { numRuns: 60 },
      );
    });
  });
}

it('order: flow delivers each flow in the order of arrival', () => {
  fc.assert(
    fc.property(bursts(6, 100, 40), (burst) => {
      const { outputs } = runGro(burst.inputs, burst.polls, { order: 'flow' });
      const last = new Map<number, number>();
      for (const i of outputs.flatMap((o) => o.from)) {
        const flow = burst.flows[i];
        if (flow < 0) continue;
        expect(i).toBeGreaterThan(last.get(flow) ?? -1);
        last.set(flow, i);
      }
    }),
    { numRuns: 400 },
  );
});

it('payload comes out byte for byte, in the order it came in', () => {
  fc.assert(
    fc.property(bursts(5, 80, 15), (burst) => {
      const { outputs } = runGro(burst.inputs, burst.polls);
      for (const o of outputs) {
        if (o.segments === 1) continue;
        const header = o.l4 + (o.bytes[o.l4 + 12] >> 4) * 4;
        expect(Buffer.from(o.bytes.subarray(header))).toEqual(Buffer.concat(o.from.map((i) => burst.payloads[i])));
      }
    }),
  );
});
