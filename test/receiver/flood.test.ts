/** Floods: what they cost is counted, and nobody else pays. */
import { describe, expect, it } from 'vitest';
import { sealTransport, sealTunnel } from '../../src/esp/index.ts';
import { put16 } from '../../src/wire/bytes.ts';
import { ether, fill, fragments, tcp, udp } from '../support/packets.ts';
import { closingFault, type Inline, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

const FLOOD = 3000;
/** Fragments that wait at most: chunks of the waiting half of the pool. */
const POOL = 960;

interface Ends {
  readonly src: string;
  readonly dst: string;
}

const V4: Ends = { src: '203.0.113.9', dst: '192.0.2.2' };
const V6: Ends = { src: '2001:db8::9', dst: 'fd00::2' };

const templates = new Map<string, Uint8Array>();

/** Frame with fragment `k` of `size` bytes each of a UDP datagram of 2000 bytes, from the n-th neighbour of `ends.src`. */
function piece(ends: Ends, id: number, k: number, size = 1000, neighbour = 0): Uint8Array {
  const name = `${ends.src} ${k} ${size}`;
  let frame = templates.get(name);
  if (frame === undefined) {
    frame = ether(fragments(udp(1992, ends), size)[k]);
    templates.set(name, frame);
  }
  frame = frame.slice();
  const v6 = frame[14] >> 4 === 6;
  put16(frame, v6 ? 60 : 18, id);
  const source = v6 ? 36 : 28;
  put16(frame, source, (((frame[source] << 8) | frame[source + 1]) + neighbour) & 0xffff);
  return frame;
}

/** The n-th frame of each flood. */
const FLOODS: Record<string, (ends: Ends, n: number) => Uint8Array> = {
  'first fragments': (ends, n) => piece(ends, n, 0),
  'last fragments': (ends, n) => piece(ends, n, 1),
  'tiny fragments': (ends, n) => piece(ends, n >> 1, 3 + (n & 1), 8),
  teardrops: (ends, n) => (n & 1 ? piece(ends, n >> 1, 1, 984) : piece(ends, n >> 1, 0)),
  'datagrams that lack one': (ends, n) => piece(ends, n >> 1, n & 1, 600),
  'many fragments of one datagram': (ends, n) => piece(ends, 1, n % 240, 8),
  'the same fragment': (ends) => piece(ends, 1, 0),
  'first fragments from everywhere': (ends, n) => piece(ends, n, 0, 1000, n),
  'teardrops from everywhere': (ends, n) =>
    n & 1 ? piece(ends, n >> 1, 1, 984, n >> 1) : piece(ends, n >> 1, 0, 1000, n >> 1),
};

const SAS = {
  esp4: sa(1, { mode: 'transport', src: undefined }),
  natt4: sa(2, { mode: 'transport', src: undefined, encap: 'udp' }),
  esp6: sa(3, { mode: 'transport', src: undefined, dst: 'fd00::2' }),
  natt6: sa(4, { mode: 'transport', src: undefined, dst: 'fd00::2', encap: 'udp' }),
};
const WHOLE4 = sa(5, { mode: 'transport', src: undefined });
const WHOLE6 = sa(6, { mode: 'transport', src: undefined, dst: 'fd00::2' });

/** Honest datagrams, each of three fragments: in clear, and of each kind of ESP. `number` is in the datagram's payload. */
const HONEST = 'udp4 udp6 esp4 natt4 esp6 natt6'.split(' ');
function honest(kind: string, number: number): Uint8Array[] {
  const ends: Ends = kind.endsWith('4') ? { src: '192.0.2.1', dst: '192.0.2.2' } : { src: 'fd00::1', dst: 'fd00::2' };
  const payload = fill(2000, number);
  payload[0] = HONEST.indexOf(kind);
  payload[1] = number >> 8;
  payload[2] = number & 255;
  const plain = udp(payload, { ...ends, sport: 7000 });
  const secured = kind.startsWith('udp') ? plain : sealTransport(SAS[kind as keyof typeof SAS], number + 1, plain);
  return fragments(secured, 800, 0x8000 + 0x1000 * payload[0] + number).map((part) => ether(part));
}

/** Ordinary packets, whole: clear TCP of 8 flows, and ESP. */
function ordinary(n: number): Uint8Array {
  const flow = n % 10;
  const number = Math.floor(n / 10);
  const payload = Uint8Array.of(flow, number >> 8, number & 255, 0);
  if (flow === 9) return ether(sealTransport(WHOLE4, number + 1, udp(payload, { dst: '192.0.2.2', sport: 8000 })));
  if (flow === 8)
    return ether(sealTransport(WHOLE6, number + 1, udp(payload, { src: 'fd00::1', dst: 'fd00::2', sport: 8000 })));
  const ends = flow & 1 ? { src: 'fd00::5', dst: 'fd00::2' } : { src: '198.51.100.7', dst: '192.0.2.2' };
  return ether(tcp(payload, { ...ends, sport: 1000 + flow, seq: 1 + 4 * number }));
}

/** Numbers that came, by kind and in the order in which they came. */
function came({ delivered }: Inline): { ordinary: number[][]; honest: number[][] } {
  const ordinary: number[][] = Array.from({ length: 10 }, () => []);
  const honest: number[][] = HONEST.map(() => []);
  for (const { bytes, class: cls } of delivered) {
    const at = cls.startsWith('tcp') ? bytes.length - 4 : bytes.length > 1500 ? bytes.length - 2000 : bytes.length - 4;
    const into = bytes.length > 1500 ? honest : ordinary;
    into[bytes[at]].push((bytes[at + 1] << 8) | bytes[at + 2]);
  }
  return { ordinary, honest };
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe.each([
  ['IPv4', V4],
  ['IPv6', V6],
])('a flood of fragments over %s', (_, ends) => {
  it.each(Object.keys(FLOODS))('of %s costs ordinary flows and honest datagrams nothing', async (kind) => {
    const inline = await inlineReceiver({ esp: { sas: [...Object.values(SAS), WHOLE4, WHOLE6] }, gro: false });
    const { rx } = inline;
    let whole = 0;
    let rounds = 0;
    let sending: Uint8Array[][] = [];
    for (let n = 0; n < FLOOD; n++) {
      expect(rx.push(FLOODS[kind](ends, n))).toBe(true);
      if (n % 4 === 0) rx.push(ordinary(whole++));
      // each honest datagram takes 120 frames of the flood to arrive
      if (n % 60 === 0) {
        const round = Math.floor(n / 180);
        if (n % 180 === 0) sending = HONEST.map((name) => honest(name, round));
        for (const parts of sending) rx.push(parts[(n / 60) % 3]);
        rounds = round + 1;
      }
      if (n % 1000 !== 0) continue;
      await rx.drain();
      expect(rx.stats().held).toBeLessThanOrEqual(POOL);
    }
    await rx.drain();
    const { held, conserved, absorbed, drops } = rx.stats();
    expect(conserved).toBe(true);
    expect(held).toBeLessThanOrEqual(POOL);
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    const { ordinary: flows, honest: datagrams } = came(inline);
    expect(flows).toEqual(flows.map((_, flow) => upTo(Math.ceil((whole - flow) / 10))));
    // the last round may lack fragments: the flood ended
    datagrams.forEach((numbers, i) => {
      expect([HONEST[i], numbers.slice(0, rounds - 1)]).toEqual([HONEST[i], upTo(rounds - 1)]);
    });
    expect(absorbed.joined).toBe(2 * datagrams.flat().length);
    const fragmentDrops = Object.entries(drops).filter(([reason]) => !reason.startsWith('fragment-'));
    expect(fragmentDrops).toEqual([]);
    // every fragment of the flood is in a count
    const lost = Object.values(stats.drops).reduce((sum, n) => sum + n, 0);
    expect(lost).toBeGreaterThanOrEqual(FLOOD);
    expect(lost).toBeLessThanOrEqual(FLOOD + 2 * HONEST.length);
  });
});

describe('an honest datagram that is slow', () => {
  const slow = (n: number): Uint8Array[] =>
    fragments(udp(fill(2000, n), { sport: n }), 1000, n).map((part) => ether(part));

  it('outlives a flood of one pair, however long', async () => {
    const { rx, delivered } = await inlineReceiver({ deliver: { fragment4: false } });
    const [first, ...rest] = slow(1);
    rx.push(first);
    for (let n = 0; n < FLOOD; n++) rx.push(piece(V4, n, 0));
    for (const part of rest) rx.push(part);
    const stats = await rx.close();
    expect(delivered.length).toBe(1);
    expect(stats.absorbed.joined).toBe(2);
    // of 960 chunks a pair may have 240, and its new datagrams three quarters of them
    expect(stats.drops).toEqual({ 'fragment-limit': FLOOD - 180, 'fragment-timeout': 180 });
  });

  it('outlives 719 fragments of many pairs, and no more', async () => {
    for (const [between, made] of [
      [719, 1],
      [720, 0],
    ]) {
      const { rx, delivered } = await inlineReceiver();
      for (let n = 0; n < 2000; n++) rx.push(piece(V4, n, 0, 1000, n));
      const [first, ...rest] = slow(1);
      rx.push(first);
      for (let n = 0; n < between; n++) rx.push(piece(V4, 3000 + n, 0, 1000, n));
      for (const part of rest) rx.push(part);
      await rx.drain();
      expect(delivered.length).toBe(made);
      const stats = await rx.close();
      expect(closingFault(stats)).toBeUndefined();
      expect(stats.drops['fragment-limit']).toBeGreaterThanOrEqual(2000 - 720 + between);
    }
  });

  it('shares its room with who forges its addresses', async () => {
    const { rx, delivered } = await inlineReceiver();
    const ends = { src: '10.1.0.1', dst: '10.1.0.2' };
    for (const [round, between] of [100, 170, 190].entries()) {
      const [first, ...rest] = slow(round + 1);
      rx.push(first);
      for (let n = 0; n < between; n++) rx.push(piece(ends, 1000 * round + 100 + n, 0));
      for (const part of rest) rx.push(part);
    }
    expect((await rx.close()).conserved).toBe(true);
    expect(delivered.length).toBe(2);
  });
});

it('a flood of inner fragments through one SA costs the others nothing', async () => {
  const [bad, good] = [sa(1, { queue: 0 }), sa(2, { queue: 0 })];
  const { rx, delivered } = await inlineReceiver({ queues: 2, esp: { sas: [bad, good] } });
  let sent = 0;
  for (let n = 0; n < 3000; n++) {
    rx.push(ether(sealTunnel(bad, n + 1, piece(V4, n, 0).subarray(14))));
    if (n % 100 !== 0) continue;
    const datagram = Math.floor(n / 300);
    const parts = fragments(udp(fill(2000, datagram), { sport: 9 }), 1000, datagram);
    rx.push(ether(sealTunnel(good, ++sent, parts[(n / 100) % 3])));
  }
  await rx.drain();
  expect(rx.stats().conserved).toBe(true);
  const stats = await rx.close();
  expect(closingFault(stats)).toBeUndefined();
  expect(delivered.map((p) => [p.sa, p.bytes[42]])).toEqual(upTo(10).map((n) => [2, fill(1, n)[0]]));
  expect(stats.drops['fragment-limit']).toBeGreaterThan(2000);
});

it('fragments pass as they are when reassembly is off, by addresses alone, however many', async () => {
  const { rx, delivered } = await inlineReceiver({ fragments: false, queues: 4 });
  for (let n = 0; n < 2000; n++) rx.push(piece(n & 1 ? V4 : V6, n, (n >> 1) & 1));
  const stats = await rx.close();
  expect(closingFault(stats)).toBeUndefined();
  expect(stats).toMatchObject({ drops: {}, absorbed: { joined: 0 }, classes: { fragment4: 1000, fragment6: 1000 } });
  expect(delivered.map((p) => p.class)).toEqual(expect.arrayContaining(['fragment4', 'fragment6']));
  expect(delivered.length).toBe(2000);
  for (const cls of ['fragment4', 'fragment6']) {
    expect(new Set(delivered.filter((p) => p.class === cls).map((p) => p.lane)).size).toBe(1);
  }
});
