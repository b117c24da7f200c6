import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../bench/peers/build.ts';
import { comparisons, type Peer } from '../../bench/peers/comparisons.ts';
import { inputFile, inputs } from '../../bench/peers/inputs.ts';
import { peerLine, peerRow } from '../../bench/peers/rows.ts';
import { Side } from '../../bench/peers/side.ts';
import { questions } from '../../bench/questions.ts';
import { runTsx } from '../support/run.ts';

const PEERS = [...new Map(comparisons.flatMap(({ peers }) => peers).map((peer) => [key(peer), peer])).values()];

function key({ program, case: name, input }: Peer): string {
  return `${program} ${name} ${input}`;
}

describe('comparisons', () => {
  it('name cases that there are; a crypto backend may be missing', () => {
    for (const { question, case: name } of comparisons) {
      const names = questions.get(question)?.map((c) => c.name) ?? [];
      if (!/_(openssl|ipsec-mb)/.test(name)) expect(names).toContain(name);
      else expect(names.some((other) => other.startsWith(name.replace(/_(openssl|ipsec-mb).*/, '_')))).toBe(true);
    }
  });
});

describe('the inputs of peers', () => {
  it('are a file of records, each behind its length', () => {
    const file = inputFile({ records: [Uint8Array.of(7), new Uint8Array(0), Uint8Array.of(8, 9)], check: 0 });
    expect([...file]).toEqual([1, 0, 0, 0, 7, 0, 0, 0, 0, 2, 0, 0, 0, 8, 9]);
  });
});

/** Each program checks its own results, and makes of the input what ours makes of it. */
describe('a peer', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rxsteer-peers-test-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.for(PEERS.map((peer) => [key(peer), peer] as const))('%s', { timeout: 120_000 }, async ([, peer], { skip }) => {
    const program = build(peer.program);
    if ('why' in program) return skip(program.why);
    const input = inputs[peer.input]();
    const path = join(folder, peer.input);
    writeFileSync(path, inputFile(input));
    const side = new Side(program.path, [peer.case, path], peer.program);
    try {
      const ready = await side.start();
      if ('skipped' in ready) return skip(ready.skipped);
      expect(ready.check).toBe(input.check);
      const { ns, items } = await side.repeat(0);
      expect(ns).toBeGreaterThan(0);
      expect(items).toBeGreaterThan(0);
    } finally {
      await side.end();
    }
  });
});

describe('a side', () => {
  it('that ends early is told of, and does not hang', async () => {
    const side = new Side(process.execPath, ['-e', ''], 'nothing');
    await expect(side.start()).rejects.toThrow('nothing ended early');
    await side.end();
    const missing = new Side('/nonexistent/program', [], 'missing');
    await expect(missing.start()).rejects.toThrow('missing ended early');
    await missing.end();
  });
});

describe('a row', () => {
  const peer: Peer = { name: 'dpdk', program: 'steer', case: 'gfni', input: 'mix', target: 1.5 };
  const repeats = (...ns: number[]): { ns: number; items: number; dropped: number }[] =>
    ns.map((n) => ({ ns: n, items: 10, dropped: 1 }));

  it('has the ratio of what was measured together, and not that of the medians', () => {
    // The machine became half as fast after the second turn: every ratio is 2 all the same.
    const row = peerRow('mix', peer, '22.11', repeats(10, 10, 20, 20, 20), repeats(5, 5, 10, 10, 10));
    expect(row).toMatchObject({ ns: 20, nsMin: 10, nsMax: 20, ratio: 2, ratioMin: 2, ratioMax: 2, dropped: 5 });
    expect(row.peer).toMatchObject({ name: 'dpdk', case: 'gfni', version: '22.11', ns: 10, nsMin: 5 });
    expect(peerLine(row)).toMatch(/^mix +dpdk gfni +20\.0 +10\.0 +2\.00 +2\.00 +2\.00 +1\.5 {2}over$/);
  });

  it('of an even number of repeats is the middle of two; one within its target says nothing', () => {
    const row = peerRow('mix', peer, '22.11', repeats(10, 14), repeats(10, 10));
    expect(row.ratio).toBeCloseTo(1.2);
    expect(peerLine(row)).not.toContain('over');
  });

  it('that was skipped says why', () => {
    expect(peerLine({ case: 'mix', peer, skipped: 'libdpdk-dev is not installed' })).toContain(
      'skipped: libdpdk-dev is not installed',
    );
  });
});

describe('npm run bench -- peers', () => {
  it('lists what it compares, and knows no other', async () => {
    const listed = await runTsx('bench/main.ts', ['peers', '--list', 'dispatch_mix']);
    expect(listed).toMatchObject({ code: 0, stdout: 'dispatch_mix_burst128 dpdk gfni_ring\n' });
    const unknown = await runTsx('bench/main.ts', ['peers', 'bogus']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('bogus');
  });
});
