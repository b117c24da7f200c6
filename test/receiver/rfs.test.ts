/** Receive flow steering end to end, with inline lanes. */
import { describe, expect, it } from 'vitest';
import { type Sa, sealTunnel } from '../../src/esp/index.ts';
import { microsoftKey, seededKey } from '../../src/hash/keys.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { Tuple } from '../../src/wire/tuple.ts';
import { DispatcherBench } from '../support/dispatcher-bench.ts';
import { arp, ether, fill, ip, tcp, udp } from '../support/packets.ts';
import { batchOf, closingFault, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

interface Ends {
  readonly src?: string;
  readonly dst?: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly protocol?: number;
}

function tuple({ src = '10.1.0.1', dst = '10.1.0.2', sport = 5000, dport = 6000, protocol = 17 }: Ends = {}): Tuple {
  const out = new Tuple();
  out.src.set(parseAddress(src));
  out.dst.set(parseAddress(dst));
  out.family = src.includes(':') ? 6 : 4;
  out.protocol = protocol;
  out.sport = sport;
  out.dport = dport;
  return out;
}

async function send(rx: Receiver, ...packets: Uint8Array[]): Promise<void> {
  for (const packet of packets) rx.push(ether(packet));
  await rx.drain();
}

describe('a flow in clear goes to the lane that has claimed it', () => {
  const flows: [string, Uint8Array, Ends][] = [
    ['UDP', udp(9), {}],
    ['TCP', tcp(9), { sport: 40000, dport: 443, protocol: 6 }],
    [
      'UDP over IPv6',
      udp(9, { src: 'fd00::1', dst: 'fd00::2', sport: 7, dport: 8 }),
      { src: 'fd00::1', dst: 'fd00::2', sport: 7, dport: 8 },
    ],
    ['ICMP, by its addresses', ip(1, fill(20, 1)), { protocol: 1, sport: 0, dport: 0 }],
  ];

  it.each(flows)('by receiver.claim: %s', async (_, packet, ends) => {
    const { rx, delivered } = await inlineReceiver({ queues: 4, rfs: {}, gro: false });
    await send(rx, packet);
    const { lane } = delivered[0];
    for (const to of [(lane + 1) % 4, (lane + 2) % 4, lane]) {
      expect(rx.claim(tuple(ends), to)).toBe(true);
      await send(rx, packet, packet);
    }
    const stats = await rx.close();
    expect(delivered.map((p) => (p.lane - lane + 4) % 4)).toEqual([0, 1, 1, 2, 2, 0, 0]);
    expect(stats.rfs).toMatchObject({ entries: 32768, moves: 3, saMoves: 0 });
    expect(closingFault(stats)).toBeUndefined();
  });

  it('by batch.claim, for its own lane or another one', async () => {
    let to: number | undefined;
    let answer: boolean | undefined;
    const { rx, delivered } = await inlineReceiver({
      queues: 4,
      rfs: {},
      onPackets(batch) {
        answer = to === undefined ? undefined : batch.claim(0, to);
      },
    });
    await send(rx, udp(1));
    const { lane } = delivered[0];
    to = (lane + 1) % 4;
    await send(rx, udp(1));
    expect(answer).toBe(true);
    await send(rx, udp(1));
    expect(delivered.map((p) => p.lane)).toEqual([lane, lane, to]);
    // Another packet of the poll, and the lane where it is: nothing moves.
    const own = await inlineReceiver({
      queues: 4,
      rfs: {},
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) expect(batch.claim(i)).toBe(true);
      },
    });
    await send(own.rx, udp(1), udp(2), udp(3, { sport: 9 }), udp(4, { sport: 10 }));
    await send(own.rx, udp(1), udp(2), udp(3, { sport: 9 }), udp(4, { sport: 10 }));
    const lanes = own.delivered.map((p) => [p.bytes.length, p.lane]);
    expect(lanes.slice(4)).toEqual(lanes.slice(0, 4));
    expect((await own.rx.close()).rfs).toMatchObject({ moves: 0 });
    await rx.close();
  });

  it('by context.claim of a consumer module, of the flow that answers what it sends', async () => {
    const rx = await createReceiver({
      queues: 4,
      inline: true,
      rfs: {},
      rss: { key: microsoftKey() },
      consumer: new URL('./consumers/claiming-consumer.ts', import.meta.url),
    });
    const messages: Record<string, unknown>[] = [];
    rx.on('message', ({ message }) => messages.push(message as Record<string, unknown>));
    // It sends from port 6000 to 5000; the answers come the other way round.
    rx.post(2, { sport: 5000, dport: 6000 });
    await send(rx, udp(1));
    rx.post(2, { sport: 5000, dport: 6000, lane: 0 });
    await send(rx, udp(1));
    rx.post(1, { sport: 5000, dport: 6000, lane: 4 });
    rx.post(1, { sport: 5000, dport: 6000, lane: -1 });
    expect(messages).toEqual([
      { lane: 2, claimed: true },
      { lane: 2, number: 0 },
      { lane: 2, claimed: true },
      { lane: 0, number: 1 },
      { lane: 1, threw: 'ERR_RXSTEER_OPTION' },
      { lane: 1, threw: 'ERR_RXSTEER_OPTION' },
    ]);
    await rx.close();
  });

  it('and to no other: delivery alone claims nothing', async () => {
    const { rx, delivered } = await inlineReceiver({ queues: 4, rfs: {}, rss: { indirection: Array(128).fill(1) } });
    await send(rx, udp(1), tcp(1));
    await rx.swap({ indirection: Array(128).fill(2) });
    await send(rx, udp(1), tcp(1));
    expect(delivered.map((p) => p.lane)).toEqual([1, 1, 2, 2]);
    await rx.close();
  });

  it('unless a rule steers it', async () => {
    const rules = ['flow-type udp4 src-port 5000 action 3'];
    const { rx, delivered } = await inlineReceiver({ queues: 4, rfs: {}, rss: { key: microsoftKey(), rules } });
    expect(rx.claim(tuple(), 1)).toBe(true);
    await send(rx, udp(1), udp(1));
    expect(delivered.map((p) => p.lane)).toEqual([3, 3]);
    await rx.swap({ rules: [] });
    await send(rx, udp(1));
    expect(delivered[2].lane).toBe(1);
    await rx.close();
  });

  it('frames of a batch too', async () => {
    const { rx, delivered } = await inlineReceiver({ queues: 4, rfs: {}, gro: false });
    for (let sport = 1; sport <= 40; sport++) rx.claim(tuple({ sport }), sport % 4);
    const batch = await batchOf(
      rx,
      Array.from({ length: 40 }, (_, i) => ether(udp(fill(1, 0), { sport: i + 1 }))),
    );
    await rx.pushAll([batch, batch]);
    rx.windows.done(batch.block);
    await rx.close();
    expect(delivered.map(({ lane, bytes }) => [lane, bytes[35] % 4])).toEqual(
      delivered.map(({ bytes }) => [bytes[35] % 4, bytes[35] % 4]),
    );
    expect(delivered.length).toBe(80);
  });

  it('when what its old lane has of it is delivered, and not before', async () => {
    let settle = (): void => {};
    const { rx, delivered } = await inlineReceiver({
      queues: 2,
      rfs: {},
      rss: { indirection: Array(128).fill(0) },
      onPackets: (batch) =>
        batch.lane === 1
          ? undefined
          : new Promise((resolve) => {
              settle = resolve;
            }),
    });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    rx.push(ether(udp(1)));
    await turn();
    rx.claim(tuple(), 1);
    rx.push(ether(udp(2)));
    rx.push(ether(udp(3, { sport: 9 })));
    rx.claim(tuple({ sport: 10 }), 1);
    rx.push(ether(udp(4, { sport: 10 })));
    await turn();
    expect(delivered.map(({ lane, bytes }) => [lane, bytes.length - 42])).toEqual([
      [0, 1],
      [1, 4],
    ]);
    settle();
    await new Promise((resolve) => setTimeout(resolve, 2));
    settle();
    await rx.drain();
    rx.push(ether(udp(5)));
    await rx.close();
    expect(delivered.slice(2).map(({ lane, bytes }) => [lane, bytes.length - 42])).toEqual([
      [0, 2],
      [0, 3],
      [1, 5],
    ]);
  });
});

