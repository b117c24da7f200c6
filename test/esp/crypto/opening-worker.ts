/** A thread that opens packets, authentic and forged, until it is ended from outside. */
import { parentPort } from 'node:worker_threads';
import type { CryptoName } from '../../../src/esp/index.ts';
import { everySa, sealed } from '../support.ts';
import { makeBackend } from './backends.ts';

const backend = makeBackend(process.env.BACKEND as CryptoName)!;
const bytes = new Uint8Array(new SharedArrayBuffer(8192));
const all = everySa()
  .filter((sa) => backend.refuses(sa.transform) === undefined)
  .map((sa) => ({ sa, cipher: backend.cipher(sa), packet: sealed(sa, sa.initialSeq + 1n, 1400) }));
for (let round = 0; ; round++) {
  for (const { sa, cipher, packet } of all) {
    bytes.set(packet);
    bytes[packet.length - 1] ^= round & 1;
    cipher.open(bytes, 0, packet.length, Number((sa.initialSeq + 1n) >> 32n), 4096, 4096);
  }
  if (round === 0) parentPort?.postMessage('opening');
}
