import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CLASSES } from '../../src/counters.ts';
import type { FlowFields, Xfrm } from '../../src/hash/fields.ts';
import { FlowHasher, INPUT_MAX, WAY_GATHER } from '../../src/hash/flow-hasher.ts';
import { microsoftKey, seededKey, symmetricKey } from '../../src/hash/keys.ts';
import { SipHash } from '../../src/hash/siphash.ts';
import { Indirection } from '../../src/steer/indirection.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { tupleFrame } from '../../src/wire/emit.ts';
import {
  ah,
  bytesOf,
  esp,
  ethernet,
  ext,
  filler,
  fragmentExt,
  gtpu,
  ipv4,
  ipv6,
  sctp,
  sll,
  tcp,
  udp,
} from '../support/frames.ts';
import rss from '../vectors/rss.json' with { type: 'json' };
import esps from '../vectors/rss-esp.json' with { type: 'json' };
import { referenceToeplitz } from './reference.ts';

const hex = (hash: number): string => (hash >>> 0).toString(16).padStart(8, '0');
const V4 = { src: '10.0.0.1', dst: '10.0.0.2' };
const V6 = { src: '2001:db8::1', dst: '2001:db8::2' };

interface Setup {
  key?: Uint8Array;
  xfrm?: Xfrm;
  fields?: FlowFields;
}

/** The hash of a frame, or of an IP packet that gets an Ethernet header; checked against the reference over `input`. */
function hashOf(packet: Uint8Array, setup: Setup = {}): string {
  const frame = ethernet({ payload: packet });
  const key = setup.key ?? microsoftKey();
  const hasher = new FlowHasher({ ...setup, key });
  const d = new Dissection();
  dissect(frame, 0, frame.length, 1, d);
  const hash = hasher.hash(frame, d);
  expect(hasher.valid).toBe(1);
  const input = new Uint8Array(INPUT_MAX);
  const length = hasher.input(frame, d, input);
  expect(hash >>> 0).toBe(referenceToeplitz(key, input.slice(0, length)));
  return hex(hash);
}

function packet(
  src: string,
  dst: string,
  proto: number,
  payload: Uint8Array,
  options: { behind?: boolean } = {},
): Uint8Array {
  if (src.includes(':')) return ipv6({ src, dst, proto, payload, exts: options.behind ? [ext(0), ext(60, 2)] : [] });
  return ipv4({ src, dst, proto, payload, options: options.behind ? new Uint8Array(8).fill(1) : undefined });
}