describe('a claim', () => {
  it('is refused without RFS, and without a hash', async () => {
    const answers: boolean[] = [];
    const onPackets = (batch: { length: number; claim(i: number): boolean }): void => {
      for (let i = 0; i < batch.length; i++) answers.push(batch.claim(i));
    };
    for (const rfs of [undefined, false] as const) {
      const { rx } = await inlineReceiver({ queues: 2, rfs, onPackets });
      expect(rx.claim(tuple(), 1)).toBe(false);
      await send(rx, udp(1));
      expect((await rx.close()).rfs).toBeUndefined();
    }
    const { rx } = await inlineReceiver({ queues: 2, rfs: {}, onPackets });
    rx.push(arp());
    await send(rx, tcp(1));
    await rx.close();
    expect(answers.sort()).toEqual([false, false, false, true]);
  });

  it.each([2, -1, 0.5, Number.NaN, '1', 2 ** 32, null])('for lane %s throws', async (lane) => {
    const errors: unknown[] = [];
    const wrong = expect.objectContaining({
      code: 'ERR_RXSTEER_OPTION',
      message: expect.stringMatching(/^lane: expected an integer from 0 to 1, got /),
    });
    for (const rfs of [{}, false] as const) {
      const { rx } = await inlineReceiver({
        queues: 2,
        rfs,
        onPackets(batch) {
          batch.claim(0, lane as number);
        },
      });
      rx.on('consumer-error', ({ error }) => errors.push(error));
      expect(() => rx.claim(tuple(), lane as number)).toThrow(wrong);
      await send(rx, udp(1));
      expect((await rx.close()).drops).toEqual({ 'consumer-error': 1 });
    }
    expect(errors).toEqual([wrong, wrong]);
  });

  it('goes by the key that is in force, before and after a swap', async () => {
    const { rx, delivered } = await inlineReceiver({ queues: 4, rfs: {}, rss: { indirection: Array(128).fill(0) } });
    rx.claim(tuple(), 1);
    await send(rx, udp(1));
    await rx.swap({ key: seededKey('new') });
    await send(rx, udp(1));
    rx.claim(tuple(), 2);
    await send(rx, udp(1));
    expect(delivered.map((p) => p.lane)).toEqual([1, 0, 2]);
    await rx.close();
  });
});

