/** What each profile makes of the same packets, and what it takes. */
import { describe, expect, it } from 'vitest';
import { CLASSES } from '../../../src/counters.ts';
import { INPUT_MAX, WAY_GATHER } from '../../../src/hash/flow-hasher.ts';
import { microsoftKey, seededKey } from '../../../src/hash/keys.ts';
import { approximationOf, CONFIDENCES, NIC_PROFILES, nicKeyLength, TOPICS } from '../../../src/steer/nic/index.ts';
import type { SteererOptions } from '../../../src/steer/options.ts';
import { Steerer } from '../../../src/steer/steerer.ts';
import { hex } from '../../../src/wire/bytes.ts';
import { Dissection, dissect } from '../../../src/wire/dissect.ts';
import { referenceToeplitz } from '../../hash/reference.ts';
import * as f from '../../support/frames.ts';
import rss from '../../vectors/rss.json' with { type: 'json' };

const V4 = { src: '10.0.0.1', dst: '10.0.0.2' };
const V6 = { src: '2001:db8::1', dst: '2001:db8::2' };
const ADDRESSES = '0a0000010a000002';
const v4 = (proto: number, payload: Uint8Array, more: object = {}): Uint8Array =>
  f.ipv4({ ...V4, proto, payload, ...more });
const TCP = f.tcp({ sport: 0x1234, dport: 0x01bb });
const UDP = f.udp({ sport: 0x1234, dport: 0x01bb, payload: f.filler(9) });
const PACKETS = {
  tcp: v4(6, TCP),
  udp: v4(17, UDP),
  sctp: v4(132, f.sctp(0x1234, 0x01bb)),
  esp: v4(50, f.esp(0xc0ffee01, 0x0a0b0c0d)),
  ah: v4(51, f.ah(0xc0ffee01, 6, 0x0a0b0c0d)),
  natt: v4(17, f.udp({ sport: 4500, dport: 4500, payload: f.esp(0xc0ffee01) })),
  fragment: v4(6, TCP, { mf: true }),
  other: v4(253, f.filler(8)),
  gre: v4(47, f.gre({ protocol: 0x0800, payload: f.ipv4({ src: '1.1.1.1', dst: '2.2.2.2', proto: 6, payload: TCP }) })),
};
type Packet = keyof typeof PACKETS;

interface Seen {
  queue: number;
  hash: string;
  input: string;
}

/** What a steerer makes of an IP packet in Ethernet. */
function see(steerer: Steerer, packet: Uint8Array, ethernet: object = {}): Seen {
  const frame = f.ethernet({ payload: packet, ...ethernet });
  const d = new Dissection();
  dissect(frame, 0, frame.length, 1, d);
  const queue = steerer.steer(frame, d);
  expect(steerer.valid).toBe(1);
  const input = new Uint8Array(INPUT_MAX);
  const length = steerer.hasher.input(frame, d, input);
  return { queue, hash: (steerer.hash >>> 0).toString(16).padStart(8, '0'), input: hex(input, 0, length) };
}
const on = (nic: string, more: Partial<SteererOptions> = {}): Steerer => new Steerer({ queues: 4, nic, ...more });
const inputOf = (nic: string, packet: Packet, more: Partial<SteererOptions> = {}): string =>
  see(on(nic, more), PACKETS[packet]).input;

const PORTS = `${ADDRESSES}123401bb`;
const SPI = `${ADDRESSES}c0ffee01`;
const NATT = `${ADDRESSES}11941194`;

