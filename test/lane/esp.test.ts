import { deflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { type Sa, seal, sealTransport, sealTunnel } from '../../src/esp/index.ts';
import { ipv4HeaderOk, l4ChecksumOk } from '../../src/wire/checksum.ts';
import { Dissection, dissectIp } from '../../src/wire/dissect.ts';
import { gtpu, ipv4, udp as udpOf } from '../support/frames.ts';
import { type Delivered, LaneBench, type LaneBenchOptions } from '../support/lane-bench.ts';
import { ether, fill, fragments, type IpOptions, ip, tcp, udp } from '../support/packets.ts';
import { sa } from '../support/sas.ts';

let bench: LaneBench;
const lane = (sas: readonly Sa[], options?: LaneBenchOptions): LaneBench => {
  bench = new LaneBench({ sas, ...options });
  return bench;
};
afterEach(() => {
  expect(bench.unaccounted()).toBe(0);
});

const V4 = { src: '192.0.2.1', dst: '192.0.2.2' };
const V6 = { src: '2001:db8::1', dst: '2001:db8::2' };

/** The IP packet of what was delivered, with sound headers. */
function ipOf(packet: Delivered): Uint8Array {
  const at = packet.bytes.subarray(packet.linkLength);
  const d = new Dissection();
  dissectIp(at, 0, at.length, d);
  expect(d.truncated).toBe(0);
  expect(d.end).toBe(at.length);
  if (at[0] >> 4 === 4) expect(ipv4HeaderOk(at, 0)).toBe(true);
  return at;
}

/** An ESP packet of a tunnel, whose outer header says CE or what is asked for. */
function marked(packet: Uint8Array, tos: number): Uint8Array {
  const out = Uint8Array.from(packet);
  if (out[0] >> 4 === 4) out[1] = tos;
  else out[1] |= (tos & 15) << 4;
  return out;
}

describe('ESP is opened before GRO', () => {
  it.each([
    ['tunnel, IPv4', sa(1, V4), false],
    ['tunnel, IPv6', sa(1, V6), false],
    ['tunnel, NAT-T', sa(1, { ...V4, encap: 'udp' }), false],
    ['tunnel, NAT-T over IPv6', sa(1, { ...V6, encap: 'udp' }), false],
    ['IPv6 in an IPv4 tunnel', sa(1, V4), true],
    ['IPv4 in an IPv6 tunnel', sa(1, V6), false],
  ])('%s', (_, one, inner6) => {
    const b = lane([one]);
    const flow = inner6 ? { src: 'fd00::1', dst: 'fd00::2' } : {};
    for (let i = 0; i < 6; i++) b.push(ether(sealTunnel(one, i + 1, tcp(500, { ...flow, seq: 1 + 500 * i }))));
    const [packet, ...more] = b.run();
    expect(more).toEqual([]);
    expect(packet).toMatchObject({ class: inner6 ? 'tcp6' : 'tcp4', segments: 6, gsoSize: 500, sa: 1 });
    expect([packet.bytes[12], packet.bytes[13]]).toEqual(inner6 ? [0x86, 0xdd] : [8, 0]);
    expect(ipOf(packet).subarray(inner6 ? 60 : 40)).toEqual(fill(3000, 1));
    expect(b.sas()[0]).toMatchObject({ packets: 6, opened: 6 });
  });

  it.each([
    ['IPv4', V4, {}],
    ['IPv6', V6, {}],
    ['NAT-T', V4, { encap: 'udp' as const }],
    ['NAT-T over IPv6', V6, { encap: 'udp' as const }],
  ])('transport, %s', (_, ends, more) => {
    const one = sa(1, { ...ends, ...more, mode: 'transport' });
    const b = lane([one]);
    for (let i = 0; i < 6; i++) b.push(ether(sealTransport(one, i + 1, tcp(500, { ...ends, seq: 1 + 500 * i }))));
    const [packet, ...rest] = b.run();
    expect(rest).toEqual([]);
    expect(packet).toMatchObject({ segments: 6, gsoSize: 500, sa: 1 });
    const at = ipOf(packet);
    expect(at.subarray(at.length - 3000)).toEqual(fill(3000, 1));
  });

  it.each([V4, V6])('in a UDP datagram that ends before the IP packet does: %o', (ends) => {
    const transform = { cipher: 'aes-cbc', key: '00'.repeat(16), auth: 'hmac-sha1', authKey: '00'.repeat(20) } as const;
    for (const one of [sa(1, { ...ends, encap: 'udp' }), sa(1, { ...ends, encap: 'udp', transform })]) {
      const b = lane([one]);
      for (let i = 1; i < 20; i++) {
        const esp = sealTunnel(one, i, udp(30));
        const longer = ip(17, Uint8Array.of(...esp.subarray(ends === V4 ? 20 : 40), ...fill(i, 7)), ends);
        b.push(ether(longer));
      }
      expect(b.run().map((packet) => ipOf(packet))).toEqual(new Array(19).fill(udp(30)));
      expect(b.unaccounted()).toBe(0);
    }
  });

  it('without link header, and with other link types', () => {
    const one = sa(1);
    const b = lane([one]);
    b.push(sealTunnel(one, 1, udp(30)), { linkType: 101 });
    const sll = new Uint8Array(16);
    sll[14] = 8;
    b.push(Uint8Array.of(...sll, ...sealTunnel(one, 2, udp(30, { src: 'fd00::1', dst: 'fd00::2' }))), {
      linkType: 113,
    });
    const [raw, cooked] = b.run();
    expect(raw.linkLength).toBe(0);
    expect(ipOf(raw)).toEqual(udp(30));
    expect(cooked.class).toBe('udp6');
    expect([cooked.bytes[14], cooked.bytes[15]]).toEqual([0x86, 0xdd]);
  });

  it('keeps what came in clear apart from what came by an SA', () => {
    const one = sa(1);
    const b = lane([one]);
    b.push(ether(tcp(100, { seq: 1 })));
    b.push(ether(sealTunnel(one, 1, tcp(100, { seq: 101 }))));
    b.push(ether(tcp(100, { seq: 201 })));
    expect(b.run().map((packet) => [packet.sa, packet.segments])).toEqual([
      [0, 1],
      [1, 1],
      [0, 1],
    ]);
  });

  it('delivers ESP as it came when there are no SAs', () => {
    const one = sa(1);
    bench = new LaneBench();
    const frame = ether(sealTunnel(one, 1, tcp(10)));
    bench.push(frame);
    expect(bench.run()).toMatchObject([{ class: 'esp4', bytes: frame }]);
  });
});

describe('what is not delivered', () => {
  it('is counted by its reason, and takes nothing else with it', () => {
    const one = sa(1);
    const b = lane([one]);
    const good = (n: number): Uint8Array => ether(sealTunnel(one, n, udp(50 + n)));
    const forged = good(3);
    forged[forged.length - 20] ^= 1;
    const short = good(4).subarray(0, 14 + 20 + 12);
    const odd = ether(ip(50, seal(one, 5, new Uint8Array(0), 59), V4));
    const wrong = ether(ip(50, seal(one, 6, new Uint8Array(0), 4), V4));
    const six = ether(ip(50, seal(one, 7, udp(5), 41), V4));
    const icmp = ether(ip(50, seal(one, 8, udp(5), 1), V4));
    const broken = ether(sealTunnel(one, 9, udp(5).subarray(0, 12)));
    for (const frame of [good(1), good(2), good(1), forged, short, odd, wrong, six, icmp, broken, good(10)])
      b.push(frame);
    expect(b.run().map((packet) => packet.bytes.length)).toEqual([51, 52, 60].map((n) => 14 + 28 + n));
    expect(b.counts().drops).toEqual({ replay: 1, icv: 1, short: 1, mode: 3, 'inner-malformed': 1 });
    expect(b.counts().dummy).toBe(1);
    expect(b.sas()[0]).toMatchObject({
      packets: 11,
      opened: 7,
      dummy: 1,
      failed: { replay: 1, icv: 1, short: 1, padding: 0 },
    });
  });

  it('drops dissectable ESP behind an IP length of 0 that is longer than IP allows', () => {
    const one = sa(1);
    const b = lane([one]);
    const packet = ip(50, fill(70_000, 1), V4);
    packet.set([0, 0, 0, 1], 20);
    packet.set([0, 0], 2);
    b.push(ether(packet));
    expect(b.run()).toEqual([]);
    expect(b.counts().drops).toEqual({ malformed: 1 });
  });
});

describe('the packet inside', () => {
  it('ends where its own length says: TFC padding is cut off', () => {
    const one = sa(1);
    const b = lane([one]);
    b.push(ether(sealTunnel(one, 1, udp(40), { tfcPadding: 300 })));
    b.push(ether(sealTunnel(one, 2, udp(40, { src: 'fd00::1', dst: 'fd00::2' }), { tfcPadding: 13 })));
    const [v4, v6] = b.run();
    expect(ipOf(v4)).toEqual(udp(40));
    expect(ipOf(v6).length).toBe(40 + 8 + 40);
  });

  // RFC 6040 section 4.2: CE outside marks what can be marked inside.
  const ecn: [string, number, number, number][] = [
    ['not ECN-capable stays so', 3, 0, 0],
    ['ECT(0) becomes CE', 3, 2, 3],
    ['ECT(1) becomes CE', 3, 1, 3],
    ['CE stays CE', 0, 3, 3],
    ['no CE outside changes nothing', 2, 1, 1],
  ];
  it.each(ecn)('ECN: %s', (_, outer, inner, want) => {
    const one = sa(1, V4);
    const six = sa(2, V6);
    const b = lane([one, six]);
    const options: IpOptions[] = [{ tos: 0xa0 | inner }, { src: 'fd00::1', dst: 'fd00::2', tos: 0xa0 | inner }];
    let number = 1;
    for (const tunnel of [one, six]) {
      for (const option of options) b.push(ether(marked(sealTunnel(tunnel, number++, udp(9, option)), outer)));
    }
    for (const packet of b.run()) {
      const at = ipOf(packet);
      const tos = at[0] >> 4 === 4 ? at[1] : ((at[0] & 15) << 4) | (at[1] >> 4);
      expect(tos).toBe(0xa0 | want);
    }
    expect(b.counts().segments).toBe(4);
  });

  it('marks nothing in transport mode: there is one IP header', () => {
    const one = sa(1, { mode: 'transport' });
    const b = lane([one]);
    b.push(ether(sealTransport(one, 1, udp(9, { ...V4, tos: 1 }))));
    expect(ipOf(b.run()[0])[1]).toBe(1);
  });

  it('is reassembled, in any order, for each SA by itself', () => {
    const [one, two] = [sa(1), sa(2)];
    const b = lane([one, two]);
    const whole = udp(fill(3000, 5));
    const parts = fragments(whole, 1000);
    let number = 1;
    for (const part of [parts[2], parts[0], parts[3], parts[1]]) b.push(ether(sealTunnel(one, number++, part)));
    expect(parts.length).toBe(4);
    for (const part of parts.slice(1)) b.push(ether(sealTunnel(two, number++, part)));
    const delivered = b.run();
    expect(delivered.length).toBe(1);
    expect(delivered[0]).toMatchObject({ class: 'udp4', sa: 1, segments: 1, number: 3 });
    const d = new Dissection();
    const at = ipOf(delivered[0]);
    dissectIp(at, 0, at.length, d);
    expect(l4ChecksumOk(at, d)).toBe(true);
    expect(at.subarray(28)).toEqual(fill(3000, 5));
    expect(b.counts()).toMatchObject({ joined: 3, held: 3 });
  });

  it('gives up what waits for fragments when the lane is closed', async () => {
    const one = sa(1);
    const b = lane([one]);
    for (const [i, part] of fragments(udp(3000), 1000).slice(1).entries()) b.push(ether(sealTunnel(one, i + 1, part)));
    b.run();
    expect(b.counts().held).toBe(3);
    await b.lane.close();
    expect(b.counts()).toMatchObject({ held: 0, drops: { 'fragment-timeout': 3 } });
  });

  it('is delivered in fragments when reassembly is off', () => {
    const one = sa(1);
    const b = lane([one], { fragments: false });
    for (const [i, part] of fragments(udp(3000), 1000).entries()) b.push(ether(sealTunnel(one, i + 1, part)));
    expect(b.run().map((packet) => packet.class)).toEqual(['fragment4', 'fragment4', 'fragment4', 'fragment4']);
  });
});

describe('ESP inside ESP', () => {
  const outerOf = (spi: number): Sa => sa(spi, V4);
  const innerOf = (spi: number): Sa => sa(spi, { src: '10.9.0.1', dst: '10.9.0.2' });

  it('is opened layer by layer', () => {
    const [outer, inner] = [outerOf(1), innerOf(2)];
    const b = lane([outer, inner]);
    for (let i = 0; i < 4; i++) {
      const one = sealTunnel(inner, i + 1, tcp(300, { seq: 1 + 300 * i }));
      b.push(ether(sealTunnel(outer, i + 1, one)));
    }
    const [packet] = b.run();
    expect(packet).toMatchObject({ class: 'tcp4', segments: 4, sa: 2 });
    expect(b.sas().map((s) => s.opened)).toEqual([4, 4]);
  });

  it('is opened when it came in fragments of the tunnel around it', () => {
    const [outer, inner] = [outerOf(1), innerOf(2)];
    const b = lane([outer, inner]);
    let number = 1;
    for (let i = 0; i < 3; i++) {
      const whole = sealTunnel(inner, i + 1, tcp(1200, { seq: 1 + 1200 * i }));
      for (const part of fragments(whole, 600, 100 + i)) b.push(ether(sealTunnel(outer, number++, part)));
    }
    const [packet, ...more] = b.run();
    expect(more).toEqual([]);
    expect(packet).toMatchObject({ class: 'tcp4', segments: 3, sa: 2 });
    expect(ipOf(packet).subarray(40)).toEqual(fill(3600, 1));
    expect(b.sas().map((s) => s.opened)).toEqual([9, 3]);
  });

  it('is opened up to a bound', () => {
    const sas = [outerOf(1), ...[2, 3, 4, 5].map(innerOf)];
    const nested = (depth: number): Uint8Array => {
      let packet = udp(20);
      for (let k = depth; k > 0; k--) packet = sealTunnel(sas[k - 1], 10 + depth, packet);
      return packet;
    };
    const b = lane(sas);
    for (const depth of [1, 2, 3, 4, 5]) b.push(ether(nested(depth)));
    expect(b.run().map((packet) => packet.sa)).toEqual([1, 2, 3, 4]);
    expect(b.counts().drops).toEqual({ nesting: 1 });
  });

  it('of an unknown SA is dropped, or delivered when that is asked for', () => {
    const [outer, inner] = [outerOf(1), innerOf(2)];
    const inside = sealTunnel(inner, 1, udp(9));
    const packet = ether(sealTunnel(outer, 1, inside));
    const b = lane([outer]);
    b.push(packet);
    expect(b.run()).toEqual([]);
    expect(b.counts().drops).toEqual({ 'unknown-spi': 1 });
    const c = lane([outer], { esp: { sas: [outer], onUnknownSpi: 'deliver' } });
    c.push(packet);
    const [delivered] = c.run();
    expect(delivered).toMatchObject({ class: 'esp4', sa: 1 });
    expect(ipOf(delivered)).toEqual(inside);
    expect(c.counts().drops).toEqual({});
  });
});

describe('IPComp inside ESP', () => {
  const comp = (next: number, payload: Uint8Array, cpi = 2): Uint8Array =>
    Uint8Array.of(next, 0, cpi >> 8, cpi & 255, ...deflateRawSync(payload));

  it('is expanded in transport and tunnel mode', () => {
    const one = sa(1);
    const two = sa(2, { mode: 'transport' });
    const b = lane([one, two]);
    const inner = tcp(new Uint8Array(1200));
    b.push(ether(ip(50, seal(one, 1, comp(4, inner), 108), V4)));
    const clear = udp(fill(800, 3), V4);
    b.push(ether(ip(50, seal(two, 1, comp(17, clear.subarray(20)), 108), V4)));
    const [transported, tunnelled] = b.run().sort((x, y) => y.sa - x.sa);
    expect(ipOf(tunnelled)).toEqual(inner);
    expect(ipOf(transported).subarray(20)).toEqual(clear.subarray(20));
    expect(transported.class).toBe('udp4');
  });

  it('that cannot be expanded is dropped', () => {
    const one = sa(1);
    const b = lane([one]);
    b.push(ether(ip(50, seal(one, 1, fill(100, 1), 108), V4)));
    b.push(ether(ip(50, seal(one, 2, comp(4, new Uint8Array(70_000)), 108), V4)));
    b.push(ether(sealTunnel(one, 3, udp(3))));
    expect(b.run().length).toBe(1);
    expect(b.counts().drops).toEqual({ ipcomp: 2 });
  });
});

/** Four layers, each an IPComp bomb: what is a thousand bytes on the wire takes seven times 65 KB to open. */
class Bombs {
  // Without encryption, so that the zeros in one layer are compressed by the next.
  readonly sas: Sa[] = [1, 2, 3, 4].map((spi) =>
    sa(spi, { mode: 'transport', transform: { cipher: 'null', auth: 'hmac-sha1', authKey: '00'.repeat(20) } }),
  );

  packet(number: number): Uint8Array {
    let payload = udp(fill(1000, number), V4).subarray(20);
    let next = 17;
    for (const one of this.sas) {
      const compressed = Uint8Array.of(next, 0, 0, 2, ...deflateRawSync(payload));
      payload = seal(one, number, compressed, 108, {
        tfcPadding: one === this.sas[3] ? 0 : 65_300 - compressed.length,
      });
      next = 50;
    }
    return ether(ip(50, payload, V4));
  }
}

describe('scratch', () => {
  it('that cannot hold a poll ends it early: 64 KiB packets are all delivered', () => {
    const one = sa(1);
    const b = lane([one], { ring: 256 });
    const inner = udp(fill(65_000, 9));
    for (let i = 1; i <= 130; i++) {
      b.push(ether(sealTunnel(one, i, inner)));
      // The windows of the bench hold some sixty.
      if (i % 50 === 0) expect(b.run().length).toBe(50);
    }
    const rest = b.run();
    expect(rest.length).toBe(30);
    for (const packet of b.batches.flat()) expect(Buffer.from(packet.bytes.subarray(14)).equals(inner)).toBe(true);
    expect(b.counts()).toMatchObject({ taken: 130, segments: 130, drops: {} });
    expect(b.sas()[0].opened).toBe(130);
  });

  it('holds what a poll of IPComp bombs in four layers takes', () => {
    const bombs = new Bombs();
    const b = lane(bombs.sas, { gro: false });
    expect(bombs.packet(1).length).toBeLessThan(2000);
    for (let i = 1; i <= 60; i++) b.push(bombs.packet(i));
    const delivered = b.run();
    expect(b.counts().drops).toEqual({});
    expect(delivered.map((packet) => packet.bytes[42])).toEqual(
      Array.from({ length: 60 }, (_, i) => fill(1, i + 1)[0]),
    );
    expect(delivered.every((packet) => packet.class === 'udp4' && packet.bytes.length === 42 + 1000)).toBe(true);
  });

  it('ends polls at the same places however descriptors come', () => {
    const bombs = new Bombs();
    const frames = Array.from({ length: 60 }, (_, i) => bombs.packet(i + 1));
    const polls = (step: number): number[] => {
      const b = lane(bombs.sas, { deterministic: true, full: 'wait' });
      frames.forEach((frame, i) => {
        b.push(frame, { end: i === 59 });
        if (i % step === 0) b.run();
      });
      b.run();
      expect(b.unaccounted()).toBe(0);
      return b.batches.map((batch) => batch.length);
    };
    const all = polls(60);
    expect(all.length).toBeGreaterThan(1);
    expect(all.reduce((sum, n) => sum + n)).toBe(60);
    expect(polls(1)).toEqual(all);
    expect(polls(7)).toEqual(all);
  });
});

describe('the hash of what was opened', () => {
  it.each(['outer', 'inner'] as const)('is of the packet, or of the one in its tunnel: level %s', (level) => {
    const one = sa(1, V4);
    const packet = tcp(100, { seq: 1 });
    const tunnel = (n: number): Uint8Array =>
      ipv4({
        src: '10.9.0.1',
        dst: '10.9.0.2',
        proto: 17,
        payload: udpOf({ sport: 9, dport: 2152, payload: gtpu({ teid: n, payload: packet }) }),
      });
    const hashes: number[] = [];
    const b = lane([one], {
      gro: false,
      rss: { level },
      onPackets: (batch) => {
        for (let i = 0; i < batch.length; i++) hashes.push(batch.hashValid(i) ? batch.hash(i) : -1);
      },
    });
    b.push(ether(sealTunnel(one, 1, packet)));
    b.push(ether(sealTunnel(one, 2, tunnel(1))));
    expect(b.run().map((p) => p.class)).toEqual(['tcp4', 'udp4']);
    expect(hashes).not.toContain(-1);
    expect(hashes[0] === hashes[1]).toBe(level === 'inner');
  });
});