describe.each(rss.rows)('$src:$sport to $dst:$dport', (row) => {
  const { src, dst, sport, dport } = row;
  const spi = Number.parseInt(row.spi, 16);
  const both = [false, true];

  it('addresses alone', () => {
    for (const behind of both) expect(hashOf(packet(src, dst, 253, filler(8), { behind }))).toBe(row.ip);
    expect(hashOf(packet(src, dst, 6, tcp({ sport, dport })), { fields: { tcp: 'sd' } })).toBe(row.ip);
    expect(hashOf(packet(src, dst, 50, esp(spi)), { fields: { esp: 'sd' } })).toBe(row.ip);
  });

  it('with ports: TCP, UDP, SCTP, with IP options or extension headers too', () => {
    for (const behind of both) {
      expect(hashOf(packet(src, dst, 6, tcp({ sport, dport }), { behind }))).toBe(row.ports);
      expect(hashOf(packet(src, dst, 17, udp({ sport, dport }), { behind }))).toBe(row.ports);
      expect(hashOf(packet(src, dst, 132, sctp(sport, dport), { behind }), { fields: { sctp: 'sdfn' } })).toBe(
        row.ports,
      );
    }
  });

  it('the SPI stands where the ports stand: ESP, AH and ESP in UDP hash as TCP', () => {
    expect(spi).toBe(((sport << 16) | dport) >>> 0);
    const natt = udp({ sport: 61234, dport: 4500, payload: esp(spi) });
    for (const behind of both) {
      expect(hashOf(packet(src, dst, 50, esp(spi), { behind }))).toBe(row.ports);
      expect(hashOf(packet(src, dst, 51, ah(spi), { behind }), { fields: { ah: 'sdfn' } })).toBe(row.ports);
      expect(hashOf(packet(src, dst, 17, natt, { behind }))).toBe(row.ports);
    }
  });

  it('reversed', () => {
    const back = packet(dst, src, 6, tcp({ sport: dport, dport: sport }));
    expect(hashOf(back)).toBe(row.reverse);
    expect(hashOf(back, { key: symmetricKey() })).toBe(row.symmetricKeyPorts);
  });

  it('with the symmetric key', () => {
    expect(hashOf(packet(src, dst, 253, filler(8)), { key: symmetricKey() })).toBe(row.symmetricKeyIp);
    expect(hashOf(packet(src, dst, 6, tcp({ sport, dport })), { key: symmetricKey() })).toBe(row.symmetricKeyPorts);
  });

  it.each([
    ['symmetric-xor', row.symmetricXorIp, row.symmetricXorPorts],
    ['symmetric-or-xor', row.symmetricOrXorIp, row.symmetricOrXorPorts],
  ] as const)('%s, in both directions, and for SPIs', (xfrm, ip, ports) => {
    expect(hashOf(packet(src, dst, 253, filler(8)), { xfrm })).toBe(ip);
    expect(hashOf(packet(dst, src, 253, filler(8)), { xfrm })).toBe(ip);
    expect(hashOf(packet(src, dst, 6, tcp({ sport, dport })), { xfrm })).toBe(ports);
    expect(hashOf(packet(dst, src, 6, tcp({ sport: dport, dport: sport })), { xfrm })).toBe(ports);
    expect(hashOf(packet(src, dst, 50, esp(spi)), { xfrm })).toBe(ports);
    expect(hashOf(packet(src, dst, 51, ah(spi)), { xfrm, fields: { ah: 'sdfn' } })).toBe(ports);
    expect(hashOf(packet(src, dst, 17, udp({ sport: 4500, dport: 4500, payload: esp(spi) })), { xfrm })).toBe(ports);
  });

  it('sort, in both directions, and for SPIs', () => {
    const xfrm = 'sort';
    expect(hashOf(packet(src, dst, 6, tcp({ sport, dport })), { xfrm })).toBe(row.sortPorts);
    expect(hashOf(packet(dst, src, 6, tcp({ sport: dport, dport: sport })), { xfrm })).toBe(row.sortPorts);
    // Independently: ports swapped alone change nothing.
    expect(hashOf(packet(src, dst, 6, tcp({ sport: dport, dport: sport })), { xfrm })).toBe(row.sortPorts);
    expect(hashOf(packet(src, dst, 50, esp(spi)), { xfrm })).toBe(row.sortPorts);
  });

  it('index', () => {
    const hash = Number.parseInt(row.ports, 16) | 0;
    expect(Indirection.equal(4, 128).index(hash)).toBe(row.index128);
    expect(Indirection.equal(4, 512).index(hash)).toBe(row.index512);
  });

  it('a packet built of the tuple hashes the same', () => {
    const hasher = new FlowHasher({ key: microsoftKey(), fields: { ah: 'sdfn', sctp: 'sdfn' } });
    const of = (options: Partial<Parameters<typeof tupleFrame>[0]>): string => {
      const { bytes, dissection } = tupleFrame({ src, dst, ...options });
      return hex(hasher.hash(bytes, dissection));
    };
    expect(of({})).toBe(row.ip);
    for (const proto of ['tcp', 'udp', 'sctp', undefined] as const) expect(of({ proto, sport, dport })).toBe(row.ports);
    for (const proto of ['esp', 'ah', undefined] as const) expect(of({ proto, spi })).toBe(row.ports);
    expect(of({ spi, natt: true })).toBe(row.ports);
    expect(of({ spi, natt: true, sport: 1024, dport: 4500 })).toBe(row.ports);
  });
});

