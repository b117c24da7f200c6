/**
 * What npm publishes, used as a user does: packed, installed into an empty folder far from this checkout, run by plain Node.
 * `npm run packed`; not one of the plain tests, since it builds and installs.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Exports } from './support/fences.ts';
import { type Outcome, ROOT, run } from './support/run.ts';

interface Manifest {
  readonly name: string;
  readonly exports: Exports;
  readonly bin: Record<string, string>;
}

const manifest = createRequire(import.meta.url)('../package.json') as Manifest;
const CAPTURE = join(ROOT, 'test/captures/esp/linux_many.pcap');
const SAS = join(ROOT, 'test/captures/esp/linux_many.sas.json');
const SUBPATHS = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
/** Of the capture: what Linux sent, all of it authentic. */
const PACKETS = 975;

const TEMP = realpathSync(mkdtempSync(join(tmpdir(), 'rxsteer-packed-')));
const APP = join(TEMP, 'app');
const INSTALLED = join(APP, 'node_modules', manifest.name);

/** Fails with what the program said, and not only with its exit code. */
async function succeed(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const outcome = await run(command, args, { cwd, timeout: 300_000 });
  expect(outcome.code, `${command} ${args.join(' ')}\n${outcome.stderr}\n${outcome.stdout.slice(-4000)}`).toBe(0);
  return outcome;
}

/** Runs a JavaScript module of the user's. */
function runModule(name: string, text: string, args: readonly string[] = []): Promise<Outcome> {
  writeFileSync(join(APP, name), text);
  return succeed(process.execPath, [name, ...args], APP);
}

beforeAll(async () => {
  mkdirSync(APP);
  await succeed('npm', ['pack', '--silent', '--pack-destination', TEMP], ROOT);
  const tarball = readdirSync(TEMP).find((name) => name.endsWith('.tgz'));
  if (!tarball) throw new Error('npm pack made no tarball');
  writeFileSync(join(APP, 'package.json'), '{ "name": "app", "private": true, "type": "module" }\n');
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel', 'error'];
  await succeed('npm', ['install', join(TEMP, tarball), ...quiet], APP);
}, 600_000);

afterAll(() => rmSync(TEMP, { recursive: true, force: true }));

describe('the tarball', () => {
  it('holds what the package needs, and nothing of the checkout', () => {
    const files = readdirSync(INSTALLED, { recursive: true, encoding: 'utf8' }).map((name) =>
      name.replaceAll('\\', '/'),
    );
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json']));
    expect(files).toEqual(expect.arrayContaining(['docs/errors.md', 'dist/workers/lane-worker.js']));
    const foreign = /^(dist\/)?(test|bench|examples)\/|(^|\/)node_modules\/|(?<!\.d)\.ts$|kernels\/build|\.tgz$/;
    expect(files.filter((name) => foreign.test(name))).toEqual([]);
  });

  it('has every file that its package.json points to', () => {
    const targets = Object.values(manifest.exports).flatMap((at) =>
      typeof at === 'string' ? [at] : Object.values(at),
    );
    for (const target of [...targets, ...Object.values(manifest.bin)]) {
      expect(() => readFileSync(join(INSTALLED, target)), target).not.toThrow();
    }
  });

  it.for(SUBPATHS)('can be imported: %s', { timeout: 60_000 }, async (subpath) => {
    const specifier = manifest.name + subpath.slice(1);
    const { stdout, stderr } = await runModule(
      'import.js',
      `console.log(Object.keys(await import(${JSON.stringify(specifier)})).length);\n`,
    );
    expect(Number(stdout)).toBeGreaterThan(0);
    expect(stderr).toBe('');
  });
});

