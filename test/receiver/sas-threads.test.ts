/** SAs that come and go while worker lanes open their packets. */
import { describe, expect, it } from 'vitest';
import { type Sa, sealTunnel } from '../../src/esp/index.ts';
import { seededKey } from '../../src/hash/keys.ts';
import type { ReceiverOptions } from '../../src/receiver/options.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import { put32 } from '../../src/wire/bytes.ts';
import { randomNumbers } from '../support/corpus.ts';
import { ether, udp } from '../support/packets.ts';
import { batchOf, closingFault } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';
import { DEADLY, type SasConsumerData } from './consumers/sas-consumer.ts';

const LANES = 4;
const STREAMS = 1 << 16;

interface Threads {
  readonly rx: Receiver;
  readonly data: SasConsumerData;
}

async function threads(options: Partial<ReceiverOptions> = {}, seed = 1): Promise<Threads> {
  const shared = (words: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * words));
  const data = { last: shared(STREAMS), counts: shared(3), seed };
  const rx = await createReceiver({
    queues: LANES,
    full: 'wait',
    ring: 128,
    rss: { key: seededKey('sas') },
    esp: { sas: [] },
    gro: false,
    ...options,
    consumer: new URL('./consumers/sas-consumer.ts', import.meta.url),
    data,
  });
  return { rx, data };
}

/** The SA that an SPI has as its `n`-th. */
function nth(spi: number, n: number, queue?: number): Sa {
  const key = (spi * 4096 + n).toString(16).padStart(40, '0');
  return sa(spi, {
    replayWindow: 1024,
    transform: { aead: 'aes-gcm', key },
    ...(queue === undefined ? {} : { queue }),
  });
}

function payload(stream: number, number: number): Uint8Array {
  const bytes = new Uint8Array(12);
  put32(bytes, 0, stream);
  put32(bytes, 4, number);
  return bytes;
}

async function push(rx: Receiver, frame: Uint8Array): Promise<void> {
  while (!rx.push(frame)) await rx.writable();
}

interface Live {
  readonly sa: Sa;
  readonly n: number;
  readonly stream: number;
  sent: number;
}

/**
 * Adds, replaces and removes SAs of few SPIs at random under load, and knows of each packet at the moment when it is pushed what will
 * become of it.
 */
async function churn(seed: number, ms: number, rfs: boolean): Promise<void> {
  const SPIS = 12;
  const { rx, data } = await threads({ ...(rfs ? { rfs: {} } : {}), esp: { sas: [], maxSas: 64 } }, seed);
  const random = randomNumbers(seed);
  const live: (Live | undefined)[] = Array(SPIS).fill(undefined);
  const used = new Int32Array(SPIS);
  const sequences = new Int32Array(SPIS);
  const pending = new Set<Promise<unknown>>();
  const ids = new Map<number, number>();
  const want = { delivered: 0, icv: 0, unknown: 0, opened: 0 };
  let streams = 0;
  let changes = 0;
  let full = 0;
  const waitFor = (promise: Promise<unknown>): void => {
    const settled = promise.finally(() => pending.delete(settled));
    pending.add(settled);
  };
  const change = (i: number): void => {
    changes++;
    const before = live[i];
    if (rx.sas.capacity - rx.sas.size - pending.size * 2 < 4) {
      full++;
      return;
    }
    const n = ++used[i];
    const next = nth(i, n, i % 3 === 0 ? i % LANES : undefined);
    if (before === undefined) {
      live[i] = { sa: next, n, stream: streams++, sent: 0 };
      waitFor(rx.sas.add([next]).then(([id]) => ids.set(i, id)));
    } else if (random(2) === 0) {
      live[i] = { sa: next, n, stream: before.stream, sent: before.sent };
      waitFor(rx.sas.replace([next]));
    } else {
      live[i] = undefined;
      waitFor(rx.sas.remove([before.sa]));
    }
  };
  /** A packet of the SA that there is; of one that has gone; and what that will be. */
  const frame = (i: number): Uint8Array => {
    const now = live[i];
    const old = used[i] > 1 && random(8) === 0 ? used[i] - 1 : used[i];
    const seq = ++sequences[i];
    if (now !== undefined && now.n === old) {
      want.delivered++;
      return ether(sealTunnel(now.sa, seq, udp(payload(now.stream, now.sent++))));
    }
    if (now === undefined) want.unknown++;
    else want.icv++;
    return ether(sealTunnel(nth(i, old), seq, udp(payload(STREAMS - 1, 7))));
  };
  const until = performance.now() + ms;
  while (performance.now() < until || changes < 300) {
    if (random(4) === 0) {
      // In the frame memory, which the dispatcher's kernel reads.
      const batch = await batchOf(
        rx,
        Array.from({ length: 32 }, () => frame(random(SPIS))),
      );
      await rx.pushAll([batch]);
      rx.windows.done(batch.block);
    } else for (let k = 0; k < 16; k++) await push(rx, frame(random(SPIS)));
    for (let k = random(3); k > 0; k--) change(random(SPIS));
    if (streams > STREAMS - 100) break;
  }
  await Promise.all([...pending]);
  expect(full).toBeLessThan(changes);
  await rx.drain();
  const stats = await rx.close();
  expect(closingFault(stats)).toBeUndefined();
  expect({ delivered: data.counts[0], faults: data.counts[1], drops: stats.drops }).toEqual({
    delivered: want.delivered,
    faults: 0,
    drops: { icv: want.icv, 'unknown-spi': want.unknown },
  });
  // All streams have come to their end.
  live.forEach((one) => {
    if (one !== undefined) expect(data.last[one.stream]).toBe(one.sent);
  });
  const opened = stats.sas.reduce((sum, one) => sum + one.opened, stats.formerSas.opened);
  expect(opened).toBe(want.delivered);
  expect(stats.sas.length).toBe(live.filter((one) => one !== undefined).length);
}