describe('ESP', () => {
  it.each(Object.entries(esps.sdfn))('SPI %s', (spi, hash) => {
    expect(hashOf(ipv4({ ...V4, proto: 50, payload: esp(Number.parseInt(spi, 16)) }))).toBe(hash);
  });

  it.each(Object.entries(esps.fn))('SPI %s alone', (spi, hash) => {
    const number = Number.parseInt(spi, 16);
    const fields = { esp: 'fn', natt: 'fn' };
    expect(hashOf(ipv4({ ...V4, proto: 50, payload: esp(number) }), { fields })).toBe(hash);
    const moved = udp({ sport: 1, dport: 4500, payload: esp(number) });
    expect(hashOf(ipv4({ src: '1.2.3.4', dst: '10.0.0.2', proto: 17, payload: moved }), { fields })).toBe(hash);
  });

  it('as outer UDP, every SA of a pair hashes the same', () => {
    const d = new Dissection();
    d.nattPort = -1;
    const hasher = new FlowHasher({ key: microsoftKey() });
    for (const spi of [0x100, 0xc0ffee01]) {
      const frame = ethernet({
        payload: ipv4({ ...V4, proto: 17, payload: udp({ sport: 4500, dport: 4500, payload: esp(spi) }) }),
      });
      dissect(frame, 0, frame.length, 1, d);
      expect(hex(hasher.hash(frame, d))).toBe(esps.nattOuterPorts4500);
    }
  });

  it('the sequence number changes nothing', () => {
    const of = (seq: number): string => hashOf(ipv4({ ...V4, proto: 50, payload: esp(0x1001, seq) }));
    expect(of(1)).toBe(of(0x7fffffff));
  });
});

describe('other packets', () => {
  it('fragments hash by addresses alone, the first one too; atomic ones by ports', () => {
    const payload = tcp({ sport: 1, dport: 2, payload: filler(12) });
    expect(hashOf(ipv4({ ...V4, proto: 6, payload, mf: true, df: false }))).toBe(esps.addresses);
    expect(hashOf(ipv4({ ...V4, proto: 6, payload, df: false, fragmentOffset: 8 }))).toBe(esps.addresses);
    const six = hashOf(ipv6({ ...V6, proto: 253, payload }));
    expect(hashOf(ipv6({ ...V6, proto: 6, payload, exts: [fragmentExt(0, true, 7)] }))).toBe(six);
    expect(hashOf(ipv6({ ...V6, proto: 6, payload, exts: [fragmentExt(0, false, 7)] }))).toBe(
      hashOf(ipv6({ ...V6, proto: 6, payload })),
    );
  });

  it('IKE and keepalives on the NAT-T port hash by ports', () => {
    const of = (payload: Uint8Array): string =>
      hashOf(ipv4({ ...V4, proto: 17, payload: udp({ sport: 4500, dport: 4500, payload }) }));
    expect(of(bytesOf(0, 0, 0, 0, filler(28)))).toBe(esps.nattOuterPorts4500);
    expect(of(bytesOf(0xff))).toBe(esps.nattOuterPorts4500);
  });

  it('nonip and malformed have no hash', () => {
    const hasher = new FlowHasher({ key: microsoftKey() });
    const d = new Dissection();
    for (const frame of [ethernet({ payload: filler(28), type: 0x0806 }), filler(5)]) {
      dissect(frame, 0, frame.length, 1, d);
      expect([hasher.hash(frame, d), hasher.valid, hasher.input(frame, d, new Uint8Array(INPUT_MAX))]).toEqual([
        0, 0, 0,
      ]);
    }
  });

  it('any subset of the fields is hashed without gaps, where the frame lies', () => {
    const letters = fc.subarray(['s', 'd', 'f', 'n'], { minLength: 1 });
    fc.assert(
      fc.property(
        letters,
        fc.boolean(),
        fc.nat(0xffff),
        fc.nat(0xffff),
        fc.nat(20),
        (chosen, six, sport, dport, lead) => {
          const payload = tcp({ sport, dport });
          const ip = six ? ipv6({ ...V6, proto: 6, payload }) : ipv4({ ...V4, proto: 6, payload });
          const frame = bytesOf(filler(lead), ethernet({ payload: ip }));
          const key = seededKey('subset', 64);
          const hasher = new FlowHasher({ key, fields: { tcp: chosen.join('') } });
          const d = new Dissection();
          dissect(frame, lead, frame.length, 1, d);
          const size = six ? 16 : 4;
          const from = six ? 8 : 12;
          const parts: Record<string, Uint8Array> = {
            s: ip.slice(from, from + size),
            d: ip.slice(from + size, from + 2 * size),
            f: payload.slice(0, 2),
            n: payload.slice(2, 4),
          };
          const input = bytesOf(...chosen.map((letter) => parts[letter]));
          expect(hasher.hash(frame, d) >>> 0).toBe(referenceToeplitz(key, input));
        },
      ),
    );
  });

  it('VLAN ID, protocol and flow label follow the ports', () => {
    const payload = tcp({ sport: 0x1234, dport: 443 });
    const key = seededKey('letters', 52);
    const hasher = new FlowHasher({ key, fields: { tcp4: 'sdfnvt', tcp6: 'fnltv', ip4: 'v' } });
    const of = (frame: Uint8Array): [string, number] => {
      const d = new Dissection();
      dissect(frame, 0, frame.length, 1, d);
      const hash = hasher.hash(frame, d);
      const input = new Uint8Array(INPUT_MAX);
      const length = hasher.input(frame, d, input);
      expect(hash >>> 0).toBe(referenceToeplitz(key, input.slice(0, length)));
      return [Buffer.from(input.subarray(0, length)).toString('hex'), hash];
    };
    const four = ipv4({ ...V4, proto: 6, payload });
    expect(of(ethernet({ payload: four, vlans: [0x6abc] }))[0]).toBe('0a0000010a000002123401bb0abc06');
    expect(of(ethernet({ payload: four }))).toEqual(of(ethernet({ payload: four, vlans: [0x6000] })));
    const six = ipv6({ ...V6, proto: 6, payload });
    six.set([0x6f, 0xf1, 0x23, 0x45]);
    expect(of(ethernet({ payload: six, vlans: [5, 6] }))[0]).toBe('123401bb00050600012345');
  });

  it('refuses letters that the key does not reach', () => {
    const make =
      (length: number, hfunc: 'toeplitz' | 'xor' = 'toeplitz') =>
      (): FlowHasher =>
        new FlowHasher({ key: seededKey('', length), hfunc, fields: { tcp6: 'sdfnvtl' } });
    expect(make(46)).toThrow(
      expect.objectContaining({
        code: 'ERR_RXSTEER_KEY',
        message: 'key: expected 47 bytes at least for the 43 bytes that are hashed of tcp6, got 46',
      }),
    );
    expect(make(47)).not.toThrow();
    expect(make(40, 'xor')).not.toThrow();
  });

  it('refuses what it cannot do', () => {
    const key = microsoftKey();
    const option = { code: 'ERR_RXSTEER_OPTION' };
    expect(() => new FlowHasher({ key, hfunc: 'crc33' as 'toeplitz' })).toThrow(expect.objectContaining(option));
    expect(() => new FlowHasher({ key, xfrm: 'sorted' as Xfrm })).toThrow(expect.objectContaining(option));
    expect(() => new FlowHasher({ key: '6d5a' as unknown as Uint8Array })).toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_KEY', message: expect.not.stringContaining('6d5a') }),
    );
  });
});

