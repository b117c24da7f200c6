/** Byte for byte what Linux 6.18 delivered, case by case: count, order, bytes, gso size and segments, which frames are in which. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CAPTURES, readCases, readPcap, runCase } from './oracle.ts';
import { OUT_OF_REACH } from './reach.ts';

const cases = readCases();

describe('oracle', () => {
  for (const [name, c] of Object.entries(cases)) {
    // What ESP is opened by stands around GRO: test/report/gro.test.ts.
    if (c.sas !== undefined) continue;
    it(`${name}: ${c.rule}`, () => {
      expect(runCase(c, readPcap(new URL(`${name}.pcap`, CAPTURES)))).toEqual(c.expect);
    });
  }
});

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
