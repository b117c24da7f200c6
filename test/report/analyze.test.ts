/** Analyses of files: against replay, damaged, interrupted, empty; and their page. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planScenarios } from '../../src/analyze/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { type Analyzed, type AnalyzeOptions, runAnalysis } from '../../src/report/analyze.ts';
import { analyzeText } from '../../src/report/analyze-text.ts';
import { analyzePage } from '../../src/report/page/page.ts';
import { runReplay } from '../../src/report/replay.ts';
import { styleFor } from '../../src/report/terminal.ts';
import { CAPTURES, SHARED_CAPTURES } from '../support/corpus.ts';

const captures = [CAPTURES, SHARED_CAPTURES[0]]
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => fileURLToPath(new URL(name, folder))))
  .filter((path) => path.endsWith('.pcap'));
const many = fileURLToPath(new URL('linux_mx_tunnel_4_raw.pcap', CAPTURES));
const plain = styleFor({}, {});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxsteer-analyze-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function analyze(files: readonly string[], options: Partial<AnalyzeOptions> = {}): Promise<Analyzed> {
  return runAnalysis({ files, scenarios: planScenarios({ given: [], queues: [4] }), ...options });
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** A capture without packets. */
function header(linkType: number): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 65535, true);
  view.setUint32(20, linkType, true);
  return bytes;
}

describe('an analysis of a capture', () => {
  it.each(captures.map((path) => [path.split('/').slice(-2).join('/'), path]))(
    'counts as replay does: %s',
    async (_, path) => {
      const { report } = await analyze([path]);
      const { report: replay } = await runReplay({
        files: [path],
        queues: 4,
        inline: true,
        rss: { key: microsoftKey() },
        digest: 'none',
        gro: false,
      });
      expect(report.input.packets).toBe(replay.input.packets);
      expect(report.input.bytes).toBe(replay.input.bytes);
      expect(report.classes).toEqual(replay.classes);
      expect(report.malformed).toEqual(replay.malformed);
      const { queues } = report.scenarios.find(({ name }) => name === 'spi-natt/4')!;
      expect(queues.map(({ packets, bytes }) => [packets, bytes])).toEqual(
        replay.queues.map(({ packets, bytes }) => [packets, bytes]),
      );
    },
  );

  it('adds files up, and rounds', async () => {
    const [one, two, twice] = await Promise.all([analyze([many]), analyze([many, many]), analyze([many], { loop: 2 })]);
    expect(two.report.input.packets).toBe(2 * one.report.input.packets);
    expect(twice.report.input).toMatchObject({ packets: two.report.input.packets, loop: 2 });
    expect(twice.report.scenarios).toEqual(two.report.scenarios);
    expect(two.report.flows.count).toBe(one.report.flows.count);
  });

  it('of which the end is missing reports what lies before', async () => {
    const whole = readFileSync(many);
    const { report } = await analyze([file('broken.pcap', whole.subarray(0, whole.length - 5))]);
    expect(report.damage).toMatchObject({
      message: expect.stringContaining('broken.pcap'),
      offset: expect.any(Number),
    });
    expect(report.input.packets).toBe(1674);
    expect(analyzeText({ report, milliseconds: 1 }, plain)).toContain('damaged: ');
    expect(analyzePage(report)).toContain('Damaged: ');
  });

  it('without packets says so; a file without bytes, and a link type that nobody reads, are refused', async () => {
    const { report } = await analyze([file('header.pcap', header(1))]);
    expect(report.input).toMatchObject({ packets: 0, seconds: 0 });
    expect(report.verdict.map(({ cause }) => cause)).toEqual(['empty']);
    expect(analyzeText({ report, milliseconds: 1 }, plain)).toContain('There are no packets');
    expect(analyzePage(report)).toContain('There are no packets');
    await expect(analyze([file('empty.pcap', new Uint8Array(0))])).rejects.toMatchObject({
      code: 'ERR_RXSTEER_CAPTURE_FORMAT',
    });
    await expect(analyze([file('usb.pcap', header(189))])).rejects.toMatchObject({
      code: 'ERR_RXSTEER_CAPTURE_FORMAT',
    });
    await expect(analyze([join(folder, 'none.pcap')])).rejects.toMatchObject({ code: 'ERR_RXSTEER_FILE' });
  });

  it('that is interrupted reports what was seen until then', async () => {
    const interrupt = new AbortController();
    const { report } = await analyze([many], {
      loop: 1000,
      signal: interrupt.signal,
      onProgress: (read) => {
        if (read > 2_000_000) interrupt.abort();
      },
    });
    expect(report.interrupted).toBe(true);
    expect(report.input.packets).toBeGreaterThan(1675);
    expect(report.input.packets).toBeLessThan(1675 * 1000);
    for (const { queues } of report.scenarios) {
      expect(queues.reduce((sum, { packets }) => sum + packets, 0)).toBe(report.input.packets);
    }
  });

  it('says the same twice, to the byte', async () => {
    const [a, b] = await Promise.all([analyze([many]), analyze([many])]);
    expect(JSON.stringify(a.report)).toBe(JSON.stringify(b.report));
  });
});

describe('the text', () => {
  it('has a line for each scenario, and the verdict with its commands', async () => {
    const analyzed = await analyze([many], { scenarios: planScenarios({ given: [] }) });
    const text = analyzeText(analyzed, plain);
    expect(text).toMatch(/^1,675 packets, 705\.4 kB/);
    expect(text).toMatch(/^ {2}ixgbe +4\.00 p95 4\.00, 3 idle +8\.00/m);
    expect(text).toContain('  ice, esp4: that the SPI is hashed is known');
    expect(text).toContain('1. spi-unhashed');
    expect(text).toContain('       ethtool -N DEV rx-flow-hash esp4 sdfn');
    expect(text).not.toContain('\u001b');
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });
});

describe('the page', () => {
  it('is one small file that fetches nothing, with the numbers of its charts', async () => {
    const { report } = await analyze([many], { scenarios: planScenarios({ given: [] }) });
    const page = analyzePage(report);
    expect(page.length).toBeLessThan(300_000);
    expect(page).toContain('default-src &#39;none&#39;');
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|src=|@import|url\(/);
    const charts = page.match(/<svg [^>]*>/g)!;
    expect(charts.length).toBeGreaterThan(30);
    for (const chart of charts) expect(chart).toMatch(/role="img" aria-label="[^"]+"/);
    expect(page.match(/<figure>/g)!.length).toBeLessThanOrEqual(page.match(/<table>/g)!.length);
    expect(page).toContain('8.00 \u2192 1.28');
  });

  it('shows a name as it is, whatever it is', async () => {
    const { report } = await analyze([many]);
    const named = { ...report, input: { ...report.input, files: ['<script>alert(1)</script>&"'] } };
    const page = analyzePage(named);
    expect(page).not.toContain('<script>alert');
    expect(page).toContain('script&gt;&amp;&quot;');
  });
});