describe('fields that are there when asked for', () => {
  const inputOf = (hasher: FlowHasher, frame: Uint8Array, linkType = 1): string => {
    const d = new Dissection();
    dissect(frame, 0, frame.length, linkType, d);
    const hash = hasher.hash(frame, d);
    const input = new Uint8Array(INPUT_MAX);
    const length = hasher.input(frame, d, input);
    expect(hasher.valid).toBe(1);
    expect(hash >>> 0).toBe(referenceToeplitz(microsoftKey(), input.slice(0, length)));
    return Buffer.from(input.subarray(0, length)).toString('hex');
  };
  const hasherOf = (fields: FlowFields): FlowHasher => new FlowHasher({ key: microsoftKey(), fields });
  const arp = (vlans: number[] = []): Uint8Array =>
    ethernet({ payload: filler(28), type: 0x0806, vlans, dst: [0xff, 1, 2, 3, 4, 5] });

  it('ether: VLAN, EtherType, L2 destination of what is no IP, and of nothing else', () => {
    const hasher = hasherOf({ ether: 'mtv' });
    expect(inputOf(hasher, arp())).toBe('00000806ff0102030405');
    expect(inputOf(hasher, arp([0x2fff, 7]))).toBe('0fff0806ff0102030405');
    expect(
      inputOf(hasher, ethernet({ payload: ipv4({ ...V4, proto: 6, payload: tcp({ sport: 1, dport: 2 }) }) })),
    ).toHaveLength(24);
    // No Ethernet header, no address.
    expect(inputOf(hasher, sll(filler(28), 0x0806), 113)).toBe('00000806000000000000');
    expect(hasherOf({ ether: 'm' }).ways[CLASSES.indexOf('nonip')]).toBe(WAY_GATHER);
    expect(hasherOf({ ether: 'mr' }).discarded).toBe(1 << CLASSES.indexOf('nonip'));
    const d = new Dissection();
    const frame = arp();
    dissect(frame, 0, frame.length, 1, d);
    const none = hasherOf({});
    expect([none.hash(frame, d), none.valid]).toEqual([0, 0]);
  });

  it('gtpu: the TEID, of GTP-U alone', () => {
    const hasher = hasherOf({ gtpu4: 'sde', gtpu6: 'sde' });
    const packet = (payload: Uint8Array, dport = 2152): Uint8Array =>
      ethernet({ payload: ipv4({ ...V4, proto: 17, payload: udp({ sport: 0x1234, dport, payload }) }) });
    const inner = ipv4({ ...V4, proto: 6, payload: tcp({ sport: 1, dport: 2 }) });
    expect(inputOf(hasher, packet(gtpu({ payload: inner, teid: 0xabcdef01 })))).toBe('0a0000010a000002abcdef01');
    expect(inputOf(hasher, packet(gtpu({ payload: inner }), 2153))).toBe('0a0000010a00000212340869');
    expect(inputOf(hasher, packet(filler(3)))).toBe('0a0000010a00000212340868');
    const six = udp({ sport: 1, dport: 2152, payload: gtpu({ payload: inner, teid: 7 }) });
    expect(inputOf(hasher, ethernet({ payload: ipv6({ ...V6, proto: 17, payload: six }) }))).toMatch(
      /000000000000000200000007$/,
    );
    expect(() => new FlowHasher({ key: seededKey('', 36), fields: { gtpu6: 'sdfne' } })).toThrow(
      /expected 44 bytes at least for the 40 bytes that are hashed of gtpu6, got 36$/,
    );
  });

  it('natt as UDP: its ports, or what UDP has', () => {
    const natt = (make: typeof ipv4, ends: typeof V4): Uint8Array =>
      ethernet({
        payload: make({ ...ends, proto: 17, payload: udp({ sport: 4500, dport: 4501, payload: esp(0x1001) }) }),
      });
    expect(inputOf(hasherOf({ natt: 'udp' }), natt(ipv4, V4))).toBe('0a0000010a00000211941195');
    expect(inputOf(hasherOf({ natt: 'udp' }), natt(ipv6, V6))).toMatch(/11941195$/);
    expect(inputOf(hasherOf({ natt: 'udp', udp: 'sd' }), natt(ipv4, V4))).toBe('0a0000010a000002');
    // Whoever goes by ways takes the SPI.
    const { ways } = hasherOf({ natt4: 'udp' });
    expect([ways[CLASSES.indexOf('natt4')] === WAY_GATHER, ways[CLASSES.indexOf('natt6')] === WAY_GATHER]).toEqual([
      true,
      false,
    ]);
  });
});