describe('SAs that come and go under load', () => {
  it.each([1, 2])('seed %i', async (seed) => {
    await churn(seed, 2000, seed === 2);
  });
});

describe('a lane that dies', () => {
  it('knows the SAs that were added before and after, and none that was removed', async () => {
    const { rx, data } = await threads({ esp: { sas: [nth(1, 1, 1), nth(2, 1, 1)] } });
    const lost: number[] = [];
    rx.on('lane-lost', ({ lane }) => lost.push(lane));
    await rx.sas.add([nth(3, 1, 1)]);
    const seqs = [0, 0, 0, 0, 0];
    const send = (spi: number, n: number, number: number): Promise<void> =>
      push(rx, ether(sealTunnel(nth(spi, n, 1), ++seqs[spi], udp(payload(spi, number)))));
    for (const spi of [1, 2, 3]) await send(spi, 1, 0);
    await rx.drain();
    await send(2, 1, DEADLY);
    // The thread is ending, and this one does not know of it yet.
    expect(Atomics.wait(data.counts, 2, 0, 20_000)).not.toBe('timed-out');
    const changes = [rx.sas.add([nth(4, 1, 1)]), rx.sas.remove([nth(2, 1)]), rx.sas.replace([nth(3, 2)])];
    await send(1, 1, 1);
    await send(2, 1, 1);
    await send(3, 2, 1);
    await send(3, 1, 9);
    await send(4, 1, 0);
    await Promise.all(changes);
    await rx.drain();
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(lost).toEqual([1]);
    expect(stats.drops).toEqual({ 'lane-lost': 1, 'unknown-spi': 1, icv: 1 });
    expect([...data.last.subarray(1, 5), data.counts[1]]).toEqual([2, 1, 2, 1, 0]);
  });

  it('for good is not waited for', async () => {
    const { rx, data } = await threads({ queues: 2, esp: { sas: [nth(1, 1, 1), nth(2, 1, 0), nth(3, 1, 1)] } });
    const gone = new Promise<void>((resolve) => rx.on('consumer-error', () => resolve()));
    const lanes = (rx as unknown as { lanes: { options: { consumer: string } } }).lanes;
    lanes.options.consumer = 'file:///no/such/consumer.ts';
    await push(rx, ether(sealTunnel(nth(1, 1, 1), 1, udp(payload(1, DEADLY)))));
    expect(Atomics.wait(data.counts, 2, 0, 20_000)).not.toBe('timed-out');
    // What it is told is told to a thread that ends, or to one that never begins.
    expect(await rx.sas.remove([nth(3, 1)])).toMatchObject([{ spi: 3 }]);
    await gone;
    await push(rx, ether(sealTunnel(nth(1, 1, 1), 2, udp(payload(1, 0)))));
    expect(await rx.sas.remove([nth(1, 1)])).toMatchObject([{ spi: 1 }]);
    await rx.sas.replace([nth(2, 2)]);
    await push(rx, ether(sealTunnel(nth(2, 2), 1, udp(payload(2, 0)))));
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({ 'lane-lost': 2 });
  });
});
