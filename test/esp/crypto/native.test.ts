/** The hazards of calling C: memory, contexts, the error queue of OpenSSL, threads that end. */
import { createDecipheriv } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { type ContextOwner, Contexts } from '../../../src/esp/crypto/contexts.ts';
import { withLayout } from '../../../src/esp/crypto/ipsec-mb/library.ts';
import type { NativeCipher } from '../../../src/esp/crypto/native-cipher.ts';
import { OPEN_OK, type Sa } from '../../../src/esp/index.ts';
import { Ffi, type Library, loadFfi } from '../../../src/native/ffi.ts';
import { NativeMemory } from '../../../src/native/memory.ts';
import { Bench, everySa, sealed, title } from '../support.ts';
import { makeBackend, native } from './backends.ts';

/** A worker that loads TypeScript. */
const STARTER = `
  const { tsx, url } = require('node:worker_threads').workerData;
  import(tsx).then(({ register }) => {
    register();
    return import(url);
  });
`;

const loaded = loadFfi();
const ffi = loaded instanceof Ffi ? loaded : undefined;
if (typeof loaded === 'string') process.stderr.write(`not tested: native calls: ${loaded}\n`);

describe.runIf(ffi !== undefined)('memory', () => {
  const made = (length: number): NativeMemory => new NativeMemory(ffi!, length);

  it('begins at a multiple of 64, stays, and reads back what was put', () => {
    for (const length of [4, 64, 1000, 1 << 20]) {
      const memory = made(length);
      expect(memory.address % 64).toBe(0);
      expect(memory.bytes.length).toBe(length);
      expect(ffi!.addressOf(memory.bytes)).toBe(memory.address);
    }
    const memory = made(64);
    for (const value of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffff, memory.address]) {
      memory.putLong(8, value);
      expect(memory.long(8)).toBe(value);
    }
    memory.wipe();
    expect(memory.bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('has no address that numbers do not hold', () => {
    const library = ffi!.process();
    for (const address of [0, -1, Number.NaN, 1.5, 2 ** 60]) {
      expect(() => library.at(address, 'void', [])).toThrow(/address/);
    }
  });

  it('says why a library is not there', () => {
    expect(ffi!.library('libnothing-of-the-kind.so.1')).toMatch(/^libnothing-of-the-kind.so.1: /);
    expect(ffi!.process().missing(['memcpy', 'nothing_of_the_kind'])).toBe('nothing_of_the_kind');
  });
});

describe.runIf(ffi !== undefined)('contexts', () => {
  interface Probe extends ContextOwner {
    builds: number;
    drops: number;
    seen: Uint8Array | undefined;
  }
  const probe = (fails = false): Probe => {
    const owner: Probe = {
      slot: -1,
      builds: 0,
      drops: 0,
      seen: undefined,
      unit: {
        build(memory, offset) {
          owner.builds++;
          owner.seen = memory.bytes.subarray(offset, offset + 64);
          expect(owner.seen.every((byte) => byte === 0)).toBe(true);
          owner.seen.fill(7);
          if (fails) throw new Error('no memory');
        },
        drop: () => void owner.drops++,
      },
    };
    return owner;
  };

  it('are at most so many, each freed once and wiped, the least used first', () => {
    const contexts = new Contexts(ffi!, 4, 64);
    const owners = Array.from({ length: 6 }, () => probe());
    for (const owner of owners.slice(0, 4)) contexts.admit(owner);
    expect(contexts.size).toBe(4);
    contexts.used.fill(0);
    contexts.used[owners[0].slot] = 1;
    contexts.admit(owners[4]);
    expect(owners.map((owner) => owner.drops)).toEqual([0, 1, 0, 0, 0, 0]);
    expect(owners[1].slot).toBe(-1);
    contexts.admit(owners[5]);
    contexts.admit(owners[1]);
    expect(contexts.size).toBe(4);
    contexts.close();
    for (const owner of owners) {
      expect(owner.drops).toBe(owner.builds);
      expect(owner.slot).toBe(-1);
      expect(owner.seen!.every((byte) => byte === 0)).toBe(true);
    }
    expect(() => contexts.admit(probe())).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_CLOSED' }));
    contexts.close();
  });

  it('that are dropped are freed and wiped, and make room before another one has to go', () => {
    const contexts = new Contexts(ffi!, 3, 64);
    const owners = Array.from({ length: 5 }, () => probe());
    for (const owner of owners.slice(0, 3)) contexts.admit(owner);
    for (let n = 0; n < 2; n++) contexts.drop(owners[1]);
    expect(owners[1]).toMatchObject({ slot: -1, drops: 1 });
    expect(owners[1].seen!.every((byte) => byte === 0)).toBe(true);
    const broken = probe(true);
    expect(() => contexts.admit(broken)).toThrow('no memory');
    contexts.admit(owners[3]);
    expect([owners[0].slot, owners[3].slot, owners[2].slot, contexts.size]).toEqual([0, 1, 2, 3]);
    contexts.drop(owners[0]);
    contexts.admit(owners[4]);
    expect([owners[4].slot, owners[2].drops, owners[3].drops]).toEqual([0, 0, 0]);
    contexts.close();
    expect(owners.map(({ drops }) => drops)).toEqual([1, 1, 1, 1, 1]);
  });

  it('that cannot be made leave nothing', () => {
    const contexts = new Contexts(ffi!, 4, 64);
    const broken = probe(true);
    expect(() => contexts.admit(broken)).toThrow('no memory');
    expect(broken).toMatchObject({ slot: -1, drops: 1 });
    expect(broken.seen!.every((byte) => byte === 0)).toBe(true);
    const whole = probe();
    contexts.admit(whole);
    expect(whole.slot).toBe(0);
  });
});

describe.each(native)('%s', (name) => {
  const taken = everySa().filter((sa) => makeBackend(name)!.refuses(sa.transform) === undefined);

  it('opens more SAs in turn than it keeps contexts', () => {
    const backend = makeBackend(name, 3)!;
    const benches = taken.map((sa) => new Bench([sa], { backend }));
    for (let round = 1n; round < 4n; round++) {
      taken.forEach((sa, i) => {
        const forged = sealed(sa, sa.initialSeq + round, 50);
        forged[forged.length - 1] ^= 1;
        if (sa.transform.auth !== 'none') expect(benches[i].open(forged)).not.toBe(OPEN_OK);
        expect(benches[i].open(sealed(sa, sa.initialSeq + round, 50)), title(sa)).toBe(OPEN_OK);
      });
    }
    backend.close();
    backend.close();
    const closed = new Bench([taken[0]], { backend });
    expect(() => closed.open(sealed(taken[0], taken[0].initialSeq + 1n, 5))).toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_CLOSED' }),
    );
  });

  it('reads nothing of a buffer that was detached', () => {
    const backend = makeBackend(name)!;
    const packet = sealed(taken[0], taken[0].initialSeq + 1n, 50);
    const bytes = new Uint8Array(4096);
    bytes.set(packet);
    const cipher = backend.cipher(taken[0]);
    const high = Number((taken[0].initialSeq + 1n) >> 32n);
    expect(cipher.open(bytes, 0, packet.length, high, 1000, 500)).toBe(true);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(cipher.open(bytes, 0, packet.length, high, 1000, 500)).toBe(false);
  });

  it('keeps what it has the addresses of, whatever is collected meanwhile', () => {
    const backend = makeBackend(name)!;
    const benches = taken.slice(0, 20).map((sa) => new Bench([sa], { backend }));
    for (let round = 1n; round < 6n; round++) {
      taken.slice(0, 20).forEach((sa, i) => {
        expect(benches[i].open(sealed(sa, sa.initialSeq + round, 50))).toBe(OPEN_OK);
      });
      collect();
      // What was freed is somebody else's now.
      for (let i = 0; i < 200; i++) new Uint8Array(1 << (i % 16)).fill(0xff);
    }
    backend.close();
  });

  it('leaves node:crypto and TLS on its thread as they were, after forgeries of every kind', async () => {
    const backend = makeBackend(name)!;
    for (const sa of taken.filter((one) => one.transform.auth !== 'none')) {
      const bench = new Bench([sa], { backend });
      for (let at = 4; at < 40; at += 3) {
        const forged = sealed(sa, sa.initialSeq + 1n, 50);
        forged[at] ^= 0x40;
        expect(bench.open(forged)).not.toBe(OPEN_OK);
        // An error that was left in the queue would be this call's.
        expect(() => createDecipheriv('aes-128-cbc', forged.subarray(0, 16), forged.subarray(0, 16))).not.toThrow();
      }
      const forged = sealed(sa, sa.initialSeq + 1n, 50);
      forged[forged.length - 2] ^= 0x40;
      expect(bench.open(forged)).not.toBe(OPEN_OK);
    }
    expect(await talk()).toBe('hello');
  });

  it('does not mind that threads end in the middle of it', async () => {
    const worker = (): Worker =>
      new Worker(STARTER, {
        eval: true,
        workerData: {
          tsx: import.meta.resolve('tsx/esm/api'),
          url: new URL('./opening-worker.ts', import.meta.url).href,
        },
        env: { ...process.env, BACKEND: name },
      });
    for (let round = 0; round < 6; round++) {
      const one = worker();
      expect(await once(one, 'message')).toEqual(['opening']);
      await new Promise((resolve) => setTimeout(resolve, round * 3));
      await one.terminate();
    }
    const sa = taken[0];
    const bench = new Bench([sa], { backend: makeBackend(name)! });
    expect(bench.open(sealed(sa, sa.initialSeq + 1n, 50))).toBe(OPEN_OK);
  });
});

describe.runIf(native.includes('ipsec-mb'))('ipsec-mb', () => {
  it('takes a call that does nothing for no success, whatever it says', () => {
    const backend = makeBackend('ipsec-mb', 4)!;
    const sa = taken('aes-gcm');
    const bytes = new Uint8Array(4096);
    const packet = sealed(sa, 1, 50);
    bytes.set(packet);
    const cipher = backend.cipher(sa) as NativeCipher;
    expect(cipher.open(bytes, 0, packet.length, 0, 1000, 500)).toBe(true);
    const { manager } = cipher.unit as unknown as { manager: { submit(job: number): boolean } };
    manager.submit = () => true;
    expect(cipher.open(bytes, 0, packet.length, 0, 1000, 500)).toBe(false);
  });

  const taken = (cipher: string): Sa => everySa().find((sa) => sa.transform.cipher === cipher && !sa.esn)!;

  it.each([
    [0x10300, undefined],
    [0x20002, undefined],
    [0x10200, /^lib\.so has version 1\.2\.0; known are 1\.3\.0, /],
    [0x30000, /^lib\.so has version 3\.0\.0; known are /],
  ])('of version %i: %s', (version, reason) => {
    const library = { missing: () => undefined, func: () => () => version } as unknown as Library;
    const found = withLayout(ffi!, library, 'lib.so');
    if (reason === undefined) expect(found).toMatchObject({ layout: { submitJob: 80 } });
    else expect(found).toMatch(reason);
    const without = { ...library, missing: () => 'imb_get_version' } as unknown as Library;
    expect(withLayout(ffi!, without, 'lib.so')).toBe('lib.so does not export imb_get_version');
  });
});

describe('what would be a hazard', () => {
  const read = (name: string): string => readFileSync(new URL(`../../../src/${name}`, import.meta.url), 'utf8');

  it('is not called at all: waiting calls, callbacks, views of foreign memory, mappings', () => {
    for (const name of ['native/ffi.ts', 'native/memory.ts']) {
      expect(read(name)).not.toMatch(
        /\.async\(|\.node\.|\.view\(|\.register\(|\.alloc\(|'(mmap|munmap|poll|mlockall)'/,
      );
    }
  });

  it('nor EVP_Cipher, whose verdict on a forged packet is not one', () => {
    expect(read('esp/crypto/openssl/libcrypto.ts')).not.toMatch(/\bEVP_Cipher:/);
  });
});

/** Runs the garbage collector. */
function collect(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

/** A TLS connection from here to here, with a key and no certificates. */
async function talk(): Promise<string> {
  const key = { psk: Buffer.alloc(16, 7), identity: 'me' };
  const options = { ciphers: 'PSK-AES128-GCM-SHA256:PSK-CHACHA20-POLY1305', maxVersion: 'TLSv1.2' } as const;
  const server = createServer({ ...options, pskCallback: () => key.psk }, (socket) => socket.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client: TLSSocket = connect({
    ...options,
    port,
    host: '127.0.0.1',
    pskCallback: () => key,
    checkServerIdentity: () => undefined,
  });
  try {
    const [text] = await once(client, 'data');
    return String(text);
  } finally {
    client.destroy();
    server.close();
  }
}
