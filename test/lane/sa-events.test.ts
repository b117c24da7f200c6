/** What a lane tells of SAs: when, how often, and by which packets not. */
import { afterEach, describe, expect, it } from 'vitest';
import { Crypto, type Sa, seal, sealTunnel } from '../../src/esp/index.ts';
import { EventGate } from '../../src/lane/event-gate.ts';
import type { SaEvent } from '../../src/lane/sa-events.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { put16 } from '../../src/wire/bytes.ts';
import { setIpv4Checksum } from '../../src/wire/ipv4.ts';
import { LaneBench, type LaneBenchOptions } from '../support/lane-bench.ts';
import { ether, ip, udp } from '../support/packets.ts';
import { KEY_HEX, sa } from '../support/sas.ts';

let bench: LaneBench;
let events: SaEvent[] = [];
/** Time is packet time: a second a frame. */
const lane = (sas: readonly Sa[], options: LaneBenchOptions = {}): LaneBench => {
  events = [];
  bench = new LaneBench({ sas, deterministic: true, full: 'wait', ...options });
  bench.lane.onEvent = (event) => events.push(event);
  return bench;
};
const polled = (): SaEvent[] => {
  bench.mark();
  bench.run();
  return events.splice(0);
};
afterEach(() => {
  expect(bench.unaccounted()).toBe(0);
  expect(JSON.stringify(events)).not.toContain(KEY_HEX.slice(0, 12));
});

/** The packet of a tunnel, from another outer source and UDP port than its SA says. */
function from(packet: Uint8Array, src: string, port?: number): Uint8Array {
  packet.set(parseAddress(src), packet[0] >> 4 === 4 ? 12 : 8);
  if (packet[0] >> 4 === 4) setIpv4Checksum(packet, 0);
  if (port !== undefined) put16(packet, packet[0] >> 4 === 4 ? 20 : 40, port);
  return packet;
}

function forged(packet: Uint8Array): Uint8Array {
  packet[packet.length - 1] ^= 1;
  return packet;
}

const inner = udp(30);

describe('limits', () => {
  it('soft and hard: once each, with what was used; then packets drop as sa-expired', () => {
    const one = sa(1, { limits: { soft: { packets: 2 }, hard: { packets: 4 } } });
    const b = lane([one]);
    for (let n = 1; n <= 6; n++) b.push(ether(sealTunnel(one, n, inner)));
    const told = polled();
    const of = { id: 1, spi: 1, proto: 'esp', src: '192.0.2.1', dst: '192.0.2.2' };
    const bytes = (inner.length + 2 + 3) & ~3;
    expect(told).toEqual([
      { kind: 'soft-limit', sa: of, lane: 0, time: 1_001_000 + 5e-6, unit: 'packets', packets: 2, bytes: 2 * bytes },
      { kind: 'hard-limit', sa: of, lane: 0, time: 1_003_000 + 5e-6, unit: 'packets', packets: 4, bytes: 4 * bytes },
    ]);
    expect(b.counts().drops).toEqual({ 'sa-expired': 2 });
    expect(b.sas()[0]).toMatchObject({ packets: 6, opened: 4, failed: { expired: 2 }, life: 'dead' });
    b.push(ether(sealTunnel(one, 7, inner)));
    expect(polled()).toEqual([]);
  });

  it('seconds in packet time, from the first packet on', () => {
    const one = sa(1, { limits: { soft: { seconds: 2 }, hard: { seconds: 3 } } });
    const b = lane([one]);
    for (let n = 1; n <= 5; n++) b.push(ether(sealTunnel(one, n, inner)));
    expect(polled().map(({ kind, time }) => [kind, Math.floor(time / 1000)])).toEqual([
      ['soft-limit', 1002],
      ['hard-limit', 1003],
    ]);
    expect(b.counts().drops).toEqual({ 'sa-expired': 2 });
  });

  const ahead = new Crypto();
  const bursts = ahead.burst?.takes(sa(1, { transform: { aead: 'aes-ccm', key: KEY_HEX.slice(2) } })) ?? false;
  ahead.close();

  it.runIf(bursts)('packets that are opened together are no more than the limit either', () => {
    const transform = { aead: 'aes-ccm', key: KEY_HEX.slice(2) };
    const one = sa(1, { transform, limits: { hard: { packets: 21 } } });
    const b = lane([one], { gro: false });
    for (let n = 1; n <= 64; n++) b.push(ether(sealTunnel(one, n, inner)));
    expect(polled()).toMatchObject([{ kind: 'hard-limit', packets: 21 }]);
    expect(b.batches.flat()).toHaveLength(21);
    // Of an expired SA nothing is opened ahead any more.
    for (let n = 65; n <= 128; n++) b.push(ether(sealTunnel(one, n, inner)));
    expect(polled()).toEqual([]);
    expect(b.counts().drops).toEqual({ 'sa-expired': 43 + 64 });
  });
});

