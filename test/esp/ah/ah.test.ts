import { afterEach, describe, expect, it } from 'vitest';
import {
  createSa,
  createSas,
  exportSas,
  importSas,
  parseSaFile,
  type Sa,
  type SaConfig,
  sealAh,
  sealTransport,
  sealTunnel,
} from '../../../src/esp/index.ts';
import { LaneBench, type LaneBenchOptions } from '../../support/lane-bench.ts';
import { ether, fragments, ip, tcp, udp } from '../../support/packets.ts';
import { closingFault, inlineReceiver } from '../../support/receivers.ts';
import { sa as espSa } from '../../support/sas.ts';
import { hexKey } from '../support.ts';
import { ahMac } from './reference.ts';

const AUTHS: [auth: string, keyBytes: number, icvBits: number][] = [
  ['hmac-md5', 16, 96],
  ['hmac-sha1', 20, 96],
  ['hmac-sha256', 32, 128],
  ['hmac-sha256', 32, 96],
  ['hmac-sha384', 48, 192],
  ['hmac-sha512', 64, 256],
  ['aes-xcbc', 16, 96],
  ['aes-cmac', 16, 96],
  ['aes-gmac', 20, 128],
  ['aes-gmac', 28, 128],
  ['aes-gmac', 36, 128],
];
const V4 = { src: '192.0.2.1', dst: '192.0.2.2' };
const V6 = { src: '2001:db8::1', dst: '2001:db8::2' };
const SHA256 = { auth: 'hmac-sha256', authKey: hexKey(32), icvBits: 128 };

const ah = (spi: number, more: Partial<SaConfig> = {}): Sa =>
  createSa({ spi, ...V4, proto: 'ah', mode: 'tunnel', transform: SHA256, ...more });

let bench: LaneBench;
const lane = (sas: readonly Sa[], more?: LaneBenchOptions): LaneBench => {
  bench = new LaneBench({ sas, ...more });
  return bench;
};
afterEach(() => {
  expect(bench?.unaccounted() ?? 0).toBe(0);
});

/** Changes what may change on the way: and the checksum of IPv4, which nobody looks at here. */
function travelled(packet: Uint8Array): Uint8Array {
  const out = Uint8Array.from(packet);
  if (out[0] >> 4 === 4) out.set([0x48], 1);
  else out.set([0x62, 0x45, 0x67, 0x89]);
  if (out[0] >> 4 === 4) {
    out[6] ^= 0x40;
    out[8] -= 3;
    out[10] ^= 0x5a;
  } else out[7] -= 3;
  return out;
}

describe.each(AUTHS)('%s with a key of %i bytes, ICV %i', (auth, keyBytes, icvBits) => {
  it.each([
    ['transport', V4],
    ['transport', V6],
    ['tunnel', V4],
    ['tunnel', V6],
  ] as const)('%s mode, %o, without and with ESN', (mode, ends) => {
    for (const esn of [false, true]) {
      const key = hexKey(keyBytes, 9);
      const initialSeq = esn ? '0x2ffffffff' : '0x0';
      const one = ah(1, { ...ends, mode, transform: { auth, authKey: key, icvBits }, esn, initialSeq });
      const b = lane([one], { gro: false });
      for (const size of [0, 1, 15, 16, 17, 1400]) {
        const number = BigInt(initialSeq) + BigInt(size) + 1n;
        const plain = mode === 'tunnel' ? udp(size) : udp(size, ends);
        const packet = sealAh(one, number, plain);
        const at = ends === V4 ? 20 : 40;
        const field = at + 12 + (auth === 'aes-gmac' ? 8 : 0);
        const high = esn ? Number(number >> 32n) : undefined;
        expect(packet.subarray(field, field + icvBits / 8)).toEqual(
          Uint8Array.from(ahMac(packet, at, auth, Buffer.from(key, 'hex'), icvBits / 8, high)),
        );
        expect((packet[at + 1] + 2) % (ends === V4 ? 1 : 2)).toBe(0);
        b.push(ether(travelled(packet)));
        const [delivered] = b.run();
        expect(delivered).toMatchObject({ sa: 1, class: mode === 'tunnel' || ends === V4 ? 'udp4' : 'udp6' });
        expect(delivered.bytes.subarray(mode === 'tunnel' ? 14 : 14 + at)).toEqual(
          mode === 'tunnel' ? plain : plain.subarray(at),
        );
      }
      expect(b.sas()).toMatchObject([{ proto: 'ah', packets: 6, opened: 6 }]);
    }
  });
});

