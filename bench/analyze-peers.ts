/**
 * `npx tsx bench/analyze-peers.ts [PACKETS]`: an analysis beside what is at hand without it, on the same file, one after the other: a
 * loop in Python with dpkt (python3-dpkt), and `tshark -T fields`, which counts nothing yet. What is not installed is left out.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { put32 } from '../src/wire/bytes.ts';
import { FRAMES, peerFrames } from './frames.ts';
import { writeCapture } from './traffic.ts';

const packets = Number(process.argv[2] ?? 1_000_000);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Half of what the C peers classify, half ESP of 500 SAs. */
function frames(): Uint8Array[] {
  const clear = peerFrames(64, false);
  const esp = clear.map((_, i) => {
    const frame = new Uint8Array(64);
    frame.set([8, 0, 0x45, 0, 0, 50, 0, 0, 0x40, 0, 64, 50], 12);
    frame.set([10, 0, 0, 1, 10, 0, 0, 2], 26);
    put32(frame, 34, 0x1000 + (i % 500));
    return frame;
  });
  return Array.from({ length: packets }, (_, i) => (i % 2 === 0 ? clear : esp)[(i >> 1) % FRAMES]);
}

/** Runs a command; resolves with its seconds and its greatest resident memory in MB, undefined when it failed. */
function run(command: string, args: readonly string[]): Promise<{ seconds: number; megabytes: number } | undefined> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    let kilobytes = 0;
    const look = setInterval(() => {
      const path = `/proc/${child.pid}/status`;
      const status = existsSync(path) ? readFileSync(path, 'utf8') : '';
      kilobytes = Math.max(kilobytes, Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0));
    }, 50);
    child.once('error', () => resolve(undefined));
    child.once('exit', (code) => {
      clearInterval(look);
      const seconds = (performance.now() - started) / 1000;
      resolve(code === 0 ? { seconds, megabytes: kilobytes / 1000 } : undefined);
    });
  });
}

const capture = writeCapture(frames());
const rxsteer = (...args: string[]): [string, string[]] => [
  process.execPath,
  ['--import', 'tsx', here('../src/cli/main.ts'), 'analyze', capture.path, '--json', ...args],
];
const ways: [string, string, string[]][] = [
  ['analyze, 5 scenarios (1 and the models)', ...rxsteer('--queues', '8', '--rx-flow-hash', 'esp=sdfn')],
  ['analyze, 24 scenarios', ...rxsteer()],
  // Debian's packages are of Debian's Python.
  ['Python, dpkt, 1 scenario', '/usr/bin/python3', [here('peers/dpkt-spread.py'), capture.path]],
  [
    'tshark -T fields, nothing counted',
    'tshark',
    [
      '-r',
      capture.path,
      '-T',
      'fields',
      ...['ip.src', 'ip.dst', 'esp.spi', 'tcp.srcport', 'udp.srcport'].flatMap((f) => ['-e', f]),
    ],
  ],
];
try {
  for (const [name, command, args] of ways) {
    const used = await run(command, args);
    if (used === undefined) continue;
    const rate = packets / used.seconds;
    process.stdout.write(
      `${name.padEnd(42)} ${used.seconds.toFixed(1).padStart(7)} s ${Math.round(rate).toLocaleString('en-US').padStart(11)} packets/s ${used.megabytes.toFixed(0).padStart(6)} MB\n`,
    );
  }
} finally {
  capture.remove();
}
