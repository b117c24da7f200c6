import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { RxSteerError } from '../../src/errors.ts';
import {
  createSa,
  createSas,
  exportSas,
  importSas,
  parseSaFile,
  parseSas,
  type SaConfig,
  validateSas,
} from '../../src/esp/index.ts';
import { Bench, everySa, hexKey, NULL_NONE, saConfig, sealed, TRANSFORMS, title } from './support.ts';

const KEY = hexKey(20, 0x51);
const GCM = { aead: 'aes-gcm', key: KEY, icvBits: 128 } as const;
const file = (...sas: unknown[]): string => JSON.stringify({ schema: 'rxsteer.sas/1', sas });

function thrown(run: () => unknown): RxSteerError {
  try {
    run();
  } catch (error) {
    if (error instanceof RxSteerError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseSaFile', () => {
  it('reads every property', () => {
    const entry = {
      spi: '0x00001001',
      src: '10.0.0.1',
      dst: '10.0.0.2',
      mode: 'tunnel',
      encap: 'udp',
      transform: GCM,
      esn: true,
      initialSeq: '0x7fffffffffffffe0',
      replayWindow: 8192,
      queue: 2,
      group: 'peer-a',
    };
    const [sa] = parseSaFile(file(entry));
    expect(JSON.parse(JSON.stringify(sa))).toEqual({ ...entry, transform: 'aes-gcm-128-16' });
    expect([...sa.dstBytes]).toEqual([10, 0, 0, 2]);
    expect(sa.initialSeq).toBe(0x7fffffffffffffe0n);
  });

  it('has defaults', () => {
    const [sa] = parseSaFile(
      file({ spi: 0xfffffffe, dst: '2001:DB8:0::1', mode: 'transport', transform: { aead: 'aes-gcm', key: KEY } }),
    );
    expect(JSON.parse(JSON.stringify(sa))).toEqual({
      spi: '0xfffffffe',
      dst: '2001:db8::1',
      mode: 'transport',
      encap: 'none',
      transform: 'aes-gcm-128-16',
      esn: false,
      initialSeq: '0x0',
      replayWindow: 64,
    });
    expect(sa.src).toBeUndefined();
  });

  it('names transforms', () => {
    expect(everySa().map((sa) => sa.transform.name)).toEqual(
      expect.arrayContaining(['aes-gcm-256-16', 'aes-ccm-192-8', 'aes-gmac-128-16', 'chacha20-poly1305-16']),
    );
    expect(everySa().map((sa) => sa.transform.name)).toEqual(
      expect.arrayContaining([
        'aes-cbc-256+hmac-sha256-128',
        'aes-ctr-128+aes-xcbc-96',
        'null+hmac-sha256-128',
        'null+none',
      ]),
    );
  });

  it('takes keys with 0x in front and in capitals', () => {
    const keys = [KEY, `0x${KEY}`, KEY.toUpperCase()];
    expect(new Set(keys.map((key) => exportSas([createSa(saConfig({ ...GCM, key }))])[0].transform)).size).toBe(3);
    for (const key of keys) expect(exportSas([createSa(saConfig({ ...GCM, key }))])[0].transform).toEqual(GCM);
  });

  it.each<[string, unknown, string]>([
    ['an entry that is no object', 7, 'sas[0]: expected an object, got 7'],
    [
      'no SPI',
      saConfig(GCM, { spi: undefined }),
      'sas[0]: spi: expected a number of 32 bits, such as "0x00001001", got undefined',
    ],
    [
      'a wide SPI',
      saConfig(GCM, { spi: '0x100000000' }),
      'sas[0]: spi: expected a number of 32 bits, such as "0x00001001", got "0x100000000"',
    ],
    [
      'no destination',
      saConfig(GCM, { dst: undefined }),
      'sas[0] (SPI 0x00001001): dst: expected an IPv4 or IPv6 address, got undefined',
    ],
    [
      'a wrong address',
      saConfig(GCM, { src: '10.0.0.256' }),
      'sas[0] (SPI 0x00001001): src: expected an IPv4 or IPv6 address, got "10.0.0.256"',
    ],
    [
      'mixed families',
      saConfig(GCM, { src: '::1' }),
      'sas[0] (SPI 0x00001001): src and dst are not of the same IP version',
    ],
    [
      'a wrong mode',
      { ...saConfig(GCM), mode: 'beet' },
      'sas[0] (SPI 0x00001001): mode: expected "tunnel" or "transport" or "any", got "beet"',
    ],
    [
      'a wrong encap',
      { ...saConfig(GCM), encap: 'tcp' },
      'sas[0] (SPI 0x00001001): encap: expected "none" or "udp", got "tcp"',
    ],
    [
      'SPI 0 in UDP',
      saConfig(GCM, { spi: 0, encap: 'udp' }),
      'sas[0] (SPI 0x00000000): spi: expected a number other than 0 with encap udp, got 0',
    ],
    ['an unknown property', { ...saConfig(GCM), replay: 64 }, 'sas[0] (SPI 0x00001001): unknown property replay'],
    [
      'an empty list of selectors',
      { ...saConfig(GCM), selectors: [] },
      'sas[0] (SPI 0x00001001): selectors: expected a list of at least one, got an array of 0',
    ],
    [
      'an unknown property of a transform',
      saConfig({ ...GCM, salt: 'aa' } as never),
      'sas[0] (SPI 0x00001001): unknown property transform.salt',
    ],
    [
      'no transform',
      { ...saConfig(GCM), transform: 'aes' },
      'sas[0] (SPI 0x00001001): transform: expected an object, got "aes"',
    ],
    [
      'an unknown AEAD',
      saConfig({ ...GCM, aead: 'aes-ocb' }),
      'sas[0] (SPI 0x00001001): transform.aead: expected one of aes-gcm, aes-ccm, aes-gmac, chacha20-poly1305, got "aes-ocb"',
    ],
    [
      'a wrong ICV',
      saConfig({ ...GCM, icvBits: 100 }),
      'sas[0] (SPI 0x00001001): transform.icvBits: expected 128 or 96 or 64 with aes-gcm, got 100',
    ],
    [
      'a key without salt',
      saConfig({ ...GCM, key: hexKey(16) }),
      'sas[0] (SPI 0x00001001): transform.key: expected 20 or 28 or 36 bytes in hexadecimal (aes-gcm, 4 of them salt), got 16 bytes',
    ],
    [
      'half a byte',
      saConfig({ ...GCM, key: KEY.slice(1) }),
      'sas[0] (SPI 0x00001001): transform.key: expected 20 or 28 or 36 bytes in hexadecimal (aes-gcm, 4 of them salt), got an odd number of digits: 39',
    ],
    [
      'no hexadecimal',
      saConfig({ ...GCM, key: `${KEY.slice(1)}g` }),
      'sas[0] (SPI 0x00001001): transform.key: expected 20 or 28 or 36 bytes in hexadecimal (aes-gcm, 4 of them salt), got 40 characters that are not all hexadecimal digits',
    ],
    [
      'no key',
      saConfig({ aead: 'aes-gcm' } as never),
      'sas[0] (SPI 0x00001001): transform.key: expected 20 or 28 or 36 bytes in hexadecimal (aes-gcm, 4 of them salt), got none',
    ],
    [
      'a short authKey',
      saConfig({ cipher: 'null', auth: 'hmac-sha256', authKey: hexKey(20) }),
      'sas[0] (SPI 0x00001001): transform.authKey: expected 32 bytes in hexadecimal (hmac-sha256), got 20 bytes',
    ],
    [
      'a key for NULL',
      saConfig({ cipher: 'null', key: KEY, auth: 'hmac-sha1', authKey: hexKey(20) }),
      'sas[0] (SPI 0x00001001): transform.key: expected 0 bytes in hexadecimal (null), got 20 bytes',
    ],
    [
      'encryption alone',
      saConfig({ cipher: 'aes-cbc', key: hexKey(16), auth: 'none' }),
      'sas[0] (SPI 0x00001001): transform.auth: aes-cbc without authentication is not supported (RFC 8221 section 4)',
    ],
    ['a wrong esn', { ...saConfig(GCM), esn: 1 }, 'sas[0] (SPI 0x00001001): esn: expected true or false, got 1'],
    [
      'a number as initialSeq',
      { ...saConfig(GCM), initialSeq: 5 },
      'sas[0] (SPI 0x00001001): initialSeq: expected "0x" and up to 16 hex digits, got 5',
    ],
    [
      'a wide initialSeq',
      saConfig(GCM, { initialSeq: '0x100000000' }),
      'sas[0] (SPI 0x00001001): initialSeq: expected at most 32 bits without esn, got "0x100000000"',
    ],
    [
      'no replay window',
      saConfig(GCM, { replayWindow: 0 }),
      'sas[0] (SPI 0x00001001): replayWindow: expected an integer from 32 to 8192, got 0',
    ],
    [
      'a wide replay window',
      saConfig(GCM, { replayWindow: 8193 }),
      'sas[0] (SPI 0x00001001): replayWindow: expected an integer from 32 to 8192, got 8193',
    ],
    [
      'a negative queue',
      saConfig(GCM, { queue: -1 }),
      'sas[0] (SPI 0x00001001): queue: expected an integer from 0 to 65535, got -1',
    ],
    ['an empty group', saConfig(GCM, { group: '' }), 'sas[0] (SPI 0x00001001): group: expected a name, got ""'],
  ])('refuses %s', (_, entry, message) => {
    const error = thrown(() => parseSas({ schema: 'rxsteer.sas/1', sas: [entry] }));
    expect(error.code).toBe('ERR_RXSTEER_SA');
    expect(error.message).toBe(message);
  });

  it('limits: any of soft and hard, packets, bytes and seconds', () => {
    const limits = { soft: { packets: 5, seconds: 60 }, hard: { packets: 5, bytes: 2 ** 40, seconds: 3600 } };
    const sa = createSa(saConfig(GCM, { limits }));
    expect(sa.limits).toEqual(limits);
    expect(exportSas([sa])[0].limits).toEqual(limits);
    expect(JSON.parse(JSON.stringify(sa)).limits).toEqual(limits);
    for (const empty of [{}, { soft: {} }, { soft: {}, hard: {} }]) {
      expect(createSa(saConfig(GCM, { limits: empty })).limits).toBeUndefined();
    }
  });

  it.each<[string, unknown, string]>([
    ['no object', 3, 'limits: expected an object, got 3'],
    ['another kind', { firm: {} }, 'unknown property limits.firm'],
    ['another unit', { soft: { days: 1 } }, 'unknown property limits.soft.days'],
    ['nothing', { hard: { packets: 0 } }, 'limits.hard.packets: expected an integer from 1 to 9007199254740991, got 0'],
    ['a part', { hard: { seconds: 0.5 } }, 'limits.hard.seconds: expected an integer from 1 to'],
    [
      'a text',
      { soft: { bytes: '1G' } },
      'limits.soft.bytes: expected an integer from 1 to 9007199254740991, got "1G"',
    ],
    [
      'soft beyond hard',
      { soft: { bytes: 11 }, hard: { bytes: 10 } },
      'limits.soft.bytes: expected no more than limits.hard.bytes, which is 10, got 11',
    ],
  ])('refuses limits: %s', (_, limits, message) => {
    expect(() => createSa(saConfig(GCM, { limits } as never))).toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_SA', message: expect.stringContaining(message) }),
    );
  });

  it('names the entry', () => {
    expect(thrown(() => parseSaFile(file(saConfig(GCM), { ...saConfig(GCM), spi: 2, mode: '' }))).message).toMatch(
      /^sas\[1\] \(SPI 0x00000002\): /,
    );
  });

  it('refuses two SAs with the same destination and SPI, however they are written', () => {
    const error = thrown(() =>
      parseSaFile(
        file(
          saConfig(GCM, { src: undefined, dst: '2001:db8::1', spi: 16 }),
          saConfig(GCM),
          saConfig(GCM, { src: undefined, dst: '2001:DB8:0:0::1', spi: '0x10' }),
        ),
      ),
    );
    expect(error.code).toBe('ERR_RXSTEER_SA_DUPLICATE');
    expect(error.message).toBe('sas[2] (SPI 0x00000010): same destination 2001:db8::1 and SPI as sas[0]');
    expect(createSas([saConfig(GCM), saConfig(GCM, { dst: '10.0.0.3' })])).toHaveLength(2);
  });

  it.each<[string, string, string]>([
    ['no JSON', 'nonsense', 'SA file: expected JSON, got a text that is none'],
    [
      'JSON that breaks',
      '{\n  "schema": "rxsteer.sas/1"\n  "sas"',
      'SA file: expected JSON, got a text that is none from line 3, column 3 on',
    ],
    ['another schema', '{"schema":"x/1","sas":[]}', 'SA file: schema: expected "rxsteer.sas/1", got "x/1"'],
    ['no list', '{"schema":"rxsteer.sas/1"}', 'SA file: sas: expected an array, got undefined'],
    ['an unknown property', '{"schema":"rxsteer.sas/1","sas":[],"more":1}', 'SA file: unknown property more'],
    ['a list', '[]', 'SA file: expected an object, got an array of 0'],
  ])('refuses %s', (_, text, message) => {
    const error = thrown(() => parseSaFile(text));
    expect(error.code).toBe('ERR_RXSTEER_SA_FILE');
    expect(error.message).toBe(message);
  });
});

