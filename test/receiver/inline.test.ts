import { describe, expect, it } from 'vitest';
import { sealTunnel } from '../../src/esp/index.ts';
import { layoutFrames } from '../../src/memory/frame-memory.ts';
import { createReceiver } from '../../src/receiver/receiver.ts';
import { arp, ether, fill, fragments, tcp, udp } from '../support/packets.ts';
import { batchOf, closingFault, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('an inline receiver', () => {
  it('delivers soon after a push, and everything at the end', async () => {
    const { rx, delivered, calls } = await inlineReceiver({ queues: 2 });
    for (let i = 0; i < 5; i++) expect(rx.push(ether(tcp(100, { seq: 1 + 100 * i })))).toBe(true);
    expect(delivered).toEqual([]);
    await turns(2);
    expect(delivered.map((p) => p.segments)).toEqual([5]);
    rx.push(arp());
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(calls.closed).toBe(1);
    expect(stats).toMatchObject({ packets: 6, classes: { tcp4: 5, nonip: 1 }, drops: {}, held: 0 });
    expect(stats.queues.map((queue) => queue.queue)).toEqual([0, 1]);
    expect(stats.hkey).toMatch(/^[0-9a-f]{80}$/);
    expect(rx.stats()).toEqual(stats);
  });

  it('takes other link types and times', async () => {
    const times: number[] = [];
    const { rx } = await inlineReceiver({
      queues: 1,
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) {
          times.push(batch.seconds(i), batch.nanos(i));
          expect(batch.linkType(i)).toBe(101);
        }
      },
    });
    for (const time of [1.5, 1_700_000_000.25, 1.99999999999, 0]) rx.push(udp(5), { linkType: 101, time });
    await rx.close();
    expect(times).toEqual([1, 500_000_000, 1_700_000_000, 250_000_000, 2, 0, 0, 0]);
  });

  it('takes frames that lie in its windows, without copying them', async () => {
    const { rx, delivered } = await inlineReceiver({ queues: 2, gro: false });
    const frames = Array.from({ length: 100 }, (_, i) => ether(udp(fill(50 + i, i))));
    const batch = await batchOf(rx, frames);
    expect(rx.pushBatch(batch, 20)).toBe(80);
    expect(delivered.length).toBe(80);
    expect(rx.pushBatch(batch)).toBe(100);
    rx.windows.done(batch.block);
    await rx.close();
    expect(delivered.slice(80).map((p) => p.bytes)).toEqual(frames);
  });

  it('pushes all batches of a source, sync or async', async () => {
    const { rx, delivered } = await inlineReceiver({ queues: 1, gro: false, full: 'wait', ring: 128 });
    const frames = Array.from({ length: 300 }, (_, i) => ether(udp(fill(20, i))));
    const batch = await batchOf(rx, frames);
    await rx.pushAll([batch]);
    await rx.pushAll(
      (async function* () {
        yield batch;
        await turns(1);
        yield batch;
      })(),
    );
    rx.windows.done(batch.block);
    await rx.close();
    expect(delivered.map((p) => p.bytes)).toEqual([...frames, ...frames, ...frames]);
  });

  it('hands on what its source throws', async () => {
    const { rx } = await inlineReceiver();
    const source = (async function* () {
      yield await batchOf(rx, [arp()]);
      throw new Error('the disk is gone');
    })();
    await expect(rx.pushAll(source)).rejects.toThrow('the disk is gone');
    expect((await rx.close()).packets).toBe(1);
  });

  it('polls its lanes when one is full, and drops nothing', async () => {
    const { rx } = await inlineReceiver({ queues: 1, ring: 128 });
    for (let i = 0; i < 1000; i++) expect(rx.push(arp())).toBe(true);
    expect(await rx.close()).toMatchObject({ packets: 1000, drops: {} });
  });

  it('says false when a frame was dropped or was not taken', async () => {
    for (const full of ['drop', 'wait'] as const) {
      let release: () => void = () => {};
      const { rx } = await inlineReceiver({
        queues: 1,
        ring: 128,
        full,
        onPackets: () =>
          new Promise((resolve) => {
            release = resolve;
          }),
      });
      let taken = 0;
      while (rx.push(arp())) taken++;
      expect(taken).toBe(128);
      expect(rx.stats().packets).toBe(full === 'drop' ? 129 : 128);
      release();
      await rx.writable();
      expect(rx.push(arp())).toBe(true);
      const closing = rx.close();
      const timer = setInterval(() => release(), 1);
      const stats = await closing;
      clearInterval(timer);
      expect(closingFault(stats)).toBeUndefined();
      expect(stats.drops).toEqual(full === 'drop' ? { full: 1 } : {});
    }
  });

  it('takes what a consumer pushes itself', async () => {
    const again = ether(udp(9));
    let pushed = 0;
    const { rx, delivered } = await inlineReceiver({
      queues: 1,
      ring: 128,
      full: 'drop',
      onPackets(batch) {
        if (batch.className(0) === 'nonip' && rx.push(again)) pushed++;
      },
    });
    for (let i = 0; i < 500; i++) rx.push(arp());
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(pushed).toBeGreaterThan(0);
    expect(delivered.filter((p) => p.class === 'udp4').length).toBe(pushed);
    expect(delivered.every((p) => p.bytes.length === (p.class === 'udp4' ? again.length : 60))).toBe(true);
  });

  it('takes batches that a consumer pushes while it is full, and mixes nothing up', async () => {
    const sizes: number[] = [];
    let calls = 0;
    const { rx } = await inlineReceiver({
      queues: 1,
      ring: 128,
      gro: false,
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) sizes.push(batch.byteLength(i));
        // In the first call the ring is still full; in the second one there is room.
        if (++calls === 2) rx.pushBatch(inner);
      },
    });
    const outer = await batchOf(
      rx,
      Array.from({ length: 300 }, (_, i) => ether(udp(i))),
    );
    const inner = await batchOf(
      rx,
      Array.from({ length: 300 }, (_, i) => ether(udp(1000 + i))),
    );
    rx.pushBatch(outer);
    for (const { block } of [outer, inner]) rx.windows.done(block);
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.packets).toBe(600);
    expect(stats.drops).toEqual({ full: 236 });
    expect(sizes.filter((size) => size < 1000)).toEqual(Array.from({ length: 300 }, (_, i) => 42 + i));
    expect(sizes.filter((size) => size >= 1000)).toEqual(Array.from({ length: 64 }, (_, i) => 1042 + i));
  });

  it('goes on by itself when a promise of the consumer has settled', async () => {
    let settle = (): void => {};
    const { rx, delivered } = await inlineReceiver({
      queues: 1,
      onPackets: () =>
        new Promise((resolve) => {
          settle = resolve;
        }),
    });
    rx.push(arp());
    await turns(2);
    rx.push(arp());
    await turns(2);
    expect(delivered.length).toBe(1);
    settle();
    // Nothing is pushed, and nobody asks.
    for (let i = 0; i < 1000 && delivered.length < 2; i++) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(delivered.length).toBe(2);
    settle();
    await rx.close();
  });

  it('tells of consumers that throw and reject', async () => {
    const failures: unknown[] = [];
    const { rx } = await inlineReceiver({
      queues: 3,
      onPackets: (batch) => {
        if (batch.className(0) === 'nonip') throw new TypeError('no');
        if (batch.className(0) === 'udp4') return Promise.reject(new RangeError('later'));
        return undefined;
      },
    });
    const off = rx.on('consumer-error', ({ lane, error }) => failures.push([lane, (error as Error).message]));
    rx.push(arp());
    await rx.drain();
    rx.push(ether(udp(1)));
    await rx.drain();
    expect(failures).toEqual([
      [0, 'no'],
      [expect.any(Number), 'later'],
    ]);
    off();
    rx.push(arp());
    await rx.drain();
    rx.push(ether(tcp(1)));
    const stats = await rx.close();
    expect(failures.length).toBe(2);
    expect(stats.drops).toEqual({ 'consumer-error': 3 });
    expect(stats.queues.reduce((sum, queue) => sum + queue.consumerErrors, 0)).toBe(3);
    expect(closingFault(stats)).toBeUndefined();
  });

  it('posts messages to its consumers, until it is closed', async () => {
    const got: unknown[] = [];
    const rx = await createReceiver({
      inline: true,
      queues: 2,
      consumer: { onPackets() {}, onMessage: (message) => got.push(message) },
    });
    rx.post(1, { a: 1 });
    expect(() => rx.post(2, 'x')).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_OPTION' }));
    await rx.close();
    rx.post(0, 'late');
    expect(got).toEqual([{ a: 1 }]);
  });

  it('makes its consumers of a module, one a lane', async () => {
    const rx = await createReceiver({
      inline: true,
      queues: 3,
      consumer: new URL('./consumers/scripted-consumer.ts', import.meta.url),
      data: { hello: true },
    });
    const messages: unknown[] = [];
    rx.on('message', ({ lane, message }) => messages.push([lane, message]));
    rx.post(2, 'who');
    expect(messages).toEqual([[2, { kind: 'who', lane: 2, lanes: 3, data: { hello: true } }]]);
    rx.push(arp());
    await rx.close();
    expect(messages.slice(1)).toEqual([
      [0, { kind: 'packets', packets: [['nonip', 0, 1]] }],
      [0, { kind: 'closed' }],
      [1, { kind: 'closed' }],
      [2, { kind: 'closed' }],
    ]);
  });
});

