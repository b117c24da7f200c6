import { describe, expect, it } from 'vitest';
import { type Case, measure, SMOKE } from '../bench/harness.ts';
import { questions } from '../bench/questions.ts';
import { Random } from '../bench/random.ts';
import { rowLine } from '../bench/table.ts';

/** Every bench runs once or twice: what it checks of its own result holds, and a row comes out. */
describe.each([...questions])('bench %s', (_question, cases) => {
  it.each(cases.map((c) => [c.name, c] as const))('%s', async (_name, c) => {
    const row = await measure(c, SMOKE);
    expect(row.case).toBe(c.name);
    expect(row.ns).toBeGreaterThan(0);
    expect(rowLine(row)).toContain(c.name);
  });
});

describe('the harness', () => {
  const steady = (more: Partial<Case> = {}): Case => ({
    name: 'steady',
    bytes: 100,
    make: () => ({ items: 10, run: () => 1 }),
    ...more,
  });

  it('takes more repeats while they differ, up to the most, and not when they do not', async () => {
    const effort = { ...SMOKE, repeats: 2, mostRepeats: 5 };
    let spin = 0;
    const uneven = steady({
      make: () => ({
        items: 1,
        run() {
          const until = performance.now() + (spin++ % 2);
          while (performance.now() < until);
          return 0;
        },
      }),
    });
    expect((await measure(uneven, effort)).repeats).toBe(5);
    const row = await measure(steady(), { ...effort, mostRepeats: 2 });
    expect(row.repeats).toBe(2);
    expect(row.gbps).toBeCloseTo(800 / row.ns);
    expect(row.mpps).toBeCloseTo(1000 / row.ns);
    expect(row.nsMin).toBeLessThanOrEqual(row.nsMax);
  });

  it('tells what a round allocates, and nothing when it allocates nothing', async () => {
    const kept: object[] = [];
    const allocates = steady({
      make: () => ({
        items: 1000,
        run() {
          for (let i = 0; i < 1000; i++) kept[i] = { a: i };
          return kept.length;
        },
      }),
    });
    expect((await measure(allocates, SMOKE)).heapBytes).toBeGreaterThan(8);
    const wasteful = steady({
      make: () => ({
        items: 1,
        run() {
          for (let i = 0; i < 300_000; i++) kept[i % 1000] = { a: i, b: [i] };
          return kept.length;
        },
      }),
    });
    const { heapBytes, gcs } = await measure(wasteful, { ...SMOKE, seconds: 0.05 });
    expect(heapBytes).toBeNull();
    expect(gcs).toBeGreaterThan(0);
    const bytes = new Uint8Array(1000);
    const lean = steady({
      make: () => ({
        items: 1000,
        run() {
          for (let i = 0; i < 1000; i++) bytes[i]++;
          return bytes[5];
        },
      }),
    });
    expect((await measure(lean, SMOKE)).heapBytes).toBeLessThan(4);
  });

  it('prepares before each run and closes at the end, also after a failure', async () => {
    const calls: string[] = [];
    const round = {
      items: 1,
      prepare: () => void calls.push('prepare'),
      run: () => calls.push('run'),
      close: () => void calls.push('close'),
    };
    await measure(steady({ make: () => round }), SMOKE);
    expect(calls.join(' ')).toMatch(/^(prepare run )+close$/);
    const failing = {
      ...round,
      run(): number {
        throw new Error('wrong');
      },
    };
    await expect(measure(steady({ make: () => failing }), SMOKE)).rejects.toThrow('wrong');
    expect(calls.at(-1)).toBe('close');
  });
});

describe('random numbers', () => {
  it('are those of xorshift64*', () => {
    const mask = (1n << 64n) - 1n;
    let s = 0x4444444444444444n;
    const random = new Random(0x44444444, 0x44444444);
    for (let i = 0; i < 1000; i++) {
      s ^= s >> 12n;
      s ^= (s << 25n) & mask;
      s ^= s >> 27n;
      expect(random.next() >>> 0).toBe(Number(((s * 0x2545f4914f6cdd1dn) & mask) >> 32n));
    }
  });
});
