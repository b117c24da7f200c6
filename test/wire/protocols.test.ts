import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MALFORMED_REASONS } from '../../src/counters.ts';
import * as wire from '../../src/wire/index.ts';
import { samplePackets, tunnelHeaders } from '../support/corpus.ts';
import * as f from '../support/frames.ts';

type Check = (bytes: Uint8Array, off: number, end: number) => number;
type Describe = (bytes: Uint8Array, off: number) => object;

/** Every protocol file: its check, and a description that calls all of its getters. */
const PROTOCOLS: Record<string, [Check, Describe]> = {
  ethernet: [wire.checkEthernet, wire.describeEthernet],
  vlan: [wire.checkVlan, wire.describeVlan],
  sll: [wire.checkSll, wire.describeSll],
  sll2: [wire.checkSll2, wire.describeSll2],
  loopback: [wire.checkLoopback, (bytes, off) => ({ type: wire.loopbackType(bytes, off) })],
  ipv4: [wire.checkIpv4, wire.describeIpv4],
  ipv6: [wire.checkIpv6, wire.describeIpv6],
  tcp: [wire.checkTcp, wire.describeTcp],
  udp: [wire.checkUdp, wire.describeUdp],
  esp: [wire.checkEsp, wire.describeEsp],
  ah: [wire.checkAh, wire.describeAh],
  gre: [wire.checkGre, wire.describeGre],
  vxlan: [wire.checkVxlan, wire.describeVxlan],
  geneve: [wire.checkGeneve, wire.describeGeneve],
  gue: [wire.checkGue, wire.describeGue],
  mpls: [wire.checkMpls, wire.describeMpls],
  pppoe: [wire.checkPppoe, wire.describePppoe],
  gtpu: [wire.checkGtpu, wire.describeGtpu],
};

describe.each(Object.entries(PROTOCOLS))('%s', (_, [check, describe]) => {
  it('if the check passed no getter fails, and what lies outside changes nothing', () => {
    const seeds = [...Object.values(samplePackets()), ...tunnelHeaders()];
    const start = fc.oneof(
      fc.uint8Array({ maxLength: 70 }),
      fc.constantFrom(...seeds).map((packet) => packet.slice(0, 70)),
      fc.constantFrom(...tunnelHeaders()),
    );
    fc.assert(
      fc.property(start, fc.nat(70), fc.integer({ min: 1, max: 9 }), (data, cut, off) => {
        const length = Math.min(cut, data.length);
        const results = [0, 0xff].map((poison) => {
          const bytes = new Uint8Array(off + length + 70).fill(poison);
          bytes.set(data.subarray(0, length), off);
          const verdict = check(bytes, off, off + length);
          expect(MALFORMED_REASONS[verdict]).toBeTypeOf('string');
          return verdict === 0 ? describe(bytes, off) : verdict;
        });
        expect(results[0]).toEqual(results[1]);
      }),
      { numRuns: 400 },
    );
  });
});

it('the checks of tunnels read nothing outside, wherever the header is cut', () => {
  const checks = [wire.checkGeneve, wire.checkGue, wire.checkMpls, wire.checkPppoe, wire.checkGtpu];
  for (const header of tunnelHeaders()) {
    for (let length = 0; length <= header.length; length++) {
      const [zeros, ones] = [0, 0xff].map((poison) => {
        const bytes = new Uint8Array(length + 300).fill(poison);
        bytes.set(header.subarray(0, length), 3);
        return checks.map((check) => check(bytes, 3, 3 + length));
      });
      expect(zeros).toEqual(ones);
    }
  }
});

it('a GTP-U length covers the extension headers, to the byte', () => {
  const payload = new Uint8Array(0);
  const extensions: [number, Uint8Array][] = [[0x85, f.filler(2)]];
  const verdicts = [7, 8, 9].map((length) => {
    const bytes = f.gtpu({ payload, extensions, length });
    return MALFORMED_REASONS[wire.checkGtpu(bytes, 0, bytes.length)];
  });
  expect(verdicts).toEqual(['l4-length', 'none', 'none']);
});

