/** The lab: what is served, and in a real Chromium, where there is one, that it shows what the command line says. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planScenarios } from '../../src/analyze/index.ts';
import { labModules } from '../../src/cli/lab-modules.ts';
import { type LabServer, serveLab } from '../../src/cli/lab-server.ts';
import { readSettings, type Settings, scenarioOf, settingsText } from '../../src/lab/settings.ts';
import { runAnalysis } from '../../src/report/analyze.ts';
import { analyzePage } from '../../src/report/page/page.ts';
import { Browser, CHROMIUM } from '../support/chromium.ts';
import { CAPTURES } from '../support/corpus.ts';
import { runTsx } from '../support/run.ts';

const path = (name: string): string => fileURLToPath(new URL(name, CAPTURES));
const tunnels = path('linux_mx_tunnel_4_raw.pcap');
const many = path('linux_many.pcap');

let folder: string;
let server: LabServer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rxsteer-lab-'));
  server = await serveLab(0, tunnels);
  // TypeScript is loaded for it, in a checkout.
}, 120_000);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function ask(
  at: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    get(server.url + at, { headers, method }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode!, body: Buffer.concat(parts) }));
    }).on('error', reject);
  });
}

describe('the knobs', () => {
  it('are in the address', () => {
    const settings: Settings = { queues: '12', nic: 'ice', hkey: 'random:a b&c', esp: 'fn', indir: 'weight:1,2' };
    expect(readSettings(`#${settingsText(settings)}`)).toEqual(settings);
    expect(settingsText({ queues: '4', nic: '' })).toBe('queues=4');
    expect(readSettings('#bogus=1')).toEqual({});
  });

  it('make the scenario that the options of the command line make, and are refused alike', () => {
    expect(scenarioOf({})).toMatchObject({ steering: { queues: 4, fields: {} } });
    expect(scenarioOf({ queues: '8', indir: 'equal:2', natt: 'udp', 'table-size': '64' }).steering).toMatchObject({
      queues: 8,
      indirection: { equal: 2 },
      fields: { natt: 'udp' },
      tableSize: 64,
    });
    expect(() => scenarioOf({ queues: '0' })).toThrow('queues');
    expect(() => scenarioOf({ hkey: 'zz' })).toThrow('key');
    expect(() => scenarioOf({ esp: 'q' })).toThrow('rx-flow-hash');
    expect(() => scenarioOf({ nic: 'nope', hkey: 'symmetric' })).toThrow('nic');
  });
});

describe('what is served', () => {
  it('is the page, its modules, and the capture', async () => {
    const page = await ask('');
    expect(page.status).toBe(200);
    expect(page.body.toString()).toContain('data-capture="linux_mx_tunnel_4_raw.pcap"');
    expect((await ask('src/lab/main.js')).body.toString()).toMatch(/from ['"]\.\.\/report\/page\/markup\.js['"]/);
    expect((await ask('capture')).body.equals(readFileSync(tunnels))).toBe(true);
  });

  it('is nothing else, and to nobody else', async () => {
    for (const other of ['package.json', 'src/cli/main.js', '../package.json', 'src/lab/../../package.json']) {
      expect((await ask(other)).status, other).toBe(404);
    }
    expect((await ask('capture', { host: 'evil.example' })).status).toBe(403);
    expect((await ask('capture', { host: '127.0.0.1.evil.example' })).status).toBe(403);
    expect((await ask('', {}, 'POST')).status).toBe(405);
  });

  it('has nothing of Node, and nothing that is not there', async () => {
    const modules = await labModules();
    expect(modules.size).toBeGreaterThan(60);
    for (const [name, text] of modules) {
      expect(text, name).not.toMatch(/(?:from|import) ?['"](?:node:|[a-z])/);
      expect(text, name).not.toMatch(/\.ts['"];/);
    }
  });
});

describe('the command', () => {
  it('writes the page as files', async () => {
    const target = join(folder, 'site');
    const { code, stdout } = await runTsx('src/cli/main.ts', ['lab', '--out', target]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+ files in site\n$/) });
    expect(readFileSync(join(target, 'index.html'), 'utf8')).toContain('src="src/lab/main.js"');
    expect(readFileSync(join(target, 'src/lab/worker.js'), 'utf8')).toContain('CaptureSession');
  });

  it('refuses what it cannot serve', async () => {
    const outcomes = await Promise.all([
      runTsx('src/cli/main.ts', ['lab', join(folder, 'none.pcap')]),
      runTsx('src/cli/main.ts', ['lab', tunnels, many]),
      runTsx('src/cli/main.ts', ['lab', tunnels, '--out', folder]),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([2, 2, 2]);
    expect(outcomes[0].stderr).toMatch(/none\.pcap.*\[ERR_RXSTEER_FILE\]/);
  });
});

describe.runIf(CHROMIUM !== undefined)('in Chromium', () => {
  let browser: Browser;
  beforeAll(() => {
    browser = new Browser(CHROMIUM!);
  });
  afterAll(() => browser.close(), 60_000);

  /** What the command line's core says of the scenario. */
  async function expected(file: string, settings: Settings): Promise<{ numbers: number[][]; measures: unknown }> {
    const { report } = await runAnalysis({
      files: [file],
      scenarios: planScenarios({ given: [scenarioOf(settings)] }),
    });
    const [{ queues, measures }] = report.scenarios;
    return { numbers: queues.map((queue) => [queue.packets, queue.bytes, queue.flows, queue.sas]), measures };
  }

  async function shown(text: string): Promise<{ numbers: number[][]; measures: unknown }> {
    // The settings are in the page's address before they are in its numbers.
    const find = `document.querySelector('#status').textContent.includes(${JSON.stringify(text)}) && document.querySelector('#result').dataset`;
    const data = await browser.until<{ numbers: string; measures: string }>(
      `(${find}) && {...document.querySelector('#result').dataset}`,
    );
    return { numbers: JSON.parse(data.numbers), measures: JSON.parse(data.measures) };
  }

  const turn = (name: string, value: string): Promise<void> =>
    browser.evaluate(
      `(() => { const knob = document.querySelector('[name="${name}"]'); knob.value = ${JSON.stringify(value)};
        document.querySelector('#status').textContent = ''; knob.dispatchEvent(new Event('input', { bubbles: true })); })()`,
    );

  it('shows what the command line says, whatever knob is turned', { timeout: 120_000 }, async () => {
    await browser.open(`${server.url}#queues=8&esp=sd`);
    expect(await shown('fair share')).toEqual(await expected(tunnels, { queues: '8', esp: 'sd' }));
    const settings: Record<string, string> = { queues: '8', esp: 'sd' };
    const knobs: [string, string][] = [
      ['esp', 'sdfn'],
      ['queues', '12'],
      ['hkey', 'symmetric'],
      ['hkey', ''],
      ['nic', 'ixgbe'],
      ['esp', ''],
      ['nic', 'linux-rps'],
    ];
    for (const [name, value] of knobs) {
      settings[name] = value;
      // ixgbe has no letters for ESP but s and d: said, and the page goes on
      if (settings.nic === 'ixgbe' && settings.esp === 'sdfn') {
        await turn(name, value);
        expect(await browser.until<string>("document.querySelector('#status.warn')?.textContent")).toContain(
          'esp4 on ixgbe',
        );
        continue;
      }
      await turn(name, value);
      expect(await shown('fair share'), `${name}=${value}`).toEqual(await expected(tunnels, settings));
    }
    expect(await browser.evaluate<string>('location.hash')).toBe('#queues=12&nic=linux-rps');

    await browser.choose('#file', [many]);
    expect(await shown('packets of linux_many.pcap')).toEqual(await expected(many, settings));

    const text = join(folder, 'text.pcap');
    writeFileSync(text, 'no capture at all');
    await browser.choose('#file', [text]);
    expect(await browser.until<string>("document.querySelector('#status.warn')?.textContent")).toContain(
      'expected a pcap',
    );
    expect(browser.complaints).toEqual([]);
  });

  it('waits for a capture', { timeout: 60_000 }, async () => {
    const empty = await serveLab(0);
    try {
      await browser.open(empty.url);
      await browser.until("document.querySelector('[name=queues]')");
      // until the modules are there and listen
      await browser.until(
        "document.querySelector('[name=queues]').dispatchEvent(new Event('input', { bubbles: true })) && document.querySelector('#status.warn')?.textContent === 'No capture yet.'",
      );
      await browser.choose('#file', [many]);
      expect(await shown('packets of linux_many.pcap')).toEqual(await expected(many, { queues: '4' }));
      expect(browser.complaints).toEqual([]);
    } finally {
      await empty.close();
    }
  });

  it('opens the page of analyze from disk, and sorts its table', { timeout: 60_000 }, async () => {
    const { report } = await runAnalysis({ files: [tunnels], scenarios: planScenarios({ given: [] }) });
    const file = join(folder, 'page.html');
    writeFileSync(file, analyzePage(report));
    await browser.open(`file://${file}`);
    const column = "[...document.querySelectorAll('tbody')].find((body) => body.rows.length === 24).rows";
    await browser.until(`document.readyState === 'complete' && document.querySelector('th button') !== null`);
    const values = (): Promise<number[]> =>
      browser.evaluate(`[...${column}].map((row) => Number(row.cells[3].dataset.v))`);
    const before = await values();
    await browser.evaluate(
      "[...document.querySelectorAll('th button')].find((b) => b.textContent === 'Max/mean').click()",
    );
    expect(await values()).toEqual([...before].sort((a, b) => b - a));
    await browser.evaluate(
      "[...document.querySelectorAll('th button')].find((b) => b.textContent === 'Max/mean').click()",
    );
    expect(await values()).toEqual([...before].sort((a, b) => a - b));
    expect(browser.complaints).toEqual([]);
  });
});
