/** Which backend is taken, and what becomes of those that cannot be. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { selfTest } from '../../../src/esp/crypto/self-test.ts';
import {
  Crypto,
  type CryptoBackend,
  type CryptoName,
  chooseCrypto,
  nodeBackend,
  type PacketCipher,
} from '../../../src/esp/index.ts';
import type { ReplayReport } from '../../../src/report/replay.ts';
import { everySa } from '../support.ts';
import { available, makeBackend, native } from './backends.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CAPTURE = ['test/captures/esp/linux_many.pcap', '--sa', 'test/captures/esp/linux_many.sas.json'];

function replay(
  args: readonly string[],
  nodeOptions = '',
): { status: number | null; report?: ReplayReport; stderr: string } {
  const run = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'src/cli/main.ts', 'replay', ...CAPTURE, '--json', ...args],
    { cwd: ROOT, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: nodeOptions } },
  );
  return { status: run.status, stderr: run.stderr, ...(run.stdout === '' ? {} : { report: JSON.parse(run.stdout) }) };
}

/** node:crypto, with a fault. */
function faulty(change: (cipher: PacketCipher) => PacketCipher, name: CryptoName = 'openssl'): CryptoBackend {
  return { ...nodeBackend, name, cipher: (sa) => change(nodeBackend.cipher(sa)) };
}

describe('the choice', () => {
  it('is the fastest backend that takes a transform, and says why others were not taken', () => {
    const crypto = new Crypto();
    for (const sa of everySa()) {
      const { backend, instead } = crypto.choose(sa);
      const takers = available.filter((name) => makeBackend(name)!.refuses(sa.transform) === undefined);
      expect(backend).toBe(takers[0]);
      const faster = Object.keys(instead);
      expect([...faster, backend]).toEqual(['ipsec-mb', 'openssl', 'node'].slice(0, faster.length + 1));
      for (const reason of Object.values(instead)) expect(reason).toMatch(/^\S.{10,}/);
    }
    crypto.close();
  });

  it('begins with the one that is named', () => {
    const sas = everySa();
    expect(new Set(chooseCrypto(sas, 'node').map(({ backend }) => backend))).toEqual(new Set(['node']));
    for (const name of native) {
      const choices = chooseCrypto(sas, name).map(({ backend }) => backend);
      expect(choices).toContain(name);
      if (name === 'openssl') expect(choices).not.toContain('ipsec-mb');
    }
    expect(chooseCrypto([])).toEqual([]);
  });
});

describe('the self-test', () => {
  it('passes what is right', () => {
    for (const name of available) expect(selfTest(makeBackend(name)!)).toEqual({ wrong: undefined, cannot: new Map() });
  });

  it.each<[string, (cipher: PacketCipher) => PacketCipher, RegExp]>([
    ['opens nothing', (cipher) => Object.assign(cipher, { open: () => false }), /does not open what is authentic/],
    [
      'takes a forgery for authentic',
      (cipher) => {
        const open = cipher.open.bind(cipher);
        return Object.assign(cipher, { open: (...args: Parameters<typeof open>) => open(...args) || true });
      },
      /opens what is forged/,
    ],
    [
      'leaves what it decrypted of a forgery',
      (cipher) => {
        const open = cipher.open.bind(cipher);
        return Object.assign(cipher, {
          open(...args: Parameters<typeof open>) {
            const opened = open(...args);
            if (!opened) args[0][args[4]] = 1;
            return opened;
          },
        });
      },
      /leaves what is not authentic/,
    ],
  ])('refuses a backend that %s', (_what, change, complaint) => {
    expect(selfTest(faulty(change)).wrong).toMatch(complaint);
  });

  it('takes note of what a library will not do', () => {
    const { wrong, cannot } = selfTest({
      ...nodeBackend,
      cipher(sa) {
        if (sa.transform.auth === 'hmac-md5' || sa.transform.cipher === 'chacha20-poly1305')
          throw new Error('not allowed');
        return nodeBackend.cipher(sa);
      },
    });
    expect(wrong).toBeUndefined();
    expect([...cannot]).toEqual([
      ['chacha20-poly1305-256', 'not allowed'],
      ['hmac-md5', 'not allowed'],
    ]);
  });
});

describe('replay', () => {
  it.each(available)('--crypto %s gives the same report', (name) => {
    const { status, report } = replay(['--crypto', name, '--inline']);
    expect(status).toBe(0);
    const strip = (one: ReplayReport): unknown => ({
      ...one,
      crypto: [],
      sas: one.sas.map((sa) => ({ ...sa, crypto: '' })),
    });
    expect(report!.sas.some((sa) => sa.crypto === name)).toBe(true);
    expect(strip(report!)).toEqual(strip(replay(['--crypto', 'node']).report!));
  });

  it('opens all the same where addons are not allowed, and says so', () => {
    const { status, report } = replay([], '--no-addons');
    expect(status).toBe(0);
    expect(report!.sas.every((sa) => sa.crypto === 'node' && sa.opened > 0)).toBe(true);
    for (const { instead } of report!.crypto) expect(instead.openssl).toMatch(/addons are disabled|not installed/);
    const forced = replay(['--crypto', 'openssl'], '--no-addons');
    expect(forced.status).toBe(2);
    expect(forced.stderr).toMatch(/openssl cannot be used: .*ERR_RXSTEER_CRYPTO/);
  });
});
