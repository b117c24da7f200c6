/** Several lanes that hand over to each other, polled by hand: what happens when which of them comes first. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Sa, sealTunnel } from '../../src/esp/index.ts';
import { Claims } from '../../src/lane/claims.ts';
import { ownerOf } from '../../src/lane/owners.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { Tuple } from '../../src/wire/tuple.ts';
import { LaneGroup, type LaneGroupOptions } from '../support/lane-group.ts';
import { ether, fill, fragments, tcp, udp } from '../support/packets.ts';
import { sa } from '../support/sas.ts';

let group: LaneGroup;
const lanes = (options: LaneGroupOptions): LaneGroup => {
  group = new LaneGroup({ queues: 2, rfs: {}, ...options });
  return group;
};
afterEach(() => {
  expect(group.fault()).toBeUndefined();
  expect(group.errors).toEqual([]);
});

/** The tuple of UDP packets with this source port; and a claim of their flow. */
function tuple(sport: number, protocol = 17): Tuple {
  const out = new Tuple();
  out.src.set(parseAddress('10.1.0.1'));
  out.dst.set(parseAddress('10.1.0.2'));
  out.protocol = protocol;
  out.sport = sport;
  out.dport = protocol === 6 ? 443 : 6000;
  return out;
}
const claim = (g: LaneGroup, sport: number, lane: number, protocol = 17): void => {
  expect(new Claims(g.core.laneConfig(0)).claim(tuple(sport, protocol), lane)).toBe(true);
};

/** An SA whose packets go to a lane, by a pin or by its first packet. */
const pinned = (spi: number, queue: number): Sa => sa(spi, { queue });
const sealed = (one: Sa, seq: number, packet: Uint8Array): Uint8Array => ether(sealTunnel(one, seq, packet));
/** A frame of a flow in clear that belongs to a lane: it has been claimed. */
const clear = (n: number, sport = 77): Uint8Array => ether(udp(fill(20 + n, 3), { sport }));

const stats = (g: LaneGroup, lane: number) => g.stats().queues[lane];