describe('in two stages', () => {
  const pinned = (spi: number, queue: number): Sa => sa(spi, { queue, replayWindow: 1024 });

  it('inner flows go to the lanes that claim them, and the numbers add up', async () => {
    const sas = [pinned(1, 0), pinned(2, 1)];
    const { rx, delivered } = await inlineReceiver({ queues: 3, rfs: {}, esp: { sas } });
    for (let lane = 0; lane < 3; lane++) rx.claim(tuple({ sport: 100 + lane, dport: 443, protocol: 6 }), lane);
    for (let n = 0; n < 30; n++) {
      for (let flow = 0; flow < 3; flow++) {
        const packet = tcp(fill(100, 100 * n), { sport: 100 + flow, seq: 1 + 100 * n });
        rx.push(ether(sealTunnel(sas[0], 3 * n + flow + 1, packet)));
      }
      rx.push(ether(sealTunnel(sas[1], n + 1, udp(8, { sport: 9 }))));
    }
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    const packets = delivered.filter((p) => p.class === 'tcp4');
    // More segments than one poll has: each flow came in a few super-packets.
    expect(packets.every((p) => p.segments > 1 && p.gsoSize === 100)).toBe(true);
    for (let lane = 0; lane < 3; lane++) {
      const own = packets.filter((p) => p.lane === lane);
      expect(own.map((p) => p.bytes[35])).toEqual(own.map(() => 100 + lane));
      const payload = Buffer.concat(own.map((p) => p.bytes.subarray(54)));
      expect(payload.equals(Buffer.concat(Array.from({ length: 30 }, (_, n) => fill(100, 100 * n))))).toBe(true);
    }
    const [first, second, third] = stats.queues;
    expect([first.packets, second.packets, third.packets]).toEqual([90, 30, 0]);
    expect([first.takenOver, second.takenOver, third.takenOver]).toEqual([0, 30, 30]);
    expect(first.handovers).toBe(packets.filter((p) => p.lane > 0).length);
    expect([first.segments, second.segments, third.segments]).toEqual([30, 60, 30]);
  });

  it('unless that is switched off', async () => {
    const one = pinned(1, 0);
    const { rx, delivered } = await inlineReceiver({ queues: 2, rfs: { twoStage: false }, esp: { sas: [one] } });
    rx.claim(tuple(), 1);
    await send(rx, sealTunnel(one, 1, udp(1)), udp(1));
    expect(delivered.map(({ lane, sa: index }) => [lane, index])).toEqual([
      [0, 1],
      [1, 0],
    ]);
    expect((await rx.close()).queues[0].handedOver).toBe(0);
  });

  it('an SA stays when it is not to follow its flows', async () => {
    for (const saAffinity of [true, false]) {
      const one = sa(1, { replayWindow: 1024 });
      const { rx, delivered } = await inlineReceiver({ queues: 2, rfs: { saAffinity }, esp: { sas: [one] } });
      await send(rx, sealTunnel(one, 1, udp(1)));
      const to = 1 - delivered[0].lane;
      rx.claim(tuple(), to);
      for (let n = 2; n < 200; n += 10) {
        await send(rx, ...Array.from({ length: 10 }, (_, i) => sealTunnel(one, n + i, udp(1))));
      }
      const stats = await rx.close();
      expect(delivered.slice(1).every(({ lane }) => lane === to)).toBe(true);
      expect(stats.rfs!.saMoves).toBe(saAffinity ? 1 : 0);
      expect(stats.queues[1 - to].handovers).toBe(saAffinity ? 70 : 200);
    }
  });

  it('a consumer that throws counts what was handed to it', async () => {
    const one = pinned(1, 0);
    const { rx } = await inlineReceiver({
      queues: 2,
      rfs: {},
      esp: { sas: [one] },
      onPackets(batch) {
        if (batch.lane === 1) throw new Error('no');
      },
    });
    rx.claim(tuple({ sport: 40000, dport: 443, protocol: 6 }), 1);
    for (let n = 0; n < 10; n++) rx.push(ether(sealTunnel(one, n + 1, tcp(50, { seq: 1 + 50 * n }))));
    await send(rx, udp(1, { sport: 1 }));
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.queues[1].drops['consumer-error']).toBeGreaterThanOrEqual(10);
    expect(stats.queues[1]).toMatchObject({ takenOver: 10, segments: 0 });
  });

  it('what lies between lanes when the receiver is closed by a timeout counts as closed', async () => {
    const one = pinned(1, 0);
    const { rx } = await inlineReceiver({
      queues: 2,
      rfs: {},
      esp: { sas: [one] },
      onPackets: (batch) => (batch.lane === 1 ? new Promise(() => {}) : undefined),
    });
    rx.claim(tuple(), 1);
    for (let n = 1; n <= 300; n++) rx.push(ether(sealTunnel(one, n, udp(1))));
    const stats = await rx.close({ timeout: 10 });
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({ closed: 300 });
    // 128 lie in the ring between the lanes, the others in that of the lane that waits for room.
    expect(stats.queues.map(({ drops }) => drops)).toEqual([{ closed: 172 }, { closed: 128 }]);
  });
});

