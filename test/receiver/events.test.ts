/** What the program, its consumers and subscribers of the diagnostics channels are told. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, vi } from 'vitest';
import { type Sa, sealTunnel } from '../../src/esp/index.ts';
import { EVENTS, type EventName } from '../../src/events.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import type { SaEvent } from '../../src/lane/sa-events.ts';
import type { EspEventOptions } from '../../src/receiver/options.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import { ether, udp } from '../support/packets.ts';
import { closingFault, inlineReceiver } from '../support/receivers.ts';
import { KEY_HEX, sa } from '../support/sas.ts';

const sas = [
  sa(1, { queue: 0, limits: { soft: { packets: 3 }, hard: { packets: 5 } } }),
  sa(2, { queue: 1 }),
  sa(3, { queue: 1, limits: { soft: { seconds: 4 } } }),
];
const stranger = sa(0x99);
const inner = udp(20);

function spoiled(frame: Uint8Array): Uint8Array {
  frame[frame.length - 1] ^= 1;
  return frame;
}

/** Frames with their times: limits, forgeries, an unknown SPI. */
function* traffic(): Generator<[Uint8Array, number]> {
  const sealed = (one: Sa, n: number): Uint8Array => ether(sealTunnel(one, n, inner));
  for (let n = 1; n <= 7; n++) {
    yield [sealed(sas[0], n), 1000 + n];
    yield [sealed(sas[2], n), 1000 + n];
    yield [sealed(stranger, n), 1000 + n];
  }
  for (let n = 0; n < 12; n++) yield [spoiled(sealed(sas[1], 1)), 1010];
}

const SA_EVENTS = (Object.keys(EVENTS) as EventName[]).filter((name) => EVENTS[name]?.startsWith('rxsteer:sa:'));

const order = (events: readonly SaEvent[]): SaEvent[] =>
  [...events].sort((a, b) => a.time - b.time || (a.kind < b.kind ? -1 : 1));

interface Told {
  readonly listeners: SaEvent[];
  readonly subscribers: SaEvent[];
  readonly consumers: SaEvent[];
}

async function run(inline: boolean): Promise<Told> {
  const told: Told = { listeners: [], subscribers: [], consumers: [] };
  let rx: Receiver | undefined;
  const heard = (message: unknown): void => {
    const { receiver, event } = message as { receiver: Receiver; event: SaEvent };
    if (receiver === rx) told.subscribers.push(event);
  };
  for (const name of SA_EVENTS) subscribe(EVENTS[name]!, heard);
  rx = await createReceiver({
    queues: 2,
    inline,
    full: 'wait',
    deterministic: true,
    rss: { key: microsoftKey() },
    esp: { sas },
    consumer: inline
      ? { onPackets() {}, onEvent: (event) => void told.consumers.push(event) }
      : new URL('./consumers/telling-consumer.ts', import.meta.url),
  });
  for (const name of SA_EVENTS) rx.on(name as 'soft-limit', (event) => told.listeners.push(event));
  rx.on('message', ({ message }) => told.consumers.push(message as SaEvent));
  for (const [frame, time] of traffic()) {
    rx.push(frame, { time });
    // None comes while a frame is pushed.
    if (inline) expect(told.listeners.length).toBe(told.subscribers.length);
  }
  const stats = await rx.close();
  expect(closingFault(stats)).toBeUndefined();
  expect(stats.sas.map(({ life }) => life)).toEqual(['dead', 'mature', 'dying']);
  expect(stats.sas[0]).toMatchObject({ opened: 5, failed: { expired: 2 } });
  for (const name of SA_EVENTS) unsubscribe(EVENTS[name]!, heard);
  return told;
}

describe.each([
  ['inline', true],
  ['in threads', false],
])('%s', (_, inline) => {
  it('listeners, subscribers and consumers hear the same, and no key', async () => {
    const { listeners, subscribers, consumers } = await run(inline);
    expect(order(listeners).map((event) => [event.kind, event.lane, event.time])).toEqual([
      ['unknown-spi', undefined, 1_001_000],
      ['soft-limit', 0, 1_003_000],
      ['hard-limit', 0, 1_005_000],
      ['soft-limit', 1, 1_005_000],
      ['authentication-failures', 1, 1_010_000],
    ]);
    expect(order(subscribers)).toEqual(order(listeners));
    expect(order(consumers)).toEqual(order(listeners).filter(({ lane }) => lane !== undefined));
    expect(JSON.stringify([listeners, subscribers, consumers])).not.toContain(KEY_HEX.slice(0, 12));
  });
});

