/** What ethtool prints: its formats stand in common.c, rxclass.c and netlink/rss.c of ethtool 6. */
import { describe, expect, it } from 'vitest';
import { microsoftKey } from '../../src/hash/keys.ts';
import { EthtoolReader, parseEthtool } from '../../src/steer/ethtool.ts';
import { Steerer } from '../../src/steer/steerer.ts';

const code = 'ERR_RXSTEER_ETHTOOL';
const KEY = Array.from(microsoftKey(), (byte) => byte.toString(16).padStart(2, '0')).join(':');
/** As print_indir_table prints it: eight a line. */
function table(entries: readonly number[], rings: number): string {
  const lines: string[] = [];
  for (let i = 0; i < entries.length; i += 8) {
    const row = entries.slice(i, i + 8).map((entry) => ` ${String(entry).padStart(5)}`);
    lines.push(`${String(i).padStart(5)}: ${row.join('')}`);
  }
  return `RX flow hash indirection table for eth0 with ${rings} RX ring(s):\n${lines.join('\n')}\n`;
}
const entries = Array.from({ length: 20 }, (_, i) => (i * 3) % 5);
const FUNCTION = 'RSS hash function:\n    toeplitz: on\n    xor: off\n    crc32: off\n';
const XFRM = 'RSS input transformation:\n    symmetric-xor: off\n    symmetric-or-xor: on\n';
const SHOW = `${table(entries, 5)}RSS hash key:\n${KEY}\n${FUNCTION}`;
const flows = (type: string, ...lines: string[]): string =>
  `${type} flows use these fields for computing Hash flow key:\n${lines.join('\n')}\n\n`;
const SD = ['IP SA', 'IP DA'];
const FN = ['L4 bytes 0 & 1 [TCP/UDP src port]', 'L4 bytes 2 & 3 [TCP/UDP dst port]'];
const V4 =
  '\tSrc IP addr: 10.0.0.0 mask: 0.255.255.255\n\tDest IP addr: 0.0.0.0 mask: 255.255.255.255\n\tTOS: 0x0 mask: 0xff\n';
const filter = (loc: number, type: string, rest: string): string => `Filter: ${loc}\n\tRule Type: ${type}\n${rest}\n`;

describe('ethtool -x', () => {
  it('has key, function, table and rings', () => {
    expect(parseEthtool(SHOW)).toEqual({ queues: 5, indirection: entries, key: microsoftKey(), hfunc: 'toeplitz' });
  });

  it('has the transformation, where ethtool is new enough', () => {
    expect(parseEthtool(SHOW + XFRM)).toMatchObject({ xfrm: 'symmetric-or-xor' });
    expect(parseEthtool(SHOW + XFRM.replace(': on', ': off'))).toMatchObject({ xfrm: 'none' });
    expect(parseEthtool(SHOW.replace('plitz: on', 'plitz: off').replace('xor: off', 'xor: on'))).toMatchObject({
      hfunc: 'xor',
    });
  });

  it('may say that things are not supported', () => {
    const none = 'Operation not supported\n';
    expect(parseEthtool(`${table(entries, 5)}RSS hash key:\n${none}RSS hash function:\n    ${none}`)).toEqual({
      queues: 5,
      indirection: entries,
    });
  });

  it('of a context follows its command', () => {
    const options = parseEthtool(`# ethtool -x eth0\n${SHOW}$ ethtool -x eth0 context 3\n${table([1, 2], 5)}`);
    expect(options).toMatchObject({ indirection: entries, contexts: { 3: { indirection: [1, 2] } } });
    expect(() => parseEthtool(SHOW + table([1, 2], 5))).toThrow(/line 12: expected one table for the device/);
  });
});

describe('ethtool -n rx-flow-hash', () => {
  it('has letters', () => {
    const text =
      flows('TCP over IPV4', ...SD, ...FN) + flows('SCTP over IPV6', 'IP SA') + flows('IPSEC ESP over IPV6', ...FN);
    expect(parseEthtool(text)).toEqual({ fields: { tcp4: 'sdfn', sctp6: 's', esp6: 'fn' } });
    expect(parseEthtool(flows('IPSEC AH/ESP over IPV4', ...SD))).toEqual({ fields: { ah4: 'sd', esp4: 'sd' } });
  });

  it('of UDP means ESP in UDP too: a NIC does not look into it', () => {
    expect(parseEthtool(flows('UDP over IPV4', ...SD))).toEqual({ fields: { udp4: 'sd', natt4: 'udp' } });
    expect(parseEthtool(flows('UDP over IPV4', ...SD, ...FN))).toEqual({ fields: { udp4: 'sdfn', natt4: 'udp' } });
  });

  it('knows GTP-U', () => {
    expect(parseEthtool(flows('GTP-U over IPV6', ...SD, 'GTP TEID'))).toEqual({ fields: { gtpu6: 'sde' } });
  });

  it('may say that all is discarded', () => {
    const text = 'TCP over IPV4 flows - All matching flows discarded on RX\n';
    expect(parseEthtool(text)).toEqual({ fields: { tcp4: 'r' } });
  });

  it('of a context says so', () => {
    expect(parseEthtool(`For RSS context 1:\n${flows('TCP over IPV4', 'IP DA')}`)).toEqual({
      contexts: { 1: { fields: { tcp4: 'd' } } },
    });
  });
});