describe('what is hashed by default', () => {
  it.each<[nic: string, expected: Record<Exclude<Packet, 'gre'>, string>]>([
    // (S | D, S ^ D, sp | dp, sp ^ dp)
    [
      'mlx5',
      {
        tcp: '0a0000030000000313bf138f',
        udp: '0a0000030000000313bf138f',
        sctp: '0a00000300000003',
        esp: '0a00000300000003eeff2efe',
        ah: '0a00000300000003eeff2efe',
        natt: '0a0000030000000311940000',
        fragment: '0a00000300000003',
        other: '0a00000300000003',
      },
    ],
    ['ice', row({ esp: 'c0ffee01' })],
    ['i40e', row({ sctp: PORTS })],
    ['ixgbe', row({ udp: ADDRESSES, natt: ADDRESSES })],
    ['igb', row({ udp: ADDRESSES, natt: ADDRESSES })],
    ['ena', row({})],
    ['virtio-net', row({})],
    ['vmxnet3', row({ udp: ADDRESSES, natt: ADDRESSES })],
    ['rxsteer', row({ sctp: PORTS, esp: SPI, ah: SPI, natt: SPI })],
    // VLAN ID 0 and the protocol behind
    [
      'octeontx2',
      {
        tcp: `${PORTS}000006`,
        udp: `${PORTS}000011`,
        sctp: `${PORTS}000084`,
        esp: `${ADDRESSES}000032`,
        ah: `${ADDRESSES}000033`,
        natt: `${NATT}000011`,
        fragment: `${ADDRESSES}000006`,
        other: `${ADDRESSES}0000fd`,
      },
    ],
    // each pair in order: ports are swapped, the halves of this SPI are not
    [
      'linux-rps',
      {
        tcp: `${ADDRESSES}01bb1234000006`,
        udp: `${ADDRESSES}01bb1234000011`,
        sctp: `${ADDRESSES}01bb1234000084`,
        esp: `${ADDRESSES}c0ffee01000032`,
        ah: `${ADDRESSES}c0ffee01000033`,
        natt: `${NATT}000011`,
        fragment: `${ADDRESSES}000006`,
        other: `${ADDRESSES}0000fd`,
      },
    ],
  ])('%s', (nic, expected) => {
    const seen = Object.keys(expected).map((packet) => [packet, inputOf(nic, packet as Packet)]);
    expect(Object.fromEntries(seen)).toEqual(expected);
  });

  function row(more: Partial<Record<Packet, string>>): Record<Exclude<Packet, 'gre'>, string> {
    return {
      tcp: PORTS,
      udp: PORTS,
      sctp: ADDRESSES,
      esp: ADDRESSES,
      ah: ADDRESSES,
      natt: NATT,
      fragment: ADDRESSES,
      other: ADDRESSES,
      ...more,
    };
  }
});

describe('the hash', () => {
  it.each(rss.rows)('is Microsoft’s of $src:$sport on devices with plain Toeplitz', (vector) => {
    const { src, dst, sport, dport, ports, index128, index512 } = vector;
    const make = src.includes(':') ? f.ipv6 : f.ipv4;
    const packet = make({ src, dst, proto: 6, payload: f.tcp({ sport, dport }) });
    for (const nic of ['ixgbe', 'igb', 'virtio-net', 'vmxnet3', 'rxsteer']) {
      expect(see(on(nic, { queues: 128 }), packet)).toMatchObject({ hash: ports, queue: index128 });
    }
    // 52 bytes of key, 12 of them zeros; 512 entries
    for (const nic of ['ice', 'i40e']) {
      expect(see(on(nic, { queues: 512 }), packet)).toMatchObject({ hash: ports, queue: index512 });
    }
    expect(see(on('mlx5', { xfrm: 'none' }), packet).hash).toBe(ports);
  });

  it.each([
    [0x100, '6d12ad87'],
    [0x101, '7fbf2ae6'],
    [0xc0ffee01, '01518449'],
  ])('of ice is of SPI %i alone', (spi, hash) => {
    expect(see(on('ice'), v4(50, f.esp(spi))).hash).toBe(hash);
    const other = f.ipv6({ ...V6, proto: 50, payload: f.esp(spi) });
    expect(see(on('ice'), other).hash).toBe(hash);
  });

  it('of ena is by the key in reverse, from all ones on', () => {
    const key = seededKey('ena');
    for (const packet of [PACKETS.tcp, PACKETS.esp, f.ipv6({ ...V6, proto: 6, payload: TCP })]) {
      const { hash, input } = see(on('ena', { key }), packet);
      const plain = referenceToeplitz(key.slice().reverse(), Uint8Array.from(Buffer.from(input, 'hex')));
      expect(hash).toBe(((plain ^ -1) >>> 0).toString(16).padStart(8, '0'));
    }
  });

  it('of the X520 goes by 7 bits, of the XL710 by 9: they part where the queues are no power of two', () => {
    const [six, seven] = ['ixgbe', 'i40e'].map((nic) => see(on(nic, { queues: 6 }), PACKETS.tcp));
    expect(six.hash).toBe(seven.hash);
    const hash = Number.parseInt(six.hash, 16);
    expect([six.queue, seven.queue]).toEqual([(hash & 127) % 6, (hash & 511) % 6]);
  });
});

