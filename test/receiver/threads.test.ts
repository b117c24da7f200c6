/** What only threads can break. Everything else about receivers is tested inline. */
import { describe, expect, it } from 'vitest';
import { microsoftKey } from '../../src/hash/keys.ts';
import type { ReceiverOptions } from '../../src/receiver/options.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import { Steerer } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { arp, ether, udp } from '../support/packets.ts';
import { batchOf, closingFault } from '../support/receivers.ts';
import {
  PORT_EXIT,
  PORT_HANG,
  PORT_REJECT,
  PORT_STRANGE,
  PORT_THROW,
  PORT_TIMER_THROW,
  PORT_WAIT,
} from './consumers/scripted-consumer.ts';

const module = (name: string): URL => new URL(`./consumers/${name}-consumer.ts`, import.meta.url);

interface Scripted {
  readonly rx: Receiver;
  /** [lane, class, number] of all packets that a consumer was given. */
  readonly given: [number, string, number][];
  readonly closed: number[];
  readonly events: [name: string, lane: number, about: unknown][];
  /** Resolves with the next message of another kind. */
  next(): Promise<Record<string, unknown>>;
}

async function scripted(options: Omit<ReceiverOptions, 'consumer'> = {}): Promise<Scripted> {
  const rx = await createReceiver({
    queues: 2,
    rss: { key: microsoftKey() },
    consumer: module('scripted'),
    ...options,
  });
  const given: [number, string, number][] = [];
  const closed: number[] = [];
  const events: [string, number, unknown][] = [];
  let heard: (message: Record<string, unknown>) => void = () => {};
  rx.on('message', ({ lane, message }) => {
    const m = message as { kind: string; packets: [string, number][] };
    if (m.kind === 'packets') for (const [cls, number] of m.packets) given.push([lane, cls, number]);
    else if (m.kind === 'closed') closed.push(lane);
    else heard({ lane, ...m });
  });
  rx.on('lane-lost', ({ lane, lost }) => events.push(['lost', lane, lost]));
  rx.on('consumer-error', ({ lane, error }) => events.push(['error', lane, (error as Error).message]));
  const next = (): Promise<Record<string, unknown>> =>
    new Promise((resolve) => {
      heard = resolve;
    });
  return { rx, given, closed, events, next };
}

const steerer = new Steerer({ queues: 2 });
const d = new Dissection();

/** A UDP frame that the hash sends to a lane of two; its port says what the consumer is to do. */
function frameTo(lane: number, dport = 5): Uint8Array {
  for (let sport = 1; ; sport++) {
    const frame = ether(udp(10, { sport, dport }));
    dissect(frame, 0, frame.length, 1, d);
    if (steerer.steer(frame, d) === lane) return frame;
  }
}

