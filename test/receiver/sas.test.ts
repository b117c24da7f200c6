/** SAs that come and go while packets flow: everything but threads. */
import { describe, expect, it } from 'vitest';
import { type Sa, type SaConfig, sealAh, sealTunnel } from '../../src/esp/index.ts';
import { secretsOf } from '../../src/esp/sa.ts';
import type { LaneEsp } from '../../src/lane/lane-esp.ts';
import type { ReceiverOptions } from '../../src/receiver/options.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { Tuple } from '../../src/wire/tuple.ts';
import { LaneGroup } from '../support/lane-group.ts';
import { ether, fill, fragments, udp } from '../support/packets.ts';
import { closingFault, type Inline, inlineReceiver } from '../support/receivers.ts';
import { KEY_HEX, sa } from '../support/sas.ts';

/** An SA whose key is the `n`-th. */
function keyed(spi: number, n: number, more: Partial<SaConfig> = {}): Sa {
  return sa(spi, { transform: { aead: 'aes-gcm', key: n.toString(16).padStart(40, '0') }, ...more });
}

const sealed = (one: Sa, seq: number, packet = udp(20)): Uint8Array => ether(sealTunnel(one, seq, packet));

async function receiver(
  sas: readonly Sa[],
  options: Omit<ReceiverOptions, 'consumer' | 'esp'> & {
    readonly esp?: Partial<ReceiverOptions['esp'] & object>;
    readonly onPackets?: () => void | Promise<void>;
  } = {},
): Promise<Inline> {
  return inlineReceiver({ queues: 2, ...options, esp: { sas, ...options.esp } });
}

async function closed({ rx }: Inline): Promise<Awaited<ReturnType<typeof rx.close>>> {
  const stats = await rx.close();
  expect(closingFault(stats)).toBeUndefined();
  return stats;
}

describe('an SA that is added', () => {
  it('opens what is pushed from then on, and is called as `add` says', async () => {
    const b = await receiver([sa(1)]);
    const { rx, delivered } = b;
    const two = keyed(2, 2);
    rx.push(sealed(two, 1));
    const adding = rx.sas.add([
      two,
      { ...two.toJSON(), spi: 3, transform: { aead: 'aes-gcm', key: KEY_HEX } } as never,
    ]);
    rx.push(sealed(two, 2));
    const ids = await adding;
    rx.push(sealed(sa(1), 1));
    rx.push(sealed(sa(3), 1));
    await rx.drain();
    expect(ids).toEqual([2, 3]);
    expect(delivered.map((one) => one.sa).sort()).toEqual([1, 2, 3]);
    expect([rx.sas.size, rx.sas.capacity]).toEqual([3, 1024]);
    expect(rx.sas.get({ spi: '0x2', dst: '192.0.2.2' })).toMatchObject({ id: 2, spi: 2, packets: 1, opened: 1 });
    expect(rx.sas.get({ spi: 2, dst: '192.0.2.2', proto: 'ah' })).toBeUndefined();
    expect([rx.sas.has(two), rx.sas.has(sa(9))]).toEqual([true, false]);
    expect([...rx.sas].map(({ spi }) => spi)).toEqual([1, 2, 3]);
    expect((await closed(b)).drops).toEqual({ 'unknown-spi': 1 });
  });

  it('goes to its queue, to the lane of its group, by any destination, and through its selectors', async () => {
    const b = await receiver([sa(1, { group: 'g' })], { queues: 8 });
    const { rx, delivered } = b;
    rx.push(sealed(sa(1), 1));
    await rx.drain();
    const { lane } = delivered[0];
    const other = (lane + 3) % 8;
    await rx.sas.add([
      keyed(2, 2, { group: 'g' }),
      keyed(3, 3, { queue: other }),
      keyed(4, 4, { group: 'g', queue: other }),
      keyed(5, 5, { dst: '*' }),
      keyed(6, 6, { selectors: [{ proto: 'udp', dport: 6000 }] }),
    ]);
    for (const spi of [2, 3, 4, 5]) rx.push(sealed(keyed(spi, spi), 1));
    for (const dport of [6000, 6001]) rx.push(sealed(keyed(6, 6), dport, udp(20, { dport })));
    await rx.drain();
    const lanes = (id: number): number[] => delivered.filter((one) => one.sa === id).map((one) => one.lane);
    expect([2, 3, 4].map(lanes)).toEqual([[lane], [other], [other]]);
    expect([lanes(5).length, lanes(6).length]).toEqual([1, 1]);
    expect(rx.sas.get(keyed(4, 4))).toMatchObject({ group: 'g', queue: other });
    expect((await closed(b)).drops).toEqual({ selector: 1 });
  });

  it('may be one of AH, whose SPIs are apart', async () => {
    const transform = { auth: 'hmac-sha256', authKey: '11'.repeat(32) };
    const ah = sa(1, { proto: 'ah', transform });
    const b = await receiver([sa(1)]);
    await b.rx.sas.add([ah]);
    const packet = (): Uint8Array => ether(sealAh(ah, 1, udp(20, { src: '192.0.2.1', dst: '192.0.2.2' })));
    b.rx.push(packet());
    b.rx.push(sealed(sa(1), 1));
    const [last] = await b.rx.sas.remove([ah]);
    expect(last).toMatchObject({ proto: 'ah', opened: 1 });
    b.rx.push(packet());
    await b.rx.drain();
    const stats = await closed(b);
    expect(stats.drops).toEqual({ 'unknown-spi': 1 });
    expect(stats.sas).toMatchObject([{ proto: 'esp', opened: 1 }]);
  });
});