describe('what comes out of ESP', () => {
  it('is handed to the lane that has claimed its flow, once', () => {
    const one = pinned(1, 0);
    const g = lanes({ sas: [one] });
    claim(g, 7, 1);
    const packets = Array.from({ length: 10 }, (_, i) => udp(fill(30 + i, i), { sport: 7 }));
    g.push(...packets.map((packet, i) => sealed(one, i + 1, packet)));
    expect(g.poll(0)).toEqual([]);
    const out = g.poll(1);
    expect(out.map(({ lane, sa, bytes }) => [lane, sa, bytes.subarray(14)])).toEqual(packets.map((p) => [1, 1, p]));
    expect(stats(g, 0)).toMatchObject({ packets: 10, segments: 0, handedOver: 10, takenOver: 0, held: 0 });
    expect(stats(g, 1)).toMatchObject({ packets: 0, segments: 10, delivered: 10, handedOver: 0, takenOver: 10 });
  });

  it('arrives as a super-packet, in pieces and whole', () => {
    const one = pinned(1, 0);
    const seen: [number, Uint8Array][] = [];
    const g = lanes({
      sas: [one],
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) {
          const offsets = new Int32Array(70);
          const lengths = new Int32Array(70);
          // `contiguous` was asked of it before, by the group: the pieces are one.
          seen.push([batch.pieces(i, offsets, lengths), batch.copy(i)]);
        }
      },
    });
    claim(g, 7, 1, 6);
    for (let i = 0; i < 40; i++) g.push(sealed(one, i + 1, tcp(500, { sport: 7, seq: 1 + 500 * i })));
    g.poll(0);
    const [packet, ...more] = g.poll(1);
    expect(more).toEqual([]);
    expect(packet).toMatchObject({ class: 'tcp4', segments: 40, gsoSize: 500, number: 0, lastNumber: 39, sa: 1 });
    expect(packet.bytes.subarray(54)).toEqual(fill(20_000, 1));
    expect(seen).toEqual([[1, packet.bytes]]);
    expect(stats(g, 0)).toMatchObject({ handovers: 1, handedOver: 40, merged: 39 });
    expect(stats(g, 1)).toMatchObject({ takenOver: 40, segments: 40, delivered: 1, merged: 0 });
  });

  it('is delivered where it is when its class is left out, or nobody wants it', () => {
    const one = pinned(1, 0);
    const g = lanes({ sas: [one], deliver: { udp4: false } });
    claim(g, 7, 1);
    g.push(sealed(one, 1, udp(9, { sport: 7 })), sealed(one, 2, tcp(9, { sport: 7 })));
    expect(g.run().map(({ lane, class: name }) => [lane, name])).toEqual([[0, 'tcp4']]);
    expect(g.stats()).toMatchObject({ drops: { excluded: 1 }, held: 0 });
    expect([stats(g, 0).handedOver, stats(g, 0).drops]).toEqual([0, { excluded: 1 }]);
  });

  it('stays in order with what its lane has delivered of it already', () => {
    const one = pinned(1, 0);
    const g = lanes({ sas: [one], queues: 3 });
    let seq = 0;
    const push = (n: number): void => {
      for (let i = 0; i < n; i++) g.push(sealed(one, ++seq, udp(fill(100 + seq, 1), { sport: 7 })));
    };
    const sizes = (list: { bytes: Uint8Array; lane: number }[]): number[][] =>
      list.map(({ bytes, lane }) => [lane, bytes.length - 142]);
    push(2);
    expect(sizes(g.poll(0))).toEqual([
      [0, 1],
      [0, 2],
    ]);
    claim(g, 7, 1);
    push(2);
    expect(sizes(g.poll(0))).toEqual([]);
    // Lane 1 has them still: whoever wants the flow now must wait.
    claim(g, 7, 2);
    push(1);
    expect(sizes(g.poll(0))).toEqual([]);
    expect(sizes(g.poll(2))).toEqual([]);
    expect(sizes(g.poll(1))).toEqual([
      [1, 3],
      [1, 4],
      [1, 5],
    ]);
    push(1);
    g.poll(0);
    expect(sizes(g.run())).toEqual([[2, 6]]);
    expect(g.stats().rfs).toMatchObject({ handoverMoves: 2 });
  });

  it('goes before what the lane that takes it finds in its own ring', () => {
    const one = pinned(1, 0);
    const g = lanes({ sas: [one] });
    claim(g, 7, 1);
    claim(g, 77, 1);
    g.push(sealed(one, 1, udp(5, { sport: 7 })), clear(1));
    g.poll(0);
    g.push(clear(2));
    expect(g.poll(1).map(({ sa }) => sa)).toEqual([1, 0, 0]);
  });

  it('does not keep the lane that takes it from its own ring', () => {
    const one = pinned(1, 0);
    const g = lanes({ sas: [one] });
    claim(g, 7, 1);
    claim(g, 77, 1);
    let seq = 0;
    let own = 0;
    for (let round = 0; round < 20; round++) {
      // As much as a poll takes, each time: there is always more.
      for (let n = 0; n < 64; n++) g.push(sealed(one, ++seq, udp(5, { sport: 7 })));
      g.push(clear(round));
      g.poll(0);
      own += g.poll(1, 1).filter((packet) => packet.sa === 0).length;
    }
    // Their turns are taken in turns.
    expect(own).toBeGreaterThan(15);
    g.run();
    expect(g.stats()).toMatchObject({ held: 0, drops: {} });
  });
});

