/** Fail-over: whatever the first receiver has accepted, the second one refuses. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Sa, type SaSnapshot, sealTunnel } from '../../src/esp/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import { randomNumbers } from '../support/corpus.ts';
import { ether, udp } from '../support/packets.ts';
import { closingFault, inlineReceiver } from '../support/receivers.ts';
import { KEY_HEX, sa } from '../support/sas.ts';
import { PORT_HANG } from './consumers/scripted-consumer.ts';

const sas = Array.from({ length: 6 }, (_, i) => sa(i + 1, { replayWindow: [64, 128, 1024][i % 3] }));

/** A packet of an SA whose inner ports are the SA and its sequence number. */
const frame = (one: Sa, n: number): Uint8Array =>
  ether(sealTunnel(one, n, udp(20, { sport: one.spi, dport: n, src: `10.0.0.${one.spi}` })));

async function push(rx: Receiver, bytes: Uint8Array): Promise<void> {
  while (!rx.push(bytes)) await rx.writable();
}

/** What a second receiver delivers of these frames, by SPI and number. */
async function secondOf(snapshot: SaSnapshot, jump: number, frames: Iterable<Uint8Array>): Promise<string[]> {
  const { rx, delivered } = await inlineReceiver({
    queues: 2,
    full: 'wait',
    gro: false,
    esp: { sas, restore: { snapshot: JSON.parse(JSON.stringify(snapshot)), jump } },
  });
  for (const one of frames) await push(rx, one);
  const stats = await rx.close();
  expect(closingFault(stats)).toBeUndefined();
  return delivered.map(({ bytes }) => `${(bytes[34] << 8) | bytes[35]} ${(bytes[36] << 8) | bytes[37]}`);
}

/** Sequence numbers with gaps, late ones and repetitions. */
function numbers(random: (n: number) => number, count: number): number[] {
  let top = 0;
  return Array.from({ length: count }, () => {
    if (random(4) === 0) return Math.max(1, top - random(80));
    top += 1 + random(3);
    return top;
  });
}