it('sequence numbers near their end', () => {
  const one = sa(1);
  const b = lane([one], { esp: { sas: [one], events: { sequence: 0.5 } } });
  b.push(ether(sealTunnel(one, 0x7fffffff, inner)));
  b.push(ether(sealTunnel(one, 0x80000000, inner)));
  b.push(ether(sealTunnel(one, 0x80000001, inner)));
  expect(polled()).toMatchObject([{ kind: 'sequence-limit', sequence: '0x80000000', last: '0xffffffff' }]);
});

describe('failures', () => {
  it('authentication and replays, above their rates', () => {
    const one = sa(1);
    const b = lane([one], { esp: { sas: [one], events: { authenticationFailures: 3, replays: 2 } } });
    b.still = true;
    b.push(ether(sealTunnel(one, 1, inner)));
    for (let i = 0; i < 2; i++) b.push(ether(forged(sealTunnel(one, 2, inner))));
    b.push(ether(sealTunnel(one, 1, inner)));
    expect(polled()).toEqual([]);
    b.push(ether(forged(sealTunnel(one, 2, inner))));
    b.push(ether(sealTunnel(one, 1, inner)));
    const told = polled();
    expect(told).toMatchObject([
      { kind: 'authentication-failures', failures: 3, total: 3, suppressed: 0 },
      { kind: 'replay-storm', failures: 2, total: 2, suppressed: 0 },
    ]);
  });

  it('of many SAs: so many a second, the others are counted', () => {
    const sas = Array.from({ length: 6 }, (_, i) => sa(i + 1));
    const b = lane(sas, { esp: { sas, events: { authenticationFailures: 1, perSecond: 4 } } });
    b.still = true;
    for (const one of sas) b.push(ether(forged(sealTunnel(one, 1, inner))));
    expect(polled().map((event) => [event.kind, 'suppressed' in event && event.suppressed])).toEqual(
      Array.from({ length: 4 }, () => ['authentication-failures', 0]),
    );
    b.still = false;
    b.push(ether(udp(1)));
    b.push(ether(forged(sealTunnel(sas[0], 1, inner))));
    expect(polled()).toMatchObject([{ sa: { spi: 1 }, total: 2, suppressed: 2 }]);
  });
});

