import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  createSa,
  expandIpComp,
  OPEN_OK,
  type Sa,
  type SaConfig,
  seal,
  sealTransport,
  sealTunnel,
} from '../../src/esp/index.ts';
import { Dissection, dissectIp, ipv4HeaderOk, l4ChecksumOk, tupleFrame } from '../../src/wire/index.ts';
import { Bench, bytesOf, hexKey, saConfig } from './support.ts';

const transform = { aead: 'aes-gcm', key: hexKey(20) } as const;
const saOf = (more: Partial<SaConfig>): Sa => createSa(saConfig(transform, more));
const V4 = { src: '10.0.0.1', dst: '10.0.0.2' };
const V6 = { src: '2001:db8::1', dst: '2001:db8::2' };

/** Finds ESP in a packet as a receiver does, and opens it. */
function openPacket(sa: Sa, packet: Uint8Array): { bench: Bench; l4: number; class: number } {
  const d = new Dissection();
  const cls = dissectIp(packet, 0, packet.length, d);
  expect([d.end, d.spi, d.truncated]).toEqual([packet.length, sa.spi, 0]);
  if (packet[0] >> 4 === 4) expect(ipv4HeaderOk(packet, 0)).toBe(true);
  if (sa.encap === 'udp') expect(l4ChecksumOk(packet, d)).toBe(true);
  const bench = new Bench([sa]);
  expect(bench.open(packet.subarray(d.esp, d.end))).toBe(OPEN_OK);
  return { bench, l4: d.l4, class: cls };
}

describe.each([
  { outer: V4, inner: V4 },
  { outer: V4, inner: V6 },
  { outer: V6, inner: V4 },
  { outer: V6, inner: V6 },
])('tunnel $outer.dst, inside $inner.dst', ({ outer, inner }) => {
  it.each(['none', 'udp'] as const)('encap %s', (encap) => {
    const sa = saOf({ ...outer, encap });
    const { bytes } = tupleFrame({ ...inner, sport: 1000, dport: 80 });
    const packet = sealTunnel(sa, 1, bytes, { sport: 61000 });
    const opened = openPacket(sa, packet);
    expect(opened.bench.payload()).toEqual(bytes);
    expect(opened.bench.opener.nextHeader).toBe(inner === V4 ? 4 : 41);
    const v6 = outer === V6 ? 1 : 0;
    expect(opened.class).toBe((encap === 'udp' ? 12 : 8) + v6);
    if (encap === 'udp') {
      expect((packet[opened.l4] << 8) | packet[opened.l4 + 1]).toBe(61000);
      expect((packet[opened.l4 + 6] | packet[opened.l4 + 7]) !== 0).toBe(outer === V6);
    }
  });
});

describe.each([V4, V6])('transport $dst', (addresses) => {
  it.each(['none', 'udp'] as const)('encap %s', (encap) => {
    const sa = saOf({ ...addresses, mode: 'transport', encap });
    const { bytes } = tupleFrame({ ...addresses, sport: 1000, dport: 80 });
    const opened = openPacket(sa, sealTransport(sa, 1, bytes));
    const header = addresses === V4 ? 20 : 40;
    expect(opened.bench.payload()).toEqual(bytes.slice(header));
    expect(opened.bench.opener.nextHeader).toBe(6);
    expect(opened.l4).toBe(header);
  });
});

it('transport: leaves link padding out, and stands behind IPv4 options and IPv6 extension headers', () => {
  const v4 = saOf({ ...V4, mode: 'transport' });
  const options = bytesOf('46000020000040004006000 00a0000010a000002 01010101 0102030405060708 eeee');
  expect(openPacket(v4, sealTransport(v4, 1, options)).bench.payload()).toEqual(bytesOf('0102030405060708'));
  const v6 = saOf({ ...V6, mode: 'transport' });
  const { bytes } = tupleFrame({ ...V6, proto: 'ip' });
  const extended = Uint8Array.of(...bytes, ...bytesOf('3c00010400000000 1100010400000000 0102030405060708'));
  extended[6] = 0;
  extended[5] = 24;
  const opened = openPacket(v6, sealTransport(v6, 1, extended));
  expect(opened.l4).toBe(48);
  expect(opened.bench.opener.nextHeader).toBe(60);
});