describe('in threads, while packets flow', () => {
  it.each([1, 2, 3, 4])('with a jump nothing is accepted twice, and what is behind it is (seed %i)', async (seed) => {
    const random = randomNumbers(seed);
    const accepted = new Set<string>();
    const rx = await createReceiver({
      queues: 3,
      full: 'wait',
      gro: false,
      rss: { key: microsoftKey() },
      esp: { sas },
      consumer: new URL('./consumers/ports-consumer.ts', import.meta.url),
    });
    rx.on('message', ({ message }) => {
      for (const one of message as string[]) accepted.add(one);
    });
    const sequences = sas.map(() => numbers(random, 600));
    const at = 100 + random(400);
    let snapshot: Promise<SaSnapshot> | undefined;
    for (let i = 0; i < 600; i++) {
      if (i === at) snapshot = rx.sas.snapshot();
      for (const [k, one] of sas.entries()) await push(rx, frame(one, sequences[k][i]));
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const taken = await snapshot!;
    expect(closingFault(await rx.close())).toBeUndefined();
    expect(taken.sas).toHaveLength(sas.length);
    // Some of it was on the way to lanes when the snapshot was asked for, so all of the rest may have come after it.
    const jump = 600 * 4;
    const again = sas.flatMap((one, k) => [...new Set(sequences[k])].map((n) => frame(one, n)));
    expect(accepted.size).toBeGreaterThan(1000);
    const twice = (await secondOf(taken, jump, again)).filter((one) => accepted.has(one));
    expect(twice).toEqual([]);
    const behind = sas.map((one, k) => [one, Number(taken.sas[k].top) + jump + 1] as const);
    expect(
      await secondOf(
        taken,
        jump,
        behind.map(([one, n]) => frame(one, n)),
      ),
    ).toEqual(behind.map(([one, n]) => `${one.spi} ${n}`));
  });

  it('a lane whose thread ends is asked again', async () => {
    const rx = await createReceiver({
      queues: 2,
      rss: { key: microsoftKey() },
      consumerTimeout: 150,
      esp: { sas },
      consumer: new URL('./consumers/scripted-consumer.ts', import.meta.url),
    });
    for (const one of sas) await push(rx, frame(one, 5));
    await rx.drain();
    const hang = ether(sealTunnel(sas[0], 6, udp(9, { dport: PORT_HANG })));
    // It is in the very call that it does not return from.
    const stuck = new Promise<void>((resolve) => {
      rx.on('message', ({ message }) => {
        if ((message as { packets?: [string, number][] }).packets?.some(([, number]) => number === sas.length))
          resolve();
      });
    });
    rx.push(hang);
    await stuck;
    await expect(rx.sas.snapshot({ timeout: 1 })).rejects.toMatchObject({ code: 'ERR_RXSTEER_TIMEOUT' });
    const lost = new Promise((resolve) => rx.on('lane-lost', resolve));
    const { sas: entries } = await rx.sas.snapshot();
    await lost;
    expect(entries.map(({ top }) => Number(top))).toEqual([6, 5, 5, 5, 5, 5]);
    await rx.close();
  });
});

describe('inline', () => {
  const open = (): ReturnType<typeof inlineReceiver> =>
    inlineReceiver({ queues: 2, full: 'wait', gro: false, esp: { sas } });

  it('after close nothing has to be jumped over: what was missing still comes', async () => {
    const { rx } = await open();
    for (const n of [1, 2, 5, 9]) await push(rx, frame(sas[0], n));
    await rx.close();
    const snapshot = await rx.sas.snapshot();
    const again = Array.from({ length: 11 }, (_, n) => frame(sas[0], n + 1));
    expect(await secondOf(snapshot, 0, again)).toEqual(['1 3', '1 4', '1 6', '1 7', '1 8', '1 10', '1 11']);
  });

  it('counters go on, and SAs that nothing came by are there', async () => {
    const { rx } = await open();
    for (const n of [1, 2, 2]) await push(rx, frame(sas[1], n));
    await rx.drain();
    const snapshot = await rx.sas.snapshot();
    expect(snapshot.sas.map(({ top }) => top)).toEqual(['0x0', '0x2', '0x0', '0x0', '0x0', '0x0']);
    const second = await inlineReceiver({ queues: 2, esp: { sas, restore: { snapshot, jump: 10 } } });
    expect(second.rx.sas.get(sas[1])).toMatchObject({ packets: 3, opened: 2, failed: { replay: 1 } });
    for (const n of [3, 12, 13]) second.rx.push(frame(sas[1], n));
    await second.rx.drain();
    expect(second.rx.sas.get(sas[1])).toMatchObject({ packets: 6, opened: 3, failed: { replay: 3 } });
    await Promise.all([rx.close(), second.rx.close()]);
  });

  it('keys are in it only when asked for, and make the same SA', async () => {
    const { rx } = await open();
    expect(JSON.stringify(await rx.sas.snapshot())).not.toContain(KEY_HEX.slice(0, 12));
    for (const n of [1, 2]) await push(rx, frame(sas[2], n));
    await rx.drain();
    const snapshot = await rx.sas.snapshot({ keys: true });
    const second = await inlineReceiver({ esp: { sas: [] } });
    const configs = snapshot.sas.flatMap(({ config }) => config ?? []);
    await second.rx.sas.add(configs.slice(2), { restore: { snapshot, jump: 1 } });
    for (const n of [2, 3, 4]) second.rx.push(frame(sas[2], n));
    await second.rx.drain();
    expect(second.rx.sas.get(sas[2])).toMatchObject({ opened: 3, failed: { replay: 2 } });
    await Promise.all([rx.close(), second.rx.close()]);
  });

  it('an SA that the snapshot does not have must not go on; none is added then', async () => {
    const { rx } = await open();
    const snapshot = await rx.sas.snapshot();
    await rx.sas.remove([sas[0]]);
    await expect(rx.sas.add([sas[0], sa(77)], { restore: { snapshot, jump: 1 } })).rejects.toMatchObject({
      code: 'ERR_RXSTEER_SA_STATE',
      message: expect.stringContaining('sas[1] (SPI 0x0000004d): the snapshot has no such SA'),
    });
    expect(rx.sas.has(sas[0])).toBe(false);
    await expect(inlineReceiver({ esp: { sas: sas.slice(1), restore: { snapshot, jump: 1 } } })).rejects.toMatchObject({
      code: 'ERR_RXSTEER_SA_STATE',
    });
    await expect(inlineReceiver({ esp: { sas, restore: { snapshot, jump: -1 } } })).rejects.toMatchObject({
      code: 'ERR_RXSTEER_OPTION',
      message: expect.stringContaining('esp.restore.jump'),
    });
    await rx.close();
  });
});

describe('removal after a grace time', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('the old SA is used until then, and no packet is lost', async () => {
    const old = sa(1, { group: 'a' });
    const { rx } = await inlineReceiver({ esp: { sas: [old] } });
    rx.push(frame(old, 1));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await rx.sas.add([sa(2, { group: 'a' })]);
    const gone = rx.sas.remove([old], { grace: 5000 });
    vi.advanceTimersByTime(4999);
    rx.push(frame(old, 2));
    rx.push(frame(sa(2), 1));
    await rx.drain();
    expect(rx.stats().drops).toEqual({});
    vi.advanceTimersByTime(1);
    vi.useRealTimers();
    expect(await gone).toMatchObject([{ spi: 1, opened: 2 }]);
    rx.push(frame(old, 3));
    const stats = await rx.close();
    expect(stats.drops).toEqual({ 'unknown-spi': 1 });
    expect(stats.sas).toMatchObject([{ spi: 2, opened: 1 }]);
  });

  it('one that was removed or replaced meanwhile is left alone', async () => {
    const [a, b, c] = sas;
    const { rx } = await inlineReceiver({ esp: { sas: [a, b, c] } });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const gone = rx.sas.remove([a, b, c], { grace: 10 });
    await rx.sas.remove([a]);
    await rx.sas.replace([b]);
    vi.advanceTimersByTime(10);
    vi.useRealTimers();
    expect((await gone).map(({ spi }) => spi)).toEqual([c.spi]);
    expect([...rx.sas].map(({ spi }) => spi)).toEqual([b.spi]);
    await rx.close();
  });

  it('ends with the receiver', async () => {
    const { rx } = await inlineReceiver({ esp: { sas } });
    const gone = rx.sas.remove([sas[0]], { grace: 86_400_000 });
    await rx.close();
    expect(await gone).toMatchObject([{ spi: 1 }]);
    await expect(rx.sas.remove([sas[1]], { grace: 1 })).rejects.toMatchObject({ code: 'ERR_RXSTEER_CLOSED' });
  });
});