describe('the flow limit', () => {
  const mouse = (n: number): Uint8Array => ether(udp(1, { sport: 10_000 + n }));
  const elephant = ether(udp(fill(60, 1), { sport: 7 }));
  const drops = ({ dispatcher }: DispatcherBench): number => dispatcher.drops.reduce((sum, n) => sum + n, 0);

  it('refuses an elephant that has more than half of a half full ring, and lets mice in', () => {
    const b = new DispatcherBench({ queues: 1, ring: 1024, rfs: { flowLimit: true } });
    for (let n = 0; n < 512; n++) b.push(elephant);
    // Nothing is refused before the ring is half full, whoever fills it.
    expect(drops(b)).toBe(0);
    let mice = 0;
    for (let n = 0; n < 300; n++) {
      for (let k = 0; k < 3; k++) b.push(elephant);
      b.push(mouse(n));
      mice++;
    }
    expect(drops(b)).toBeGreaterThan(300);
    const placed = b.placed(0);
    expect(placed.length).toBeLessThan(1024);
    expect(placed.filter(({ bytes }) => bytes.length < 60).length).toBe(mice);
    expect(b.unaccounted()).toBe(0);
    // An empty ring takes all of it again.
    const before = drops(b);
    for (let n = 0; n < 100; n++) b.push(elephant);
    expect([drops(b), b.placed(0).length]).toEqual([before, 100]);
  });

  it('is counted by its name, in batches too, and what has no hash is not limited', async () => {
    let settle = (): void => {};
    const { rx } = await inlineReceiver({
      queues: 1,
      ring: 256,
      rfs: { flowLimit: 64 },
      onPackets: () =>
        new Promise((resolve) => {
          settle = resolve;
        }),
    });
    const batch = await batchOf(
      rx,
      Array.from({ length: 250 }, () => elephant),
    );
    rx.pushBatch(batch);
    rx.windows.done(batch.block);
    const refused = rx.stats().drops['flow-limit']!;
    expect(rx.stats().drops).toEqual({ 'flow-limit': refused });
    expect(refused).toBeGreaterThan(40);
    for (let n = 0; n < 20; n++) rx.push(arp());
    expect(rx.stats().drops).toEqual({ 'flow-limit': refused });
    const timer = setInterval(() => settle(), 1);
    const stats = await rx.close();
    clearInterval(timer);
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.queues[0].segments).toBe(270 - refused);
  });
});