describe('octeontx2', () => {
  it('asked for the SPI hashes the sequence number too: one SA goes everywhere', () => {
    const steerer = on('octeontx2', { fields: { esp4: 'sdfn' } });
    expect(see(steerer, PACKETS.esp).input).toBe(`${SPI}0a0b0c0d`);
    expect(see(steerer, PACKETS.ah).input).toBe(`${SPI}0a0b0c0d`);
    expect(see(steerer, PACKETS.natt).input).toBe(`${NATT}000011`);
    const queues = Array.from({ length: 64 }, (_, seq) => see(steerer, v4(50, f.esp(0x1001, seq))).queue);
    expect(new Set(queues).size).toBe(4);
  });

  it('has one setting for esp and ah, IPv4 and IPv6', () => {
    const { fields } = on('octeontx2', { fields: { 'ah-esp4': 'sdfn' } }).inside;
    expect(fields).toMatchObject({ esp4: 'sdfn', esp6: 'sdfn', ah4: 'sdfn', ah6: 'sdfn' });
    expect(() => on('octeontx2', { fields: { esp4: 'sdfn', ah4: 'sd' } })).toThrow(
      /^rx-flow-hash: esp4, esp6, ah4, ah6 have one setting on octeontx2: expected "sdfn" of ah4 too, as of esp4, got "sd"$/,
    );
  });
});

describe('linux-rps', () => {
  const steerer = on('linux-rps', { queues: 6 });

  it('takes the high bits of the hash', () => {
    for (let sport = 1; sport < 200; sport++) {
      const { queue, hash } = see(steerer, v4(6, f.tcp({ sport, dport: 80 })));
      expect(queue).toBe(Number((BigInt(`0x${hash}`) * 6n) >> 32n));
    }
  });

  it('sees both directions of a flow alike, and addresses apart from ports', () => {
    const flow = { sport: 5000, dport: 80 };
    const there = see(steerer, f.ipv4({ src: V4.src, dst: V4.dst, proto: 6, payload: f.tcp(flow) }));
    const back = f.ipv4({ src: V4.dst, dst: V4.src, proto: 6, payload: f.tcp({ sport: 80, dport: 5000 }) });
    const crossed = f.ipv4({ src: V4.dst, dst: V4.src, proto: 6, payload: f.tcp(flow) });
    expect([see(steerer, back), see(steerer, crossed)]).toEqual([there, there]);
  });

  it('stops at a flow label', () => {
    const six = (flowLabel: number, sport: number): Uint8Array =>
      f.ipv6({ ...V6, proto: 6, payload: f.tcp({ sport, dport: 80 }), flowLabel });
    expect(see(steerer, six(0xabcde, 1))).toEqual(see(steerer, six(0xabcde, 2)));
    expect(see(steerer, six(0xabcde, 1)).hash).not.toBe(see(steerer, six(0xabcdf, 1)).hash);
    expect(see(steerer, six(0, 1)).hash).not.toBe(see(steerer, six(0, 2)).hash);
    expect(see(steerer, six(0xabcde, 1)).input.endsWith('000006000abcde')).toBe(true);
  });

  it('goes into IP in IP and GRE, not into VXLAN; all of MPLS is one', () => {
    const inner = (last: number): Uint8Array =>
      f.ipv4({ src: '1.1.1.1', dst: `2.2.2.${last}`, proto: 6, payload: TCP });
    const hashes = (make: (packet: Uint8Array) => [Uint8Array, object?]): number =>
      new Set([1, 2, 3].map((last) => see(steerer, ...make(inner(last))).hash)).size;
    expect(hashes((packet) => [v4(4, packet)])).toBe(3);
    expect(hashes((packet) => [v4(47, f.gre({ protocol: 0x0800, payload: packet }))])).toBe(3);
    const vxlan = (packet: Uint8Array): Uint8Array => f.vxlan(7, f.ethernet({ payload: packet }));
    expect(hashes((packet) => [v4(17, f.udp({ sport: 9, dport: 4789, payload: vxlan(packet) }))])).toBe(1);
    expect(hashes((packet) => [f.mpls([16], packet), { type: 0x8847 }])).toBe(1);
    expect(hashes((packet) => [v4(47, f.gre({ protocol: 0x8847, payload: f.mpls([16], packet) }))])).toBe(1);
    expect(hashes((packet) => [f.pppoe({ payload: packet }), { type: 0x8864 }])).toBe(3);
  });

  it('has a key, though not the kernel’s', () => {
    expect(see(on('linux-rps', { key: seededKey('boot', 16) }), PACKETS.tcp).hash).not.toBe(
      see(on('linux-rps'), PACKETS.tcp).hash,
    );
  });

  it('leaves nothing to the kernel of the dispatcher, in lanes it is another hash', () => {
    expect(new Set(steerer.ways(false))).toEqual(new Set([WAY_GATHER]));
    expect(steerer.inside).toMatchObject({ hfunc: 'xxh32', xfrm: 'sort', fields: {} });
  });
});

