import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { cpuTimes, cpuUse } from '../../src/bench/cpu.ts';
import { measureScenario } from '../../src/bench/histogram.ts';
import { histogramPage } from '../../src/bench/histogram-page.ts';
import { histogramText } from '../../src/bench/histogram-text.ts';
import { benchJson } from '../../src/bench/json.ts';
import { machine } from '../../src/bench/machine.ts';
import { panels } from '../../src/bench/panels.ts';
import { measureReceive } from '../../src/bench/receive.ts';
import { type FailedScenario, type HistogramRow, median, SMOKE_HISTOGRAM } from '../../src/bench/row.ts';
import { type Scenario, scenarios } from '../../src/bench/scenario.ts';
import { measureTls } from '../../src/bench/tls.ts';
import { MSS_CLEAR, MSS_ESP, makeTraffic } from '../../src/bench/traffic.ts';
import { readCapture } from '../../src/bench/traffic-of.ts';
import { styleFor } from '../../src/report/terminal.ts';

/** What a Linux kernel sent: 40 pairs of hosts, 80 SAs. */
const capture = (name: string): string => fileURLToPath(new URL(`../captures/esp/${name}`, import.meta.url));
const CAPTURE = { path: capture('linux_many.pcap'), sas: [capture('linux_many.sas.json')] };
const ALL = scenarios(CAPTURE);
const plain = styleFor({}, {});

const scenario = (name: string): Scenario => {
  const found = ALL.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

describe('scenarios', () => {
  it("are the talk's seven, and more, each with a name of its own", () => {
    expect(ALL.filter(({ talk }) => talk).map(({ protection, gro, steering }) => [protection, gro, steering])).toEqual([
      ['clear', true, 'flow'],
      ['clear', true, 'none'],
      ['clear', false, 'flow'],
      ['clear', false, 'none'],
      ['null', true, 'spi'],
      ['ccm128', true, 'spi'],
      ['gcm256', true, 'spi'],
    ]);
    expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length);
    expect(scenarios().some(({ protection }) => protection === 'captured')).toBe(false);
    expect(ALL.filter(({ protection }) => protection === 'captured').map(({ name }) => name)).toEqual([
      'capture_gro_inline',
      'capture_nogro_inline',
      'capture_gro_1lane',
      'capture_gro_2lanes_by_spi',
    ]);
    expect(scenarios({ path: CAPTURE.path, sas: [] }).map(({ name }) => name)).toContain('capture_gro_2lanes_by_flow');
    // node:crypto is always there
    for (const protection of ['ccm128', 'gcm256', 'chacha20poly1305']) {
      expect(ALL.map(({ name }) => name)).toContain(`${protection}_node_gro_1stream_inline`);
    }
  });
});

describe('traffic', () => {
  it('is the same each time but for the random IVs, whole trains of every stream', () => {
    const make = (protection: 'clear' | 'null'): Buffer => {
      const traffic = makeTraffic({ protection, streams: 16 }, 200_000);
      const bytes = readFileSync(traffic.path);
      traffic.remove();
      expect(traffic.packets % 16).toBe(0);
      expect(traffic.bytes).toBeGreaterThanOrEqual(200_000);
      expect(traffic.payload).toBe(traffic.packets * (protection === 'clear' ? MSS_CLEAR : MSS_ESP));
      expect(new Set(traffic.sas.map(({ spi }) => spi)).size).toBe(protection === 'clear' ? 0 : 16);
      return bytes;
    };
    expect(make('clear').equals(make('clear'))).toBe(true);
    expect(make('null').equals(make('null'))).toBe(true);
  });

  it('fits into an MTU of 1500, as nearly as it can in clear', () => {
    const clear = makeTraffic({ protection: 'clear', streams: 1 }, 1);
    clear.remove();
    expect(clear.payload / clear.packets).toBe(MSS_CLEAR);
    expect(clear.bytes / clear.packets).toBe(1514);
    const esp = makeTraffic({ protection: 'gcm256', streams: 1 }, 1);
    esp.remove();
    expect(esp.bytes / esp.packets).toBeLessThanOrEqual(1514);
  });
});

