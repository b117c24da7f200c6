import { describe, expect, it } from 'vitest';
import { sealTunnel } from '../../src/esp/index.ts';
import { microsoftKey, seededKey } from '../../src/hash/keys.ts';
import type { SteeringChange } from '../../src/receiver/swaps.ts';
import { ether, fill, udp } from '../support/packets.ts';
import { closingFault, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');
const frame = (sport: number, n = 0): Uint8Array => ether(udp(fill(30, n), { sport }));
const all = (lane: number): number[] => Array(128).fill(lane);

describe('a swap', () => {
  it.each([
    ['of the table', {}],
    ['of the table, with RFS', { rfs: {} }],
  ])('%s sends what follows to other queues', async (_, options) => {
    const { rx, delivered } = await inlineReceiver({ queues: 4, rss: { indirection: all(1) }, ...options });
    for (let i = 0; i < 9; i++) rx.push(frame(i));
    await rx.drain();
    await rx.swap({ indirection: all(2) });
    for (let i = 0; i < 9; i++) rx.push(frame(i));
    await rx.swap({ indirection: { equal: 1 } });
    for (let i = 0; i < 9; i++) rx.push(frame(i));
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(delivered.map(({ lane }) => lane)).toEqual([...Array(9).fill(1), ...Array(9).fill(2), ...Array(9).fill(0)]);
  });

  it('of the rules too, and takes them off', async () => {
    const { rx, delivered } = await inlineReceiver({ queues: 4, rss: { indirection: all(1) } });
    const push = async (): Promise<void> => {
      rx.push(frame(5));
      rx.push(frame(6));
      await rx.drain();
    };
    await push();
    await rx.swap({ rules: ['flow-type udp4 src-port 5 action 3', 'flow-type udp4 src-port 6 action -1'] });
    await push();
    await rx.swap({ indirection: all(0) });
    await push();
    await rx.swap({ rules: [] });
    await push();
    expect(delivered.map(({ lane }) => lane)).toEqual([1, 1, 3, 3, 0, 0]);
    expect((await rx.close()).drops).toEqual({ rule: 2 });
  });

  it('of the key changes the hash of packets in clear and out of ESP, and is what the statistics show', async () => {
    const one = sa(1);
    const hashes: number[] = [];
    const { rx } = await inlineReceiver({
      queues: 2,
      esp: { sas: [one] },
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) hashes.push(batch.hash(i));
      },
    });
    expect(rx.stats().hkey).toBe(hex(microsoftKey()));
    let seq = 0;
    const push = async (): Promise<void> => {
      for (const packet of [ether(sealTunnel(one, ++seq, udp(9))), ether(udp(9))]) {
        rx.push(packet);
        await rx.drain();
      }
    };
    await push();
    const key = seededKey('another', 52);
    await rx.swap({ key });
    expect(rx.stats().hkey).toBe(hex(key));
    await push();
    await rx.swap({ key: microsoftKey() });
    await push();
    await rx.close();
    const [first, clear, second] = hashes;
    expect(hashes).toEqual([first, first, second, second, first, first]);
    expect(clear).toBe(first);
    expect(second).not.toBe(first);
  });

  it('that changes nothing, or nothing flows, resolves', async () => {
    const { rx } = await inlineReceiver({ queues: 2, rfs: {} });
    await rx.swap({});
    await rx.swap({ key: undefined, rules: undefined, indirection: undefined });
    await rx.swap({ key: seededKey('x') });
    await rx.swap({ rules: ['flow-type udp4 action 1'] });
    await rx.swap({ indirection: [1] });
    await rx.close();
  });

  it.each([
    ['key', { key: seededKey('y') }],
    ['rules', { rules: ['flow-type udp4 action 1'] }],
    ['table', { indirection: all(0) }],
  ])('of the %s ends polls that wait for a mark', async (_, change) => {
    const { rx, delivered } = await inlineReceiver({ queues: 2, deterministic: true, full: 'wait' });
    for (let i = 0; i < 9; i++) rx.push(frame(i));
    await rx.swap(change);
    expect(delivered.length).toBe(9);
    rx.push(frame(1));
    expect(closingFault(await rx.close())).toBeUndefined();
    expect(delivered.length).toBe(10);
  });

  it('waits for what the old steering has put somewhere, and flows stay in order', async () => {
    let settle = (): void => {};
    const { rx, delivered } = await inlineReceiver({
      queues: 2,
      rss: { indirection: all(0) },
      onPackets: (batch) =>
        batch.lane === 1
          ? undefined
          : new Promise((resolve) => {
              settle = resolve;
            }),
    });
    rx.push(frame(1, 0));
    await new Promise((resolve) => setImmediate(resolve));
    let done = false;
    const swapped = rx.swap({ indirection: all(1) }).then(() => {
      done = true;
    });
    await Promise.resolve();
    // Whatever lane 0 has delivered nothing of: it may be of any bucket.
    rx.push(frame(1, 1));
    rx.push(frame(77, 2));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([done, delivered.map(({ lane }) => lane)]).toEqual([false, [0]]);
    const timer = setInterval(() => settle(), 1);
    await swapped;
    rx.push(frame(1, 3));
    await rx.close();
    clearInterval(timer);
    expect(delivered.map(({ lane, bytes }) => [lane, bytes[42]])).toEqual(
      [
        [0, 0],
        [0, 1],
        [0, 2],
        [1, 3],
      ].map(([lane, n]) => [lane, fill(1, n)[0]]),
    );
  });

  it('comes after those that were asked for before; the last one stands', async () => {
    const { rx, delivered } = await inlineReceiver({ queues: 4, rss: { indirection: all(0) } });
    const done: number[] = [];
    const swaps = [1, 2, 3].map((n) =>
      rx.swap(n === 2 ? { key: seededKey('second') } : { indirection: all(n) }).then(() => done.push(n)),
    );
    expect(rx.stats().hkey).toBe(hex(seededKey('second')));
    await Promise.all(swaps);
    expect(done).toEqual([1, 2, 3]);
    rx.push(frame(1));
    await rx.close();
    expect(delivered.map(({ lane }) => lane)).toEqual([3]);
  });

  const mistakes: [string, unknown, string, RegExp][] = [
    ['an unknown name', { indir: [0] }, 'ERR_RXSTEER_OPTION', /^swap: indir: expected key, indirection or rules/],
    ['what cannot be swapped', { fields: {} }, 'ERR_RXSTEER_OPTION', /^swap: fields: /],
    ['a short key', { key: new Uint8Array(8) }, 'ERR_RXSTEER_KEY', /8/],
    ['a queue that is not there', { indirection: [0, 4] }, 'ERR_RXSTEER_INDIRECTION', /below 4, got 4/],
    ['a rule for a queue that is not there', { rules: ['flow-type udp4 action 4'] }, 'ERR_RXSTEER_RULE', /got 4/],
    ['a rule that is none', { rules: ['udp4 to 3'] }, 'ERR_RXSTEER_RULE', /udp4/],
    ['rules that are no list', { rules: 'flow-type udp4 action 1' }, 'ERR_RXSTEER_OPTION', /^rules: /],
    ['nothing at all', undefined, 'ERR_RXSTEER_OPTION', /^swap: expected an object/],
    ['a text', 'key', 'ERR_RXSTEER_OPTION', /^swap: expected an object/],
  ];

  it.each(mistakes)('of %s is refused before anything is changed', async (_, change, code, message) => {
    const { rx, delivered } = await inlineReceiver({ queues: 4, rss: { indirection: all(1) } });
    const { hkey } = rx.stats();
    // With a good part beside the bad one.
    const whole = typeof change === 'object' ? { key: seededKey('not this one'), ...change } : change;
    await expect(rx.swap(whole as SteeringChange)).rejects.toMatchObject({
      name: 'RxSteerError',
      code,
      message: expect.stringMatching(message),
    });
    expect(rx.stats().hkey).toBe(hkey);
    rx.push(frame(1));
    await rx.swap({});
    await rx.close();
    expect(delivered.map(({ lane }) => lane)).toEqual([1]);
  });

  it('of a receiver that is closed is refused, and one that waits then ends', async () => {
    const closed = expect.objectContaining({ code: 'ERR_RXSTEER_CLOSED' });
    const { rx } = await inlineReceiver({
      queues: 2,
      rss: { indirection: all(0) },
      onPackets: () => new Promise(() => {}),
    });
    rx.push(frame(1));
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = [rx.swap({ indirection: all(1) }), rx.swap({ key: seededKey('z') })];
    const seen = Promise.all(waiting.map((one) => expect(one).rejects.toEqual(closed)));
    const closing = rx.close({ timeout: 5 });
    await expect(rx.swap({})).rejects.toEqual(closed);
    await closing;
    await seen;
    await expect(rx.swap({})).rejects.toEqual(closed);
  });
});