describe('a lane that hands over', () => {
  it('stops when the other one does not take, and goes on when it does', () => {
    const one = pinned(1, 0);
    const g = lanes({ sas: [one], ring: 512 });
    claim(g, 7, 1);
    for (let n = 1; n <= 300; n++) g.push(sealed(one, n, udp(fill(40, n), { sport: 7 })));
    g.poll(0);
    expect([stats(g, 0).handovers, g.lanes[0].poll()]).toEqual([128, 0]);
    expect(g.poll(1).length).toBe(128);
    g.poll(0);
    expect(stats(g, 0).handovers).toBe(256);
    const rest = g.run();
    expect(rest.map(({ bytes }) => bytes[42])).toEqual(Array.from({ length: 172 }, (_, n) => fill(1, n + 129)[0]));
    expect(stats(g, 1)).toMatchObject({ takenOver: 300, segments: 300 });
  });

  it('keeps the bytes until they are delivered, however much comes meanwhile', () => {
    const one = pinned(1, 0);
    let settle = (): void => {};
    let taken: Uint8Array | undefined;
    const g = lanes({
      sas: [one],
      onPackets(batch) {
        if (batch.lane === 0) return undefined;
        taken = batch.view(0);
        return new Promise((resolve) => {
          settle = resolve;
        });
      },
    });
    claim(g, 7, 1);
    g.push(sealed(one, 1, udp(fill(2000, 5), { sport: 7 })));
    g.poll(0);
    g.poll(1);
    const before = Uint8Array.from(taken!);
    // Packets of 60 KB that nobody has claimed: several times the scratch.
    for (let n = 2; n < 400; n++) {
      g.push(sealed(one, n, udp(fill(60_000, n), { sport: 8 })));
      g.poll(0);
    }
    expect(taken).toEqual(before);
    settle();
  });

  it('is woken by the last lane that it waits for, though that comes between its look and its sleep', () => {
    const one = pinned(1, 0);
    const g = lanes({ sas: [one] });
    claim(g, 7, 1);
    g.push(sealed(one, 1, udp(5, { sport: 7 })));
    g.poll(0);
    g.replace(0);
    g.push(sealed(one, 2, udp(5, { sport: 7 })));
    expect(g.lanes[0].poll()).toBe(0);
    expect(g.poll(1).length).toBe(1);
    expect(g.lanes[0].sleep(() => false)).toBeUndefined();
    expect(g.run().length).toBe(1);
  });

  it('takes a new key when what it has handed over is delivered', () => {
    const one = pinned(1, 0);
    const hashes: number[] = [];
    const g = lanes({
      sas: [one],
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) hashes.push(batch.hash(i));
      },
    });
    const { control } = g.core;
    const seen = (): number[] =>
      control.places.keySeen.map((at) => control.key.generation - new Int32Array(control.buffer, at, 1)[0]);
    claim(g, 7, 1);
    g.push(sealed(one, 1, udp(5, { sport: 7 })));
    g.poll(0);
    control.key.write(Uint8Array.from({ length: 40 }, (_, i) => i * 11 + 3));
    g.push(sealed(one, 2, udp(5, { sport: 7 })));
    expect([g.lanes[0].poll(), seen()]).toEqual([0, [1, 1]]);
    expect(g.poll(1).length).toBe(1);
    expect(seen()).toEqual([1, 0]);
    expect(g.poll(0).length).toBe(1);
    expect(seen()).toEqual([0, 0]);
    expect(hashes.length).toBe(2);
    expect(hashes[0]).not.toBe(hashes[1]);
  });
});