describe('each byte of a packet', () => {
  it.each([
    ['IPv4', V4, new Set([1, 6, 7, 8, 10, 11])],
    ['IPv6', V6, new Set([1, 2, 3, 7])],
  ])('%s: a change is found out, but for those that routers make', (_, ends, mutable) => {
    const one = ah(0x01020304, { ...ends, mode: 'transport' });
    const packet = sealAh(one, 1, tcp(40, ends));
    for (let at = 1; at < packet.length; at++) {
      const changed = Uint8Array.from(packet);
      // Of flags and offset: DF. Else this would be a fragment.
      changed[at] ^= at === 6 && ends === V4 ? 0x40 : at === 7 && ends === V4 ? 0 : 0x10;
      const b = lane([one]);
      b.push(ether(changed));
      expect(b.run().filter((delivered) => delivered.sa === 1).length, `byte ${at}`).toBe(mutable.has(at) ? 1 : 0);
      expect(b.unaccounted()).toBe(0);
    }
  });

  it('missing: whatever is cut off, nothing comes out', () => {
    for (const one of [ah(1), ah(1, { ...V6 })]) {
      const frame = ether(sealAh(one, 1, udp(60)));
      const b = lane([one]);
      for (let length = 15; length < frame.length; length++) b.push(frame.subarray(0, length));
      expect(b.run().filter((packet) => packet.sa === 1)).toEqual([]);
    }
  });
});

/** An IPv4 packet with options. */
function withOptions(options: number[]): Uint8Array {
  const plain = udp(30, V4);
  const header = 20 + options.length;
  const out = new Uint8Array(plain.length + options.length);
  out.set(plain.subarray(0, 20));
  out.set(options, 20);
  out.set(plain.subarray(20), header);
  out[0] = 0x40 | (header >> 2);
  out[3] += options.length;
  return out;
}

