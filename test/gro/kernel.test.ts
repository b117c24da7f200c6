/** The kernel and the rules in TypeScript say the same under every option: `runGro` runs each burst both ways and compares. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type GroOptions, LINUX_VERSIONS } from '../../src/gro/index.ts';
import { bursts } from './bursts.ts';
import { runGro } from './rig.ts';

const options: fc.Arbitrary<GroOptions> = fc.record({
  order: fc.constantFrom('flow', 'linux'),
  as: fc.constantFrom(...LINUX_VERSIONS),
  buckets: fc.constantFrom(1, 2, 8, 64),
  heldPerBucket: fc.constantFrom(1, 2, 8, 20),
  maxSize: fc.constantFrom(200, 1000, 65_536, 200_000),
  maxSize4: fc.constantFrom(200, 1000, 65_536, 200_000),
  verify: fc.boolean(),
  acrossSas: fc.boolean(),
  udp: fc.constantFrom('off', 'forwarding'),
  tunnels: fc.boolean(),
});

for (const [name, arbitrary] of [
  ['mostly in order', bursts(4, 120, 4)],
  ['very odd', bursts(3, 60, 50)],
  ['many flows', bursts(60, 150, 3)],
] as const) {
  it(`whatever is asked for: ${name}`, () => {
    let rows = 0;
    let taken = 0;
    fc.assert(
      fc.property(arbitrary, options, (burst, chosen) => {
        const result = runGro(burst.inputs, burst.polls, chosen);
        rows += burst.inputs.length;
        taken += result.taken;
      }),
      { numRuns: 200 },
    );
    // A comparison of nothing with nothing would hold, too.
    expect(taken).toBeGreaterThan(rows / 20);
  });
}