describe('emit', () => {
  const src4 = wire.parseAddress('10.1.2.3');
  const dst4 = wire.parseAddress('192.168.7.9');
  const src6 = wire.parseAddress('2001:db8::1');
  const dst6 = wire.parseAddress('fe80::2:3');
  const made = (length: number, emit: (bytes: Uint8Array, off: number) => void): Uint8Array => {
    const bytes = new Uint8Array(length + 3).fill(0xaa);
    emit(bytes, 3);
    return bytes.slice(3);
  };

  it('equals the frame builder, over whatever was there before', () => {
    const mac = (last: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, last);
    const nothing = new Uint8Array(0);
    expect(made(14, (b, o) => wire.emitEthernet(b, o, mac(2), mac(1), 0x0806))).toEqual(
      f.ethernet({ payload: nothing, type: 0x0806, pad: false }),
    );
    expect(made(4, (b, o) => wire.emitVlan(b, o, 0x2005, 0x0806))).toEqual(
      f.ethernet({ payload: nothing, type: 0x0806, vlans: [0x2005], pad: false }).slice(14),
    );
    expect(made(20, (b, o) => wire.emitIpv4(b, o, src4, dst4, 50, 60))).toEqual(
      f.ipv4({ src: '10.1.2.3', dst: '192.168.7.9', proto: 50, payload: nothing, totalLength: 60 }),
    );
    expect(made(40, (b, o) => wire.emitIpv6(b, o, src6, dst6, 17, 99))).toEqual(
      f.ipv6({ src: '2001:db8::1', dst: 'fe80::2:3', proto: 17, payload: nothing, payloadLength: 99 }),
    );
    expect(made(20, (b, o) => wire.emitTcp(b, o, 1, 2, 0xfffffffe, 5, 0x18))).toEqual(
      f.tcp({ sport: 1, dport: 2, seq: 0xfffffffe, ack: 5, flags: 0x18 }),
    );
    expect(made(8, (b, o) => wire.emitUdp(b, o, 1, 65535, 8))).toEqual(f.udp({ sport: 1, dport: 65535 }));
    expect(made(8, (b, o) => wire.emitEsp(b, o, 0xdeadbeef, 9))).toEqual(f.esp(0xdeadbeef, 9, nothing));
    expect(made(12, (b, o) => wire.emitAh(b, o, 6, 0xdeadbeef, 9, 12))).toEqual(f.ah(0xdeadbeef, 6, 9).slice(0, 12));
    expect(made(8, (b, o) => wire.emitGre(b, o, 0x0800, 7))).toEqual(
      f.gre({ protocol: 0x0800, payload: nothing, key: 7 }),
    );
    expect(made(4, (b, o) => wire.emitGre(b, o, 0x86dd))).toEqual(f.gre({ protocol: 0x86dd, payload: nothing }));
    expect(made(8, (b, o) => wire.emitVxlan(b, o, 0xabcdef))).toEqual(f.vxlan(0xabcdef, nothing));
    expect(made(8, (b, o) => wire.emitGeneve(b, o, 0xabcdef, 0x86dd))).toEqual(
      f.geneve({ payload: nothing, vni: 0xabcdef, protocol: 0x86dd }),
    );
    expect(made(4, (b, o) => wire.emitGue(b, o, 41))).toEqual(f.gue({ payload: nothing, proto: 41 }));
    // the builder sets a traffic class
    const entry = f.mpls([0xfffff], nothing);
    entry[2] &= 0xf1;
    expect(made(4, (b, o) => wire.emitMpls(b, o, 0xfffff, true, 64))).toEqual(entry);
    expect(made(8, (b, o) => wire.emitPppoe(b, o, 0xbeef, 0x57, 9))).toEqual(
      f.pppoe({ payload: nothing, session: 0xbeef, proto: 0x57, length: 11 }),
    );
    expect(made(8, (b, o) => wire.emitGtpu(b, o, 0xdeadbeef, 9))).toEqual(
      f.gtpu({ payload: nothing, teid: 0xdeadbeef, length: 9 }),
    );
    expect(
      wire.sllProtocol(
        made(16, (b, o) => wire.emitSll(b, o, 0x0800)),
        0,
      ),
    ).toBe(0x0800);
    expect(
      wire.sll2Protocol(
        made(20, (b, o) => wire.emitSll2(b, o, 0x86dd, 3)),
        0,
      ),
    ).toBe(0x86dd);
  });

  it('describes what it reads', () => {
    const packet = f.ipv4({
      src: '10.1.2.3',
      dst: '192.168.7.9',
      proto: 17,
      payload: f.filler(8),
      mf: true,
      fragmentOffset: 16,
      id: 7,
      tos: 3,
    });
    expect(wire.describeIpv4(packet, 0)).toMatchObject({
      src: '10.1.2.3',
      dst: '192.168.7.9',
      moreFragments: true,
      fragmentOffset: 16,
      id: 7,
      tos: 3,
    });
    const six = f.ipv6({
      src: '::1',
      dst: '::2',
      proto: 59,
      payload: f.filler(0),
      trafficClass: 0xab,
      flowLabel: 0x54321,
    });
    expect(wire.describeIpv6(six, 0)).toMatchObject({
      src: '::1',
      trafficClass: 0xab,
      flowLabel: 0x54321,
      nextHeader: 59,
    });
    expect(
      wire.greKey(f.gre({ protocol: 1, payload: f.filler(0), checksum: true, key: 0xfffffff0, seq: 3 }), 0) >>> 0,
    ).toBe(0xfffffff0);
    expect(wire.vxlanVni(f.vxlan(0xabcdef, f.filler(0)), 0)).toBe(0xabcdef);
    const [geneve, gue, control, mpls, pppoe, gtpu, npdu] = tunnelHeaders();
    expect(wire.describeGeneve(geneve, 0)).toEqual({
      vni: 0xabcdef,
      protocol: 0x6558,
      control: true,
      critical: true,
      options: [
        { class: 0x0102, type: 3, length: 4 },
        { class: 0x0102, type: 3, length: 16 },
      ],
    });
    expect(wire.describeGue(gue, 0)).toEqual({ protocol: 4, control: false, flags: 1, length: 12 });
    expect(wire.describeGue(control, 0)).toEqual({ protocol: 5, control: true, flags: 0, length: 4 });
    expect(wire.describeMpls(mpls, 0).labels).toEqual(
      [0xfffff, 16, 3].map((label) => ({ label, trafficClass: 5, ttl: 64 })),
    );
    expect(wire.describePppoe(pppoe, 0)).toEqual({ session: 0xbeef, protocol: 0x21, length: 8 });
    expect(wire.describeGtpu(gtpu, 0)).toEqual({ type: 255, teid: 0xdeadbeef, headerLength: 24, length: 22 });
    expect(wire.describeGtpu(npdu, 0)).toEqual({ type: 255, teid: 1, headerLength: 12, length: 10 });
    expect(wire.describeVlan(f.bytesOf(0xb0, 0x05, 8, 0), 0)).toEqual({
      id: 5,
      priority: 5,
      dropEligible: true,
      type: 0x0800,
    });
    expect(wire.describeEthernet(f.ethernet({ payload: packet }), 0)).toEqual({
      dst: '02:00:00:00:00:02',
      src: '02:00:00:00:00:01',
      type: 0x0800,
    });
  });
});