describe('the command', () => {
  it('helps', { timeout: 60_000 }, async () => {
    const { stdout } = await succeed('npx', ['--no-install', 'rxsteer', '--help'], APP);
    expect(stdout).toContain('replay');
    const replay = await succeed('npx', ['--no-install', 'rxsteer', 'replay', '--help'], APP);
    expect(replay.stdout).toContain('--queues');
  });

  it('analyzes a capture, and writes the lab without a compiler at hand', { timeout: 120_000 }, async () => {
    const { stdout } = await succeed('npx', ['--no-install', 'rxsteer', 'analyze', CAPTURE, '--json'], APP);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'rxsteer.analyze/1', input: { packets: PACKETS } });
    await succeed('npx', ['--no-install', 'rxsteer', 'lab', '--out', 'site'], APP);
    expect(readFileSync(join(APP, 'site', 'src/lab/worker.js'), 'utf8')).toContain('CaptureSession');
  });

  it('measures the receive path, each case in a process of its own', { timeout: 120_000 }, async () => {
    const args = ['bench', '--only', 'null_gro', '--quick', '--json', '--html', 'bench.html'];
    const { stdout } = await succeed('npx', ['--no-install', 'rxsteer', ...args], APP);
    const { schema, rows } = JSON.parse(stdout) as { schema: string; rows: { case: string; goodputGbps: number }[] };
    expect(schema).toBe('rxsteer.bench/1');
    expect(rows.length).toBe(4);
    for (const { goodputGbps } of rows) expect(goodputGbps).toBeGreaterThan(0);
    expect(readFileSync(join(APP, 'bench.html'), 'utf8')).toContain('</svg>');
  });

  it.for([
    ['inline', ['--inline']],
    ['in threads', []],
  ] as const)('replays a capture %s', { timeout: 120_000 }, async ([, mode]) => {
    const args = ['replay', CAPTURE, '--sa', SAS, '--queues', '2', '--json', ...mode];
    const { stdout } = await succeed('npx', ['--no-install', 'rxsteer', ...args], APP);
    const result = JSON.parse(stdout) as {
      schema: string;
      input: { packets: number };
      queues: { packets: number }[];
      sas: { opened: number }[];
      invariants: object;
    };
    expect(result.schema).toBe('rxsteer.replay/1');
    expect(result.input.packets).toBe(PACKETS);
    expect(result.queues.map(({ packets }) => packets > 0)).toEqual([true, true]);
    expect(result.sas.reduce((sum, { opened }) => sum + opened, 0)).toBe(PACKETS);
    expect(result.invariants).toMatchObject({ conserved: true, reordered: 0 });
  });
});

/** A consumer as a user writes it, loaded by the threads of the lanes. */
const CONSUMER = `
export default function consumer({ lane, data, post }) {
  let segments = 0;
  let bytes = 0;
  let protectedPackets = 0;
  return {
    onPackets(batch) {
      for (let i = 0; i < batch.length; i++) {
        segments += batch.segments(i);
        bytes += batch.copy(i).length;
        if (batch.sa(i) !== 0) protectedPackets++;
      }
    },
    close() {
      post({ lane, label: data.label, segments, bytes, protectedPackets });
    },
  };
}
`;

const PROGRAM = `
import { readFile } from 'node:fs/promises';
import { createReceiver } from 'rxsteer';
import { readCapture } from 'rxsteer/pcap';

const [capture, sas] = await Promise.all(process.argv.slice(2).map((path) => readFile(path)));
const rx = await createReceiver({
  queues: 2,
  full: 'wait',
  esp: { sas: JSON.parse(sas).sas },
  consumer: new URL('./consumer.js', import.meta.url),
  data: { label: 'mine' },
});
const reports = [];
rx.on('message', ({ message }) => reports.push(message));
try {
  for (const { bytes, linkType, seconds, nanos } of readCapture(capture)) {
    while (!rx.push(bytes, { linkType, time: seconds + nanos / 1e9 })) await rx.writable();
  }
  await rx.drain({ timeout: 60_000 });
} finally {
  await rx.close();
}
const { packets, conserved, queues, drops, held } = rx.stats();
console.log(JSON.stringify({ packets, conserved, drops, held, segments: queues.map((queue) => queue.segments), reports }));
`;

describe('the library', () => {
  it("runs a user's JavaScript consumer in worker threads", { timeout: 120_000 }, async () => {
    writeFileSync(join(APP, 'consumer.js'), CONSUMER);
    const { stdout, stderr } = await runModule('program.js', PROGRAM, [CAPTURE, SAS]);
    expect(stderr).toBe('');
    const result = JSON.parse(stdout) as {
      segments: number[];
      reports: { lane: number; label: string; segments: number; bytes: number; protectedPackets: number }[];
    };
    expect(result).toMatchObject({ packets: PACKETS, conserved: true, drops: {}, held: 0 });
    const reports = result.reports.sort((a, b) => a.lane - b.lane);
    expect(reports.map(({ lane, label }) => [lane, label])).toEqual([
      [0, 'mine'],
      [1, 'mine'],
    ]);
    expect(reports.map(({ segments }) => segments)).toEqual(result.segments);
    expect(result.segments.reduce((sum, n) => sum + n, 0)).toBe(PACKETS);
    for (const { bytes, protectedPackets } of reports) expect([bytes > 0, protectedPackets > 0]).toEqual([true, true]);
  });
});