describe('options and extension headers', () => {
  const one = ah(1, { mode: 'transport' });

  it('of IPv4: record route and time stamps change, router alert and security do not', () => {
    const options = [7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 1, 68, 8, 5, 0, 0, 0, 0, 0, 130, 3, 9, 0];
    const packet = sealAh(one, 1, withOptions(options));
    const icv = packet.subarray(44 + 12, 44 + 28);
    expect(icv).toEqual(Uint8Array.from(ahMac(packet, 44, 'hmac-sha256', Buffer.from(hexKey(32), 'hex'), 16)));
    for (const [at, passes] of [
      [20 + 5, true],
      [20 + 16, true],
      [20 + 10, false],
      [20 + 22, false],
    ] as const) {
      const b = lane([one]);
      const changed = Uint8Array.from(packet);
      changed[at] ^= 1;
      b.push(ether(changed));
      expect(b.run().length, String(at)).toBe(passes ? 1 : 0);
    }
  });

  it.each([[[7, 1, 1, 1]], [[7, 40, 4, 0]], [[1, 1, 1, 7]]])('of IPv4 that contradict themselves: %j', (options) => {
    const packet = sealAh(one, 1, withOptions([1, 1, 1, 1]));
    packet.set(options, 20);
    const b = lane([one]);
    b.push(ether(packet));
    expect(b.run()).toEqual([]);
    expect(b.counts().drops).toEqual({ short: 1 });
    expect(b.sas()).toMatchObject([{ failed: { short: 1 } }]);
  });

  const six = ah(1, { ...V6, mode: 'transport' });
  /** An IPv6 packet with extension headers, the last of them followed by UDP. */
  const extended = (types: number[], ...headers: number[][]): Uint8Array => {
    const plain = udp(30, V6);
    const out = Uint8Array.of(...plain.subarray(0, 40), ...headers.flat(), ...plain.subarray(40));
    let at = 6;
    let length = 40;
    headers.forEach((header, i) => {
      out[at] = types[i];
      at = length;
      length += header.length;
    });
    out[at] = 17;
    out[5] += headers.flat().length;
    return out;
  };

  it('of IPv6: options with the bit that says so change', () => {
    const packet = sealAh(six, 1, extended([0], [0, 1, 0x3e, 4, 1, 2, 3, 4, 0x1e, 4, 1, 2, 3, 4, 1, 0]));
    expect(packet.subarray(56 + 12, 56 + 28)).toEqual(
      Uint8Array.from(ahMac(packet, 56, 'hmac-sha256', Buffer.from(hexKey(32), 'hex'), 16)),
    );
    for (const [at, passes] of [
      [44, true],
      [50, false],
      [42, false],
    ] as const) {
      const b = lane([six]);
      const changed = Uint8Array.from(packet);
      changed[at] ^= 1;
      b.push(ether(changed));
      expect(b.run().length, String(at)).toBe(passes ? 1 : 0);
    }
    const broken = Uint8Array.from(packet);
    broken[43] = 200;
    const b = lane([six]);
    b.push(ether(broken));
    expect(b.run()).toEqual([]);
    expect(b.counts().drops).toEqual({ short: 1 });
  });

  it.each([0, 2])('a routing header of type %i counts as it is where the packet arrives', (type) => {
    const [first, last] = [V6.dst, '2001:db8::9'].map((address) => [
      ...ip(17, new Uint8Array(8), { ...V6, dst: address }).subarray(24, 40),
    ]);
    const sent = sealAh(six, 1, extended([43], [0, 4, type, 2, 0, 0, 0, 0, ...last, ...first]));
    // At the last hop the destinations have moved on: what was the destination stands first.
    const arrived = Uint8Array.from(sent);
    arrived[43] = 0;
    arrived.set(first, 24);
    arrived.set(sent.subarray(24, 40), 48);
    arrived.set(last, 64);
    const icv = Uint8Array.from(ahMac(arrived, 80, 'hmac-sha256', Buffer.from(hexKey(32), 'hex'), 16));
    expect(sent.subarray(80 + 12, 80 + 28)).toEqual(icv);
    for (const packet of [arrived, sent]) {
      const b = lane([six]);
      b.push(ether(packet));
      expect(b.run()).toMatchObject([{ sa: 1, class: 'udp6' }]);
    }
    const b = lane([six]);
    arrived[43] = 3;
    b.push(ether(arrived));
    expect(b.run()).toEqual([]);
    expect(b.counts().drops).toEqual({ short: 1 });
  });
});