describe('an end', () => {
  it('comes once, and is the same for all who ask', async () => {
    const { rx, calls } = await inlineReceiver();
    rx.push(arp());
    const [first, second] = [rx.close(), rx.close({ timeout: 1 })];
    expect(second).toBe(first);
    expect((await first).packets).toBe(1);
    await rx[Symbol.asyncDispose]();
    await rx.drain();
    expect(calls.closed).toBe(1);
  });

  it('refuses pushes, from its beginning on', async () => {
    const { rx } = await inlineReceiver();
    const batch = await batchOf(rx, [arp()]);
    const closing = rx.close();
    const closed = expect.objectContaining({ code: 'ERR_RXSTEER_CLOSED' });
    for (const phase of ['closing', 'closed']) {
      expect(() => rx.push(arp()), phase).toThrow(closed);
      expect(() => rx.pushBatch(batch), phase).toThrow(closed);
      await expect(rx.pushAll([batch]), phase).rejects.toEqual(closed);
      expect(() => rx.restartWindows(), phase).toThrow(closed);
      await closing;
    }
    await expect(rx.writable()).rejects.toEqual(closed);
    expect(rx.stats().packets).toBe(0);
  });

  it('gives up fragments that wait', async () => {
    const { rx } = await inlineReceiver();
    rx.push(ether(fragments(udp(1500), 800)[0]));
    await rx.drain();
    expect(rx.stats()).toMatchObject({ held: 1, conserved: true });
    const stats = await rx.close();
    expect(stats).toMatchObject({ held: 0, drops: { 'fragment-timeout': 1 } });
  });

  it('counts what a promise that never settles holds as closed, after the timeout', async () => {
    const { rx, calls } = await inlineReceiver({ queues: 1, onPackets: () => new Promise(() => {}) });
    for (let i = 0; i < 10; i++) rx.push(arp());
    await turns(2);
    rx.push(arp());
    await expect(rx.drain({ timeout: 20 })).rejects.toMatchObject({ code: 'ERR_RXSTEER_TIMEOUT' });
    const stats = await rx.close({ timeout: 20 });
    expect(stats.drops).toEqual({ closed: 11 });
    expect(closingFault(stats)).toBeUndefined();
    expect(calls.packets).toBe(1);
    await rx.drain();
  });

  it('does not wait for a consumer that does not close, after the timeout', async () => {
    const rx = await createReceiver({
      inline: true,
      consumer: { onPackets() {}, close: () => new Promise(() => {}) },
    });
    rx.push(arp());
    expect(closingFault(await rx.close({ timeout: 20 }))).toBeUndefined();
  });

  it('by a signal leaves what is not delivered, and what settles later changes no count', async () => {
    let release: () => void = () => {};
    const aborter = new AbortController();
    const { rx, calls } = await inlineReceiver({
      queues: 1,
      signal: aborter.signal,
      onPackets: () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    });
    rx.push(arp());
    await turns(2);
    for (let i = 0; i < 4; i++) rx.push(arp());
    aborter.abort(new Error('enough'));
    expect(() => rx.push(arp())).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_CLOSED' }));
    const stats = await rx.close();
    expect(stats.drops).toEqual({ closed: 5 });
    release();
    await turns(3);
    expect(rx.stats()).toEqual(stats);
    expect(calls.packets).toBe(1);
  });

  it('by a signal ends a push of batches that waits', async () => {
    const aborter = new AbortController();
    const { rx } = await inlineReceiver({
      queues: 1,
      ring: 128,
      full: 'wait',
      signal: aborter.signal,
      onPackets: () => new Promise(() => {}),
    });
    const batch = await batchOf(
      rx,
      Array.from({ length: 200 }, () => arp()),
    );
    const pushing = rx.pushAll([batch]);
    setTimeout(() => aborter.abort(new Error('enough')), 5);
    await expect(pushing).rejects.toThrow('enough');
    const stats = await rx.close();
    expect(stats.packets).toBe(128);
    expect(closingFault(stats)).toBeUndefined();
  });

  it('by a signal may come first', async () => {
    const { rx } = await inlineReceiver({ signal: AbortSignal.abort(new Error('before')) });
    expect(() => rx.push(arp())).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_CLOSED' }));
    expect((await rx.close()).packets).toBe(0);
  });

  it('ends a reader that waits for a block', async () => {
    const { rx } = await inlineReceiver({
      queues: 1,
      memory: layoutFrames(64 * 2 ** 20, 1).bytes,
      onPackets: () => new Promise(() => {}),
    });
    const { windows } = rx;
    const batch = await batchOf(rx, [arp()]);
    rx.pushBatch(batch);
    windows.done(batch.block);
    // Every block holds a frame that is not done with.
    let next = windows.take();
    for (; typeof next === 'number'; next = windows.take()) {
      windows.bytes.set(arp(), windows.offset(next));
      batch.offsets[0] = windows.offset(next);
      rx.pushBatch(batch);
      windows.done(next);
    }
    const seen = expect(next).rejects.toMatchObject({ code: 'ERR_RXSTEER_CLOSED' });
    await rx.close({ timeout: 10 });
    await seen;
  });
});