describe('ESP inside ESP', () => {
  const outer = sa(1, { queue: 0 });
  const inner = sa(2, { src: '10.9.0.1', dst: '10.9.0.2', queue: 1 });

  it('whose SA another lane owns is handed over, opened there and delivered once; copies are dropped', () => {
    const g = lanes({ sas: [outer, inner], rfs: false });
    for (let n = 1; n <= 3; n++) {
      const packet = sealTunnel(inner, n, udp(fill(50, n)));
      g.push(sealed(outer, 2 * n, packet), sealed(outer, 2 * n + 1, packet));
    }
    expect(g.poll(0)).toEqual([]);
    const out = g.poll(1);
    expect(out.map(({ lane, sa, bytes }) => [lane, sa, bytes.subarray(42)])).toEqual(
      [1, 2, 3].map((n) => [1, 2, fill(50, n)]),
    );
    expect(g.stats()).toMatchObject({ held: 0, drops: { replay: 3 } });
    expect(g.stats().sas).toMatchObject([
      { packets: 6, opened: 6 },
      { packets: 6, opened: 3, failed: { replay: 3 } },
    ]);
    expect([stats(g, 0).handovers, stats(g, 1).takenOver, stats(g, 1).drops]).toEqual([6, 6, { replay: 3 }]);
  });

  it('is merged there', () => {
    const g = lanes({ sas: [outer, inner] });
    for (let n = 0; n < 5; n++) g.push(sealed(outer, n + 1, sealTunnel(inner, n + 1, tcp(100, { seq: 1 + 100 * n }))));
    expect(g.run()).toMatchObject([{ lane: 1, segments: 5, gsoSize: 100, sa: 2 }]);
  });

  it('goes no further, whoever has claimed what is in it', () => {
    const g = lanes({ sas: [outer, inner], queues: 3 });
    claim(g, 5000, 2);
    g.push(sealed(outer, 1, sealTunnel(inner, 1, udp(5))));
    expect(g.run()).toMatchObject([{ lane: 1, sa: 2 }]);
    expect(g.stats().queues.map((queue) => queue.handovers)).toEqual([1, 0, 0]);
  });

  it('in a third lane is dropped as nesting: a packet is handed over once', () => {
    const third = sa(3, { src: '10.8.0.1', dst: '10.8.0.2', queue: 2 });
    const g = lanes({ sas: [outer, inner, third], queues: 3 });
    g.push(sealed(outer, 1, sealTunnel(inner, 1, sealTunnel(third, 1, udp(5)))), sealed(outer, 2, udp(7)));
    expect(g.run()).toMatchObject([{ lane: 0, sa: 1 }]);
    expect(g.stats()).toMatchObject({ held: 0, drops: { nesting: 1 } });
    expect(stats(g, 1)).toMatchObject({ takenOver: 1, drops: { nesting: 1 } });
  });

  it('is handed over between marks, and taken over in the middle of a poll', () => {
    const wide = sa(2, { src: '10.9.0.1', dst: '10.9.0.2', queue: 1, replayWindow: 256 });
    const g = lanes({ sas: [outer, wide], rfs: false, deterministic: true, full: 'wait' });
    // Lane 1 waits for the end of its poll with a packet of its own.
    g.push(ether(sealTunnel(wide, 71, udp(fill(40, 71)), { src: '10.9.0.1' })));
    expect(g.poll(1)).toEqual([]);
    for (let n = 1; n <= 70; n++) g.push(sealed(outer, n, sealTunnel(wide, n, udp(fill(40, n)))));
    const out = g.run();
    expect(out.map(({ lane, bytes }) => [lane, bytes[42]])).toEqual(
      [71, ...Array.from({ length: 64 }, (_, n) => n + 1)].map((n) => [1, fill(1, n)[0]]),
    );
    g.core.dispatcher.mark();
    expect(g.run().length).toBe(6);
    expect(g.stats()).toMatchObject({ held: 0, drops: {} });
  });

  it('makes its SA stay where it was met', () => {
    const free = sa(2, { src: '10.9.0.1', dst: '10.9.0.2' });
    const g = lanes({ sas: [outer, free] });
    g.push(sealed(outer, 1, sealTunnel(free, 1, udp(5))));
    expect(g.run()).toMatchObject([{ lane: 0, sa: 2 }]);
    const owners = new Int32Array(g.core.control.buffer, g.core.control.places.owners, 2);
    expect(ownerOf(owners, 1, 1)).toBe(0);
  });
});