describe('address', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ])('%s prints as %s', (text, printed) => {
    const bytes = wire.parseAddress(text);
    expect(wire.addressText(f.bytesOf(9, bytes), 1, bytes.length)).toBe(printed);
    expect(wire.parseAddress(printed)).toEqual(bytes);
  });

  it.each([
    '',
    '10.0.0',
    '010.0.0.1',
    '10.0.0.256',
    '0x7f.0.0.1',
    '1',
    'fe80::1%eth0',
    '[::1]',
    '::1/64',
    '1::2::3',
    'host',
    '10.0.0.1 ',
  ])('refuses %j', (text) =>
    expect(() => wire.parseAddress(text)).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_ADDRESS' })),
  );

  it('endpoints', () => {
    expect([wire.endpointText('10.0.0.1', 80), wire.endpointText('::1', 80)]).toEqual(['10.0.0.1:80', '[::1]:80']);
  });
});

describe('tupleFrame', () => {
  const V4 = { src: '10.0.0.1', dst: '10.0.0.2' };
  it.each<[string, wire.TupleOptions, object]>([
    ['addresses', V4, { class: 'other4', proto: 253 }],
    ['ports', { ...V4, sport: 1, dport: 2 }, { class: 'tcp4', sport: 1, dport: 2 }],
    ['udp on port 4500', { ...V4, sport: 4500, dport: 4500, proto: 'udp' }, { class: 'udp4' }],
    ['an SPI', { ...V4, spi: 0xffffffff }, { class: 'esp4', spi: '0xffffffff' }],
    ['SPI 0', { ...V4, spi: 0 }, { class: 'esp4', spi: '0x00000000' }],
    ['ah', { src: '::1', dst: '::2', spi: 1, proto: 'ah' }, { class: 'ah6', spi: '0x00000001' }],
    ['sctp', { src: '::1', dst: '::2', sport: 1, dport: 2, proto: 'sctp' }, { class: 'sctp6', dport: 2 }],
    ['natt', { ...V4, spi: 5, natt: true }, { class: 'natt4', sport: 4500, dport: 4500, spi: '0x00000005' }],
    ['natt on other ports', { ...V4, spi: 5, natt: true, sport: 7, dport: 8 }, { class: 'natt4', sport: 7, dport: 8 }],
  ])('%s', (_, options, expected) => {
    const { bytes, dissection } = wire.tupleFrame(options);
    const { proto } = options;
    expect(wire.describePacket(bytes, dissection)).toMatchObject({ src: options.src, dst: options.dst, ...expected });
    expect(dissection.end).toBe(bytes.length);
    if (proto === 'udp' || options.natt) expect(wire.l4ChecksumOk(bytes, dissection)).toBe(true);
  });

  it.each<[Partial<wire.TupleOptions>, string]>([
    [{ dst: '::1' }, 'ERR_RXSTEER_ADDRESS'],
    [{ src: 'x' }, 'ERR_RXSTEER_ADDRESS'],
    [{ sport: 1 }, 'ERR_RXSTEER_OPTION'],
    [{ sport: 1, dport: 65536 }, 'ERR_RXSTEER_OPTION'],
    [{ proto: 'tcp' }, 'ERR_RXSTEER_OPTION'],
    [{ proto: 'esp' }, 'ERR_RXSTEER_OPTION'],
    [{ proto: 'ip', sport: 1, dport: 1 }, 'ERR_RXSTEER_OPTION'],
    [{ spi: 1, sport: 1, dport: 1 }, 'ERR_RXSTEER_OPTION'],
    [{ spi: 2 ** 32 }, 'ERR_RXSTEER_OPTION'],
    [{ spi: 1, proto: 'tcp' }, 'ERR_RXSTEER_OPTION'],
    [{ natt: true }, 'ERR_RXSTEER_OPTION'],
    [{ natt: true, spi: 1, proto: 'ah' }, 'ERR_RXSTEER_OPTION'],
    // SPI 0 behind UDP would read as IKE
    [{ natt: true, spi: 0 }, 'ERR_RXSTEER_OPTION'],
    [{ proto: 'icmp' as 'ip' }, 'ERR_RXSTEER_OPTION'],
  ])('refuses %j', (options, code) => {
    expect(() => wire.tupleFrame({ ...V4, ...options })).toThrow(expect.objectContaining({ code }));
  });
});
