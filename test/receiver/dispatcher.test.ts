import { afterEach, describe, expect, it } from 'vitest';
import { CLASSES, DROP_REASONS, MALFORMED_REASONS } from '../../src/counters.ts';
import { type Sa, sealTransport, sealTunnel } from '../../src/esp/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { BLOCK_SIZE, MAX_FRAME } from '../../src/memory/frame-memory.ts';
import { DispatcherBench, type DispatcherBenchOptions } from '../support/dispatcher-bench.ts';
import { arp, ether, fill, fragments, ip, tcp, udp } from '../support/packets.ts';
import { sa } from '../support/sas.ts';

let bench: DispatcherBench;
const dispatcher = (options?: DispatcherBenchOptions): DispatcherBench => {
  bench = new DispatcherBench(options);
  return bench;
};
afterEach(() => {
  expect(bench.unaccounted()).toBe(0);
  const { packets, classes, queuePackets } = bench.dispatcher;
  expect(classes.reduce((sum, n) => sum + n, 0)).toBe(packets);
  expect(queuePackets.reduce((sum, n) => sum + n, 0)).toBe(packets);
});

const drops = (): Record<string, number> =>
  Object.fromEntries(
    DROP_REASONS.flatMap((reason, i) => (bench.dispatcher.drops[i] > 0 ? [[reason, bench.dispatcher.drops[i]]] : [])),
  );
const classes = (): Record<string, number> =>
  Object.fromEntries(
    CLASSES.flatMap((name, i) => (bench.dispatcher.classes[i] > 0 ? [[name, bench.dispatcher.classes[i]]] : [])),
  );

/** Sources whose ESP packets the hash would send to each of the lanes. */
function sourceFor(b: DispatcherBench, one: Sa, lane: number): string {
  for (let i = 1; i < 255; i++) {
    const src = `198.51.100.${i}`;
    if (b.hashed(ether(sealTunnel(one, 1, udp(5), { src }))) === lane) return src;
  }
  throw new Error(`no source for lane ${lane}`);
}

describe('an SA has one owner lane', () => {
  it.each([
    ['raw', sa(7, { src: undefined })],
    ['NAT-T', sa(7, { src: undefined, encap: 'udp' })],
  ])('whatever outer sources its packets have (%s): NAT rebinding, and forgeries aimed at every lane', (_, one) => {
    const b = dispatcher({ queues: 4, sas: [one] });
    const sources = [0, 1, 2, 3].map((lane) => sourceFor(b, one, lane));
    // The first packet makes it its lane.
    b.push(ether(sealTunnel(one, 1, udp(5), { src: sources[2] })));
    for (const [i, src] of sources.entries()) {
      b.push(ether(sealTunnel(one, 2 + i, udp(5), { src, sport: 4500 + i, dport: 4500 })));
    }
    expect(b.all().map(({ lane, sa: index }) => [lane, index])).toEqual(Array(5).fill([2, 1]));
  });

  it('that a pin chooses', () => {
    const one = sa(7, { src: undefined, queue: 3 });
    const b = dispatcher({ queues: 4, sas: [one] });
    for (const lane of [0, 1, 2, 3]) b.push(ether(sealTunnel(one, 1 + lane, udp(5), { src: sourceFor(b, one, lane) })));
    expect(b.all().map(({ lane }) => lane)).toEqual([3, 3, 3, 3]);
  });

  it('that it shares with its group', () => {
    const sas = [1, 2, 3, 4, 5, 6, 7, 8].map((spi) => sa(spi, { group: spi < 8 ? 'peer' : 'other' }));
    const b = dispatcher({ queues: 8, sas });
    const lanesOf = sas.map((one) => b.hashed(ether(sealTunnel(one, 1, udp(5)))));
    expect(new Set(lanesOf.slice(0, 7)).size).toBeGreaterThan(1);
    for (const one of sas) b.push(ether(sealTunnel(one, 1, udp(5))));
    const placed = b.all();
    expect(placed.filter(({ sa: index }) => index < 8).map(({ lane }) => lane)).toEqual(Array(7).fill(lanesOf[0]));
    expect(placed.filter(({ sa: index }) => index === 8).map(({ lane }) => lane)).toEqual([lanesOf[7]]);
  });

  it('of its own for each queue that SAs of a group are pinned to, and one for those without: RFC 9611', () => {
    const sas = [
      sa(1, { group: 'peer', queue: 0 }),
      sa(2, { group: 'peer', queue: 1 }),
      sa(3, { group: 'peer' }),
      sa(4, { group: 'peer', queue: 1 }),
      sa(5, { group: 'peer' }),
    ];
    const b = dispatcher({ queues: 2, sas });
    for (const one of sas) for (let seq = 1; seq <= 3; seq++) b.push(ether(sealTunnel(one, seq, udp(5))));
    const placed = b.all();
    const lanesOf = (index: number): number[] => placed.filter((p) => p.sa === index).map(({ lane }) => lane);
    expect([1, 2, 4].map(lanesOf)).toEqual([
      [0, 0, 0],
      [1, 1, 1],
      [1, 1, 1],
    ]);
    const fallback = b.hashed(ether(sealTunnel(sas[2], 1, udp(5))));
    expect([...lanesOf(3), ...lanesOf(5)]).toEqual(Array(6).fill(fallback));
  });
});