describe('seal', () => {
  it('never takes an IV twice, whatever the sequence number', () => {
    const ivs = new Set<string>();
    const configs: SaConfig['transform'][] = [
      transform,
      { cipher: 'aes-ctr', key: hexKey(20), auth: 'hmac-sha1', authKey: hexKey(20) },
      { cipher: 'aes-cbc', key: hexKey(16), auth: 'hmac-sha1', authKey: hexKey(20) },
    ];
    for (const config of configs) {
      for (let object = 0; object < 2; object++) {
        const sa = createSa(saConfig(config));
        for (let i = 0; i < 100; i++)
          ivs.add(Buffer.from(seal(sa, 1, new Uint8Array(4), 4).subarray(8, 8 + sa.transform.ivBytes)).toString('hex'));
      }
    }
    expect(ivs.size).toBe(600);
  });

  it('takes a given IV', () => {
    const iv = bytesOf('0102030405060708');
    expect(seal(saOf({}), 1, new Uint8Array(4), 4, { iv }).slice(8, 16)).toEqual(iv);
  });

  it.each<[string, () => unknown, string]>([
    [
      'an IV of another length',
      () => seal(saOf({}), 1, new Uint8Array(4), 4, { iv: new Uint8Array(7) }),
      'iv: expected 8 bytes, got 7',
    ],
    [
      'a sequence number past 32 bits',
      () => seal(saOf({}), 2 ** 32, new Uint8Array(4), 4),
      'sequence: expected 32 bits without ESN, got 4294967296',
    ],
    [
      'a negative sequence number',
      () => seal(saOf({ esn: true }), -1n, new Uint8Array(4), 4),
      'sequence: expected 64 bits, got -1',
    ],
    [
      'half a sequence number',
      () => seal(saOf({}), 0.5, new Uint8Array(4), 4),
      'sequence: expected an integer, got 0.5',
    ],
    [
      'a tunnel without source',
      () => sealTunnel(saOf({ src: undefined }), 1, new Uint8Array(20)),
      'src: expected an address of the IP version of 10.0.0.2, got undefined',
    ],
    [
      'a source of the other family',
      () => sealTunnel(saOf({}), 1, new Uint8Array(20), { src: '::1' }),
      'src: expected an address of the IP version of 10.0.0.2, got "::1"',
    ],
  ])('refuses %s', (_, run, message) => {
    expect(run).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_OPTION', message }));
  });
});

describe('expandIpComp', () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(200_000));
  const put = (payload: Uint8Array, cpi: number): number => {
    bytes.set([6, 0, cpi >> 8, cpi & 0xff], 100);
    bytes.set(payload, 104);
    return 104 + payload.length;
  };
  const text = Buffer.from('receive side flow steering '.repeat(40));

  it('expands DEFLATE, by its own CPI and by negotiated ones', () => {
    for (const cpi of [2, 256, 0xabcd]) {
      const end = put(deflateRawSync(text), cpi);
      expect(expandIpComp(bytes, 100, end, 70_000, 65_535)).toBe(text.length);
      expect(Buffer.from(bytes.slice(70_000, 70_000 + text.length))).toEqual(text);
    }
  });

  it('refuses other algorithms, damage and what ends too early', () => {
    const deflated = deflateRawSync(text);
    for (const cpi of [0, 1, 3, 4, 255]) expect(expandIpComp(bytes, 100, put(deflated, cpi), 70_000, 65_535)).toBe(-1);
    for (let length = 0; length < deflated.length; length++) {
      expect(expandIpComp(bytes, 100, put(deflated.subarray(0, length), 2), 70_000, 65_535)).toBe(-1);
    }
    expect(expandIpComp(bytes, 100, put(bytesOf('ffffffffffff'), 2), 70_000, 65_535)).toBe(-1);
    expect(expandIpComp(bytes, 100, 103, 70_000, 65_535)).toBe(-1);
    expect(expandIpComp(bytes, 100, 100, 70_000, 65_535)).toBe(-1);
  });

  it('stops at the bound, and writes nothing past the room', () => {
    const zeros = (length: number): number => put(deflateRawSync(new Uint8Array(length)), 2);
    expect(expandIpComp(bytes, 100, zeros(65_535), 70_000, 100_000)).toBe(65_535);
    expect(expandIpComp(bytes, 100, zeros(65_536), 70_000, 100_000)).toBe(-1);
    expect(expandIpComp(bytes, 100, zeros(50_000_000), 70_000, 100_000)).toBe(-1);
    bytes.fill(0xee, 70_000, 71_000);
    expect(expandIpComp(bytes, 100, zeros(500), 70_000, 499)).toBe(-1);
    expect(expandIpComp(bytes, 100, zeros(500), 70_000, 0)).toBe(-1);
    expect(bytes.subarray(70_000, 71_000).every((byte) => byte === 0xee)).toBe(true);
    expect(expandIpComp(bytes, 100, zeros(500), 70_000, 500)).toBe(500);
    expect(bytes[70_500]).toBe(0xee);
    expect(expandIpComp(bytes, 100, zeros(500), bytes.length - 499, 65_535)).toBe(-1);
  });
});
