import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sections, workNs } from '../../bench/growth/charts.ts';
import { best, capacity, lanesFed, type ModelFigures } from '../../bench/growth/model.ts';
import { setSource } from '../../bench/growth/other-flow.ts';
import { growthPage } from '../../bench/growth/page.ts';
import {
  CHARTS,
  type GrowthRow,
  INLINE,
  measurePoint,
  PINNED,
  type Point,
  type SkippedPoint,
} from '../../bench/growth/point.ts';
import { points } from '../../bench/growth/points.ts';
import { scalingTable } from '../../bench/growth/scaling.ts';
import { type ThreadSample, threadFigures } from '../../bench/growth/threads.ts';
import { SMOKE } from '../../bench/harness.ts';
import { segments } from '../../bench/segments.ts';
import { benchJson } from '../../src/bench/json.ts';
import { machine } from '../../src/bench/machine.ts';
import { ipv4HeaderOk, l4ChecksumOk } from '../../src/wire/checksum.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { Browser, CHROMIUM } from '../support/chromium.ts';

/** Of each series the first point, and one where more than a round's packets differ. */
const SOME = points.filter(
  ({ name, chart, x, pinned }) =>
    pinned !== true &&
    (x === Math.min(...points.filter((one) => one.chart === chart).map((one) => one.x)) ||
      /flows_(rfs|lane)_10000$|sas_lane_(null|gcm)_1000$|lanes_small_2$/.test(name)),
);

describe('a point', { timeout: 120_000 }, () => {
  it.each(SOME.map((point) => [point.name, point] as const))('%s is a row of its chart', async (_name, point) => {
    const row = await measurePoint(point, SMOKE);
    expect(row).toMatchObject({ case: point.name, chart: point.chart, series: point.series, x: point.x });
    expect(row.ns).toBeGreaterThan(0);
    const { reservedBytes, tableBytes, residentBytes, jsHeapBytes } = row.memory;
    expect(reservedBytes).toBeGreaterThanOrEqual(tableBytes);
    for (const bytes of [tableBytes, residentBytes, jsHeapBytes]) expect(bytes).toBeGreaterThanOrEqual(0);
    if (point.name.includes('gcm') && point.chart !== 'lanes') expect(row.crypto).toMatch(/^(ipsec-mb|openssl|node)$/);
    if (point.chart === 'lanes') {
      expect(row.threadUse!.busiestLane).toBeGreaterThan(0.5 / point.x);
      const roles = row.threadUse!.threads.map(({ role }) => role);
      const lanes = point.series.includes(INLINE) ? 0 : point.x;
      if (process.platform === 'linux') expect(roles).toEqual(['dispatcher', ...Array(lanes).fill('lane'), 'helpers']);
    }
    const [json] = JSON.parse(benchJson([row])).rows;
    expect(json).toMatchObject({ case: point.name, memory: { reservedBytes } });
  });

  it('has a name of its own, and each chart has points from its least to its most', () => {
    expect(new Set(points.map(({ name }) => name)).size).toBe(points.length);
    const range = (chart: Point['chart']): number[] => {
      const all = points.filter((point) => point.chart === chart).map(({ x }) => x);
      return [Math.min(...all), Math.max(...all)];
    };
    expect(CHARTS.map(range)).toEqual([
      [1, 1_000_000],
      [1, 100_000],
      [1, 8],
      [64, 65_212],
    ]);
  });
});

describe('a frame of another flow', () => {
  it('has checksums that are right', () => {
    const d = new Dissection();
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(100), (address, payload) => {
        const [frame] = segments({ count: 1, flows: 1, payload });
        setSource(frame, 0, address);
        dissect(frame, 0, frame.length, 1, d);
        expect(ipv4HeaderOk(frame, 14)).toBe(true);
        expect(l4ChecksumOk(frame, d)).toBe(true);
      }),
    );
  });
});

describe('what threads did', () => {
  it('is told of the dispatcher, the busiest others as lanes, and the rest together', () => {
    const at = (...threads: [number, number, number, number, number][]): ThreadSample =>
      new Map(threads.map(([id, cpu, delay, voluntary, involuntary]) => [id, { cpu, delay, voluntary, involuntary }]));
    const from = at([7, 100, 10, 1, 0], [8, 50, 0, 0, 0]);
    const to = at([7, 1100, 20, 3, 1], [8, 2050, 400, 5, 2], [9, 500, 0, 1, 1], [10, 100, 0, 1, 0]);
    expect(threadFigures(from, to, 2, 100, 7)).toEqual([
      { role: 'dispatcher', cpuNs: 10, delayNs: 0.1, voluntary: 20, involuntary: 10 },
      { role: 'lane', cpuNs: 20, delayNs: 4, voluntary: 50, involuntary: 20 },
      { role: 'lane', cpuNs: 5, delayNs: 0, voluntary: 10, involuntary: 10 },
      { role: 'helpers', cpuNs: 1, delayNs: 0, voluntary: 10, involuntary: 0 },
    ]);
    expect(threadFigures(at(), at(), 2, 100)).toEqual([]);
  });
});

const row = (chart: Point['chart'], series: string, x: number, ns: number): GrowthRow => ({
  case: `${chart}_${series}_${x}`,
  chart,
  series,
  x,
  ns,
  nsMin: ns,
  nsMax: ns,
  mpps: 1000 / ns,
  gbps: null,
  bytesPerPacket: 0,
  heapBytes: 0,
  gcs: 0,
  items: 1,
  cpuNs: null,
  threads: 1,
  repeats: 1,
  dropped: 0,
  memory: { reservedBytes: 1e8, tableBytes: 1e6, residentBytes: 2e7, jsHeapBytes: 1e6 },
});