describe('the way of the dispatcher’s kernel', () => {
  const gathered = (steerer: Steerer): string[] => CLASSES.filter((_, cls) => steerer.ways(false)[cls] === WAY_GATHER);

  it('is open for plain Toeplitz, and for nothing else', () => {
    expect(gathered(on('i40e'))).toEqual(['natt4', 'natt6']);
    expect(gathered(on('ixgbe'))).toEqual([]);
    expect(gathered(on('rxsteer'))).toEqual([]);
    for (const nic of ['ena', 'mlx5']) {
      expect(gathered(on(nic))).toEqual(CLASSES.filter((cls) => cls !== 'malformed' && cls !== 'nonip'));
    }
    expect(gathered(on('octeontx2', { fields: { tcp: 'sdfn', udp: 'sdfn', esp: 'sdfn' } }))).toEqual(
      expect.arrayContaining(['esp4', 'esp6', 'ah4', 'ah6', 'natt4']),
    );
  });
});

describe('explicit options', () => {
  it('go before the defaults of a device that can have them', () => {
    expect(inputOf('ixgbe', 'udp', { fields: { udp: 'sdfn' } })).toBe(PORTS);
    expect(inputOf('ixgbe', 'natt', { fields: { udp: 'sdfn' } })).toBe(NATT);
    expect(inputOf('mlx5', 'tcp', { xfrm: 'none' })).toBe(PORTS);
    expect(inputOf('mlx5', 'tcp', { xfrm: 'none', fields: { tcp4: 'ds' } })).toBe(ADDRESSES);
    expect(on('ice', { tableSize: 2048 }).indirection.size).toBe(2048);
    expect(on('mlx5', { queues: 200 }).indirection.size).toBe(512);
    expect(on('igb', { indirection: { weight: [1, 3] } }).indirection.entries.filter((q) => q === 0)).toHaveLength(32);
    expect(see(on('mlx5', { xfrm: 'none', level: 'outer' }), PACKETS.gre).hash).toBe(
      see(on('ixgbe', { level: 'outer' }), PACKETS.gre).hash,
    );
    expect(see(on('mlx5', { xfrm: 'none' }), PACKETS.gre).hash).not.toBe(see(on('ixgbe'), PACKETS.gre).hash);
  });

  it('may say what is so anyway, as saved output of ethtool does', () => {
    expect(() => on('mlx5', { fields: { esp4: 'sdfn', ah: 'nfds', natt4: 'udp', sctp6: 'sd' } })).not.toThrow();
  });

  it('hold for contexts too', () => {
    const contexts = { 1: { indirection: { equal: 2 } }, 2: { fields: { udp4: 'sdfn' }, tableSize: 512 } };
    const rules = ['flow-type tcp4 context 1', 'flow-type udp4 context 2'];
    const steerer = on('ixgbe', { contexts, rules });
    see(steerer, PACKETS.tcp);
    expect([steerer.used.indirection.size, steerer.used.hasher]).toEqual([128, steerer.hasher]);
    const own = see(steerer, PACKETS.udp);
    expect([steerer.used.indirection.size, own.hash]).toEqual([512, see(on('ice'), PACKETS.udp).hash]);
  });

  it.each<[nic: string, options: Record<string, unknown>, code: string, says: RegExp]>([
    ['mlx6', {}, 'OPTION', /^nic: expected mlx5, ice, .*, linux-rps, rxsteer, got "mlx6"$/],
    ['constructor', {}, 'OPTION', /^nic: expected/],
    ['ice', { key: microsoftKey() }, 'KEY', /^key: expected 52 bytes, as ice has them, got 40$/],
    ['mlx5', { key: microsoftKey(52) }, 'KEY', /^key: expected 40 bytes, as mlx5 has them, got 52$/],
    ['linux-rps', { key: microsoftKey() }, 'KEY', /^key: expected 16 bytes/],
    ['octeontx2', { key: microsoftKey() }, 'KEY', /^key: expected 44 or 48 bytes, as octeontx2 has them, got 40$/],
    ['igb', { tableSize: 256 }, 'INDIRECTION', /^tableSize: expected 128 entries, as igb has them, got 256$/],
    ['mlx5', { indirection: [0, 1] }, 'INDIRECTION', /^indirection: expected 128 or 256 or .* entries, as mlx5/],
    [
      'ena',
      { fields: { esp4: 'sdfn' } },
      'FIELDS',
      /^rx-flow-hash: esp4 on ena: expected sd: nothing else can be set, got "sdfn"$/,
    ],
    ['mlx5', { fields: { esp: 'sd' } }, 'FIELDS', /esp4 on mlx5: expected sdfn: nothing else can be set, got "sd"$/],
    ['i40e', { fields: { esp4: 'sdfn' } }, 'FIELDS', /esp4 on i40e: expected sd, got "sdfn"$/],
    ['ixgbe', { fields: { udp6: 's' } }, 'FIELDS', /udp6 on ixgbe: expected sd or sdfn, got "s"$/],
    ['mlx5', { fields: { tcp: 'sdv' } }, 'FIELDS', /tcp4 on mlx5: expected letters of s, d, f, n, got "sdv"$/],
    [
      'mlx5',
      { fields: { natt: 'sdfn' } },
      'FIELDS',
      /natt4 on mlx5: expected udp: it does not look into them, got "sdfn"$/,
    ],
    [
      'ice',
      { fields: { ether: 'm' } },
      'FIELDS',
      /ether on ice: expected nothing: it does not hash them by themselves, got "m"$/,
    ],
    ['linux-rps', { fields: { tcp: 'sd' } }, 'FIELDS', /tcp4 on linux-rps: expected sdfnvt: nothing else can be set/],
    ['ice', { xfrm: 'symmetric-or-xor' }, 'OPTION', /^xfrm: expected none, symmetric-xor, as ice has them, got/],
    ['linux-rps', { hfunc: 'toeplitz' }, 'OPTION', /^hfunc: expected none: linux-rps has one of its own, got/],
    ['mlx5', { hfunc: 'xor' }, 'OPTION', /^hfunc: expected toeplitz, as mlx5 has them, got "xor"$/],
    ['ice', { contexts: { 3: { key: microsoftKey() } } }, 'KEY', /^contexts\[3\]\.key: expected 52 bytes/],
    ['ena', { contexts: { 3: { fields: { ah: 'fn' } } } }, 'FIELDS', /^contexts\[3\]\.rx-flow-hash: ah4 on ena/],
    ['mlx5', { contexts: 'all' }, 'OPTION', /^contexts: /],
    ['mlx5', { key: 'text' }, 'KEY', /^key: expected a Uint8Array/],
  ])('%s refuses %j', (nic, options, code, says) => {
    expect(() => on(nic, options)).toThrow(
      expect.objectContaining({ code: `ERR_RXSTEER_${code}`, message: expect.stringMatching(says) }),
    );
  });
});

