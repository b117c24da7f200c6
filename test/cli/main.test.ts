/** The command line as a program: exit codes, and what goes to which stream. A child process costs half a second: few. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { helpText } from '../../src/cli/help.ts';
import { CLASSES, DROP_REASONS } from '../../src/counters.ts';
import { capture } from '../support/captures.ts';
import { type Outcome, runTsx } from '../support/run.ts';
import { KEY_HEX } from '../support/sas.ts';

const rxsteer = (...args: string[]): Promise<Outcome> => runTsx('src/cli/main.ts', args);
const one = capture('scapy_neg_replay');
const sasFile = one.path.replace('.pcap', '.sas.json');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxsteer-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('help', () => {
  it('is the text that lies beside the command', async () => {
    const [all, hash, replay] = await Promise.all([
      rxsteer('--help'),
      rxsteer('hash', '--help'),
      rxsteer('replay', 'x.pcap', '-h'),
    ]);
    expect(all).toEqual({ code: 0, stdout: helpText('rxsteer'), stderr: '' });
    expect(hash).toEqual({ code: 0, stdout: helpText('hash'), stderr: '' });
    expect(replay).toEqual({ code: 0, stdout: helpText('replay'), stderr: '' });
  });

  it('names the commands and their options, in lines that a terminal has room for', () => {
    for (const name of ['analyze', 'bench', 'gro', 'hash', 'key', 'replay']) {
      expect(helpText('rxsteer')).toMatch(new RegExp(`^ {2}${name} `, 'm'));
      const source = readFileSync(new URL(`../../src/cli/${name}.ts`, import.meta.url), 'utf8');
      const steering = readFileSync(new URL('../../src/cli/steering-options.ts', import.meta.url), 'utf8');
      const words =
        name !== 'gro' && name !== 'replay'
          ? ''
          : readFileSync(new URL('../../src/cli/gro-words.ts', import.meta.url), 'utf8');
      const options = [
        ...`${source}${words}${name === 'gro' || name === 'bench' ? '' : steering}`.matchAll(
          /^ {2}'?([a-z-]+)'?: \{ type: /gm,
        ),
      ].map((match) => match[1]);
      expect(options.length).toBeGreaterThan(name === 'bench' ? 4 : 10);
      for (const option of options) {
        // A key has no part in rules, nor in what they lead to.
        if (name !== 'key' || (option !== 'rule' && option !== 'context'))
          expect(helpText(name), option).toContain(`--${option}`);
      }
    }
    expect(helpText('rxsteer')).toMatch(/^ {2}lab /m);
    for (const name of ['rxsteer', 'analyze', 'bench', 'gro', 'hash', 'key', 'lab', 'replay']) {
      for (const line of helpText(name).split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    }
  });
});

describe('exit codes', () => {
  it('2: wrong usage, and input that cannot be read', async () => {
    const text = join(folder, 'text.pcap');
    writeFileSync(text, 'no capture, but a text that is long enough to look like one');
    const sas = join(folder, 'bad.sas.json');
    writeFileSync(
      sas,
      JSON.stringify({
        schema: 'rxsteer.sas/1',
        sas: [{ spi: 1, dst: '1.2.3.4', mode: 'tunnel', transform: { aead: 'aes-gcm', key: `${KEY_HEX}00` } }],
      }),
    );
    const cases: [string[], RegExp][] = [
      [[], /^$/],
      [['bogus'], /there is no command 'bogus'.*\[ERR_RXSTEER_USAGE\]/],
      [['toString'], /there is no command 'toString'/],
      [['bench', 'bogus'], /bench takes options only.*\[ERR_RXSTEER_USAGE\]/],
      [['bench', '--only', 'bogus'], /no case has 'bogus'.*\[ERR_RXSTEER_USAGE\]/],
      [['bench', '--only', 'clear', '--html', '/nonexistent/x.html'], /\[ERR_RXSTEER_FILE\]/],
      [['bench', '--sa', 'x.json'], /--sa opens what is in --capture FILE, which is missing \[ERR_RXSTEER_USAGE\]/],
      [['bench', '--capture', 'no-such-file.pcap'], /no-such-file\.pcap.*\[ERR_RXSTEER_FILE\]/],
      [['bench', '--capture', one.path], /capture: expected one out of which payload.*\[ERR_RXSTEER_OPTION\]/],
      [['replay'], /needs at least one capture.*\[ERR_RXSTEER_USAGE\]/],
      [['replay', 'x.pcap', '--watch'], /--watch needs --sa FILE \[ERR_RXSTEER_USAGE\]/],
      [['replay', '--bogus', 'x'], /--bogus.*\[ERR_RXSTEER_USAGE\]/],
      [['replay', 'no-such-file.pcap', '--inline'], /no-such-file\.pcap.*\[ERR_RXSTEER_FILE\]/],
      [['replay', text, '--inline'], /text\.pcap.*\[ERR_RXSTEER_CAPTURE_FORMAT\]/],
      [['replay', one.path, '--inline', '--sa', sas], /key.*\[ERR_RXSTEER_SA\]/],
      [['hash', '--src', 'x', '--dst', 'y'], /\[ERR_RXSTEER_ADDRESS\]/],
    ];
    const outcomes = await Promise.all(cases.map(([args]) => rxsteer(...args)));
    outcomes.forEach(({ code, stdout, stderr }, i) => {
      const [args, message] = cases[i];
      expect(code, args.join(' ')).toBe(2);
      expect(stderr).toMatch(message);
      expect(stderr).not.toContain('    at ');
      expect(stderr).not.toContain(KEY_HEX.slice(0, 12));
      expect(stdout).toBe(args.length === 0 ? helpText('rxsteer') : '');
    });
  });

  it('1: a capture that breaks off, with the report of what lies before', async () => {
    const broken = join(folder, 'broken.pcap');
    const whole = readFileSync(one.path);
    writeFileSync(broken, whole.subarray(0, whole.length - 3));
    const { code, stdout, stderr } = await rxsteer('replay', broken, '--inline', '--json');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^rxsteer: .*broken\.pcap.*\[ERR_RXSTEER_CAPTURE_DAMAGED\]\n$/);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'rxsteer.replay/1',
      damage: { message: expect.any(String), offset: expect.any(Number) },
      invariants: { conserved: true, reordered: 0 },
    });
  });

  it('0: packets that were dropped are no failure; a pipe gets no colours', async () => {
    const { code, stdout, stderr } = await rxsteer('replay', one.path, '--sa', sasFile, '--queues', '2');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/every packet accounted for, none reordered\n$/);
    expect(stdout).not.toContain('\u001b');
  });
});

describe('replay --json', () => {
  it('has the shape that its schema promises', async () => {
    const { code, stdout } = await rxsteer(
      'replay',
      one.path,
      '--sa',
      sasFile,
      '--inline',
      '--json',
      '--digest',
      'sha256',
    );
    expect(code).toBe(0);
    expect(stdout.trimEnd().includes('\n')).toBe(false);
    const report = JSON.parse(stdout) as Record<string, never>;
    const counts = expect.any(Number);
    expect(report).toEqual({
      schema: 'rxsteer.replay/1',
      input: { files: [one.path], packets: counts, bytes: counts },
      classes: expect.any(Object),
      malformed: {},
      queues: [0, 1, 2, 3].map((queue) => ({
        queue,
        packets: counts,
        bytes: counts,
        delivered: counts,
        segments: counts,
      })),
      drops: { replay: 36 },
      absorbed: { joined: 0, dummy: 0, keepalive: expect.any(Number) },
      sas: expect.any(Array),
      crypto: expect.any(Array),
      unknownSpis: [],
      events: { counts: {}, list: [] },
      gro: { merged: counts, ratio: counts, flushes: expect.any(Object) },
      flows: expect.any(Array),
      invariants: { conserved: true, reordered: 0 },
      acrossSas: { reordered: 0 },
    });
    for (const name of Object.keys(report.classes)) expect(CLASSES).toContain(name);
    for (const name of Object.keys(report.drops)) expect(DROP_REASONS).toContain(name);
    for (const sa of report.sas as Record<string, unknown>[]) {
      expect(sa).toMatchObject({
        spi: expect.stringMatching(/^0x[0-9a-f]{8}$/),
        src: expect.any(String),
        dst: expect.any(String),
        transform: expect.stringMatching(/^[a-z][a-z0-9+-]+$/),
        crypto: expect.stringMatching(/^(ipsec-mb|openssl|node)$/),
        mode: expect.stringMatching(/^(tunnel|transport)$/),
        natt: expect.any(Boolean),
        packets: counts,
        opened: counts,
        dummy: counts,
        failed: { icv: counts, replay: counts, short: counts, padding: counts, expired: counts },
        life: 'mature',
      });
    }
    for (const flow of report.flows as Record<string, unknown>[]) {
      expect(flow).toMatchObject({
        proto: expect.any(String),
        src: expect.any(String),
        sport: counts,
        dst: expect.any(String),
        dport: counts,
        spis: expect.any(Array),
        queues: expect.any(Array),
        protected: expect.any(Boolean),
        packets: counts,
        segments: counts,
        payloadBytes: counts,
        digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      });
    }
    // Keys stay where they were.
    const { sas } = JSON.parse(readFileSync(sasFile, 'utf8')) as { sas: { transform: Record<string, string> }[] };
    for (const { transform } of sas) expect(stdout).not.toContain(transform.key);
  });
});
