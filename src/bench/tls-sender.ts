/** The process that sends for `tls.ts`: as much as the connection takes, until that ends. */
import { once } from 'node:events';
import { connect } from 'node:tls';
import type { TlsSenderTask } from './tls.ts';

const CHUNK = 64 << 10;

const [task] = (await once(process, 'message')) as [TlsSenderTask];
const { port, ciphers, psk } = task;
const socket = connect({
  port,
  host: '127.0.0.1',
  ciphers,
  maxVersion: 'TLSv1.2',
  pskCallback: () => ({ psk: Buffer.from(psk, 'hex'), identity: 'bench' }),
  checkServerIdentity: () => undefined,
});
// The receiver ends the connection when it has seen enough.
socket.on('error', () => process.exit());
socket.on('close', () => process.exit());
await once(socket, 'secureConnect');
const chunk = Buffer.alloc(CHUNK, 'rxsteer');
for (;;) {
  if (!socket.write(chunk)) await once(socket, 'drain');
}