describe('rules', () => {
  it('stand before the hash, drop as `rule`, and count what they drop', () => {
    const rules = ['flow-type udp4 dst-port 9 action -1', 'flow-type udp4 dst-port 10 action 2'];
    const b = dispatcher({ queues: 4, rss: { rules, indirection: [3] } });
    for (const dport of [9, 10, 9]) b.push(ether(udp(5, { dport })));
    expect(Array.from(b.dispatcher.queuePackets)).toEqual([0, 0, 1, 2]);
    expect(b.all().map(({ lane, number }) => [lane, number])).toEqual([[2, 1]]);
    expect([drops(), classes()]).toEqual([{ rule: 2 }, { udp4: 3 }]);
  });

  it('choose the first owner of an SA, and move none', () => {
    const one = sa(7, { src: undefined });
    const elsewhere = sa(8, { src: undefined, queue: 0 });
    const rules = [
      'flow-type esp4 spi 7 action 2',
      'flow-type esp4 src-ip 198.51.100.9 action 1 loc 0',
      'flow-type esp4 spi 8 action 3',
    ];
    const b = dispatcher({ queues: 4, sas: [one, elsewhere], rss: { rules } });
    b.push(ether(sealTunnel(one, 1, udp(5), { src: '198.51.100.1' })));
    b.push(ether(sealTunnel(one, 2, udp(5), { src: '198.51.100.9' })));
    b.push(ether(sealTunnel(elsewhere, 1, udp(5), { src: '198.51.100.1' })));
    expect(b.all().map(({ lane, sa: index }) => [lane, index])).toEqual([
      [0, 2],
      [2, 1],
      [2, 1],
    ]);
  });

  it('drop before an SA is looked for', () => {
    const one = sa(7, { src: undefined });
    const b = dispatcher({ queues: 4, sas: [one], rss: { rules: ['flow-type esp4 action -1'] } });
    b.push(ether(sealTunnel(one, 1, udp(5), { src: '198.51.100.1' })));
    b.push(ether(sealTunnel(sa(9), 1, udp(5), { src: '198.51.100.1' })));
    expect([drops(), b.all()]).toEqual([{ rule: 2 }, []]);
  });

  it('see what fragments make', () => {
    const b = dispatcher({
      queues: 4,
      rss: { rules: ['flow-type udp4 action 3', 'flow-type ip4 action 1 loc 65535'] },
    });
    for (const fragment of fragments(udp(600), 256)) b.push(ether(fragment));
    const [datagram, ...rest] = b.all();
    expect([datagram.lane, datagram.class, rest]).toEqual([3, 'udp4', []]);
  });
});

describe('ESP without SA', () => {
  const stranger = sa(99, { dst: '192.0.2.77' });

  it('is dropped and listed', () => {
    const b = dispatcher({ sas: [sa(1)] });
    for (let i = 1; i <= 3; i++) b.push(ether(sealTunnel(stranger, i, udp(5))));
    b.push(ether(sealTunnel(sa(5, { src: '2001:db8::1', dst: '2001:db8::2' }), 1, udp(5))));
    expect(b.all()).toEqual([]);
    expect(drops()).toEqual({ 'unknown-spi': 4 });
    expect(b.unknown.list().map(({ spi, family, packets }) => [spi, family, packets])).toEqual([
      [99, 4, 3],
      [5, 6, 1],
    ]);
  });

  it('goes by its hash when it is to be delivered', () => {
    const b = dispatcher({ queues: 4, esp: { sas: [sa(1)], onUnknownSpi: 'deliver' } });
    const frame = ether(sealTunnel(stranger, 1, udp(5)));
    b.push(frame);
    expect(b.all()).toMatchObject([{ class: 'esp4', sa: 0, lane: b.hashed(frame), bytes: frame }]);
    expect(b.unknown.list()).toEqual([]);
  });

  it('is listed up to a bound, and counted beyond', () => {
    const b = dispatcher({ sas: [sa(1)] });
    const frame = ether(sealTunnel(stranger, 1, udp(5)));
    for (let spi = 1; spi <= 300; spi++) {
      frame.set([1, 0, spi >> 8, spi & 0xff], 34);
      b.push(frame);
    }
    expect(b.unknown.list().length).toBe(256);
    expect(b.unknown.others).toBe(44);
    expect(drops()).toEqual({ 'unknown-spi': 300 });
  });
});