describe('peers', () => {
  const natt = sa(1, { encap: 'udp' });
  const at = (n: number, src: string, port?: number): Uint8Array => from(sealTunnel(natt, n, inner), src, port);

  it('an authentic packet from another address or port; not the first, and not one that stays', () => {
    const b = lane([natt]);
    b.push(ether(at(1, '203.0.113.7', 4500)));
    b.push(ether(at(2, '203.0.113.7', 4500)));
    expect(polled()).toEqual([]);
    b.push(ether(at(3, '203.0.113.7', 40001)));
    b.push(ether(at(4, '203.0.113.8', 40001)));
    expect(polled()).toMatchObject([
      {
        kind: 'peer-moved',
        from: { address: '203.0.113.7', port: 4500 },
        to: { address: '203.0.113.7', port: 40001 },
        suppressed: 0,
      },
      { from: { address: '203.0.113.7', port: 40001 }, to: { address: '203.0.113.8', port: 40001 } },
    ]);
    b.push(ether(at(5, '203.0.113.8', 40001)));
    expect(polled()).toEqual([]);
  });

  it('not a forged one, a replay, nor one that comes late by the old way', () => {
    const b = lane([natt]);
    b.push(ether(forged(at(1, '198.51.100.1', 1))));
    b.push(ether(at(1, '203.0.113.7', 4500)));
    expect(polled()).toEqual([]);
    b.push(ether(at(10, '203.0.113.9', 5)));
    b.push(ether(at(10, '198.51.100.1', 1)));
    expect(polled()).toHaveLength(1);
    b.push(ether(forged(at(11, '198.51.100.1', 1))));
    b.push(ether(at(10, '198.51.100.1', 1)));
    b.push(ether(at(2, '203.0.113.7', 4500)));
    expect(polled()).toEqual([]);
    expect(b.counts().drops).toEqual({ icv: 2, replay: 2 });
    b.push(ether(at(12, '203.0.113.9', 5)));
    expect(polled()).toEqual([]);
  });

  it('a dummy says it too', () => {
    const b = lane([natt]);
    b.push(ether(at(1, '203.0.113.7', 4500)));
    const dummy = ip(
      17,
      Uint8Array.of(...[0x11, 0x94, 0x11, 0x94, 0, 0, 0, 0], ...seal(natt, 2, new Uint8Array(9), 59)),
      {
        src: '203.0.113.7',
        dst: '192.0.2.2',
      },
    );
    put16(dummy, 24, dummy.length - 20);
    b.push(ether(from(dummy, '203.0.113.50', 4500)));
    expect(polled()).toMatchObject([{ kind: 'peer-moved', to: { address: '203.0.113.50', port: 4500 } }]);
    expect(b.counts().dummy).toBe(1);
  });

  it('IPv6, all of the address; without UDP there is no port', () => {
    const six = sa(1, { src: '2001:db8::1', dst: '2001:db8::2' });
    const b = lane([six]);
    const by = (n: number, src: string): void => b.push(ether(from(sealTunnel(six, n, inner), src)));
    by(1, '2001:db8::1');
    by(2, '2001:db8::1');
    by(3, '2001:db8::3');
    expect(polled()).toMatchObject([{ from: { address: '2001:db8::1' }, to: { address: '2001:db8::3' } }]);
    by(4, '2001:db9::3');
    const [event] = polled();
    expect(event).toMatchObject({ from: { address: '2001:db8::3' }, to: { address: '2001:db9::3' } });
    expect(event).not.toHaveProperty('to.port');
  });

  it('that moves back and forth is told of once a second, and never held back for good', () => {
    const b = lane([natt]);
    b.still = true;
    for (let n = 1; n <= 40; n++) b.push(ether(at(n, n % 2 === 0 ? '203.0.113.7' : '203.0.113.8', 4500)));
    expect(polled()).toMatchObject([{ to: { address: '203.0.113.7' } }]);
    b.push(ether(at(41, '203.0.113.9', 4500)));
    expect(polled()).toEqual([]);
    b.still = false;
    b.push(ether(udp(1)));
    b.push(ether(at(42, '203.0.113.9', 4500)));
    expect(polled()).toMatchObject([{ from: { address: '203.0.113.7' }, to: { address: '203.0.113.9' } }]);
  });
});