/** What each run checks of itself holds: all came out, merged or not, opened by the backend that was asked for. */
describe('a bar', { timeout: 60_000 }, () => {
  it.each(ALL.filter(({ kind, lanes }) => kind === 'receive' && lanes === 0).map((one) => [one.name, one] as const))(
    '%s',
    async (name, one) => {
      const row = await measureReceive(one, SMOKE_HISTOGRAM);
      expect(row).toMatchObject({ case: name, busiestLane: 1, repeats: 1, dropped: 0 });
      expect(row.goodputGbps).toBeGreaterThan(0);
      expect(row.gbps!).toBeGreaterThan(row.goodputGbps);
      expect(row.mpps! * row.ns!).toBeCloseTo(1000);
      const isMixed = one.protection === 'clear' || one.protection === 'captured';
      expect(row.crypto).toBe(isMixed ? null : (one.crypto ?? 'node'));
      expect(row.streams).toBe(one.protection === 'captured' ? 80 : 1);
      expect(row.stages).toBeUndefined();
    },
  );

  it.each([
    ['clear_gro_1stream_1lane', 1, 1],
    ['clear_gro_16streams_2lanes_by_none', 1, 1],
    ['clear_nogro_16streams_2lanes_by_flow', 0.5, 0.8],
    ['gcm256_node_gro_16streams_2lanes_by_addresses', 1, 1],
    ['gcm256_node_gro_16streams_2lanes_by_spi', 0.5, 0.8],
  ] as const)('%s: the busiest lane gets %s to %s of it', async (name, least, most) => {
    const { busiestLane, segments, stages } = await measureReceive(scenario(name), SMOKE_HISTOGRAM);
    expect(busiestLane).toBeGreaterThanOrEqual(least);
    expect(busiestLane).toBeLessThanOrEqual(most);
    if (name.includes('nogro')) expect(segments).toBe(1);
    else expect(segments).toBeGreaterThan(8);
    expect(stages).toBeUndefined();
  });

  it.each(['clear_nogro_1stream_inline', 'null_gro_1stream_inline', 'capture_gro_inline'])(
    '%s, with its stages, each in a process of its own',
    async (name) => {
      const one = scenario(name);
      const { stages } = await measureReceive(one, { ...SMOKE_HISTOGRAM, stages: true });
      const { read, dispatch, lane, open, gro } = stages!;
      for (const ns of [read, dispatch, lane]) expect(ns).toBeGreaterThan(0);
      for (const ns of [open, gro]) expect(Number.isFinite(ns)).toBe(true);
      if (one.protection === 'clear') expect(open).toBe(0);
      if (!one.gro) expect(gro).toBe(0);
    },
  );

  it('of a capture with forgeries counts them, and one that cannot be replayed is refused', async () => {
    const forged = { path: capture('scapy_neg_bitflip.pcap'), sas: [capture('scapy_neg_bitflip.sas.json')] };
    const { dropped } = await measureReceive({ ...scenario('capture_gro_inline'), capture: forged }, SMOKE_HISTOGRAM);
    expect(dropped).toBeGreaterThan(0);
    expect(dropped).toBeLessThan(1);
    await expect(readCapture({ path: CAPTURE.path, sas: [] })).rejects.toThrow(
      /^capture: expected one out of which payload/,
    );
    await expect(readCapture({ path: capture('nothing.pcap'), sas: [] })).rejects.toThrow('nothing.pcap');
    const folder = mkdtempSync(join(tmpdir(), 'rxsteer-bench-test-'));
    const cut = join(folder, 'cut.pcap');
    writeFileSync(cut, readFileSync(CAPTURE.path).subarray(0, 100_000));
    await expect(readCapture({ path: cut, sas: CAPTURE.sas })).rejects.toMatchObject({
      code: 'ERR_RXSTEER_CAPTURE_DAMAGED',
    });
    rmSync(folder, { recursive: true });
  });

  it.each(ALL.filter(({ kind }) => kind === 'tls').map((one) => [one.name, one] as const))('%s', async (name, one) => {
    const row = await measureTls(one, SMOKE_HISTOGRAM);
    expect(row).toMatchObject({ case: name, ns: null, repeats: 1 });
    expect(row.goodputGbps).toBeGreaterThan(0);
    expect(row.cpuMsPerGb).toBeGreaterThan(0);
  });

  it('is measured in a process of its own; one that fails is a row that says so', async () => {
    const row = await measureScenario(scenario('null_gro_1stream_inline'), SMOKE_HISTOGRAM);
    expect(row).toMatchObject({ case: 'null_gro_1stream_inline', crypto: 'node' });
    const broken = { ...scenario('null_gro_1stream_inline'), name: 'broken', lanes: 1000 };
    expect(await measureScenario(broken, SMOKE_HISTOGRAM)).toEqual({
      case: 'broken',
      failed: 'its process ended with 1',
    });
  });
});