describe('an SA follows its flows', () => {
  it('when all of them that are claimed are one lane’s; then nothing is handed over', () => {
    const one = sa(1);
    const g = lanes({ sas: [one], queues: 2 });
    g.push(sealed(one, 1, udp(5, { sport: 7 })));
    const [first] = g.run();
    const to = 1 - first.lane;
    claim(g, 7, to);
    let seq = 1;
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 20; n++) g.push(sealed(one, ++seq, udp(5, { sport: 7 })));
      expect(g.run().every(({ lane }) => lane === to)).toBe(true);
    }
    expect(g.stats().rfs).toMatchObject({ saMoves: 1, saMovesWaiting: 0 });
    const before = stats(g, first.lane).handovers;
    g.push(sealed(one, ++seq, udp(5, { sport: 7 })));
    expect(g.run()).toMatchObject([{ lane: to }]);
    expect([stats(g, first.lane).handovers, stats(g, to).handovers]).toEqual([before, 0]);
  });

  it('but not when it carries ESP whose SA stays where it is: its flows would never come to the lane that wants them', () => {
    const outer = sa(1);
    const inner = sa(2, { src: '10.9.0.1', dst: '10.9.0.2' });
    const g = lanes({ sas: [outer, inner] });
    let seq = 0;
    const push = (): void => {
      seq++;
      g.push(sealed(outer, seq, sealTunnel(inner, seq, udp(5, { sport: 7 }))));
    };
    push();
    const [{ lane }] = g.run();
    claim(g, 7, 1 - lane);
    for (let round = 0; round < 12; round++) {
      for (let n = 0; n < 20; n++) push();
      expect(g.run().map((packet) => packet.lane)).toEqual(Array(20).fill(1 - lane));
    }
    expect(g.stats().rfs).toMatchObject({ saMoves: 0 });
  });

  it('not while it has fragments of a datagram that another lane could not complete', () => {
    const one = sa(1);
    const g = lanes({ sas: [one] });
    const whole = udp(fill(1200, 9), { sport: 7 });
    const parts = fragments(whole, 400);
    g.push(sealed(one, 1, parts[0]));
    g.run();
    const owners = new Int32Array(g.core.control.buffer, g.core.control.places.owners, 1);
    const from = ownerOf(owners, 0, 0);
    claim(g, 7, 1 - from);
    let seq = 1;
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 20; n++) g.push(sealed(one, ++seq, udp(5, { sport: 7 })));
      g.run();
    }
    for (const part of parts.slice(1)) g.push(sealed(one, ++seq, part));
    const out = g.run();
    expect(out.map(({ bytes }) => bytes.length)).toEqual([14 + whole.length]);
    expect(g.stats()).toMatchObject({ held: 0 });
    for (let n = 0; n < 20; n++) g.push(sealed(one, ++seq, udp(5, { sport: 7 })));
    g.run();
    g.push(sealed(one, ++seq, udp(5, { sport: 7 })));
    expect(g.run()).toMatchObject([{ lane: 1 - from }]);
    expect(g.stats().rfs).toMatchObject({ saMoves: 1 });
  });
});

it('fragments whose time is over are given up when other packets come, and their SA may go then', () => {
  const one = sa(1);
  const g = lanes({ sas: [one] });
  g.push(sealed(one, 1, fragments(udp(1200), 400)[0]));
  g.run();
  const owners = new Int32Array(g.core.control.buffer, g.core.control.places.owners, 1);
  const from = ownerOf(owners, 0, 0);
  claim(g, 7, 1 - from);
  let seq = 1;
  for (let round = 0; round < 10; round++) {
    for (let n = 0; n < 20; n++) g.push(sealed(one, ++seq, udp(5, { sport: 7 })));
    g.run();
  }
  expect(g.stats()).toMatchObject({ held: 1, rfs: { saMoves: 0, saMovesWaiting: 1 } });
  g.time += 31;
  g.push(sealed(one, ++seq, udp(5, { sport: 7 })));
  g.run();
  expect(g.stats()).toMatchObject({ held: 0, drops: { 'fragment-timeout': 1 } });
  g.push(sealed(one, ++seq, udp(5, { sport: 7 })));
  expect(g.run()).toMatchObject([{ lane: 1 - from }]);
  expect(g.stats().rfs).toMatchObject({ saMoves: 1, saMovesWaiting: 0 });
});