describe('what goes to no lane', () => {
  it('is counted: keepalives, malformed frames, frames that are too large', () => {
    const b = dispatcher({ queues: 2 });
    const natt = { sport: 4500, dport: 4500 };
    b.push(ether(udp(Uint8Array.of(0xff), natt)));
    b.push(new Uint8Array(0));
    b.push(ether(tcp(10)).subarray(0, 40));
    b.push(ether(ip(50, new Uint8Array(7))));
    b.push(new Uint8Array(MAX_FRAME + 1));
    expect(b.all()).toEqual([]);
    expect(b.dispatcher.keepalives).toBe(1);
    expect(classes()).toEqual({ keepalive4: 1, malformed: 4 });
    expect(drops()).toEqual({ malformed: 4 });
    const reasons = MALFORMED_REASONS.filter((_, i) => b.dispatcher.malformed[i] > 0);
    expect(reasons).toEqual(['empty', 'l4-short', 'esp-short', 'oversize']);
    expect(b.dispatcher.byteCount).toBe(14 + 29 + 40 + 14 + 27 + MAX_FRAME + 1);
  });

  it('is not IKE, nor what is no IP, nor the largest frame', () => {
    const b = dispatcher({ queues: 2 });
    b.push(ether(udp(Uint8Array.of(0, 0, 0, 0, 1, 2, 3, 4), { sport: 4500, dport: 4500 })));
    b.push(arp());
    b.push(new Uint8Array(MAX_FRAME));
    expect(
      b
        .all()
        .map((p) => p.class)
        .sort(),
    ).toEqual(['ike4', 'nonip', 'nonip']);
    expect(drops()).toEqual({});
  });
});

