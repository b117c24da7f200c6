/** Byte for byte what Linux delivered, of each version, case by case: count, order, bytes, gso size and segments, which frames are in which. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LINUX_VERSIONS } from '../../src/gro/index.ts';
import { CAPTURES, expectedOf, readCases, readPcap, runCase, runReference } from './oracle.ts';
import { OUT_OF_REACH } from './reach.ts';

const cases = readCases();

// What ESP is opened by stands around GRO: test/report/gro.test.ts.
const plain = Object.entries(cases).filter(([, c]) => c.sas === undefined);

for (const as of LINUX_VERSIONS) {
  describe(as, () => {
    const known = plain.flatMap(([name, c]) => {
      const expected = expectedOf(c, as);
      return expected === undefined ? [] : [{ name, c, expected }];
    });

    for (const { name, c, expected } of known) {
      it(`${name}: ${c.rule}`, () => {
        expect(runCase(c, readPcap(new URL(`${name}.pcap`, CAPTURES)), as)).toEqual(expected);
      });
    }

    it('the reference gives the same', () => {
      expect(known.length).toBeGreaterThan(340);
      for (const { name, c, expected } of known) {
        const frames = readPcap(new URL(`${name}.pcap`, CAPTURES));
        expect([name, runReference(c, frames, as)]).toEqual([name, expected]);
      }
    });
  });
}

/** The full corpus lies beside a checkout, not in it. */
const full = new URL('../../../shared/cases/gro/expected/', import.meta.url);

it.skipIf(!existsSync(full))('every case of the full corpus runs here or is out of reach for a reason', () => {
  const names = readdirSync(full).filter((f) => f.endsWith('.json'));
  const reasons = new Map<string, number>();
  for (const file of names) {
    const name = file.slice(0, -5);
    const why = OUT_OF_REACH.find(([pattern]) => pattern.test(name));
    expect([name, name in cases]).toEqual([name, why === undefined]);
    if (why !== undefined) reasons.set(why[1], (reasons.get(why[1]) ?? 0) + 1);
  }
  for (const [reason, count] of reasons) console.info(`out of reach: ${count} cases: ${reason}`);
});

if (!existsSync(full)) console.info('the full corpus is not there: only the cases in test/captures/gro are run');
