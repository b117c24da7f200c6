/** `rxsteer analyze`: options to scenarios, exit codes, and what goes to which stream. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnalyzeReport } from '../../src/analyze/report.ts';
import { givenScenarios, queueList } from '../../src/cli/analyze-scenarios.ts';
import { capture } from '../support/captures.ts';
import { type Outcome, ROOT, runTsx } from '../support/run.ts';

const rxsteer = (...args: string[]): Promise<Outcome> => runTsx('src/cli/main.ts', args);
const many = capture('linux_mx_tunnel_4_raw').path;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxsteer-analyze-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('scenarios from options', () => {
  const names = (...args: Parameters<typeof givenScenarios>): string[] =>
    givenScenarios(...args).map(({ name, steering }) => `${name}/${steering.queues}`);

  it('are the combinations of what is given', () => {
    expect(names({}, undefined)).toEqual([]);
    expect(names({}, [4, 8])).toEqual([]);
    expect(names({ nic: ['ice', 'mlx5'] }, [4, 8])).toEqual(['ice/4', 'ice/8', 'mlx5/4', 'mlx5/8']);
    expect(
      names({ hkey: ['microsoft', 'symmetric'], 'rx-flow-hash': ['esp=sd', 'esp=sdfn,natt=udp'] }, undefined),
    ).toEqual([
      'hkey microsoft esp=sd/4',
      'hkey microsoft esp=sdfn,natt=udp/4',
      'hkey symmetric esp=sd/4',
      'hkey symmetric esp=sdfn,natt=udp/4',
    ]);
    expect(names({ rule: ['flow-type esp4 action 1'], level: 'inner' }, [2])).toEqual(['a rule inner/2']);
  });

  it('take a device as ethtool shows it, its table for its own queues alone', () => {
    const path = join(folder, 'eth0.txt');
    writeFileSync(
      path,
      'RX flow hash indirection table for eth0 with 2 RX ring(s):\n    0:      1     1     1     0\nRSS hash key:\n' +
        `${'6d:5a:'.repeat(20).slice(0, -1)}\n`,
    );
    const [own] = givenScenarios({ ethtool: [path] }, undefined);
    expect(own).toMatchObject({ name: 'eth0.txt', steering: { queues: 2, indirection: [1, 1, 1, 0] } });
    const [two, four] = givenScenarios({ ethtool: [path] }, [2, 4]);
    expect(two.steering.indirection).toEqual([1, 1, 1, 0]);
    expect(four.steering.indirection).toBeUndefined();
  });

  it('read lists of queues', () => {
    expect(queueList('8, 4,8')).toEqual([4, 8]);
    expect(queueList(undefined)).toBeUndefined();
    for (const text of ['', '0', '4,', '4;8', '257']) expect(() => queueList(text), text).toThrow('--queues');
  });

  it('refuse what cannot be', () => {
    expect(() => givenScenarios({ nic: ['nope'] }, [4])).toThrow('nic');
    expect(() => givenScenarios({ level: 'middle' }, [4])).toThrow('--level');
    const keys = Array.from({ length: 40 }, (_, i) => `random:${i}`);
    expect(() => givenScenarios({ hkey: keys, nic: Array.from({ length: 10 }, () => 'ice') }, [4, 8, 16])).toThrow(
      'at most 1000',
    );
  });
});

describe('the command', () => {
  it('prints one JSON object of the promised shape, the same twice, and writes the page', async () => {
    const page = join(folder, 'page.html');
    const [one, two] = await Promise.all([
      rxsteer('analyze', many, '--json', '--html', page),
      rxsteer('analyze', many, '--json'),
    ]);
    expect({ code: one.code, stderr: one.stderr }).toEqual({ code: 0, stderr: '' });
    expect(one.stdout).toBe(two.stdout);
    const report = JSON.parse(one.stdout) as AnalyzeReport;
    expect(Object.keys(report)).toEqual([
      'schema',
      'input',
      'classes',
      'malformed',
      'flows',
      'sas',
      'scenarios',
      'verdict',
    ]);
    expect(report.schema).toBe('rxsteer.analyze/1');
    expect(report.input).toMatchObject({ files: [many], packets: 1675, bytes: 705382, wireBytes: 705382 });
    expect(report.scenarios).toHaveLength(24);
    const loads = { maxOverMean: 8, jain: 0.125, gini: 0.875, chiSquare: 1675 * 7, bound: 1 };
    expect(report.scenarios.find(({ name }) => name === 'ixgbe/8')).toMatchObject({
      nic: 'ixgbe',
      hfunc: 'toeplitz',
      xfrm: 'none',
      fields: { esp4: 'sd', natt4: 'udp' },
      table: { size: 128, fill: 'equal 8', buckets: [{ packets: 1675, bytes: 705382 }] },
      measures: { packets: loads, idleQueues: 7 },
    });
    expect(report.verdict[0]).toMatchObject({ cause: 'spi-unhashed', severity: 'cause' });
    expect(readFileSync(page, 'utf8')).toMatch(/^<!doctype html>[\s\S]*spi-unhashed/);
  });

  it('ends with 1 where a capture is damaged, with 2 where it is asked wrongly', async () => {
    const broken = join(folder, 'broken.pcap');
    writeFileSync(broken, readFileSync(many).subarray(0, 5000));
    const cases: [string[], number, RegExp][] = [
      [[broken, '--json'], 1, /broken\.pcap.*\[ERR_RXSTEER_CAPTURE_DAMAGED\]/],
      [[], 2, /needs at least one capture/],
      [[many, '--ring', '64'], 2, /--ring needs --service-rate/],
      [[many, '--nic', 'nope'], 2, /nic.*\[ERR_RXSTEER_OPTION\]/],
      [[many, '--queues', '0'], 2, /--queues/],
      [[join(folder, 'none.pcap')], 2, /\[ERR_RXSTEER_FILE\]/],
      [[many, '--html', join(folder, 'none', 'x.html')], 2, /\[ERR_RXSTEER_FILE\]/],
    ];
    const outcomes = await Promise.all(cases.map(([args]) => rxsteer('analyze', ...args)));
    outcomes.forEach(({ code, stdout, stderr }, i) => {
      expect(code, cases[i][0].join(' ')).toBe(cases[i][1]);
      expect(stderr).toMatch(cases[i][2]);
      if (i === 0) expect(JSON.parse(stdout)).toMatchObject({ damage: { offset: expect.any(Number) } });
    });
  });

  it('simulates rings when it is told how fast queues are served', async () => {
    const { code, stdout } = await rxsteer(
      'analyze',
      many,
      '--json',
      '--queues',
      '4',
      '--service-rate',
      '1000',
      '--ring',
      '16',
    );
    expect(code).toBe(0);
    for (const { measures } of (JSON.parse(stdout) as AnalyzeReport).scenarios) {
      expect(measures.depth).toMatchObject({ rate: 1000, ring: 16 });
      expect(measures.depth!.max).toBeLessThanOrEqual(16);
    }
  });

  it.runIf(process.platform === 'linux')('prints what it has seen when it is interrupted', async () => {
    const args = ['--import', 'tsx', 'src/cli/main.ts', 'analyze', many, '--json', '--loop', '1000000'];
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    // Its handler stands when it reads; before, the signal would end it without a word.
    while (!reads(child.pid, many)) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ interrupted: true, input: { files: [many] } });
  });
});

/** Whether a process has a file open. */
function reads(pid: number | undefined, path: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).some((fd) => {
    try {
      return readlinkSync(join(folder, fd)) === path;
    } catch {
      return false; // closed meanwhile
    }
  });
}