describe('fragments', () => {
  const flows = [
    ['IPv4', {}],
    ['IPv6', { src: 'fd00::1', dst: 'fd00::2' }],
  ] as const;

  it.each(flows)('of %s are joined, in any order, and steered by their ports', (_, ends) => {
    // Under a random key, 20 neighbouring ports may well fall on two lanes.
    const b = dispatcher({ queues: 8, rss: { key: microsoftKey() } });
    const seen = new Set<number>();
    for (let port = 1; port <= 20; port++) {
      const whole = udp(fill(2000, port), { ...ends, sport: port });
      const parts = fragments(whole, 800, port).map((part) => ether(part));
      for (const k of [2, 0, 1]) b.push(parts[k]);
      const [placed, ...more] = b.all();
      expect(more).toEqual([]);
      expect(placed.lane).toBe(b.hashed(ether(whole)));
      expect(placed.class).toMatch(/^udp/);
      expect(placed.bytes.subarray(-2000)).toEqual(fill(2000, port));
      expect(placed.number).toBe(3 * port - 1);
      seen.add(placed.lane);
    }
    expect(seen.size).toBeGreaterThan(2);
    expect(b.dispatcher.joined).toBe(40);
    expect(b.dispatcher.held).toBe(0);
  });

  const to4 = { mode: 'transport', src: undefined } as const;
  const to6 = { ...to4, dst: 'fd00::2' } as const;
  const secured = [
    ['ESP over IPv4', sa(1, to4), '198.51.100.'],
    ['ESP in UDP over IPv4', sa(1, { ...to4, encap: 'udp' }), '198.51.100.'],
    ['ESP over IPv6', sa(1, to6), '2001:db8::'],
    ['ESP in UDP over IPv6', sa(1, { ...to6, encap: 'udp' }), '2001:db8::'],
  ] as const;

  it.each(secured)('of %s are joined and go to the owner of the SA', (_, one, net) => {
    const b = dispatcher({ queues: 4, sas: [one] });
    const from = (n: number): Uint8Array =>
      sealTransport(one, n, udp(2000, { src: `${net}${n}`, dst: net.includes(':') ? 'fd00::2' : '192.0.2.2' }));
    b.push(ether(from(1)));
    const [{ lane }] = b.all();
    for (let i = 2; i < 12; i++) for (const part of fragments(from(i), 1000, i).reverse()) b.push(ether(part));
    expect(b.all().map((p) => [p.lane, p.sa])).toEqual(Array(10).fill([lane, 1]));
  });

  it.each(secured)('of %s without SAs are joined and go by their SPI', (_, { dst, encap }, net) => {
    const b = dispatcher({ queues: 8, rss: { key: microsoftKey() } });
    const seen = new Set<number>();
    for (let spi = 256; spi < 272; spi++) {
      const whole = sealTransport(sa(spi, { ...to4, dst, encap }), 1, udp(2000, { src: `${net}1`, dst }));
      for (const part of fragments(whole, 1000, spi)) b.push(ether(part));
      const [placed, ...more] = b.all();
      expect([placed.lane, more]).toEqual([b.hashed(ether(whole)), []]);
      seen.add(placed.lane);
    }
    expect(seen.size).toBe(8);
  });

  it('of a datagram that is malformed, a keepalive or of an unknown SPI end there', () => {
    const b = dispatcher({ sas: [sa(1)] });
    const short = ip(6, fill(16, 1));
    for (const part of fragments(short, 8, 1)) b.push(ether(part));
    for (const part of fragments(sealTunnel(sa(9), 1, udp(500)), 200, 2)) b.push(ether(part));
    expect(b.all()).toEqual([]);
    expect(drops()).toEqual({ malformed: 1, 'unknown-spi': 1 });
    expect(b.dispatcher.malformed[MALFORMED_REASONS.indexOf('l4-short')]).toBe(1);
  });

  it('wait, time out, and are given up at the end', () => {
    const b = dispatcher();
    const [first, second] = fragments(udp(1500), 800, 1).map((part) => ether(part));
    b.push(first, 1, 100);
    expect(b.dispatcher.held).toBe(1);
    b.push(ether(fragments(udp(1500), 800, 2)[0]), 1, 131);
    expect(drops()).toEqual({ 'fragment-timeout': 1 });
    b.push(second, 1, 131);
    expect(b.dispatcher.held).toBe(2);
    b.dispatcher.end();
    expect(b.dispatcher.held).toBe(0);
    expect(drops()).toEqual({ 'fragment-timeout': 3 });
  });

  it('go to a lane as they are when reassembly is off', () => {
    const b = dispatcher({ fragments: false, queues: 4 });
    for (const part of fragments(udp(2000), 800)) b.push(ether(part));
    const placed = b.all();
    expect(placed.map((p) => p.class)).toEqual(['fragment4', 'fragment4', 'fragment4']);
    expect(new Set(placed.map((p) => p.lane)).size).toBe(1);
  });
});

