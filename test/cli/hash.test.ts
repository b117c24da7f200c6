/** `rxsteer hash` in process: Microsoft's vectors, as `Intel, ... Receive-Side Scaling` prints them, through the command. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hashCommand } from '../../src/cli/hash.ts';

let printed = '';
beforeEach(() => {
  printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

async function hash(...args: (string | number)[]): Promise<Record<string, unknown>> {
  printed = '';
  expect(await hashCommand([...args.map(String), '--json'])).toBe(0);
  expect(printed.endsWith('\n')).toBe(true);
  return JSON.parse(printed) as Record<string, unknown>;
}

// https://learn.microsoft.com/windows-hardware/drivers/network/verifying-the-rss-hash-calculation; the symmetric ones by
// arithmetic: src ^ dst (and | of both) in place of the addresses and ports.
const VECTORS: [src: string, sport: number, dst: string, dport: number, addresses: string, ports: string][] = [
  ['66.9.149.187', 2794, '161.142.100.80', 1766, '323e8fc2', '51ccc178'],
  ['199.92.111.2', 14230, '65.69.140.83', 4739, 'd718262a', 'c626b0ea'],
  ['24.19.198.95', 12898, '12.22.207.184', 38024, 'd2d0a5de', '5c2b394a'],
  ['38.27.205.30', 48228, '209.142.163.6', 2217, '82989176', 'afc7327f'],
  ['153.39.163.191', 44251, '202.188.127.2', 1303, '5d1809c5', '10e828a2'],
  ['3ffe:2501:200:1fff::7', 2794, '3ffe:2501:200:3::1', 1766, '2cc18cd5', '40207d3d'],
  ['3ffe:501:8::260:97ff:fe40:efab', 14230, 'ff02::1', 4739, '0f0c461c', 'dde51bbf'],
  ['3ffe:1900:4545:3:200:f8ff:fe21:67cf', 44251, 'fe80::200:f8ff:fe21:67cf', 38024, '4b61e985', '02d1feef'],
];

describe.each(VECTORS)('%s %i > %s %i', (src, sport, dst, dport, addresses, ports) => {
  it('hashes as Microsoft says', async () => {
    const ends = ['--src', src, '--dst', dst];
    const family = src.includes(':') ? 6 : 4;
    expect(await hash(...ends)).toMatchObject({ class: `other${family}`, hash: `0x${addresses}` });
    expect(await hash(...ends, '--sport', sport, '--dport', dport)).toMatchObject({
      schema: 'rxsteer.hash/1',
      class: `tcp${family}`,
      hash: `0x${ports}`,
      index: Number.parseInt(ports, 16) & 127,
      queue: (Number.parseInt(ports, 16) & 127) % 4,
    });
    const udp = await hash(...ends, '--sport', sport, '--dport', dport, '--proto', 'udp');
    expect(udp).toMatchObject({ class: `udp${family}`, hash: `0x${ports}` });
  });

  it('has its SPI where the ports stand', async () => {
    const spi = `0x${((sport << 16) | dport).toString(16).replace('-', '')}`;
    const asSpi = (sport * 65536 + dport).toString();
    const ends = ['--src', src, '--dst', dst];
    expect(spi.length).toBeGreaterThan(2);
    expect(await hash(...ends, '--spi', asSpi)).toMatchObject({ hash: `0x${ports}` });
    expect(await hash(...ends, '--spi', asSpi, '--proto', 'natt')).toMatchObject({ hash: `0x${ports}` });
    expect(await hash(...ends, '--spi', asSpi, '--rx-flow-hash', 'esp=sd')).toMatchObject({ hash: `0x${addresses}` });
  });

  it('is symmetric when that is asked for', async () => {
    for (const way of [
      ['--xfrm', 'symmetric-xor'],
      ['--xfrm', 'symmetric-or-xor'],
      ['--hkey', 'symmetric'],
    ]) {
      const there = await hash('--src', src, '--dst', dst, '--sport', sport, '--dport', dport, ...way);
      const back = await hash('--src', dst, '--dst', src, '--sport', dport, '--dport', sport, ...way);
      expect(back.hash).toBe(there.hash);
      expect(there.hash).not.toBe(`0x${ports}`);
    }
  });
});

describe('hash', () => {
  const flow = ['--src', '66.9.149.187', '--dst', '161.142.100.80', '--sport', '2794', '--dport', '1766'];

  it('prints the input that was hashed', async () => {
    expect(await hash(...flow)).toEqual({
      schema: 'rxsteer.hash/1',
      class: 'tcp4',
      input: '420995bba18e64500aea06e6',
      hash: '0x51ccc178',
      index: 120,
      queue: 0,
    });
  });

  it('prints for people', async () => {
    expect(await hashCommand([...flow, '--queues', '8', '--table-size', '64'])).toBe(0);
    expect(printed).toBe(
      [
        'class  tcp4',
        'input  420995bba18e64500aea06e6 (12 bytes)',
        'hash   0x51ccc178',
        'index  56 of 64',
        'queue  0 of 8',
        '',
      ].join('\n'),
    );
  });

  it('goes by the indirection table', async () => {
    expect(await hash(...flow, '--indir', 'weight:1,3', '--queues', '2')).toMatchObject({ index: 120, queue: 1 });
    expect(await hash(...flow, '--indir', 'equal:1')).toMatchObject({ queue: 0 });
  });

  it('takes keys as ethtool prints them, and seeds', async () => {
    const hex = '6d:5a:'.repeat(20).slice(0, -1);
    expect(await hash(...flow, '--hkey', hex)).toEqual(await hash(...flow, '--hkey', 'symmetric'));
    const seeded = await hash(...flow, '--hkey', 'random:7');
    expect(await hash(...flow, '--hkey', 'random:7')).toEqual(seeded);
    expect(await hash(...flow, '--hkey', 'random:8')).not.toEqual(seeded);
  });

  it('goes by rules, and says by which', async () => {
    const rule = 'flow-type tcp4 dst-port 1766 action 2';
    expect(await hash(...flow, '--rule', rule)).toMatchObject({
      hash: '0x51ccc178',
      queue: 2,
      rule: { location: 65535, text: rule },
    });
    const drop = 'flow-type ip4 action -1 loc 1';
    expect(await hash(...flow, '--rule', drop)).toMatchObject({ queue: null, rule: { location: 1 } });
    await expect(hash(...flow, '--rule', rule, '--rule', drop)).rejects.toMatchObject({ code: 'ERR_RXSTEER_RULE' });
    expect(await hash(...flow, '--rule', 'flow-type udp4 action 2')).not.toHaveProperty('rule');
    printed = '';
    await hashCommand([...flow, '--rule', drop]);
    expect(printed).toContain('rule   flow-type ip4 action -1 loc 1 (location 1)\nqueue  none: dropped\n');
  });

  it('does as a device, and says so', async () => {
    const esp = ['--src', '10.0.0.1', '--dst', '10.0.0.2', '--spi', '0x100'];
    expect(await hash(...esp, '--nic', 'ice')).toEqual({
      schema: 'rxsteer.hash/1',
      nic: 'ice',
      class: 'esp4',
      input: '00000100',
      hash: '0x6d12ad87',
      index: 0x187,
      queue: 3,
      model: expect.stringContaining('where it stands in the input is not'),
    });
    expect(await hash(...esp, '--nic', 'ixgbe')).toEqual({
      schema: 'rxsteer.hash/1',
      nic: 'ixgbe',
      class: 'esp4',
      input: '0a0000010a000002',
      hash: '0x02b7c9b1',
      index: 0x31,
      queue: 1,
    });
    expect(await hash(...flow, '--nic', 'mlx5', '--xfrm', 'none')).toMatchObject({ hash: '0x51ccc178', index: 0x78 });
    expect(await hash(...flow, '--nic', 'i40e', '--hkey', 'symmetric')).toMatchObject({ hash: '0x9fcc9fcc' });
    printed = '';
    await hashCommand([...flow, '--nic', 'linux-rps']);
    expect(printed).toMatch(/^nic {4}linux-rps\nclass {2}tcp4\n/);
    expect(printed).toMatch(/\nqueue {2}\d of 4\nmodel {2}a model: /);
  });

  it('takes contexts as ethtool -X makes them, for rules', async () => {
    const rules = ['--rule', 'flow-type tcp4 context 1 action 1'];
    const context = ['--context', 'context 1 equal 1 start 2 hkey symmetric'];
    expect(await hash(...flow, ...context, ...rules)).toMatchObject({ queue: 3, hash: '0x9fcc9fcc' });
    expect(await hash(...flow, '--context', 'new weight 0 1', ...rules)).toMatchObject({
      queue: 2,
      hash: '0x51ccc178',
    });
  });

  const mistakes: [string[], string, RegExp][] = [
    [[...flow, '--nic', 'e1000'], 'ERR_RXSTEER_OPTION', /^nic: expected mlx5, .*, got "e1000"$/],
    [[...flow, '--nic', 'ice', '--hkey', '00'.repeat(40)], 'ERR_RXSTEER_KEY', /^key: expected 52 bytes, as ice/],
    [[...flow, '--nic', 'ixgbe', '--rx-flow-hash', 'esp=sdfn'], 'ERR_RXSTEER_FIELDS', /esp4 on ixgbe: expected sd/],
    [[...flow, '--context', 'one'], 'ERR_RXSTEER_OPTION', /^context: expected a number/],
    [[...flow, '--context', '1 equal 5'], 'ERR_RXSTEER_INDIRECTION', /^contexts\[1\]\.indirection entry 4: .* below 4/],
    [[], 'ERR_RXSTEER_USAGE', /needs --src and --dst/],
    [['--src', '1.2.3.4'], 'ERR_RXSTEER_USAGE', /needs --src and --dst/],
    [[...flow, 'more'], 'ERR_RXSTEER_USAGE', /'more'/],
    [[...flow, '--port', '1'], 'ERR_RXSTEER_USAGE', /--port/],
    [
      [...flow, '--sport', 'http'],
      'ERR_RXSTEER_USAGE',
      /^--sport: expected a whole number from 0 to 65535, got "http"$/,
    ],
    [[...flow, '--sport', '65536'], 'ERR_RXSTEER_USAGE', /^--sport: .*got "65536"$/],
    [[...flow, '--queues', '0'], 'ERR_RXSTEER_USAGE', /^--queues: .*got "0"$/],
    [[...flow, '--queues', '1e1'], 'ERR_RXSTEER_USAGE', /^--queues: .*got "1e1"$/],
    [[...flow, '--queues'], 'ERR_RXSTEER_USAGE', /--queues/],
    [[...flow, '--proto', 'quic'], 'ERR_RXSTEER_USAGE', /^--proto: expected tcp or .*, got "quic"$/],
    [[...flow, '--hfunc', 'sum'], 'ERR_RXSTEER_USAGE', /^--hfunc: expected .*, got "sum"$/],
    [[...flow, '--xfrm', 'xor'], 'ERR_RXSTEER_USAGE', /^--xfrm: expected .*, got "xor"$/],
    [[...flow, '--hkey', 'abcd'], 'ERR_RXSTEER_KEY', /2/],
    [[...flow, '--hkey', 'secret'], 'ERR_RXSTEER_KEY', /./],
    [[...flow, '--rx-flow-hash', 'tcp4=sx'], 'ERR_RXSTEER_FIELDS', /x/],
    [[...flow, '--rule', 'flow-type tcp4 action 9'], 'ERR_RXSTEER_RULE', /below 4/],
    [[...flow, '--rule', 'tcp4'], 'ERR_RXSTEER_RULE', /flow-type/],
    [[...flow, '--indir', 'equal:0'], 'ERR_RXSTEER_INDIRECTION', /equal/],
    [[...flow, '--indir', '/no/such/file'], 'ERR_RXSTEER_FILE', /no\/such\/file/],
    [['--src', '1.2.3.4', '--dst', '::1'], 'ERR_RXSTEER_ADDRESS', /family/],
    [['--src', '1.2.3', '--dst', '1.2.3.4'], 'ERR_RXSTEER_ADDRESS', /1\.2\.3/],
    [['--src', '1.2.3.4', '--dst', '1.2.3.5', '--proto', 'esp'], 'ERR_RXSTEER_OPTION', /spi/],
    [[...flow, '--spi', '1'], 'ERR_RXSTEER_OPTION', /sport|dport|ports/],
  ];
  it.each(mistakes)('refuses %j', async (args, code, message) => {
    await expect(hashCommand(args)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(printed).toBe('');
  });
});
