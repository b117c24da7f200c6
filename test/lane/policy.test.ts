/** RFC 4301 section 5.2 in a lane: nothing comes in clear that has to be protected, and nobody speaks in another one's name. */
import { afterEach, describe, expect, it } from 'vitest';
import { type PolicyConfig, type Sa, sealTransport, sealTunnel } from '../../src/esp/index.ts';
import { LaneBench, type LaneBenchOptions } from '../support/lane-bench.ts';
import { arp, ether, fill, fragments, ip, tcp, udp } from '../support/packets.ts';
import { closingFault, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

let bench: LaneBench;
const lane = (sas: readonly Sa[], policy: readonly PolicyConfig[], more?: LaneBenchOptions): LaneBench => {
  bench = new LaneBench({ esp: { sas, policy, onUnknownSpi: 'deliver' }, ...more });
  return bench;
};
afterEach(() => {
  expect(bench.unaccounted()).toBe(0);
});

const INNER = { src: '10.1.0.1', dst: '10.1.0.2' };
const PROTECT: PolicyConfig = { src: '10.1.0.0/24', dst: '10.1.0.0/24', action: 'protect' };
const RST = 0x14;
const SYN = 0x02;
const ACK = 0x10;

describe('in clear, with the tuple of a protected flow', () => {
  it.each([
    ['RST', RST],
    ['ACK', ACK],
    ['SYN', SYN],
  ])('a forged %s never reaches the consumer', (_, flags) => {
    const one = sa(1);
    const b = lane([one], [PROTECT]);
    for (let i = 0; i < 4; i++) {
      b.push(ether(sealTunnel(one, i + 1, tcp(500, { ...INNER, seq: 1 + 500 * i }))));
      b.push(ether(tcp(0, { ...INNER, seq: 501 + 500 * i, flags })));
    }
    const packets = b.run();
    // The forgeries do not even end what GRO holds.
    expect(packets).toMatchObject([{ class: 'tcp4', segments: 4, sa: 1 }]);
    expect(b.counts().drops).toEqual({ policy: 4 });
  });

  it('nor its fragments, where these are not joined; nor IPv6; nor what is discarded', () => {
    const policy: PolicyConfig[] = [
      { src: '10.1.0.0/24', dst: '10.1.0.0/24', proto: 'tcp', dport: 443, action: 'protect' },
      { src: 'fd00::/8', action: 'protect' },
      { proto: 'gre', action: 'discard' },
    ];
    const b = lane([], policy, { fragments: false, gro: false });
    for (const piece of fragments(tcp(100, INNER), 48)) b.push(ether(piece));
    b.push(ether(tcp(0, { src: 'fd00::1', dst: 'fd00::2' })));
    b.push(ether(ip(47, fill(20, 1), INNER)));
    const passes = [ether(tcp(9, { ...INNER, dport: 80 })), ether(udp(9, INNER)), arp()];
    for (const frame of passes) b.push(frame);
    expect(b.run().map((packet) => packet.bytes)).toEqual(passes);
    expect(b.counts().drops).toEqual({ policy: 5 });
  });

  it('a bypass before it lets pass', () => {
    const b = lane([], [{ ...PROTECT, proto: 'tcp', dport: 22, action: 'bypass' }, PROTECT]);
    b.push(ether(tcp(9, { ...INNER, dport: 22 })));
    b.push(ether(tcp(9, { ...INNER, dport: 23 })));
    expect(b.run()).toHaveLength(1);
    expect(b.counts().drops).toEqual({ policy: 1 });
  });
});

describe('what IPsec consists of', () => {
  const OUTER = { src: '192.0.2.1', dst: '192.0.2.2' };
  const frames = [
    ether(ip(50, fill(60, 1), OUTER)),
    ether(ip(51, Uint8Array.of(6, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, ...fill(40, 1)), OUTER)),
    ether(udp(fill(60, 3), { ...OUTER, sport: 4500, dport: 4500 })),
    ether(udp(Uint8Array.of(0, 0, 0, 0, 1, 2, 3, 4), { ...OUTER, sport: 4500, dport: 4500 })),
    ether(udp(fill(28, 3), { ...OUTER, sport: 500, dport: 500 })),
  ];

  it('passes a policy that protects everything', () => {
    const b = lane([], [{ action: 'protect' }]);
    for (const frame of [...frames, ether(udp(10, OUTER))]) b.push(frame);
    expect(b.run().map((packet) => packet.class)).toEqual(['esp4', 'ah4', 'natt4', 'ike4', 'udp4']);
    expect(b.counts().drops).toEqual({ policy: 1 });
  });

  it('but for one that speaks of it', () => {
    const b = lane(
      [],
      [
        { proto: 'esp', action: 'discard' },
        { proto: 'ah', action: 'discard' },
        { proto: 'udp', dport: 4500, action: 'discard' },
        { proto: 'udp', dport: 500, action: 'discard' },
      ],
    );
    for (const frame of frames) b.push(frame);
    expect(b.run()).toEqual([]);
    expect(b.counts().drops).toEqual({ policy: 5 });
  });

  it('and what came out of it is not subject', () => {
    const one = sa(1);
    const b = lane([one], [{ action: 'discard' }]);
    b.push(ether(sealTunnel(one, 1, tcp(100, INNER))));
    for (const [i, piece] of fragments(udp(200, INNER), 96).entries()) b.push(ether(sealTunnel(one, 2 + i, piece)));
    expect(
      b
        .run()
        .map((packet) => packet.class)
        .sort(),
    ).toEqual(['tcp4', 'udp4']);
    expect(b.counts().drops).toEqual({});
  });
});

describe('what comes by an SA', () => {
  const A = { src: '10.1.0.0/16', dst: '10.9.0.0/16' };
  const B = { src: '10.2.0.0/16', dst: '10.9.0.0/16' };
  const from = (net: number, more: object = {}): object => ({ src: `10.${net}.0.1`, dst: '10.9.0.1', ...more });

  it('lies within its selectors: a peer has no other peer’s addresses', () => {
    const [a, b] = [sa(1, { selectors: [A] }), sa(2, { selectors: [B] })];
    lane([a, b], []);
    bench.push(ether(sealTunnel(a, 1, tcp(10, from(1)))));
    bench.push(ether(sealTunnel(b, 1, tcp(10, from(2)))));
    bench.push(ether(sealTunnel(a, 2, tcp(10, from(2, { flags: RST })))));
    bench.push(ether(sealTunnel(a, 3, tcp(10, { src: '10.1.0.1', dst: '10.8.0.1' }))));
    bench.push(ether(sealTunnel(a, 4, udp(10, { src: 'fd00::1', dst: 'fd00::2' }))));
    expect(bench.run().map((packet) => packet.sa)).toEqual([1, 2]);
    expect(bench.counts().drops).toEqual({ selector: 3 });
    expect(bench.sas()).toMatchObject([{ packets: 4, opened: 4 }, { opened: 1 }]);
  });

  it.each([true, false])('in fragments too, joined: %s', (joined) => {
    const a = sa(1, { selectors: [{ ...A, proto: 'udp', dport: 53 }] });
    lane([a], [], joined ? {} : { fragments: false });
    let number = 1;
    for (const [net, dport] of [
      [1, 53],
      [1, 54],
      [2, 53],
    ]) {
      const options = { ...from(net), dport };
      for (const piece of fragments(udp(200, options), 96, number)) bench.push(ether(sealTunnel(a, number++, piece)));
    }
    expect(bench.run()).toHaveLength(joined ? 1 : 0);
    expect(bench.counts()).toMatchObject(
      joined ? { drops: { selector: 2 }, joined: 6 } : { drops: { selector: 9 }, joined: 0 },
    );
  });

  it('of transport mode, by the packet’s own addresses; any one of the list', () => {
    const ends = { src: '192.0.2.1', dst: '192.0.2.2' };
    const one = sa(1, {
      mode: 'transport',
      selectors: [
        { proto: 'udp', dport: '100-200' },
        { src: '192.0.2.0/24', proto: 'tcp' },
      ],
    });
    lane([one], [], { gro: false });
    bench.push(ether(sealTransport(one, 1, tcp(10, ends))));
    bench.push(ether(sealTransport(one, 2, udp(10, { ...ends, dport: 200 }))));
    bench.push(ether(sealTransport(one, 3, udp(10, { ...ends, dport: 201 }))));
    bench.push(ether(sealTransport(one, 4, ip(47, fill(20, 1), ends))));
    expect(bench.run()).toHaveLength(2);
    expect(bench.counts().drops).toEqual({ selector: 2 });
  });

  it('at each layer of ESP in ESP', () => {
    const outer = sa(1, { selectors: [{ src: '192.0.2.1', dst: '192.0.2.2', proto: 'esp' }] });
    const inner = sa(2, { selectors: [A] });
    lane([outer, inner], []);
    bench.push(ether(sealTunnel(outer, 1, sealTunnel(inner, 1, tcp(10, from(1))))));
    bench.push(ether(sealTunnel(outer, 2, sealTunnel(inner, 2, tcp(10, from(2))))));
    bench.push(ether(sealTunnel(outer, 3, tcp(10, from(1)))));
    expect(bench.run()).toHaveLength(1);
    expect(bench.counts().drops).toEqual({ selector: 2 });
  });
});

describe('trustIcv', () => {
  it('merges what has a wrong checksum, and is reported', () => {
    for (const trustIcv of [false, true]) {
      const one = sa(1, { trustIcv });
      lane([one], []);
      for (let i = 0; i < 4; i++) {
        const packet = tcp(500, { ...INNER, seq: 1 + 500 * i });
        packet[36] ^= 0x55;
        bench.push(ether(sealTunnel(one, i + 1, packet)));
      }
      expect(bench.run()).toHaveLength(trustIcv ? 1 : 4);
      expect(bench.sas()).toMatchObject([{ trustIcv }]);
    }
  });
});

describe('in a receiver', () => {
  it('holds through dispatcher, kernel, fragments and lanes', async () => {
    const sas = [1, 2, 3, 4].map((spi) => sa(spi, { selectors: [{ src: `10.1.${spi}.0/24` }] }));
    const policy: PolicyConfig[] = [{ src: '10.1.0.0/16', proto: 'tcp', dport: 443, action: 'protect' }];
    const { rx, delivered } = await inlineReceiver({ esp: { sas, policy }, queues: 4 });
    for (let i = 0; i < 200; i++) {
      const one = sas[i & 3];
      const flow = { src: `10.1.${one.spi}.${i & 31}`, dst: '10.9.0.1' };
      rx.push(ether(sealTunnel(one, (i >> 2) + 1, tcp(100, flow))));
      rx.push(ether(tcp(0, { ...flow, flags: RST })));
      for (const piece of fragments(tcp(100, flow), 64, i)) rx.push(ether(piece));
      rx.push(ether(tcp(10, { ...flow, dport: 80 })));
    }
    const foreign = sealTunnel(sas[0], 900, tcp(10, { src: '10.1.2.1', dst: '10.9.0.1' }));
    rx.push(ether(foreign));
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({ policy: 400, selector: 1 });
    expect(delivered.filter((packet) => packet.sa > 0).reduce((sum, packet) => sum + packet.segments, 0)).toBe(200);
    expect(delivered.every((packet) => packet.sa > 0 || packet.bytes.subarray(36, 38).join() === '0,80')).toBe(true);
  });
});