const threaded = (series: string, x: number, work: number): GrowthRow => {
  const figures = { cpuNs: work / 2, delayNs: 70, voluntary: 1, involuntary: 0.5 };
  const threads = [
    { role: 'dispatcher', ...figures },
    { role: 'lane', ...figures },
    { role: 'helpers', ...figures },
  ] as const;
  const threadUse = { processors: 2, packets: 1000, full: 1, busiestLane: 1 / x, threads };
  return { ...row('lanes', series, x, 200), threadUse };
};

const RESULTS: readonly (GrowthRow | SkippedPoint)[] = [
  ...[1, 10, 1000].map((x) => row('flows', 'dispatch <&>', x, 20 + x / 100)),
  ...[1, 10, 1000].map((x) => row('flows', 'bare', x, 3)),
  ...[1, 8].flatMap((x) => [threaded('clear', x, 300), threaded(`clear, ${PINNED}`, x, 200)]),
  row('lanes', `clear, ${INLINE}`, 1, 250),
  { case: 'sas_dispatch_1', chart: 'sas', series: 'dispatch', x: 1, skipped: 'not here: there is no taskset' },
];

describe('the page', () => {
  const page = growthPage(RESULTS, { ...machine(), cpu: 'A & "B" <C>' });

  it('has a plot for cost and one for memory, their numbers, and needs nothing else', () => {
    expect(page.match(/<svg /g)).toHaveLength(4);
    expect(page.match(/<details>/g)).toHaveLength(4);
    expect(page).toContain('dispatch &lt;&amp;&gt;: 20.0 ns at 1, 30.0 ns at 1k (1.50 times).');
    expect(page).toContain('A &amp; &quot;B&quot; &lt;C&gt;');
    expect(page).toContain('sas_dispatch_1: not here');
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/|<script|NaN|undefined|Infinity/);
    for (const tag of ['svg', 'g', 'table', 'tr', 'td', 'text', 'section', 'li']) {
      expect(page.split(`</${tag}>`).length, tag).toBe(page.match(new RegExp(`<${tag}[ >]`, 'g'))!.length + 1);
    }
  });

  it('tells contention from time-slicing', () => {
    const [, lanes] = sections(RESULTS);
    expect(workNs(RESULTS[6] as GrowthRow)).toBe(300);
    expect(lanes.findings).toHaveLength(2);
    expect(lanes.findings[1]).toContain('9 threads on 2 processors');
    expect(lanes.findings[1]).toContain('1.50 times that on one processor');
    expect(lanes.findings[1]).toContain('140 of waiting');
  });

  it('is drawn when nothing could be measured', () => {
    expect(growthPage([], machine())).toContain('</html>');
  });
});

describe.runIf(CHROMIUM !== undefined)('the page in Chromium', () => {
  let folder: string;
  let browser: Browser;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rxsteer-growth-'));
    browser = new Browser(CHROMIUM!);
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('fits its width, and nothing complains', { timeout: 60_000 }, async () => {
    const file = join(folder, 'growth.html');
    writeFileSync(file, growthPage(RESULTS, machine()));
    await browser.open(pathToFileURL(file).href);
    await browser.until('document.querySelectorAll("svg").length === 4');
    for (const width of [1200, 420]) {
      const png = await browser.screenshot(width);
      expect(png.length).toBeGreaterThan(10_000);
      expect(await browser.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    }
    // No line of a legend runs out of its chart, nor into the next one.
    const boxes = await browser.evaluate<number[][]>(
      '[...document.querySelectorAll("svg")].map((svg) => [svg.getBoundingClientRect().right, ...[...svg.querySelectorAll(".name")].map((name) => name.getBoundingClientRect().right)])',
    );
    for (const [right, ...names] of boxes) for (const name of names) expect(name).toBeLessThanOrEqual(right);
    expect(browser.complaints).toEqual([]);
  });
});

describe('the model', () => {
  const figures: ModelFigures = {
    dispatchNs: 20,
    laneNs: 200,
    bytes: 1500,
    bandwidth: 1e12,
    passes: 2,
    overlap: 2,
    lineNs: () => 0,
  };

  it('names what is used up first', () => {
    expect(capacity(figures, 2)).toMatchObject({ lanes: 1, rate: 5e6, limit: 'lanes' });
    expect(capacity(figures, 64)).toMatchObject({ lanes: 63, rate: 50e6, limit: 'dispatcher' });
    expect(lanesFed(figures)).toBe(10);
    expect(capacity({ ...figures, bandwidth: 3e10 }, 64)).toMatchObject({ rate: 1e7, limit: 'memory' });
    // 64 lanes: half a line for the descriptor, 64 of 256 for the cursors
    expect(capacity({ ...figures, lineNs: () => 100 }, 65)).toMatchObject({ dispatchNs: 95, limit: 'rings' });
    expect(best(figures, 64)).toMatchObject({ receivers: 8, lanes: 7, limit: 'lanes' });
    expect(best(figures, 4)).toMatchObject({ receivers: 1, lanes: 3 });
  });

  it('is what docs/scaling.md shows', () => {
    const page = readFileSync(new URL('../../docs/scaling.md', import.meta.url), 'utf8');
    expect(page).toContain(scalingTable());
  });
});
