/** RFS and threads that end: what only threads can break. */
import { describe, expect, it } from 'vitest';
import { sealTunnel } from '../../src/esp/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import type { ReceiverOptions, RfsOptions } from '../../src/receiver/options.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { Tuple } from '../../src/wire/tuple.ts';
import { ether, udp } from '../support/packets.ts';
import { closingFault } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';
import { PORT_EXIT, PORT_WAIT } from './consumers/scripted-consumer.ts';

function tuple(sport: number, dport: number): Tuple {
  const out = new Tuple();
  out.src.set(parseAddress('10.1.0.1'));
  out.dst.set(parseAddress('10.1.0.2'));
  out.protocol = 17;
  out.sport = sport;
  out.dport = dport;
  return out;
}

const one = sa(1, { queue: 0, replayWindow: 4096 });

interface Bench {
  readonly rx: Receiver;
  /** [lane, number] of all packets that a consumer was given. */
  readonly given: [number, number][];
  readonly lost: [number, number][];
  /** A packet of the SA, which lane 0 opens. */
  sealed(sport: number, dport?: number): Uint8Array;
}

async function bench(options: Omit<ReceiverOptions, 'consumer'> = {}, rfs: RfsOptions = {}): Promise<Bench> {
  const rx = await createReceiver({
    queues: 2,
    rss: { key: microsoftKey() },
    esp: { sas: [one] },
    rfs,
    full: 'wait',
    consumer: new URL('./consumers/scripted-consumer.ts', import.meta.url),
    ...options,
  });
  const given: [number, number][] = [];
  const lost: [number, number][] = [];
  rx.on('message', ({ lane, message }) => {
    const m = message as { kind: string; packets: [string, number][] };
    if (m.kind === 'packets') for (const [, number] of m.packets) given.push([lane, number]);
  });
  rx.on('lane-lost', (event) => lost.push([event.lane, event.lost]));
  let seq = 0;
  const sealed = (sport: number, dport = 6000): Uint8Array => ether(sealTunnel(one, ++seq, udp(20, { sport, dport })));
  return { rx, given, lost, sealed };
}

async function push(rx: Receiver, frame: Uint8Array): Promise<void> {
  while (!rx.push(frame)) await rx.writable();
}

describe('a lane that dies', () => {
  it('with what it has taken over loses that; the next thread goes on, and so does the lane that hands over', async () => {
    const { rx, given, lost, sealed } = await bench();
    expect(rx.claim(tuple(7, 6000), 1)).toBe(true);
    expect(rx.claim(tuple(7, PORT_EXIT), 1)).toBe(true);
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 5; n++) await push(rx, sealed(7));
      await rx.drain();
      await push(rx, sealed(7, PORT_EXIT));
      await rx.drain();
    }
    for (let n = 0; n < 5; n++) await push(rx, sealed(7));
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({ 'lane-lost': 3 });
    expect(stats.queues[1].drops).toEqual({ 'lane-lost': 3 });
    expect(lost).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    expect(given.filter(([lane]) => lane === 0)).toEqual([]);
    expect(stats.queues[1]).toMatchObject({ segments: 20, takenOver: 20 });
  });

  it('while it hands over loses what is its own; what others have of it is delivered', async () => {
    const { rx, lost, sealed } = await bench();
    rx.claim(tuple(7, 6000), 1);
    let sent = 0;
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 300; n++, sent++) await push(rx, sealed(7));
      // It stays in lane 0, and ends it.
      await push(rx, sealed(8, PORT_EXIT));
      for (let n = 0; n < 100; n++, sent++) await push(rx, sealed(7));
      await rx.drain();
      expect(rx.stats()).toMatchObject({ held: 0, conserved: true });
    }
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(lost.length).toBe(3);
    expect(lost.every(([lane]) => lane === 0)).toBe(true);
    expect(Object.keys(stats.drops)).toEqual(['lane-lost']);
    expect(stats.queues[1].segments + stats.drops['lane-lost']!).toBe(sent + 3);
    expect(stats.queues[0].drops).toEqual(stats.drops);
  });

  it.each(['drop', 'wait'] as const)(
    'for good does not hold those who handed over to it, even if nobody waits for anything (full: %s)',
    async (full) => {
      const words = new Int32Array(new SharedArrayBuffer(8));
      const { rx, given, sealed } = await bench({ data: { words }, full, ring: 128 });
      for (const dport of [6000, PORT_EXIT]) rx.claim(tuple(7, dport), 1);
      words[1] = 1;
      const gone = new Promise<void>((resolve) => rx.on('consumer-error', () => resolve()));
      rx.push(sealed(7, PORT_EXIT));
      // More than the ring between the lanes holds.
      for (let n = 0; n < 400; n++) {
        rx.push(sealed(7));
        if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await gone;
      // Only `push` from here on, until something of the flow comes out of lane 0.
      given.length = 0;
      for (let n = 0; n < 2000 && given.length === 0; n++) {
        rx.push(sealed(7));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      expect(given.length).toBeGreaterThan(0);
      expect(given.every(([lane]) => lane === 0)).toBe(true);
      expect(closingFault(await rx.close())).toBeUndefined();
    },
  );

  it('for good takes ESP inside ESP with it whose SA is pinned there, and nothing else', async () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    const inner = sa(2, { src: '10.9.0.1', dst: '10.9.0.2', queue: 1, replayWindow: 4096 });
    let seq = 0;
    const { rx, given } = await bench({ data: { words }, full: 'drop', ring: 512, esp: { sas: [one, inner] } });
    const nested = (dport: number): Uint8Array => {
      seq++;
      return ether(sealTunnel(one, seq, sealTunnel(inner, seq, udp(20, { dport }))));
    };
    words[1] = 1;
    const gone = new Promise<void>((resolve) => rx.on('consumer-error', () => resolve()));
    rx.push(nested(PORT_EXIT));
    await gone;
    given.length = 0;
    // Only `push` from here on: more than the ring between the lanes holds.
    for (let n = 0; n < 600; n++) {
      rx.push(nested(6000));
      if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 60));
    }
    for (let n = 0; n < 300 && given.length === 0; n++) {
      rx.push(ether(sealTunnel(one, ++seq, udp(20))));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(given.length).toBeGreaterThan(0);
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({ 'lane-lost': 601 });
  });
});

describe('the end of a receiver', () => {
  it('by a timeout counts as closed what lies between lanes', async () => {
    const { rx, sealed } = await bench();
    for (const dport of [6000, PORT_WAIT]) rx.claim(tuple(7, dport), 1);
    await push(rx, sealed(7, PORT_WAIT));
    for (let n = 0; n < 50; n++) await push(rx, sealed(7));
    // Lane 0 has handed it over; lane 1 waits for ever.
    await expect(rx.drain({ timeout: 300 })).rejects.toMatchObject({ code: 'ERR_RXSTEER_TIMEOUT' });
    for (let i = 0; i < 200 && rx.stats().queues[0].handovers < 51; i++) await new Promise((r) => setTimeout(r, 10));
    expect(rx.stats().queues.map(({ held }) => held)).toEqual([0, 51]);
    const stats = await rx.close({ timeout: 30 });
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({ closed: 51 });
    expect(stats.queues[1].drops).toEqual({ closed: 51 });
  });
});