describe('a full lane', () => {
  it('drops, and counts what it drops', () => {
    const b = dispatcher({ queues: 1, ring: 128 });
    for (let i = 0; i < 200; i++) expect(b.push(ether(udp(10, { id: i })))).toBe(true);
    expect(drops()).toEqual({ full: 72 });
    expect(b.dispatcher.refused).toBe(72);
    expect(b.all().map((p) => p.number)).toEqual(Array.from({ length: 128 }, (_, i) => i));
    b.push(ether(udp(10)));
    expect(b.all().map((p) => p.number)).toEqual([200]);
  });

  it('refuses, without counting, when it is to wait', () => {
    const b = dispatcher({ queues: 1, ring: 128, full: 'wait' });
    const sent: Uint8Array[] = [];
    const got: Uint8Array[] = [];
    for (let i = 0; i < 500; ) {
      const frame = ether(udp(fill(10 + (i % 90), i)));
      if (b.push(frame)) {
        sent.push(frame);
        i++;
      } else {
        expect(b.dispatcher.packets).toBe(i);
        got.push(...b.placed(0, { most: 50 }).map((p) => p.bytes));
      }
    }
    got.push(...b.all().map((p) => p.bytes));
    expect(got).toEqual(sent);
    expect(drops()).toEqual({});
    expect(b.dispatcher.packets).toBe(500);
  });

  // What a frame took of the arena while the ring had no slot for it must come back, or the lane is shut for good; and what
  // lies in the arena must stay as it is.
  it.each(['drop', 'wait'] as const)('opens again after a flood that it could not take (%s)', (full) => {
    const b = dispatcher({ queues: 1, ring: 128, full });
    const first = Array.from({ length: 128 }, (_, i) => ether(udp(fill(1400, i))));
    for (const frame of first) b.push(frame);
    const flood = ether(udp(fill(1400, 999)));
    for (let i = 0; i < 5000; i++) b.push(flood);
    expect(b.placed(0, { most: 1 })[0].bytes).toEqual(first[0]);
    for (let i = 0; i < 5000; i++) b.push(flood);
    const rest = b.all().map((p) => p.bytes);
    expect(rest.slice(0, 127)).toEqual(first.slice(1));
    const last = ether(udp(fill(1400, 5)));
    expect(b.push(last)).toBe(true);
    expect(b.all().map((p) => p.bytes)).toEqual([last]);
  });

  it('may be full of bytes rather than of descriptors', () => {
    const b = dispatcher({ queues: 1, ring: 128, full: 'wait' });
    const large = (i: number): Uint8Array => {
      const frame = new Uint8Array(MAX_FRAME).fill(i);
      frame.set([0x88, 0xb5], 12);
      return frame;
    };
    let taken = 0;
    const got: number[] = [];
    while (taken < 100) {
      if (b.push(large(taken))) taken++;
      else {
        const [{ bytes }] = b.placed(0, { most: 1 });
        expect(bytes.subarray(14).every((byte) => byte === bytes[14])).toBe(true);
        got.push(bytes[14]);
      }
    }
    got.push(...b.all().map((p) => p.bytes[14]));
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('keeps a datagram that was just joined until there is room for it', () => {
    const b = dispatcher({ queues: 1, ring: 128, full: 'wait' });
    for (let i = 0; i < 128; i++) b.push(ether(udp(10)));
    const parts = fragments(udp(1500), 800).map((part) => ether(part));
    for (const part of parts) expect(b.push(part)).toBe(true);
    expect(b.dispatcher.held).toBe(1);
    expect(b.push(arp())).toBe(false);
    expect(b.dispatcher.mark()).toBe(false);
    expect(b.placed(0, { most: 1 }).length).toBe(1);
    expect(b.dispatcher.mark()).toBe(true);
    expect(b.all().at(-1)).toMatchObject({ class: 'udp4', number: 129 });
  });

  it('counts that datagram as closed at the end, as `full` when it drops', () => {
    for (const full of ['wait', 'drop'] as const) {
      const b = dispatcher({ queues: 1, ring: 128, full });
      for (let i = 0; i < 128; i++) b.push(ether(udp(10)));
      for (const part of fragments(udp(1500), 800)) b.push(ether(part));
      b.dispatcher.end();
      expect(b.dispatcher.held).toBe(0);
      expect(drops()).toEqual(full === 'wait' ? { closed: 1 } : { full: 1 });
    }
  });

  it('is relieved first when its lane is in the same thread', () => {
    const b = dispatcher({ queues: 1, ring: 128 });
    let relieved = 0;
    b.dispatcher.relieve = () => {
      b.dispatcher.publish();
      relieved += b.placed(0).length;
    };
    for (let i = 0; i < 1000; i++) b.push(ether(udp(10)));
    for (const part of fragments(udp(1500), 800)) b.push(ether(part));
    expect(relieved + b.all().length).toBe(1001);
    expect(drops()).toEqual({});
  });

  it('is relieved by a consumer that pushes packets itself, and mixes nothing up', () => {
    const b = dispatcher({ queues: 1, ring: 128 });
    const got: string[] = [];
    let inside = false;
    b.dispatcher.relieve = () => {
      if (inside) return;
      inside = true;
      b.dispatcher.publish();
      for (const p of b.placed(0)) got.push(`${p.class} ${p.bytes.length}`);
      b.push(arp());
      for (const part of fragments(udp(1500), 800)) b.push(ether(part));
      inside = false;
    };
    for (let i = 0; i < 129; i++) b.push(ether(tcp(7)));
    got.push(...b.all().map((p) => `${p.class} ${p.bytes.length}`));
    expect(got).toEqual([...Array(128).fill('tcp4 61'), 'nonip 60', 'udp4 1542', 'tcp4 61']);
  });
});

describe('polls of a deterministic dispatcher', () => {
  const deterministic = { queues: 2, deterministic: true, full: 'wait' } as const;
  /** Frames that one lane gets. */
  const to = (b: DispatcherBench, lane: number, size = 10): Uint8Array => {
    for (let port = 1; ; port++) {
      const frame = ether(udp(size, { sport: port }));
      if (b.hashed(frame) === lane) return frame;
    }
  };

  it('end every 64 packets of a lane, and where `mark` says', () => {
    const b = dispatcher(deterministic);
    for (let i = 0; i < 150; i++) b.push(to(b, 0));
    b.push(to(b, 1));
    b.dispatcher.mark();
    b.dispatcher.mark();
    const [zero, one] = [b.placed(0), b.placed(1)];
    expect(zero.flatMap((p, i) => (p.pollEnd || p.mark ? [i] : []))).toEqual([63, 127, 150]);
    expect(zero.at(-1)!.mark).toBe(true);
    expect(one.map((p) => p.mark)).toEqual([false, true]);
    for (let i = 0; i < 64; i++) b.push(to(b, 0));
    b.dispatcher.mark();
    const again = b.placed(0);
    expect(again.length).toBe(64);
    expect(again.at(-1)!.pollEnd).toBe(true);
  });

  it('have no marks otherwise', () => {
    const b = dispatcher({ queues: 2 });
    for (let i = 0; i < 150; i++) b.push(to(b, 0));
    expect(b.dispatcher.mark()).toBe(true);
    expect(b.all().some((p) => p.mark || p.pollEnd)).toBe(false);
  });

  it('end before their frames fill the arena', () => {
    const b = dispatcher(deterministic);
    const large = new Uint8Array(MAX_FRAME);
    large.set([0x88, 0xb5], 12);
    for (let i = 0; i < 500; i++) {
      if (b.push(large)) continue;
      // A lane takes whole polls only: there is one.
      const end = b.placed(0, { release: false }).findIndex((p) => p.pollEnd || p.mark);
      expect(end).toBeGreaterThanOrEqual(0);
      b.placed(0, { most: end + 1 });
      expect(b.push(large)).toBe(true);
    }
    b.all();
  });

  it('end before the reader has no block left', () => {
    const b = dispatcher(deterministic);
    b.push(to(b, 0));
    b.dispatcher.blockDone();
    b.push(to(b, 1));
    expect(b.placed(0, { release: false }).map((p) => p.mark)).toEqual([false]);
    b.dispatcher.blockDone();
    expect(b.placed(0).map((p) => p.mark)).toEqual([false, true]);
    expect(b.placed(1, { release: false }).map((p) => p.mark)).toEqual([false]);
    b.dispatcher.blockDone();
    expect(b.placed(1).map((p) => p.mark)).toEqual([false, true]);
    b.dispatcher.blockDone();
    expect(b.all()).toEqual([]);
    expect(BLOCK_SIZE).toBe(1 << 20);
  });

  it('end as soon as there is room for the mark, and before any other packet', () => {
    const b = dispatcher({ ...deterministic, queues: 1, ring: 128 });
    const frame = ether(udp(10));
    // A ring of two whole polls, and the beginning and the end of two others.
    for (let i = 0; i < 10; i++) b.push(frame);
    b.all();
    for (let i = 0; i < 128; i++) expect(b.push(frame)).toBe(true);
    b.dispatcher.blockDone();
    b.dispatcher.blockDone();
    expect(b.push(frame)).toBe(false);
    b.placed(0, { most: 1 });
    expect(b.push(frame)).toBe(false);
    b.placed(0, { most: 1 });
    expect(b.push(frame)).toBe(true);
    const placed = b.all();
    expect(placed.flatMap((p, i) => (p.mark ? [i] : []))).toEqual([126]);
    expect(placed.flatMap((p, i) => (p.pollEnd ? [i] : []))).toEqual([51, 115]);
    expect(placed.length).toBe(128);
  });

  it('whose end was due when the ring was full end without another packet', () => {
    const b = dispatcher({ ...deterministic, queues: 1, ring: 128 });
    const frame = ether(udp(10));
    for (let i = 0; i < 10; i++) b.push(frame);
    b.all();
    for (let i = 0; i < 128; i++) b.push(frame);
    b.dispatcher.blockDone();
    b.dispatcher.blockDone();
    b.all();
    b.dispatcher.settle();
    expect(b.all().map((p) => p.mark)).toEqual([true]);
    b.dispatcher.settle();
    expect(b.all()).toEqual([]);
  });
});