describe('lanes in threads', () => {
  it.each(['async', 'block'] as const)(
    'deliver each its own, in order, and their timers and messages live (idle %s)',
    async (idle) => {
      const { rx, given, closed, next } = await scripted({ idle, full: 'wait', ring: 128, data: { n: 1 } });
      const frames = Array.from({ length: 1000 }, (_, i) => frameTo(i % 3 === 0 ? 0 : 1));
      let ticks = next();
      for (const frame of frames) {
        while (!rx.push(frame)) await rx.writable();
      }
      rx.post(1, 'who');
      expect(await ticks).toEqual({ lane: 1, kind: 'who', lanes: 2, data: { n: 1 } });
      const batch = await batchOf(rx, frames);
      await rx.pushAll([batch]);
      rx.windows.done(batch.block);
      await rx.drain();
      expect(rx.stats()).toMatchObject({ packets: 2000, held: 0, conserved: true });
      // A timer of the consumer ticks while nothing comes, and while its lane is loaded.
      for (const loaded of [false, true]) {
        let before = -1;
        for (;;) {
          if (loaded) await rx.pushAll([batch]);
          ticks = next();
          rx.post(0, 'ticks');
          const { ticks: now } = (await ticks) as { ticks: number };
          if (before >= 0 && now > before) break;
          before = now;
        }
      }
      const stats = await rx.close();
      expect(closingFault(stats)).toBeUndefined();
      expect(closed.sort()).toEqual([0, 1]);
      for (const lane of [0, 1]) {
        const numbers = given.filter((p) => p[0] === lane).map((p) => p[2]);
        expect(numbers.length).toBe(stats.queues[lane].segments);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
    },
  );

  it('tell what their consumers throw, and go on', async () => {
    const { rx, given, events } = await scripted();
    for (const port of [PORT_THROW, PORT_REJECT, PORT_STRANGE]) {
      rx.push(frameTo(1, port));
      await rx.drain();
    }
    rx.push(frameTo(1));
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({ 'consumer-error': 3 });
    expect(events.map(([name, lane]) => [name, lane])).toEqual(Array(3).fill(['error', 1]));
    expect(events.slice(0, 2).map((event) => event[2])).toEqual(['as asked', 'as asked, later']);
    expect(given.length).toBe(4);
  });

  it('that die are replaced, with the loss counted, and others do not notice', async () => {
    const { rx, given, events } = await scripted();
    let sent = 0;
    for (const port of [PORT_EXIT, PORT_TIMER_THROW]) {
      rx.push(frameTo(1, port));
      // The lane is asleep or dying; these wait for the next one.
      await rx.drain();
      for (let i = 0; i < 10; i++) {
        rx.push(frameTo(0));
        rx.push(frameTo(1));
        sent += 2;
      }
      await rx.drain();
    }
    rx.post(1, 'throw');
    rx.push(frameTo(0));
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    const lost = events.filter(([name]) => name === 'lost');
    expect(lost.every(([, lane]) => lane === 1)).toBe(true);
    expect(lost.slice(0, 2).map((event) => event[2])).toEqual([1, 1]);
    expect(stats.drops).toEqual({ 'lane-lost': 2 });
    expect(stats.queues[0].drops).toEqual({});
    expect(given.filter(([lane]) => lane === 0).length).toBe(sent / 2 + 1);
    expect(stats.queues[1].segments).toBe(sent / 2);
  });

  it('that hang are ended after `consumerTimeout`, and idle ones are not', async () => {
    const { rx, events } = await scripted({ consumerTimeout: 500, queues: 2 });
    for (const port of [PORT_HANG, PORT_WAIT]) {
      rx.push(frameTo(1, port));
      await rx.drain();
    }
    rx.push(frameTo(1));
    rx.push(frameTo(0));
    await rx.drain();
    // Several looks of the watchdog at lanes that do nothing.
    await new Promise((resolve) => setTimeout(resolve, 500));
    rx.push(frameTo(1));
    const stats = await rx.close();
    expect(events).toEqual([
      ['lost', 1, 1],
      ['lost', 1, 1],
    ]);
    expect(stats.drops).toEqual({ 'lane-lost': 2 });
    expect(closingFault(stats)).toBeUndefined();
  });

  it('that die between marks lose packets, not marks', async () => {
    const { rx } = await scripted({ deterministic: true, full: 'wait' });
    for (let i = 0; i < 70; i++) rx.push(frameTo(1, i === 65 ? PORT_EXIT : 5));
    await rx.drain();
    for (let i = 0; i < 5; i++) rx.push(frameTo(1));
    await rx.drain();
    expect(rx.stats()).toMatchObject({ held: 0, drops: { 'lane-lost': 6 } });
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.queues[1].segments).toBe(69);
  });

  it('whose consumer cannot be made again give their packets up, and the other lanes take what comes later', async () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    const { rx, events, given } = await scripted({ data: { words }, full: 'wait', ring: 128 });
    words[1] = 1;
    rx.push(frameTo(1, PORT_EXIT));
    for (let i = 0; i < 300; i++) {
      while (!rx.push(frameTo(1))) await rx.writable();
      while (!rx.push(frameTo(0))) await rx.writable();
    }
    await rx.drain();
    // What lane 1 was given it may have told of before its thread ended.
    const others = (): number => given.filter(([lane]) => lane !== 1).length;
    // Messages come when they come; counters are there.
    const before = rx.stats().queues[0].segments;
    for (let i = 0; i < 50; i++) {
      while (!rx.push(frameTo(1))) await rx.writable();
    }
    // A table that names it again does not bring it back.
    await rx.swap({ indirection: { weight: [0, 1] } });
    for (let i = 0; i < 50; i++) {
      while (!rx.push(frameTo(1))) await rx.writable();
    }
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(Object.keys(stats.drops)).toEqual(['lane-lost']);
    expect(stats.queues[1].segments).toBe(0);
    expect(others()).toBe(before + 100);
    expect(others() + stats.drops['lane-lost']!).toBe(701);
    expect(events.find(([name]) => name === 'error')![2]).toMatch(/consumer: .*scripted-consumer.* threw: not again/);
  });

  it('that are slow lose nothing when the receiver waits', async () => {
    const { rx, given } = await scripted({ full: 'wait', ring: 128, data: { slow: 1 } });
    const batch = await batchOf(
      rx,
      Array.from({ length: 500 }, (_, i) => frameTo(i & 1)),
    );
    await rx.pushAll([batch, batch]);
    rx.windows.done(batch.block);
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({});
    expect(given.map((p) => p[2]).sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it('are ended by a timeout of `close`, and what they had counts as closed', async () => {
    const { rx } = await scripted({ full: 'wait' });
    rx.push(frameTo(1, PORT_WAIT));
    rx.push(frameTo(0));
    for (let i = 0; i < 9; i++) rx.push(frameTo(1));
    await expect(rx.drain({ timeout: 500 })).rejects.toMatchObject({ code: 'ERR_RXSTEER_TIMEOUT' });
    const stats = await rx.close({ timeout: 30 });
    expect(stats.drops).toEqual({ closed: 10 });
    expect(stats.queues[0].segments).toBe(1);
    expect(closingFault(stats)).toBeUndefined();
    expect(() => rx.push(arp())).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_CLOSED' }));
    await rx.drain();
  });

  it('are ended by a signal while something is pushed', async () => {
    const aborter = new AbortController();
    const { rx } = await scripted({ full: 'wait', ring: 128, signal: aborter.signal });
    const batch = await batchOf(
      rx,
      Array.from({ length: 300 }, (_, i) => frameTo(1, i === 100 ? PORT_WAIT : 5)),
    );
    const pushing = rx.pushAll([batch]);
    setTimeout(() => aborter.abort(new Error('enough')), 20);
    await expect(pushing).rejects.toThrow('enough');
    const stats = await rx.close();
    expect(stats.packets).toBeLessThan(300);
    expect(closingFault(stats)).toBeUndefined();
  });
});

describe('a consumer that is none', () => {
  const none: [string, RegExp][] = [
    ['no-default', /has no default export that is a function/],
    ['throwing', /threw: there is no database/],
    ['half', /has no onPackets\(batch\)/],
    ['missing', /could not be loaded: /],
  ];

  it.each(none)('%s', async (name, message) => {
    for (const inline of [true, false]) {
      const made = createReceiver({ queues: 1, inline, consumer: module(name) });
      await expect(made).rejects.toMatchObject({
        code: 'ERR_RXSTEER_CONSUMER',
        message: expect.stringMatching(message),
      });
    }
  });

  it('ends its thread', async () => {
    await expect(createReceiver({ queues: 1, consumer: module('exiting') })).rejects.toMatchObject({
      code: 'ERR_RXSTEER_CONSUMER',
      message: expect.stringContaining('ended before'),
    });
  });
});