describe('ethtool -n', () => {
  it('has rules, whose fields without a bit to match are left out', () => {
    const ports = '\tSrc port: 0 mask: 0xffff\n\tDest port: 256 mask: 0xff\n';
    const vlan =
      '\tVLAN EtherType: 0x0 mask: 0xffff\n\tVLAN: 0x5 mask: 0xf000\n\tUser-defined: 0x0 mask: 0xffffffffffffffff\n';
    const six =
      '\tSrc IP addr: 2001:db8:: mask: ::ffff\n\tDest IP addr: fe80::1 mask: ::\n\tTraffic Class: 0x0 mask: 0xff\n';
    const raw = '\tProtocol: 17 mask: 0x0\n\tL4 bytes: 0x0 mask: 0xffffffff\n';
    const text = [
      '8 RX rings available\nTotal 5 rules\n\n',
      filter(100, 'TCP over IPv4', `${V4}${ports}${vlan}\tAction: Direct to queue 7\n`),
      filter(101, 'IPSEC ESP over IPv4', `${V4}\tSPI: -559038737 mask: 0x0\n\tAction: Drop\n`),
      filter(
        102,
        'IPSEC ESP over IPv6',
        `${six}\tSPI: 0 mask: 0xffffffff\n\tRSS Context ID: 1\n\tAction: Direct to queue 0\n`,
      ),
      filter(103, 'Raw IPv4', `${V4}${raw}\tAction: Direct to queue 0\n`),
      filter(104, 'UDP over IPv4', `${V4}\tAction: Direct to RSS context id 1 (queue base offset: 2)\n`),
    ].join('');
    const options = parseEthtool(text);
    expect(options).toEqual({
      queues: 8,
      rules: [
        'flow-type tcp4 src-ip 10.0.0.0 m 0.255.255.255 dst-port 256 m 0xff vlan 0x5 m 0xf000 action 7 loc 100',
        'flow-type esp4 src-ip 10.0.0.0 m 0.255.255.255 spi 3735928559 action -1 loc 101',
        'flow-type esp6 src-ip 2001:db8:: m ::ffff dst-ip fe80::1 action 0 context 1 loc 102',
        'flow-type ip4 src-ip 10.0.0.0 m 0.255.255.255 l4proto 17 action 0 loc 103',
        'flow-type udp4 src-ip 10.0.0.0 m 0.255.255.255 action 2 context 1 loc 104',
      ],
    });
    expect(() => new Steerer({ queues: 8, ...options, contexts: { 1: { indirection: { equal: 4 } } } })).not.toThrow();
  });
});

describe('several texts', () => {
  it('add up, if they are of one device', () => {
    const reader = new EthtoolReader();
    reader.read(SHOW, 'a');
    reader.read(flows('TCP over IPV4', ...SD), 'b');
    expect(reader.options()).toMatchObject({ queues: 5, fields: { tcp4: 'sd' } });
    expect(() => reader.read(flows('TCP over IPV4', ...FN), 'c')).toThrow(
      /^c line 1: expected tcp4 to have one set of fields/,
    );
    expect(() => reader.read('6 RX rings available\n', 'd')).toThrow(/^d line 1: expected one device, with 5 RX rings/);
  });
});

describe('a mistake names its line', () => {
  it.each<[string, string, RegExp]>([
    [
      'another text',
      'Settings for eth0:\n',
      /^nic.txt line 1: expected what ethtool -x or -n prints, got "Settings for eth0:"$/,
    ],
    ['a gap in the table', SHOW.replace('    8: ', '    9: '), /line 3: expected entries from 8 on/],
    ['a word in the table', SHOW.replace('    8: ', '    8: x'), /line 3: /],
    ['a broken key', SHOW.replace('6d:', '6:'), /line 6: expected a key as bytes with colons, got "118 characters"$/],
    ['a short key', SHOW.replace(KEY, '6d:5a'), /line 6: key: expected 16 to 64 bytes, got 2$/],
    ['another function', SHOW.replace('crc32: off', 'sip: on'), /line 10: expected one of toeplitz/],
    ['two transformations', SHOW + XFRM.replace('off', 'on'), /line 13: expected at most one transformation/],
    [
      'a field that is not there',
      flows('TCP over IPV4', 'IP TTL'),
      /line 2: expected a field of the hash, got "IP TTL"$/,
    ],
    [
      'a field that we do not have',
      flows('TCP over IPV4', 'L2DA'),
      /line 1: rx-flow-hash: tcp4: letter "m" needs the L2 destination/,
    ],
    ['no field', flows('TCP over IPV4'), /line 1: rx-flow-hash: tcp4: expected letters/],
    ['Ethernet', 'Filter: 3\n\tFlow Type: Raw Ethernet\n', /line 2: expected a filter of IPv4 or IPv6, got /],
    [
      'a virtual function',
      filter(1, 'TCP over IPv4', '\tAction: Direct to VF 0 queue 1\n'),
      /line 3: expected Direct to queue N/,
    ],
    [
      'a filter that breaks off',
      filter(1, 'TCP over IPv4', V4),
      /line 1: expected an Action for the filter, got "the end"$/,
    ],
    [
      'a filter of user data',
      filter(1, 'TCP over IPv4', '\tUser-defined: 0x1 mask: 0x0\n\tAction: Drop\n'),
      /line 4: .*user-def is known/,
    ],
  ])('%s', (_, text, message) => {
    expect(() => parseEthtool(text, 'nic.txt')).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});