describe('the capture that a scenario is given', () => {
  const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('rxsteer-bench-'));

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'goes with its process when that gets %s',
    { timeout: 60_000 },
    async (signal) => {
      const program = fileURLToPath(new URL('../../src/bench/scenario-process.ts', import.meta.url));
      const before = new Set(folders());
      const effort = { ...SMOKE_HISTOGRAM, warmUp: 600 };
      const child = fork(program, [JSON.stringify(scenario('clear_gro_1stream_inline')), JSON.stringify(effort)], {
        execArgv: ['--import', 'tsx'],
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
      const made = await vi.waitFor(
        () => {
          const found = folders().find(
            (name) => !before.has(name) && existsSync(join(tmpdir(), name, 'histogram.pcapng')),
          );
          if (found === undefined) throw new Error('no capture yet');
          return found;
        },
        { timeout: 30_000 },
      );
      const ended = once(child, 'exit');
      child.kill(signal);
      expect(await ended).toEqual([signal === 'SIGINT' ? 130 : 143, null]);
      expect(folders()).not.toContain(made);
    },
  );
});

describe('processor time', () => {
  it('is told of all threads, and of the busiest one', () => {
    const at = (wall: bigint, process: number, threads: [string, number][]) => ({
      wall,
      process,
      threads: new Map(threads),
    });
    const from = at(0n, 100, [
      ['1', 50],
      ['2', 50],
    ]);
    const to = at(1000n, 1300, [
      ['1', 250],
      ['2', 850],
      ['3', 150],
    ]);
    const { peak, cpuSeconds, seconds } = cpuUse(from, to);
    expect(peak).toBeCloseTo(0.8);
    expect(cpuSeconds).toBeCloseTo(1.2e-6);
    expect(seconds).toBeCloseTo(1e-6);
    expect(cpuUse(at(0n, 0, []), at(10n, 5, [])).peak).toBeNull();
  });

  it('of this process grows while it works', () => {
    const from = cpuTimes();
    let sum = 0;
    for (let i = 0; i < 2e7; i++) sum += i & 3;
    const { cpuSeconds, peak } = cpuUse(from, cpuTimes());
    expect(sum).toBeGreaterThan(0);
    expect(cpuSeconds).toBeGreaterThan(0);
    if (process.platform === 'linux') expect(peak).toBeGreaterThan(0);
  });
});