describe('variants', () => {
  const frame = ethernet({ payload: ipv4({ ...V4, proto: 50, payload: esp(0x1001, 7) }) });
  const d = new Dissection();
  dissect(frame, 0, frame.length, 1, d);

  it('that depend on more than fields are not linear', () => {
    const key = seededKey('', 16);
    const linear = (['plain', 'reversed', 'spi-sequence', 'flow-dissector'] as const).map(
      (variant) => new FlowHasher({ key, variant, fields: { esp: 'sdfn' } }).linear,
    );
    expect(linear).toEqual([true, true, false, false]);
  });

  it('spi-sequence hashes the sequence number where the SPI is hashed', () => {
    const input = new Uint8Array(INPUT_MAX);
    const lengthOf = (esp4: string): number =>
      new FlowHasher({ key: microsoftKey(), variant: 'spi-sequence', fields: { esp4 } }).input(frame, d, input);
    expect([lengthOf('sd'), lengthOf('sdfn'), lengthOf('fn')]).toEqual([8, 16, 8]);
  });

  it('flow-dissector is never 0', () => {
    const hasher = new FlowHasher({ key: seededKey('', 16), variant: 'flow-dissector' });
    vi.spyOn(SipHash.prototype, 'hash').mockReturnValueOnce(0);
    expect(hasher.hash(frame, d)).toBe(1);
    expect(hasher.hash(frame, d)).not.toBe(1);
    vi.restoreAllMocks();
  });
});