describe('an SA in a receiver', () => {
  it('opens twins of a packet once, wherever they seem to come from', async () => {
    const one = sa(1, { src: undefined });
    const { rx, delivered } = await inlineReceiver({ queues: 4, esp: { sas: [one] } });
    const frames: Uint8Array[] = [];
    for (let i = 1; i <= 20; i++) {
      const packet = sealTunnel(one, i, udp(20 + i), { src: '198.51.100.1' });
      for (let copy = 0; copy < 8; copy++) {
        const twin = Uint8Array.from(packet);
        // The outer source is not authenticated; neither is its checksum looked at.
        twin[15] = copy * 31;
        frames.push(ether(twin));
      }
    }
    const batch = await batchOf(rx, frames);
    rx.pushBatch(batch);
    rx.windows.done(batch.block);
    const stats = await rx.close();
    expect(delivered.map((p) => p.bytes.length)).toEqual(Array.from({ length: 20 }, (_, i) => 14 + 28 + 21 + i));
    expect(stats.sas[0]).toMatchObject({ packets: 160, opened: 20, failed: { replay: 140, icv: 0 } });
    expect(new Set(delivered.map((p) => p.lane)).size).toBe(1);
  });

  it('opens everything again when its windows are started again', async () => {
    const one = sa(1);
    const { rx, delivered } = await inlineReceiver({ queues: 2, esp: { sas: [one] } });
    const frame = ether(sealTunnel(one, 1, udp(9)));
    for (let round = 0; round < 3; round++) {
      rx.push(frame);
      rx.push(frame);
      await rx.drain();
      rx.restartWindows();
    }
    const stats = await rx.close();
    expect(delivered.length).toBe(3);
    expect(stats.sas[0]).toMatchObject({ packets: 6, opened: 3 });
    expect(stats.drops).toEqual({ replay: 3 });
  });
});