describe.each(NIC_PROFILES)('$name', (profile) => {
  it('says of every topic what, from where and how sure', () => {
    expect(Object.keys(profile.facts).sort()).toEqual([...TOPICS].sort());
    for (const { says, source, confidence } of Object.values(profile.facts)) {
      expect([says, source].every((text) => text !== '' && !text.includes('|'))).toBe(true);
      expect(Object.keys(CONFIDENCES)).toContain(confidence);
    }
  });

  it('works without any other option, with a key of its length', () => {
    const steerer = on(profile.name);
    expect(steerer.nic).toBe(profile);
    expect(steerer.inside.key).toHaveLength(nicKeyLength(profile.name));
    for (const packet of Object.values(PACKETS)) expect(see(steerer, packet).queue).toBeLessThan(4);
  });
});

it('says where a hash may not be that of the device', () => {
  const says = (name: string): (string | undefined)[] => {
    const profile = NIC_PROFILES.find((candidate) => candidate.name === name)!;
    return [approximationOf(profile, 'tcp4'), approximationOf(profile, 'esp6')].map((text) => text?.slice(0, 7));
  };
  expect(says('ixgbe')).toEqual([undefined, undefined]);
  expect(says('ice')).toEqual([undefined, 'that th']);
  expect(says('linux-rps')).toEqual(['a model', 'a model']);
});