describe('an SA of AH', () => {
  it('opens no packet twice, and forgeries move nothing', () => {
    const one = ah(1, { replayWindow: 64 });
    const b = lane([one], { gro: false });
    const packets = [5, 3, 70, 6].map((n) => ether(sealAh(one, n, udp(10))));
    const forged = Uint8Array.from(packets[2]);
    forged[forged.length - 1] ^= 1;
    for (const frame of [packets[0], forged, packets[1], packets[0], packets[2], packets[2], packets[1], packets[3]])
      b.push(frame);
    expect(b.run()).toHaveLength(3);
    expect(b.counts().drops).toEqual({ icv: 1, replay: 4 });
  });

  it('is apart from one of ESP with the same destination and SPI', () => {
    const [esp, one] = createSas([espSa(7), ah(7)]);
    const b = lane([esp, one], { gro: false });
    b.push(ether(sealTunnel(esp, 1, udp(10))));
    b.push(ether(sealAh(one, 1, udp(10))));
    expect(b.run().map((packet) => packet.sa)).toEqual([1, 2]);
    const [any] = createSas([ah(7, { dst: '*' })]);
    const wild = lane([esp, any]);
    wild.push(ether(sealAh(one, 1, udp(10))));
    expect(wild.run()).toMatchObject([{ sa: 2 }]);
  });

  it('stands around ESP, and inside it, and carries fragments; up to the bound', () => {
    const esp = espSa(1, { mode: 'transport' });
    const around = ah(2, { mode: 'transport' });
    const tunnel = espSa(3);
    const b = lane([esp, around, tunnel], { gro: false });
    b.push(ether(sealAh(around, 1, sealTransport(esp, 1, udp(20, V4)))));
    b.push(ether(sealTunnel(tunnel, 1, sealAh(around, 2, udp(20, V4)))));
    b.push(ether(sealTransport(esp, 2, sealAh(around, 3, udp(20, V4)))));
    for (const [i, piece] of fragments(sealAh(around, 4, udp(200, V4)), 96, 1).entries()) {
      b.push(ether(sealTunnel(tunnel, 2 + i, piece)));
    }
    let deep = udp(20, V4);
    for (let i = 0; i < 5; i++) deep = sealAh(around, 100 + i, deep);
    b.push(ether(deep));
    expect(b.run().map((packet) => packet.bytes.length)).toEqual([14 + 48, 14 + 48, 14 + 48, 14 + 228]);
    expect(b.counts().drops).toEqual({ nesting: 1 });
  });

  it('merges what comes by it, and marks congestion', () => {
    const one = ah(1);
    const b = lane([one]);
    for (let i = 0; i < 4; i++) {
      const packet = sealAh(one, i + 1, tcp(500, { seq: 1 + 500 * i, tos: 2 }));
      packet[1] = 3;
      b.push(ether(packet));
    }
    const [delivered, ...more] = b.run();
    expect(more).toEqual([]);
    expect(delivered).toMatchObject({ segments: 4, gsoSize: 500, sa: 1 });
    expect(delivered.bytes[15] & 3).toBe(3);
  });

  it('has an owner lane in a receiver, and its packets keep their order', async () => {
    const sas = [1, 2, 3, 4, 5, 6].map((spi) => (spi % 2 === 0 ? ah(spi) : ah(spi, { ...V6 })));
    const { rx, delivered } = await inlineReceiver({ esp: { sas }, queues: 4, gro: false });
    for (let n = 1; n <= 40; n++) {
      for (const [i, one] of sas.entries()) {
        const packet = sealAh(one, n, udp(n, { src: `10.0.0.${i + 1}` }));
        rx.push(ether(packet));
        rx.push(ether(packet));
        // Another source moves it to no other lane, and is found out.
        const forged = Uint8Array.from(packet);
        forged[i % 2 === 0 ? 23 : 15] ^= n;
        rx.push(ether(forged));
        for (const piece of n === 40 ? fragments(sealAh(one, 50, udp(300, { src: `10.0.0.${i + 1}` })), 128, 0) : [])
          rx.push(ether(piece));
      }
    }
    rx.push(ether(sealAh(ah(99), 1, udp(9))));
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.sas.map((one) => [one.opened, one.failed.replay, one.failed.icv])).toEqual(sas.map(() => [41, 80, 0]));
    expect(stats.unknownSpis).toMatchObject([{ spi: 99, packets: 1 }]);
    expect(stats.classes).toMatchObject({ ah4: 361, ah6: 360 });
    for (const [i] of sas.entries()) {
      const mine = delivered.filter((packet) => packet.sa === i + 1);
      expect(new Set(mine.map((packet) => packet.lane)).size).toBe(1);
      expect(mine.map((packet) => packet.bytes.length - 42)).toEqual([
        ...Array.from({ length: 40 }, (_, k) => k + 1),
        300,
      ]);
    }
  });

  it('inside ESP is checked in its own lane', async () => {
    const around = [0, 1, 2, 3].map((queue) => espSa(queue + 1, { queue }));
    const inside = [0, 1, 2, 3].map((queue) => ah(queue + 10, { queue: 3 - queue }));
    const { rx, delivered } = await inlineReceiver({ esp: { sas: [...around, ...inside] }, queues: 4, gro: false });
    for (let n = 1; n <= 20; n++) {
      for (let i = 0; i < 4; i++) rx.push(ether(sealTunnel(around[i], n, sealAh(inside[i], n, udp(n)))));
    }
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.queues.map((queue) => [queue.handedOver, queue.takenOver])).toEqual([0, 1, 2, 3].map(() => [20, 20]));
    expect(stats.sas.map((one) => one.opened)).toEqual(new Array(8).fill(20));
    for (let i = 0; i < 4; i++) {
      const mine = delivered.filter((packet) => packet.sa === 5 + i);
      expect(new Set(mine.map((packet) => packet.lane))).toEqual(new Set([3 - i]));
      expect(mine.map((packet) => packet.bytes.length - 42)).toEqual(Array.from({ length: 20 }, (_, k) => k + 1));
    }
  });

  it('survives 5,000 mutations: each is in one count, and none comes out that was not sent', () => {
    const one = ah(1, { mode: 'transport', replayWindow: 32 });
    const six = ah(2, { ...V6, mode: 'transport' });
    const b = lane([one, six], { gro: false, fragments: false });
    const seeds = [
      sealAh(one, 1, withOptions([7, 7, 4, 0, 0, 0, 0, 1])),
      sealAh(one, 2, tcp(20, V4)),
      sealAh(six, 1, udp(20, V6)),
    ];
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    for (let n = 0; n < 5000; n++) {
      const frame = ether(seeds[n % 3]);
      // In front of the ICV and in it; not what may change on the way alone, which would be the packet that was sent.
      for (let k = random(4); k >= 0; k--) frame[14 + random(60)] = random(256);
      frame[frame.length - 1] ^= 1;
      b.push(random(5) === 0 ? frame.subarray(0, 14 + random(frame.length - 14)) : frame);
      if (n % 64 === 63) expect(b.run().filter((packet) => packet.sa > 0)).toEqual([]);
    }
    b.run();
    expect(b.unaccounted()).toBe(0);
    for (const { opened } of b.sas()) expect(opened).toBe(0);
  });

  it('in files: JSON there and back, and ip xfrm state', () => {
    for (const [auth, keyBytes, icvBits] of AUTHS) {
      const one = ah(1, { transform: { auth, authKey: hexKey(keyBytes), icvBits } });
      expect(exportSas(importSas(exportSas([one])))).toEqual(exportSas([one]));
      expect(JSON.stringify(one)).toContain('"proto":"ah"');
      expect(JSON.stringify(one)).not.toContain(hexKey(keyBytes).slice(0, 12));
    }
    const [state] = parseSaFile(
      `src 192.0.2.1 dst 192.0.2.2\n\tproto ah spi 0x00000009 reqid 1 mode transport\n\treplay-window 32 \n\tauth-trunc hmac(sha256) 0x${hexKey(32)} 128\n\tanti-replay context: seq 0x0, oseq 0x0, bitmap 0x00000000\n`,
    );
    expect(exportSas([state])).toEqual(exportSas([ah(9, { mode: 'transport', replayWindow: 32 })]));
  });

  it.each<[string, Partial<SaConfig> & { proto?: unknown }, RegExp]>([
    ['a cipher', { transform: { cipher: 'null', ...SHA256 } }, /unknown property transform\.cipher$/],
    ['none', { transform: { auth: 'none' } }, /transform\.auth: expected one of hmac-md5, .*aes-gmac, got "none"$/],
    ['UDP', { encap: 'udp' }, /encap: expected "none" with proto ah: it cannot pass a NAT, got "udp"$/],
    ['a length', { transform: { auth: 'aes-gmac', authKey: hexKey(16) } }, /authKey: expected 20 or 28 or 36 bytes/],
    ['a protocol', { proto: 'ipcomp' as 'ah' }, /proto: expected "esp" or "ah", got "ipcomp"$/],
  ])('refuses %s', (_, more, message) => {
    expect(() => ah(1, more as Partial<SaConfig>)).toThrow(message);
    expect(() => sealAh(espSa(1), 1, udp(1))).toThrow(/an SA with proto 'ah'/);
  });
});
