/** What stands beside: the same bytes by a socket, as node:tls receives them on the loopback. One stream, its sender in another process. */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { cpuTimes, cpuUse } from './cpu.ts';
import { commonOf, type HistogramEffort, type HistogramRow, type Repeat } from './row.ts';
import type { Scenario } from './scenario.ts';

const SENDER = fileURLToPath(new URL(`./tls-sender${extname(import.meta.url)}`, import.meta.url));

/** A pre-shared key needs no certificate. */
const SUITES: Readonly<Record<string, string>> = {
  gcm256: 'PSK-AES256-GCM-SHA384',
  chacha20poly1305: 'PSK-CHACHA20-POLY1305',
};

/** What the sender is told. */
export interface TlsSenderTask {
  readonly port: number;
  readonly ciphers: string;
  /** In hexadecimal; made anew for each connection, and of no use after it. */
  readonly psk: string;
}

/** Measures the receiving process alone, as the other bars do. */
export async function measureTls(scenario: Scenario, effort: HistogramEffort): Promise<HistogramRow> {
  const { protection, streams } = scenario;
  const psk = randomBytes(32);
  const ciphers = SUITES[protection];
  const server = createServer({ ciphers, maxVersion: 'TLSv1.2', pskCallback: () => psk });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const task: TlsSenderTask = { port: (server.address() as AddressInfo).port, ciphers, psk: psk.toString('hex') };
  const sender = fork(SENDER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    sender.send(task);
    const [socket] = (await Promise.race([
      once(server, 'secureConnection'),
      once(sender, 'exit').then(() => {
        throw new Error('the sender ended before it was connected');
      }),
    ])) as [TLSSocket];
    const ended = once(socket, 'close');
    socket.on('error', () => {});
    let received = 0;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    await sleep(1000 * effort.warmUp);
    const repeats: Repeat[] = [];
    for (let repeat = 0; repeat < effort.repeats; repeat++) {
      const before = received;
      const from = cpuTimes();
      await sleep(1000 * Math.max(0.05, effort.seconds));
      repeats.push({ ...cpuUse(from, cpuTimes()), bits: (8 * (received - before)) / 1e9 });
    }
    socket.destroy();
    await ended;
    return {
      ...commonOf(scenario, streams, repeats),
      gbps: null,
      mpps: null,
      ns: null,
      cpuNs: null,
      busiestLane: null,
      segments: null,
      dropped: 0,
      crypto: 'node',
    };
  } finally {
    sender.kill();
    server.close();
  }
}
