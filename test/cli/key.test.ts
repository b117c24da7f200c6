/** `rxsteer key` in process. What it places is hashed again by `rxsteer hash`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hashCommand } from '../../src/cli/hash.ts';
import { keyCommand } from '../../src/cli/key.ts';
import { generateKey } from '../../src/hash/generate-key.ts';
import { parseKey } from '../../src/hash/keys.ts';

let printed = '';
beforeEach(() => {
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

async function text(code: number, ...args: string[]): Promise<string> {
  printed = '';
  expect(await keyCommand(args)).toBe(code);
  return printed;
}

interface Report {
  schema: string;
  key: string;
  findings: { id: string; severity: string; says: string; types: string[]; numbers: Record<string, number> }[];
  map: { type: string; fields: { name: string; columns: string[] }[] };
  placements: { spi?: string | null; sport?: number; hash: string; index: number; queue: number }[];
  reach: { bits: number; rank: number; indices: number; queues: number[] };
}
async function json(code: number, ...args: string[]): Promise<Report> {
  const line = await text(code, ...args, '--json');
  expect(line.indexOf('\n')).toBe(line.length - 1);
  const report = JSON.parse(line) as Report;
  expect(report.schema).toBe('rxsteer.key/1');
  return report;
}

async function hashed(...args: string[]): Promise<Record<string, unknown>> {
  printed = '';
  await hashCommand([...args, '--json']);
  return JSON.parse(printed) as Record<string, unknown>;
}

const PAIR = ['--src', '10.0.0.1', '--dst', '10.0.0.2'];

describe('key generate', () => {
  it('prints a key as ethtool takes it, the same for a seed', async () => {
    const key = await text(0, 'generate', '--seed', '7');
    expect(parseKey(key.trim())).toEqual(parseKey('random:7'));
    expect(await text(0, 'generate')).toMatch(/^[0-9a-f]{2}(:[0-9a-f]{2}){39}\n$/);
    expect((await json(0, 'generate', '--length', '52')).key).toMatch(/^[0-9a-f]{104}$/);
  });

  it('symmetric and tuned', async () => {
    const args = ['--seed', '7', '--symmetric', '--spread', 'spi,sport', '--table-size', '64'];
    const { key } = await json(0, 'generate', ...args);
    expect(parseKey(key)).toEqual(generateKey({ seed: '7', symmetric: true, spread: ['spi', 'sport'], tableSize: 64 }));
    const { findings } = await json(0, 'lint', '--hkey', key, '--table-size', '64');
    expect(findings.map(({ id }) => id)).toContain('symmetric');
  });
});

describe('key lint', () => {
  it('finds what 6d5a does to ESP', async () => {
    const { key, findings, map } = await json(0, 'lint', '--hkey', 'symmetric', '--queues', '8');
    expect(key).toBe('6d5a'.repeat(20));
    expect(map).toBeUndefined();
    expect(findings[0]).toEqual({
      id: 'blind-spi',
      severity: 'error',
      says: expect.stringContaining('SPIs k * 0x00010001 all share one queue'),
      types: ['esp4', 'esp6', 'natt4', 'natt6'],
      numbers: { rank: 16, spiBits: 32 },
    });
    expect(findings.find(({ id }) => id === 'periodic')?.numbers).toEqual({ period: 16, hashes: 65536 });
  });

  it('goes by fields and table', async () => {
    const { findings } = await json(0, 'lint', '--rx-flow-hash', 'esp=sd', '--indir', 'equal:1');
    expect(findings.map(({ id }) => id)).toEqual(['spi-unhashed', 'public']);
  });

  it('prints for people, with the map of a type if asked', async () => {
    const random = 'random:0';
    expect(await text(0, 'lint', '--hkey', random, '--indir', 'equal:1')).toBe('nothing found\n');
    const lines = (await text(0, 'lint', '--indir', 'equal:1', '--map', 'esp4', '--table-size', '2')).split('\n');
    expect(lines).toEqual([
      'note     public',
      expect.stringMatching(/^ {2}Everyone knows this key.*\.$/),
      'esp4   src         dst         spi',
      'bit 0  0x12ad8761  0x20b3929e  0xa1d1c7d8',
      '',
    ]);
    const { map } = await json(0, 'lint', '--map', 'esp4');
    const spi = map.fields.find(({ name }) => name === 'spi');
    // the low 7 bits: 58 6c 76 7b 7d 3e 1f
    expect(spi?.columns.slice(0, 7).map((column) => Number(column) & 127)).toEqual([
      0x58, 0x6c, 0x76, 0x7b, 0x7d, 0x3e, 0x1f,
    ]);
  });
});

describe('key place', () => {
  it('places on a device, and says where its hash may be another one', async () => {
    const { placements } = await json(0, 'place', ...PAIR, '--nic', 'mlx5', '--proto', 'tcp', '--dport', '80');
    expect(placements.map(({ queue }) => queue)).toEqual([0, 1, 2, 3]);
    for (const { sport, hash, queue } of placements) {
      printed = '';
      await hashCommand([...PAIR, '--nic', 'mlx5', '--sport', String(sport), '--dport', '80', '--json']);
      expect(JSON.parse(printed)).toMatchObject({ nic: 'mlx5', hash, queue });
    }
    expect(await json(0, 'place', ...PAIR, '--nic', 'mlx5', '--proto', 'tcp', '--dport', '80')).not.toHaveProperty(
      'model',
    );
    expect(await json(0, 'place', ...PAIR, '--nic', 'ice')).toMatchObject({
      nic: 'ice',
      model: expect.stringContaining('SPI'),
    });
    expect(await text(0, 'place', ...PAIR, '--nic', 'ice')).toMatch(/\nmodel: that the SPI/);
    for (const nic of ['linux-rps', 'octeontx2']) {
      await expect(keyCommand(['place', ...PAIR, '--nic', nic])).rejects.toMatchObject({ code: 'ERR_RXSTEER_OPTION' });
    }
  });

  it('16 SAs on 8 queues, and hash agrees', async () => {
    const { placements, reach } = await json(0, 'place', ...PAIR, '--queues', '8', '--count', '16');
    expect(reach).toEqual({ bits: 32, rank: 7, indices: 128, queues: [0, 1, 2, 3, 4, 5, 6, 7] });
    expect(placements.map(({ queue }) => queue)).toEqual([...reach.queues, ...reach.queues]);
    for (const { spi, hash, index, queue } of placements) {
      expect(await hashed(...PAIR, '--spi', String(spi), '--queues', '8')).toMatchObject({ hash, index, queue });
    }
  });

  it('ports, of ESP in UDP too, on a wanted queue', async () => {
    for (const proto of ['tcp', 'natt']) {
      const given = proto === 'tcp' ? ['--dport', '443'] : ['--choose', 'sport'];
      const args = [...PAIR, '--proto', proto, ...given, '--queue', '3', '--count', '2'];
      const { placements } = await json(0, 'place', ...args);
      expect(placements).toHaveLength(2);
      for (const { sport, hash } of placements) {
        const ports = ['--sport', String(sport), '--dport', proto === 'tcp' ? '443' : '4500', '--proto', 'udp'];
        expect(await hashed(...PAIR, ...ports)).toMatchObject({ hash, queue: 3 });
      }
    }
  });

  it('base, bits and what is taken', async () => {
    const args = [...PAIR, '--base', '0xc0de0000', '--bits', '8', '--queue', '1,2'];
    const first = await json(0, 'place', ...args);
    const taken = first.placements.map(({ spi }) => String(spi));
    for (const spi of taken) expect(spi).toMatch(/^0xc0de00/);
    const { placements } = await json(0, 'place', ...args, '--taken', taken.join(','));
    for (const { spi } of placements) expect(taken).not.toContain(spi);
  });

  it('what is taken may stand in a file: a list, or security associations', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rxsteer-key-'));
    const file = (name: string, content: string): string => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    };
    try {
      const args = [...PAIR, '--base', '0xc0de0000', '--bits', '8', '--queue', '1,2'];
      const spis = async (...taken: string[]): Promise<string[]> =>
        (await json(0, 'place', ...args, ...taken)).placements.map(({ spi }) => String(spi));
      const first = await spis();
      const second = await spis('--taken', first.join(', '));
      const listed = file('list.txt', `# mine\r\n${first[0]}  # a note\r\n\r\n 7,${Number(first[1])}\r\n`);
      expect(await spis('--taken', listed)).toEqual(second);
      const transform = { cipher: 'null', auth: 'none' };
      const sas = first.map((spi) => ({ spi, dst: '10.0.0.2', mode: 'tunnel', transform }));
      const associations = file('sas.json', JSON.stringify({ schema: 'rxsteer.sas/1', sas }));
      expect(await spis('--taken', associations)).toEqual(second);
      const wireshark = first.map((spi) => `"IPv4","*","10.0.0.2","${spi}","NULL","","NULL",""`);
      expect(await spis('--taken', file('esp_sa', wireshark.join('\n')))).toEqual(second);
      expect(await spis('--taken', associations, '--taken', second.join())).toEqual(
        await spis('--taken', [...first, ...second].join()),
      );
      const wrong: [string, string, RegExp, ...string[]][] = [
        [file('secret', `1\n2\n${'ab'.repeat(20)}\n`), 'ERR_RXSTEER_USAGE', /^--taken: .*line 3 has other things$/],
        [file('large', '0x100000000'), 'ERR_RXSTEER_USAGE', /to 4294967295 in .*line 1/],
        [file('broken.json', '{ "schema": 1 }'), 'ERR_RXSTEER_SA_FILE', /schema/],
        [join(folder, 'missing'), 'ERR_RXSTEER_FILE', /missing/],
        [associations, 'ERR_RXSTEER_USAGE', /a file of ports/, '--choose', 'sport', '--proto', 'natt'],
        ['1,,2', 'ERR_RXSTEER_USAGE', /^--taken: expected a whole number/],
      ];
      for (const [taken, code, message, ...more] of wrong) {
        await expect(keyCommand(['place', ...PAIR, ...more, '--taken', taken])).rejects.toMatchObject({
          code,
          message: expect.stringMatching(message),
        });
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('a table whose size is no power of two is searched', async () => {
    const args = ['--queues', '3', '--table-size', '3'];
    const { placements, reach } = await json(0, 'place', ...PAIR, ...args, '--count', '9');
    expect(reach).toMatchObject({ indices: 3, queues: [0, 1, 2] });
    for (const [i, { spi, index, queue }] of placements.entries()) {
      expect(queue).toBe(i % 3);
      expect(await hashed(...PAIR, '--spi', String(spi), ...args)).toMatchObject({ index, queue });
    }
    const odd = ['--queues', '6', '--table-size', '96', '--choose', 'sport', '--proto', 'tcp', '--dport', '443'];
    const ports = (await json(0, 'place', ...PAIR, ...odd, '--count', '96')).placements;
    expect(new Set(ports.map(({ index }) => index)).size).toBe(96);
  });

  it('says what cannot be, and ends with 1', async () => {
    const blind = [...PAIR, '--rx-flow-hash', 'esp=sd', '--queue', '0,1'];
    expect(await text(1, 'place', ...blind)).toBe(
      [
        'spi         hash        index  queue',
        '0x00000100  0x02b7c9b1  49     1',
        'queue 0: 1 could not be placed: the 32 bits that may be chosen reach 1 of 128 table entries, on queue 1',
        '',
      ].join('\n'),
    );
    expect((await json(1, 'place', ...blind)).placements[0]).toEqual({ spi: null, queue: 0 });
    const full = [...PAIR, '--base', '0x1000', '--bits', '7', '--queue', '0', '--count', '40'];
    expect(await text(1, 'place', ...full)).toMatch(/queue 0: 8 could not be placed: all values .* are in use\n$/);
    expect(await text(1, 'place', ...PAIR, '--bits', '8')).toMatch(/^queue 0: .* reach 0 of .* on no queue\n/);
  });
});

const mistakes: [string[], string, RegExp][] = [
  [[], 'ERR_RXSTEER_USAGE', /generate, lint or place \(/],
  [['make'], 'ERR_RXSTEER_USAGE', /got 'make'/],
  [['lint', 'x'], 'ERR_RXSTEER_USAGE', /^key lint takes no argument.*'x'/],
  [['lint', '--map', 'esp'], 'ERR_RXSTEER_USAGE', /^--map: expected tcp4 or .*, got "esp"$/],
  [['lint', '--hkey', 'abcd'], 'ERR_RXSTEER_KEY', /./],
  [['generate', '--length', '8'], 'ERR_RXSTEER_USAGE', /^--length/],
  [['generate', '--spread', 'spi,port'], 'ERR_RXSTEER_USAGE', /^--spread: .*got "port"$/],
  [['generate', '--spread', 'spi', '--table-size', '100'], 'ERR_RXSTEER_OPTION', /^tableSize: expected a power of two/],
  [['generate', '--hkey', 'symmetric'], 'ERR_RXSTEER_USAGE', /--hkey/],
  [['place', '--src', '1.2.3.4'], 'ERR_RXSTEER_USAGE', /needs --src and --dst/],
  [['place', ...PAIR, '--queue', '4'], 'ERR_RXSTEER_USAGE', /^--queue: .*from 0 to 3, got "4"$/],
  [['place', ...PAIR, '--proto', 'ip'], 'ERR_RXSTEER_USAGE', /^--proto/],
  [['place', ...PAIR, '--proto', 'tcp', '--sport', '1'], 'ERR_RXSTEER_USAGE', /^--sport: expected none/],
  [['place', ...PAIR, '--proto', 'tcp'], 'ERR_RXSTEER_OPTION', /dport/],
  [['place', ...PAIR, '--bits', '33'], 'ERR_RXSTEER_USAGE', /^--bits/],
];
describe('key', () => {
  it.each(mistakes)('refuses %j', async (args, code, message) => {
    await expect(keyCommand(args)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(printed).toBe('');
  });
});