describe('median', () => {
  it('is the middle, or between the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});

const ROW: HistogramRow = {
  case: 'gcm256_ipsec-mb_gro_1stream_inline',
  kind: 'receive',
  talk: false,
  protection: 'gcm256',
  gro: true,
  streams: 1,
  lanes: 0,
  steering: 'none',
  goodputGbps: 20,
  goodputMin: 18,
  goodputMax: 21,
  gbps: 22,
  mpps: 1.79,
  ns: 557.6,
  cpuNs: 560,
  cpuMsPerGb: 50.2,
  cpu: 1.01,
  peakCpu: 0.99,
  busiestLane: 1,
  segments: 32,
  dropped: 0,
  crypto: 'ipsec-mb',
  repeats: 5,
  stages: { read: 100, dispatch: 40, lane: 30, open: 300, gro: 90 },
};
const ROWS: readonly (HistogramRow | FailedScenario)[] = [
  ROW,
  {
    ...ROW,
    case: 'clear',
    protection: 'clear',
    crypto: null,
    lanes: 2,
    steering: 'none',
    talk: true,
    stages: undefined,
  },
  { ...ROW, case: 'tls', kind: 'tls', gbps: null, mpps: null, peakCpu: null, busiestLane: null, stages: undefined },
  { case: 'broken', failed: 'its <process> ended with 1' },
];

describe('the histogram for people', () => {
  it('puts bars into groups, the seven of the talk first; a bar may stand in two', () => {
    expect(panels(ROWS).map(({ bars }) => bars.map(({ label }) => label))).toEqual([
      ['clear, not steered'],
      ['AES-GCM-256, ipsec-mb'],
      ['clear'],
      ['TLS AES-GCM-256'],
    ]);
    expect(panels([])).toEqual([]);
  });

  it('has a place for every scenario', () => {
    const rows = ALL.map((one): HistogramRow => ({ ...ROW, ...one, crypto: one.crypto ?? null, case: one.name }));
    const shown = panels(rows).flatMap(({ bars }) => bars.map(({ row }) => row.case));
    expect(new Set(shown)).toEqual(new Set(ALL.map(({ name }) => name)));
    for (const { title, bars } of panels(rows)) {
      const labels = bars.map(({ label }) => label);
      expect(new Set(labels).size, title).toBe(labels.length);
    }
  });

  it('is a table in a terminal', () => {
    const text = histogramText(ROWS, machine(), plain);
    expect(text).toMatch(/AES-GCM-256, ipsec-mb +█+ +20\.0 +1\.79 +1\.01 +99 % +50 +100 +40 +30 +300 +90\n/);
    expect(text).toContain('broken was not measured');
    expect(text).toContain('2016');
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(140);
  });

  it('is a page that needs nothing else, light and dark', () => {
    const page = histogramPage(ROWS, { ...machine(), cpu: 'A & "B" <C>' });
    expect(page.match(/<svg /g)).toHaveLength(4);
    expect(page.match(/<rect class="rate"/g)).toHaveLength(4);
    expect(page.match(/<rect class="cpu"/g)).toHaveLength(3);
    expect(page).toContain('prefers-color-scheme: dark');
    expect(page).toContain('A &amp; &quot;B&quot; &lt;C&gt;');
    expect(page).toContain('its &lt;process&gt; ended');
    expect(page).not.toMatch(/https?:|<script|<link|src=|NaN|undefined|Infinity/);
    for (const tag of ['svg', 'g', 'table', 'tr', 'td', 'div', 'text', 'title']) {
      expect(page.split(`</${tag}>`).length, tag).toBe(page.match(new RegExp(`<${tag}[ >]`, 'g'))!.length + 1);
    }
  });

  it('is drawn when nothing could be measured', () => {
    const none: FailedScenario[] = [{ case: 'broken', failed: 'no memory' }];
    expect(histogramPage(none, machine())).toContain('no memory');
    expect(histogramText(none, machine(), plain)).toContain('no memory');
  });
});

describe('JSON', () => {
  it('is one line with the machine, and no more digits than are known', () => {
    const text = benchJson([{ case: 'x', ns: 1.234567 }]);
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toMatchObject({ schema: 'rxsteer.bench/1', machine: machine(), rows: [{ ns: 1.2346 }] });
  });
});