describe('a thread that ends', () => {
  it('with what it has taken over loses that, and what waits for it is taken by the next one', () => {
    const one = pinned(1, 0);
    const g = lanes({ sas: [one] });
    claim(g, 7, 1);
    claim(g, 77, 1);
    for (let n = 1; n <= 100; n++) g.push(sealed(one, n, udp(fill(40, n), { sport: 7 })));
    g.push(clear(1));
    g.poll(0);
    g.hold(1);
    expect(g.lanes[1].poll()).toBe(64);
    g.replace(1);
    expect(g.fault()).toBeUndefined();
    const out = g.run();
    expect(out.map((packet) => packet.sa)).toEqual([...Array(36).fill(1), 0]);
    expect(g.stats()).toMatchObject({ held: 0, drops: { 'lane-lost': 64 } });
    expect(stats(g, 1)).toMatchObject({ takenOver: 36, drops: { 'lane-lost': 64 } });
    // Lane 0 goes on.
    g.push(sealed(one, 101, udp(9, { sport: 7 })));
    expect(g.run()).toMatchObject([{ lane: 1 }]);
  });

  it('while it hands over loses what nobody has seen; what was seen is delivered', () => {
    const one = pinned(1, 0);
    const g = lanes({ sas: [one], ring: 256 });
    claim(g, 7, 1);
    let seq = 0;
    const push = (n: number, sport: number): void => {
      for (let i = 0; i < n; i++) g.push(sealed(one, ++seq, udp(fill(40, seq), { sport })));
    };
    push(30, 7);
    g.poll(0);
    // In the same poll some stay and some go; the lane dies in the call of its consumer.
    push(10, 7);
    push(10, 8);
    g.hold(0);
    expect(g.lanes[0].poll()).toBe(20);
    push(5, 7);
    g.replace(0);
    // The bytes of the first ones are in the scratch that the next thread has: it must not begin.
    expect(g.lanes[0].poll()).toBe(0);
    expect(g.poll(1).map(({ bytes }) => bytes[42])).toEqual(Array.from({ length: 30 }, (_, n) => fill(1, n + 1)[0]));
    expect(g.run().map(({ bytes }) => bytes[42])).toEqual(Array.from({ length: 5 }, (_, n) => fill(1, n + 51)[0]));
    expect(g.stats()).toMatchObject({ held: 0, drops: { 'lane-lost': 20 } });
    expect(stats(g, 0).drops).toEqual({ 'lane-lost': 20 });
    expect(g.stats().sas[0]).toMatchObject({ packets: 55, opened: 55 });
  });

  it('again and again leaves nothing uncounted', () => {
    const sas = [pinned(1, 0), pinned(2, 1), pinned(3, 2)];
    const g = lanes({ sas, queues: 3, ring: 512 });
    for (const lane of [0, 1, 2]) claim(g, 10 + lane, lane);
    const seq = [0, 0, 0];
    for (let round = 0; round < 30; round++) {
      for (let n = 0; n < 40; n++) {
        const from = (n + round) % 3;
        g.push(sealed(sas[from], ++seq[from], udp(40, { sport: 10 + (n % 4) })));
      }
      const victim = round % 3;
      g.hold(victim);
      for (const lane of round % 2 === 0 ? [0, 1, 2] : [2, 1, 0]) g.lanes[lane].poll();
      g.replace(victim);
      expect(g.fault()).toBeUndefined();
      if (round % 5 === 0) g.run();
    }
    g.run();
    const all = g.stats();
    expect(all.held).toBe(0);
    expect(all.drops['lane-lost']).toBeGreaterThan(100);
    expect(all.queues.map(({ held }) => held)).toEqual([0, 0, 0]);
    expect(Object.keys(all.drops)).toEqual(['lane-lost']);
  });
});