it('unknown SPIs: an event for each, again after ten seconds, at most so many a second; stats have all', async () => {
  const { rx } = await inlineReceiver({
    deterministic: true,
    full: 'wait',
    esp: { sas: [], events: { perSecond: 2 } },
  });
  const seen: (number | string)[][] = [];
  rx.on('unknown-spi', ({ spi, src, dst, packets, suppressed }) => seen.push([spi, src, dst, packets, suppressed]));
  const send = (spi: number, time: number): void => void rx.push(ether(sealTunnel(sa(spi), 1, inner)), { time });
  for (const time of [100, 100, 105]) send(7, time);
  for (const spi of [8, 9, 10, 11]) send(spi, 105);
  send(7, 110);
  await rx.drain();
  expect(seen).toEqual([
    [7, '192.0.2.1', '192.0.2.2', 1, 0],
    [8, '192.0.2.1', '192.0.2.2', 1, 2],
    [9, '192.0.2.1', '192.0.2.2', 1, 0],
    [7, '192.0.2.1', '192.0.2.2', 4, 2],
  ]);
  expect((await rx.close()).unknownSpis.map(({ packets }) => packets)).toEqual([4, 1, 1, 1, 1]);
});

it('a flood of SPIs, of which the table has no room any more, is told of too, seldom', async () => {
  const { rx } = await inlineReceiver({ deterministic: true, full: 'wait', esp: { sas: [] } });
  let told = 0;
  let suppressed = 0;
  rx.on('unknown-spi', (event) => {
    told++;
    suppressed += event.suppressed;
  });
  for (let i = 0; i < 3000; i++) rx.push(ether(sealTunnel(sa(i + 256), 1, inner)), { time: 100 + i / 1000 });
  rx.push(ether(sealTunnel(sa(1), 1, inner)), { time: 120 });
  const { drops } = await rx.close();
  expect(drops).toEqual({ 'unknown-spi': 3001 });
  expect(told).toBeLessThanOrEqual(10 + 3 * 10 + 1);
  expect(told + suppressed).toBe(3001);
});

it('limits by time of SAs by which nothing comes, without a lane; a lane that finds them later tells nothing again', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'hrtime'] });
  const timed = sa(5, { limits: { soft: { seconds: 3 }, hard: { seconds: 5 } } });
  const { rx } = await inlineReceiver({ esp: { sas: [timed] } });
  const seen: [string, string, number | undefined][] = [];
  for (const name of ['soft-limit', 'hard-limit'] as const)
    rx.on(name, ({ kind, unit, lane }) => seen.push([kind, unit, lane]));
  vi.advanceTimersByTime(2000);
  rx.push(ether(sealTunnel(timed, 1, inner)));
  await rx.drain();
  expect(seen).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(seen).toEqual([['soft-limit', 'seconds', undefined]]);
  vi.advanceTimersByTime(2000);
  expect(seen.slice(1)).toEqual([['hard-limit', 'seconds', undefined]]);
  rx.push(ether(sealTunnel(timed, 2, inner)));
  await rx.drain();
  vi.advanceTimersByTime(10_000);
  expect(seen).toHaveLength(2);
  vi.useRealTimers();
  expect((await rx.close()).drops).toEqual({ 'sa-expired': 1 });
});

it('what a listener throws is no failure of the push', async () => {
  const { rx } = await inlineReceiver({ esp: { sas: [] } });
  const thrown = new Promise<unknown>((resolve) => {
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => {
      for (const listener of before) process.on('uncaughtException', listener);
      resolve(error);
    });
  });
  rx.on('unknown-spi', () => {
    throw new Error('of the listener');
  });
  expect(rx.push(ether(sealTunnel(stranger, 1, inner)))).toBe(true);
  expect(await thrown).toEqual(new Error('of the listener'));
  await rx.close();
});

it.each<[EspEventOptions, string]>([
  [{ sequence: 0 }, 'esp.events.sequence: expected a number above 0 and up to 1, got 0'],
  [{ sequence: 1.1 }, 'esp.events.sequence: expected a number above 0 and up to 1, got 1.1'],
  [{ perSecond: 0 }, 'esp.events.perSecond: expected an integer from 1 to 1000, got 0'],
  [{ replays: 1.5 }, 'esp.events.replays: expected an integer from 1 to 1000000, got 1.5'],
  [{ storms: 1 } as EspEventOptions, 'esp.events.storms: there is no such option'],
])('refuses %j', async (events, message) => {
  await expect(inlineReceiver({ esp: { sas: [], events } })).rejects.toMatchObject({
    code: 'ERR_RXSTEER_OPTION',
    message,
  });
});