describe('keys are never shown', () => {
  const authKey = hexKey(32, 0xa1);
  const withKeys = saConfig({ cipher: 'aes-ctr', key: KEY, auth: 'hmac-sha256', authKey });
  const sa = createSa(withKeys);
  /** Six digits in a row of any key, in any form that could be printed. */
  const leaks = (text: string): boolean => {
    const plain = text.toLowerCase().replaceAll(/[\s,:]|0x/g, '');
    return [KEY, authKey].some((key) => {
      const bytes = [...Buffer.from(key, 'hex')];
      for (let i = 0; i + 3 <= bytes.length; i++) {
        if (plain.includes(key.slice(2 * i, 2 * i + 6)) || plain.includes(bytes.slice(i, i + 3).join(''))) return true;
      }
      return [...new Array(key.length - 5).keys()].some((i) => plain.includes(key.slice(i, i + 6)));
    });
  };

  it('by inspection, JSON or text', () => {
    for (const text of [
      inspect(sa),
      inspect(sa, { showHidden: true, depth: 9 }),
      inspect([{ sa }], { customInspect: false, showHidden: true, depth: 9 }),
      JSON.stringify(sa),
      String(sa),
      JSON.stringify(Object.entries(sa), (_, v) => (typeof v === 'bigint' ? 0 : v)),
    ]) {
      expect(leaks(text)).toBe(false);
    }
    expect(leaks(JSON.stringify(withKeys))).toBe(true);
    expect(inspect(sa)).toContain('aes-ctr-128+hmac-sha256-128');
  });

  it('by a structured clone', () => {
    expect(leaks(inspect(structuredClone({ ...sa }), { depth: 9 }))).toBe(false);
  });

  it('by errors, wherever the key stands', () => {
    const t = withKeys.transform;
    const cut = KEY.slice(1);
    const bad: unknown[] = [
      KEY,
      [KEY],
      { ...withKeys, [KEY]: 1 },
      { ...withKeys, [`key${KEY}`]: 1 },
      { ...withKeys, transform: KEY },
      { ...withKeys, transform: { ...t, [KEY]: 1 } },
      { ...withKeys, transform: { ...t, key: cut } },
      { ...withKeys, transform: { ...t, key: `${cut}x` } },
      { ...withKeys, transform: { ...t, key: KEY + KEY } },
      { ...withKeys, transform: { ...t, key: [KEY] } },
      { ...withKeys, transform: { ...t, authKey: KEY } },
      { ...withKeys, transform: { ...t, auth: KEY } },
      { ...withKeys, transform: { ...t, cipher: KEY } },
      { ...withKeys, transform: { aead: KEY, key: KEY } },
      { ...withKeys, transform: { ...t, icvBits: KEY } },
      { ...withKeys, transform: { ...t, icvBits: 96.5 } },
    ];
    for (const property of ['spi', 'src', 'dst', 'mode', 'encap', 'esn', 'initialSeq', 'replayWindow', 'queue']) {
      bad.push({ ...withKeys, [property]: KEY }, { ...withKeys, [property]: KEY.match(/../g)?.join(':') });
    }
    const whole = JSON.stringify({ schema: 'rxsteer.sas/1', sas: [withKeys] });
    const runs = [
      ...bad.map((entry) => () => parseSas({ schema: 'rxsteer.sas/1', sas: [entry] })),
      ...bad.map((entry) => () => validateSas([entry])),
      () => parseSas({ schema: KEY, sas: [] }),
      () => parseSas({ schema: 'rxsteer.sas/1', sas: KEY }),
      () => parseSas({ schema: 'rxsteer.sas/1', sas: [], [KEY]: 0 }),
      () => parseSas(KEY),
      () => parseSaFile(KEY),
      () => parseSaFile(`${KEY} at position 5`),
      () => parseSaFile(`{"key":"${KEY}`),
      () => parseSaFile(`{"key":${KEY}}`),
      () => parseSaFile(`{"key":"${KEY}"x}`),
      // Broken at every place.
      ...[...whole].map((_, i) => () => parseSaFile(whole.slice(0, i))),
      ...[...whole].map((_, i) => () => parseSaFile(`${whole.slice(0, i)}\u0001${whole.slice(i)}`)),
    ];
    for (const run of runs) {
      const error = thrown(run);
      expect(leaks(inspect(error, { showHidden: true, depth: 9 }))).toBe(false);
      expect(error.cause).toBeUndefined();
    }
  });
});

describe('exportSas and importSas', () => {
  const sas = everySa();

  it('survive a structured clone with keys', () => {
    const again = importSas(structuredClone(exportSas(sas)));
    expect(again.map((sa) => JSON.stringify(sa))).toEqual(sas.map((sa) => JSON.stringify(sa)));
    again.forEach((sa, i) => {
      const bench = new Bench([sa]);
      expect(bench.open(sealed(sas[i], 0x2fffffff1n & (sa.esn ? ~0n : 0xffffn), 20)), title(sa)).toBe(0);
    });
  });

  it('give back what was configured', () => {
    const configs: SaConfig[] = [...TRANSFORMS, NULL_NONE].map((transform, i) => ({
      spi: i + 1,
      dst: '2001:db8::2',
      mode: 'transport',
      encap: 'udp',
      transform,
      esn: true,
      initialSeq: '0x5',
      replayWindow: 128,
      queue: 3,
      group: 'g',
    }));
    expect(exportSas(createSas(configs))).toEqual(
      configs.map((config) => ({ ...config, transform: { icvBits: expect.any(Number), ...config.transform } })),
    );
  });
});