describe('an inside that makes no sense', () => {
  /** ESP of the SA in a tunnel, with any payload and next header. */
  const outer = (one: Sa, n: number, payload: Uint8Array, next: number): Uint8Array =>
    ether(ip(50, seal(one, n, payload, next), { src: '192.0.2.1', dst: '192.0.2.2' }));

  it.each([
    ['mode', (one: Sa) => outer(one, 1, new Uint8Array(20).fill(0x99), 4)],
    ['mode', (one: Sa) => outer(one, 1, udp(3), 6)],
    ['inner-malformed', (one: Sa) => outer(one, 1, udp(30).subarray(0, 15), 4)],
    ['ipcomp', (one: Sa) => outer(one, 1, new Uint8Array(20).fill(0xee), 108)],
    ['selector', (one: Sa) => ether(sealTunnel(one, 1, udp(10, { src: '172.16.0.1' })))],
  ])('%s', (reason, frame) => {
    const one = sa(1, { selectors: [{ src: '10.0.0.0/8' }] });
    const b = lane([one]);
    b.push(frame(one));
    expect(polled()).toMatchObject([{ kind: 'bad-inner', reason, sa: { spi: 1 }, suppressed: 0 }]);
    expect(b.counts().drops).toEqual({ [reason]: 1 });
  });

  it('once a second for each SA; what was held back is counted', () => {
    const one = sa(1);
    const b = lane([one]);
    b.still = true;
    for (let n = 1; n <= 5; n++) b.push(outer(one, n, new Uint8Array(20), 4));
    expect(polled()).toHaveLength(1);
    b.still = false;
    b.push(ether(udp(1)));
    b.push(outer(one, 6, new Uint8Array(20), 4));
    expect(polled()).toMatchObject([{ kind: 'bad-inner', reason: 'mode', suppressed: 4 }]);
  });

  it('is no matter of a packet that is not authentic', () => {
    const one = sa(1);
    const b = lane([one]);
    b.push(forged(outer(one, 1, new Uint8Array(20), 4)));
    expect(polled()).toEqual([]);
    expect(b.counts().drops).toEqual({ icv: 1 });
  });
});

it('ESP without SA inside of ESP', () => {
  const one = sa(1);
  const stranger = sa(0x99, { src: '10.1.0.1', dst: '10.9.9.9' });
  const b = lane([one]);
  const nested = ip(50, seal(stranger, 1, udp(3), 4), { src: '10.1.0.1', dst: '10.9.9.9' });
  b.push(ether(sealTunnel(one, 1, nested)));
  b.push(ether(sealTunnel(one, 2, nested)));
  expect(polled()).toMatchObject([
    { kind: 'unknown-spi', spi: 0x99, src: '10.1.0.1', dst: '10.9.9.9', packets: 1, lane: 0, suppressed: 0 },
  ]);
});

it('the consumer hears of it before the batch, and what it throws takes nothing with it', () => {
  const one = sa(1, { limits: { soft: { packets: 1 } } });
  const order: string[] = [];
  const b = lane([one], {
    onPackets: () => {
      order.push('batch');
    },
    onEvent: (event) => {
      order.push(event.kind);
      throw new Error('of the consumer');
    },
  });
  b.push(ether(sealTunnel(one, 1, inner)));
  expect(polled()).toHaveLength(1);
  expect(order).toEqual(['soft-limit', 'batch']);
  expect(b.errors).toEqual([new Error('of the consumer')]);
  expect(b.counts()).toMatchObject({ delivered: 1, throws: 1 });
});

describe('EventGate', () => {
  it('lets so many a second pass, as many at once, and counts the others', () => {
    const gate = new EventGate(3);
    const passed = [0, 0, 0, 0, 0, 333, 334, 10_000, 10_000, 10_000, 10_000].map((now) => gate.passes(now));
    expect(passed).toEqual([true, true, true, false, false, false, true, true, true, true, false]);
    expect([gate.suppressed(), gate.suppressed()]).toEqual([4, 0]);
  });

  it('a clock that goes back lets nothing more pass', () => {
    const gate = new EventGate(1);
    expect([1000, 0, 500].map((now) => gate.passes(now))).toEqual([true, false, false]);
  });
});