describe('an SA that is removed', () => {
  it('opens what was pushed before, and nothing afterwards; its counts are told and kept', async () => {
    const b = await receiver([sa(1), sa(2)]);
    const { rx, delivered } = b;
    for (let seq = 1; seq <= 50; seq++) rx.push(sealed(sa(1), seq));
    rx.push(sealed(sa(1), 50));
    const removing = rx.sas.remove([{ spi: 1, dst: '192.0.2.2' }]);
    expect(rx.sas.size).toBe(1);
    for (let seq = 51; seq <= 60; seq++) rx.push(sealed(sa(1), seq));
    const [last] = await removing;
    expect(delivered.length).toBe(50);
    expect(last).toMatchObject({ id: 1, spi: 1, packets: 51, opened: 50, failed: { replay: 1 } });
    rx.push(sealed(sa(1), 61));
    await rx.drain();
    const stats = await closed(b);
    expect(delivered.length).toBe(50);
    expect(stats.drops).toEqual({ replay: 1, 'unknown-spi': 11 });
    expect(stats.sas.map(({ spi }) => spi)).toEqual([2]);
    expect(stats.formerSas).toEqual({
      sas: 1,
      packets: 51,
      opened: 50,
      dummy: 0,
      failed: { icv: 0, replay: 1, short: 0, padding: 0, expired: 0 },
      bytes: 50 * 48,
    });
  });

  it('leaves its slot to another one only when no lane has anything of it; which accepts nothing of the old one', async () => {
    let release: (() => void) | undefined;
    const b = await receiver([keyed(1, 1)], {
      onPackets: () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    });
    const { rx, delivered } = b;
    const old = [1, 2, 3].map((seq) => sealed(keyed(1, 1), seq));
    rx.push(old[0]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(delivered.length).toBe(1);
    // The consumer has a batch in its hands that says `sa(0) === 1`.
    let done = false;
    const removing = rx.sas.remove([keyed(1, 1)]).then(() => {
      done = true;
    });
    expect(await rx.sas.add([keyed(1, 2)])).toEqual([2]);
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    release!();
    await removing;
    expect(await rx.sas.add([keyed(7, 7)])).toEqual([1]);
    // The same destination and SPI, other keys; the window of either is new.
    for (const frame of old) rx.push(frame);
    rx.push(sealed(keyed(1, 2), 1));
    rx.push(sealed(keyed(7, 7), 1));
    const until = setInterval(() => release!(), 1);
    await rx.drain();
    const stats = await closed(b);
    clearInterval(until);
    expect(delivered.map((one) => one.sa).sort()).toEqual([1, 1, 2]);
    expect(stats.drops).toEqual({ icv: 3 });
  });

  it('does not wait for polls that only marks end', async () => {
    const b = await receiver([sa(1)], { deterministic: true, full: 'wait' });
    b.rx.push(sealed(sa(1), 1));
    expect(await b.rx.sas.remove([sa(1)])).toMatchObject([{ opened: 1 }]);
    await closed(b);
  });

  it('takes fragments with it that wait: they are not joined with those of another SA in its slot', async () => {
    const b = await receiver([keyed(1, 1)]);
    const { rx, delivered } = b;
    const [first, second] = fragments(udp(fill(200, 3)), 104);
    rx.push(sealed(keyed(1, 1), 1, first));
    await rx.sas.remove([keyed(1, 1)]);
    expect(await rx.sas.add([keyed(1, 2)])).toEqual([1]);
    rx.push(sealed(keyed(1, 2), 1, second));
    await rx.drain();
    expect([delivered.length, rx.stats().held]).toEqual([0, 2]);
    rx.push(sealed(keyed(1, 2), 2, first));
    await rx.drain();
    expect(delivered.length).toBe(1);
    expect((await closed(b)).drops).toEqual({ 'fragment-timeout': 1 });
  });

  it('may be about to move to another lane', async () => {
    const b = await receiver([sa(1, { queue: 0 }), keyed(2, 2)], { rfs: {}, queues: 2 });
    const { rx, delivered } = b;
    const tuple = new Tuple();
    tuple.src.set(parseAddress('10.1.0.1'));
    tuple.dst.set(parseAddress('10.1.0.2'));
    tuple.protocol = 17;
    tuple.sport = 5000;
    tuple.dport = 6000;
    rx.push(sealed(keyed(2, 2), 1));
    await rx.drain();
    const { lane } = delivered[0];
    rx.claim(tuple, 1 - lane);
    // So many that the SA asks to go, and the request is not seen yet.
    for (let seq = 2; seq <= 401; seq++) {
      rx.push(sealed(keyed(2, 2), seq));
      if (seq % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const [last] = await rx.sas.remove([keyed(2, 2)]);
    expect(last.opened).toBe(401);
    expect(rx.stats().rfs).toMatchObject({ saMovesWaiting: 0 });
    // One that comes to its order group goes where its own packets say.
    await rx.sas.add([keyed(3, 3)]);
    for (let seq = 1; seq <= 10; seq++) rx.push(sealed(keyed(3, 3), seq));
    await rx.drain();
    const stats = await closed(b);
    expect(delivered.length).toBe(411);
    expect(stats.drops).toEqual({});
  });

  it('is gone when the receiver is closed meanwhile', async () => {
    const b = await receiver([sa(1)]);
    b.rx.push(sealed(sa(1), 1));
    const removing = b.rx.sas.remove([sa(1)]);
    await closed(b);
    expect(await removing).toMatchObject([{ opened: 1 }]);
    await expect(b.rx.sas.add([sa(2)])).rejects.toMatchObject({ code: 'ERR_RXSTEER_CLOSED' });
    await expect(b.rx.sas.remove([sa(2)])).rejects.toMatchObject({ code: 'ERR_RXSTEER_CLOSED' });
    await expect(b.rx.sas.replace([sa(2)])).rejects.toMatchObject({ code: 'ERR_RXSTEER_CLOSED' });
  });

  it('is gone when the receiver is aborted while its consumer holds a batch', async () => {
    const aborter = new AbortController();
    const b = await receiver([sa(1)], { signal: aborter.signal, onPackets: () => new Promise(() => {}) });
    b.rx.push(sealed(sa(1), 1));
    await new Promise((resolve) => setImmediate(resolve));
    const removing = b.rx.sas.remove([sa(1)]);
    aborter.abort(new Error('enough'));
    expect(await removing).toMatchObject([{ opened: 1 }]);
    await b.rx.close();
  });
});

describe('an SA that is replaced', () => {
  it('opens what was pushed before with the old keys, in order, and the rest with the new ones', async () => {
    const b = await receiver([keyed(1, 1, { group: 'g', queue: 1 })], { queues: 4 });
    const { rx, delivered } = b;
    const packet = (n: number): Uint8Array => udp(Uint8Array.of(n, ...fill(20, 1)));
    let n = 0;
    for (let seq = 1; seq <= 20; seq++) rx.push(sealed(keyed(1, 1), seq, packet(n++)));
    const replacing = rx.sas.replace([keyed(1, 2)]);
    for (let seq = 1; seq <= 20; seq++) rx.push(sealed(keyed(1, 2), seq, packet(n++)));
    rx.push(sealed(keyed(1, 1), 21));
    const [last] = await replacing;
    expect(last).toMatchObject({ id: 1, packets: 20, opened: 20 });
    rx.push(sealed(keyed(1, 1), 22));
    await rx.drain();
    const now = rx.sas.get(keyed(1, 2));
    expect(now).toMatchObject({ id: 2, packets: 22, opened: 20, failed: { icv: 2 }, group: 'g', queue: 1 });
    expect(delivered.map(({ bytes }) => bytes[14 + 28])).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(new Set(delivered.map(({ lane }) => lane))).toEqual(new Set([1]));
    const stats = await closed(b);
    expect(stats.drops).toEqual({ icv: 2 });
    expect(stats.formerSas).toMatchObject({ sas: 1, packets: 20 });
  });

  it('can be replaced again, and removed, before that is done', async () => {
    const b = await receiver([keyed(1, 1)]);
    const { rx, delivered } = b;
    const calls: Promise<unknown>[] = [];
    for (let n = 1; n <= 5; n++) {
      rx.push(sealed(keyed(1, n), 1));
      calls.push(n < 5 ? rx.sas.replace([keyed(1, n + 1)]) : rx.sas.remove([keyed(1, 5)]));
    }
    calls.push(rx.sas.add([keyed(1, 9)]));
    rx.push(sealed(keyed(1, 9), 1));
    await Promise.all(calls);
    await rx.drain();
    expect(delivered.map((one) => one.sa)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await rx.sas.add([keyed(2, 2)])).toEqual([expect.any(Number)]);
    const stats = await closed(b);
    expect(stats.formerSas).toMatchObject({ sas: 5, opened: 5 });
    expect(stats.drops).toEqual({});
  });

  it('may get another transform, mode, window, and other selectors', async () => {
    const before = sa(1, { selectors: [{ dport: 1 }], esn: true, initialSeq: '0x200000000' });
    const after = sa(1, {
      transform: { cipher: 'aes-cbc', key: '22'.repeat(16), auth: 'hmac-sha256', authKey: '33'.repeat(32) },
      replayWindow: 4096,
    });
    const b = await receiver([before]);
    await b.rx.sas.replace([after]);
    for (const seq of [4000, 1]) b.rx.push(sealed(after, seq));
    await b.rx.drain();
    expect(b.rx.sas.get(after)).toMatchObject({ opened: 2, transform: 'aes-cbc-128+hmac-sha256-128' });
    expect((await closed(b)).drops).toEqual({});
  });
});

describe('ESP inside ESP', () => {
  it.each([
    ['of the same lane', 0],
    ['of another lane, which it is handed over to', 1],
  ])('whose SA comes and goes: %s', async (_, queue) => {
    const outer = sa(1, { queue: 0 });
    const inner = (n: number): Sa => keyed(2, n, { src: '10.9.0.1', dst: '10.9.0.2', queue });
    const b = await receiver([outer]);
    const { rx, delivered } = b;
    let seq = 0;
    const nested = (n: number, innerSeq: number): Uint8Array =>
      sealed(outer, ++seq, sealTunnel(inner(n), innerSeq, udp(9)));
    rx.push(nested(1, 1));
    await rx.drain();
    await rx.sas.add([inner(1)]);
    rx.push(nested(1, 2));
    await rx.drain();
    rx.push(nested(1, 3));
    // Its outer packet waits in the ring: it is opened by what is there then.
    const replacing = rx.sas.replace([inner(2)]);
    await replacing;
    rx.push(nested(2, 1));
    await rx.drain();
    const [last] = await rx.sas.remove([inner(2)]);
    expect(last).toMatchObject({ packets: 2, opened: 1, failed: { icv: 1 } });
    rx.push(nested(2, 2));
    await rx.drain();
    expect(delivered.map(({ lane }) => lane)).toEqual([queue, queue]);
    const stats = await closed(b);
    expect(stats.drops).toEqual({ 'unknown-spi': 2, icv: 1 });
  });
});

describe('what cannot be changed changes nothing', () => {
  const three = [sa(1), sa(2, { queue: 1 }), sa(3, { group: 'g' })];
  const cases: readonly [string, (rx: Inline['rx']) => Promise<unknown>, string, RegExp][] = [
    [
      'a duplicate',
      (rx) => rx.sas.add([sa(8), sa(1)]),
      'SA_DUPLICATE',
      /^sas\[1\] \(SPI 0x00000001, destination 192\.0\.2\.2\)/,
    ],
    ['twins', (rx) => rx.sas.add([sa(8), sa(8)]), 'SA_DUPLICATE', /sas\[1\]/],
    ['too many', (rx) => rx.sas.add([sa(8), sa(9)]), 'SA_CAPACITY', /at most 1 more \(esp\.maxSas: 4;.*got 2/],
    ['too many to replace', (rx) => rx.sas.replace([sa(1), sa(3)]), 'SA_CAPACITY', /at most 1 more/],
    [
      'too many selectors',
      (rx) => rx.sas.add([sa(8, { selectors: Array.from({ length: 9 }, (_, dport) => ({ dport })) })]),
      'SA_CAPACITY',
      /at most 8 more selectors.*got 9/,
    ],
    ['no such SA', (rx) => rx.sas.remove([sa(1), sa(9)]), 'SA_NOT_FOUND', /^keys\[1\] \(SPI 0x00000009/],
    ['one named twice', (rx) => rx.sas.remove([sa(1), sa(1)]), 'SA_NOT_FOUND', /any more/],
    ['none to replace', (rx) => rx.sas.replace([sa(9)]), 'SA_NOT_FOUND', /^sas\[0\]/],
    ['another queue', (rx) => rx.sas.replace([sa(2, { queue: 0 })]), 'SA', /^sas\[0\]\.queue .*that of the SA/],
    ['a group of its own', (rx) => rx.sas.replace([sa(1, { group: 'h' })]), 'SA', /^sas\[0\]\.group .*expected none/],
    ['no such queue', (rx) => rx.sas.add([sa(8, { queue: 2 })]), 'OPTION', /^sas\[0\]\.queue: .*0 to 1/],
    ['no SA', (rx) => rx.sas.add([{ spi: 1, dst: KEY_HEX } as never]), 'SA', /dst: expected/],
    ['no list', (rx) => rx.sas.add(sa(8) as never), 'OPTION', /^sas: expected a list/],
    ['no list of keys', (rx) => rx.sas.remove(sa(1) as never), 'OPTION', /^remove: expected a list/],
    ['no key', (rx) => rx.sas.remove([KEY_HEX as never]), 'SA', /^keys\[0\]: expected an object/],
    ['no SPI', (rx) => rx.sas.remove([{ spi: KEY_HEX, dst: '192.0.2.2' }]), 'SA', /^keys\[0\]\.spi: expected/],
    ['no address', (rx) => rx.sas.remove([{ spi: 1, dst: KEY_HEX }]), 'SA', /^keys\[0\]\.dst: expected/],
    ['no protocol', (rx) => rx.sas.remove([{ spi: 1, dst: '*', proto: KEY_HEX as never }]), 'SA', /\.proto: expected/],
  ];

  it.each(cases)('%s', async (_, change, code, message) => {
    const b = await receiver(three, { esp: { maxSas: 4 } });
    const before = b.rx.stats();
    const error = await change(b.rx).then(
      () => undefined,
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ code: `ERR_RXSTEER_${code}`, message: expect.stringMatching(message) });
    expect(error!.message).not.toContain(KEY_HEX.slice(2, 12));
    expect(b.rx.stats().sas).toEqual(before.sas);
    // There is room for what there was room for.
    expect(await b.rx.sas.add([sa(8, { selectors: Array.from({ length: 8 }, (_, dport) => ({ dport })) })])).toEqual([
      4,
    ]);
    await closed(b);
  });

  it('where there is no ESP', async () => {
    const { rx } = await inlineReceiver();
    expect([rx.sas.size, rx.sas.capacity, rx.sas.has(sa(1))]).toEqual([0, 0, false]);
    await expect(rx.sas.add([sa(1)])).rejects.toMatchObject({ code: 'ERR_RXSTEER_OPTION' });
    await rx.close();
  });

  it('bounds of maxSas', async () => {
    for (const maxSas of [2, 0, 1.5, 300_000]) {
      await expect(receiver(three, { esp: { maxSas } })).rejects.toMatchObject({
        code: 'ERR_RXSTEER_OPTION',
        message: expect.stringContaining('esp.maxSas: expected an integer from 3 to 262144'),
      });
    }
  });
});

it('keys are where consumers do not see them, and zero when the SA is gone', async () => {
  const key = Buffer.from('feedfacecafebeef0123456789abcdef01020304', 'hex');
  const one = sa(1, { transform: { aead: 'aes-gcm', key: key.toString('hex') } });
  const g = new LaneGroup({ queues: 2, sas: [one] });
  g.push(sealed(one, 1));
  expect(g.run().length).toBe(1);
  const { sas, laneConfig, control } = g.core;
  const records = Buffer.from(laneConfig(0).esp!.records as unknown as ArrayBuffer);
  const lanes = g.lanes.map((lane) => (lane as unknown as { esp: LaneEsp }).esp as unknown as { sas: Sa[] });
  const copies = lanes.flatMap((lane) => (lane.sas[0] === undefined ? [] : [secretsOf(lane.sas[0])]));
  expect(Buffer.from(control.buffer as ArrayBuffer).includes(key.subarray(0, 8))).toBe(false);
  expect([records.includes(key.subarray(0, 16)), records.includes(key.subarray(16))]).toEqual([true, true]);
  expect(copies.map((copy) => Buffer.from(copy.key).equals(key.subarray(0, 16)))).toEqual([true]);
  const [entry] = sas.values();
  sas.remove(entry);
  for (const lane of g.lanes) lane.forgetSas([entry.slot], [entry.unit]);
  sas.free(entry);
  expect(records.every((byte) => byte === 0)).toBe(true);
  expect(lanes.map((lane) => lane.sas[0])).toEqual([undefined, undefined]);
  for (const copy of copies) expect([...copy.key, ...copy.salt].every((byte) => byte === 0)).toBe(true);
  // The SA that was given is still the caller's.
  expect(Buffer.from(secretsOf(one).key).equals(key.subarray(0, 16))).toBe(true);
});
