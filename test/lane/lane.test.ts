import { afterEach, describe, expect, it } from 'vitest';
import type { Batch } from '../../src/lane/batch.ts';
import { Tuple } from '../../src/wire/tuple.ts';
import { LaneBench, type LaneBenchOptions } from '../support/lane-bench.ts';
import { arp, ether, fill, ip, tcp, udp } from '../support/packets.ts';

let bench: LaneBench;
const lane = (options?: LaneBenchOptions): LaneBench => {
  bench = new LaneBench(options);
  return bench;
};
/** Every test ends with all packets accounted for. */
afterEach(() => {
  expect(bench.unaccounted()).toBe(0);
});

/** Segments of one flow, one behind the other. */
const run = (n: number, size = 1000, sport = 40000): Uint8Array[] =>
  Array.from({ length: n }, (_, i) => ether(tcp(size, { seq: 1 + i * size, sport })));

describe('a clear lane', () => {
  it('merges a run of TCP segments at the end of the poll', () => {
    const b = lane();
    for (const frame of run(10)) b.push(frame);
    const [packet, ...more] = b.run();
    expect(more).toEqual([]);
    expect(packet).toMatchObject({ class: 'tcp4', segments: 10, gsoSize: 1000, number: 0, lastNumber: 9, sa: 0 });
    expect(packet.bytes.length).toBe(14 + 20 + 20 + 10_000);
    expect(packet.bytes.subarray(54)).toEqual(fill(10_000, 1));
    expect(b.counts()).toMatchObject({ taken: 10, delivered: 1, segments: 10, merged: 9, polls: 1, drops: {} });
  });

  it('merges nothing with GRO off', () => {
    const b = lane({ gro: false });
    for (const frame of run(5)) b.push(frame);
    expect(b.run().map((packet) => packet.segments)).toEqual([1, 1, 1, 1, 1]);
  });

  it('keeps flows apart, and what it cannot merge in its place', () => {
    const b = lane();
    const [a, c] = [run(3, 500, 1), run(3, 500, 2)];
    for (let i = 0; i < 3; i++) {
      b.push(a[i]);
      b.push(c[i]);
    }
    b.push(ether(udp(20)));
    b.push(arp());
    expect(
      b
        .run()
        .map((p) => `${p.class}x${p.segments}`)
        .sort(),
    ).toEqual(['nonipx1', 'tcp4x3', 'tcp4x3', 'udp4x1']);
  });

  it('ends polls at 64 packets, and when the ring is empty', () => {
    const b = lane();
    for (const frame of run(100, 100)) b.push(frame);
    expect(b.run().map((packet) => packet.segments)).toEqual([64, 36]);
    for (const frame of run(3, 100)) b.push(frame);
    expect(b.run().map((packet) => packet.segments)).toEqual([3]);
    expect(b.batches.length).toBe(3);
  });

  it('ends polls at marks alone when it is deterministic', () => {
    const b = lane({ deterministic: true, full: 'wait' });
    const frames = run(12, 100);
    frames.slice(0, 4).forEach((frame) => {
      b.push(frame);
      expect(b.run()).toEqual([]);
    });
    b.mark();
    expect(b.run().map((packet) => packet.segments)).toEqual([4]);
    for (const frame of frames.slice(4, 9)) b.push(frame);
    b.push(frames[9], { end: true });
    b.push(frames[10]);
    expect(b.run().map((packet) => packet.segments)).toEqual([6]);
    expect(b.ring.idle()).toBe(false);
    b.mark();
    expect(b.run().map((packet) => packet.segments)).toEqual([1]);
    expect(b.ring.idle()).toBe(true);
  });

  it('leaves out classes that are not wanted, and counts them', () => {
    const b = lane({ deliver: { tcp4: false, nonip: false, udp4: true } });
    for (const frame of run(4)) b.push(frame);
    b.push(arp());
    b.push(ether(udp(5)));
    expect(b.run().map((packet) => packet.class)).toEqual(['udp4']);
    expect(b.counts().drops).toEqual({ excluded: 5 });
    for (const frame of run(2)) b.push(frame);
    expect(b.run()).toEqual([]);
    expect(b.ring.idle()).toBe(true);
  });

  it('goes on when its consumer throws, and counts the batch', () => {
    const b = lane({
      onPackets: (batch) => {
        if (b.batches.length === 2) throw new Error(`no ${batch.length}`);
      },
    });
    for (let k = 0; k < 3; k++) {
      for (const frame of run(3)) b.push(frame);
      b.push(arp());
      b.run();
    }
    expect(b.errors).toEqual([new Error('no 2')]);
    expect(b.counts()).toMatchObject({ taken: 12, segments: 8, throws: 1, drops: { 'consumer-error': 4 } });
  });

  it('goes on when what its consumer promised is rejected', async () => {
    const b = lane({ onPackets: () => Promise.reject(new Error('later')) });
    for (const frame of run(3)) b.push(frame);
    b.run();
    await b.lane.pending;
    expect(b.errors).toEqual([new Error('later')]);
    expect(b.counts()).toMatchObject({ taken: 3, throws: 1, drops: { 'consumer-error': 3 } });
    b.push(arp());
    expect(b.run().length).toBe(1);
    await b.lane.pending;
  });

  it('pauses while its consumer has a promise, and leaves its frames alone', async () => {
    let resolve: () => void = () => {};
    let kept: Batch | undefined;
    const b = lane({
      onPackets(batch) {
        kept = batch;
        return new Promise((done) => {
          resolve = done;
        });
      },
    });
    const frames = run(2);
    for (const frame of frames) b.push(frame);
    b.run();
    b.push(arp());
    expect(b.lane.poll()).toBe(0);
    expect(b.counts().taken).toBe(0);
    expect(b.ring.idle()).toBe(false);
    expect(kept!.length).toBe(1);
    expect(kept!.view(0).slice(54)).toEqual(fill(2000, 1));
    resolve();
    await b.lane.pending;
    expect(b.counts()).toMatchObject({ taken: 2, segments: 2 });
    expect(kept!.length).toBe(0);
    b.run();
    resolve();
    await b.lane.pending;
    expect(b.counts().taken).toBe(3);
  });

  it('delivers malformed frames that come to it no differently from others', () => {
    const b = lane();
    b.push(ether(ip(6, new Uint8Array(3))));
    expect(b.run().map((packet) => packet.class)).toEqual(['malformed']);
  });
});

describe('a batch', () => {
  it('tells all about its packets', () => {
    const inspected = { done: 0 };
    const offsets = new Int32Array(8);
    const lengths = new Int32Array(8);
    const tuple = new Tuple();
    const b = lane({
      copies: false,
      onPackets(batch) {
        inspected.done++;
        expect(batch.length).toBe(3);
        expect(batch.lane).toBe(0);
        const [t, u, n] = [0, 1, 2].sort((x, y) => batch.number(x) - batch.number(y));
        // The super-packet: headers and three payloads.
        expect(batch.className(t)).toBe('tcp6');
        expect(batch.class(t)).toBe(3);
        expect(batch.segments(t)).toBe(3);
        expect(batch.gsoSize(t)).toBe(700);
        expect(batch.byteLength(t)).toBe(18 + 40 + 20 + 2100);
        expect(batch.wireLength(t)).toBe(18 + 40 + 20 + 700 + 4);
        expect(batch.linkLength(t)).toBe(18);
        expect(batch.headerLength(t)).toBe(58);
        expect(batch.vlan(t)).toBe(0x10000 | 0x2064);
        expect([batch.number(t), batch.lastNumber(t)]).toEqual([0, 2]);
        expect(batch.protocol(t)).toBe(6);
        expect(batch.pieces(t)).toBe(4);
        expect(batch.pieces(t, offsets, lengths)).toBe(4);
        expect([...lengths.subarray(0, 4)]).toEqual([18 + 60, 700, 700, 700]);
        expect(batch.offset(t)).toBe(offsets[0]);
        const joined = Buffer.concat(
          [0, 1, 2, 3].map((k) => Uint8Array.from(batch.bytes.subarray(offsets[k], offsets[k] + lengths[k]))),
        );
        // No more is written than there is room for.
        const little = new Int32Array(2).fill(-1);
        expect(batch.pieces(t, little)).toBe(4);
        expect(batch.pieces(t, undefined, little)).toBe(4);
        expect([...little]).toEqual([78, 700]);
        expect(batch.tuple(t, tuple)).toBe(true);
        expect(String(tuple)).toBe('tcp [fd00::1]:7 > [fd00::2]:8');
        const before = batch.headerLength(t);
        const at = batch.contiguous(t);
        expect(batch.contiguous(t)).toBe(at);
        expect(batch.offset(t)).toBe(at);
        expect(batch.pieces(t, offsets, lengths)).toBe(1);
        expect([offsets[0], lengths[0]]).toEqual([at, 2178]);
        expect(Buffer.from(batch.view(t))).toEqual(joined);
        expect(batch.byteLength(t)).toBe(2178);
        expect(batch.headerLength(t)).toBe(before);
        expect(batch.tuple(t, tuple)).toBe(true);
        expect(batch.view(t).byteOffset).toBe(at);
        expect(batch.copy(t).buffer).toBeInstanceOf(ArrayBuffer);
        expect(batch.hashValid(t)).toBe(true);
        expect(batch.time(t)).toBeCloseTo(1000.000000005, 9);
        expect([batch.seconds(t), batch.nanos(t)]).toEqual([1000, 5]);

        expect(batch.className(u)).toBe('udp4');
        expect(batch.hash(u)).toBeGreaterThanOrEqual(0);
        expect(batch.pieces(u, offsets, lengths)).toBe(1);
        expect(batch.contiguous(u)).toBe(batch.offset(u));
        expect(batch.linkType(u)).toBe(101);
        expect(batch.linkLength(u)).toBe(0);
        expect(batch.vlan(u)).toBe(0);
        expect(batch.unit(u)).toBe(0);
        expect(batch.sa(u)).toBe(0);

        expect(batch.className(n)).toBe('nonip');
        expect(batch.hashValid(n)).toBe(false);
        expect(batch.linkLength(n)).toBe(14);
        expect(batch.headerLength(n)).toBe(60);
        expect(batch.tuple(n, tuple)).toBe(false);
        expect(tuple.family).toBe(6);
        expect(batch.totalSegments()).toBe(5);
        expect(batch.totalBytes()).toBe(2178 + 20 + 8 + 9 + 60);
      },
    });
    const v6 = { src: 'fd00::1', dst: 'fd00::2', sport: 7, dport: 8 };
    for (let i = 0; i < 3; i++) b.push(ether(tcp(700, { ...v6, seq: 1 + 700 * i }), [0x2064]));
    b.push(udp(9), { linkType: 101 });
    b.push(arp());
    b.run();
    expect(b.errors).toEqual([]);
    expect(inspected.done).toBe(1);
  });

  it('gives views of memory that is used anew, and copies that stay', () => {
    const views: Uint8Array[] = [];
    const copies: Uint8Array[] = [];
    const b = lane({
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) {
          views.push(batch.view(i));
          copies.push(batch.copy(i));
        }
      },
    });
    const single = ether(udp(500));
    b.push(single);
    for (const frame of run(3)) b.push(frame);
    b.run();
    const kept = copies.map((copy) => Buffer.from(copy));
    // The next poll of the lane, and the next frame of the dispatcher, take the same memory.
    for (const frame of run(3, 900, 77)) b.push(frame);
    b.push(ether(udp(501)));
    b.run();
    expect(copies.slice(0, 2)).toEqual(kept.map((bytes) => Uint8Array.from(bytes)));
    expect(kept.some((bytes) => bytes.equals(single))).toBe(true);
    expect(views.length).toBe(4);
    for (const [i, view] of views.slice(0, 2).entries()) expect(Buffer.from(view).equals(kept[i])).toBe(false);
  });

  it('has room to make a whole poll contiguous', () => {
    let bytes = 0;
    const b = lane({
      copies: false,
      onPackets(batch) {
        for (let i = 0; i < batch.length; i++) {
          const view = batch.view(i);
          expect(view.length).toBe(batch.byteLength(i));
          bytes += view.length;
        }
      },
    });
    // Two segments make a super-packet: 32 of them, as large as IP allows.
    for (let flow = 0; flow < 32; flow++) {
      for (const frame of run(2, 32_000, 1000 + flow)) b.push(frame);
    }
    b.run();
    expect(b.errors).toEqual([]);
    expect(b.counts()).toMatchObject({ segments: 64 });
    expect(bytes).toBeGreaterThan(64 * 32_000);
  });
});

it('a lane that was given up counts nothing any more', async () => {
  let resolve: () => void = () => {};
  const b = lane({
    onPackets: () =>
      new Promise((done) => {
        resolve = done;
      }),
  });
  b.push(arp());
  b.run();
  b.lane.abandon();
  resolve();
  await b.lane.pending;
  expect(b.counts().taken).toBe(0);
  expect(b.ring.idle()).toBe(false);
});

it('close ends a poll that no mark has ended, and tells of a consumer that cannot be closed', async () => {
  const b = lane({ deterministic: true, full: 'wait', close: () => Promise.reject(new Error('no')) });
  for (const frame of run(3)) b.push(frame);
  b.run();
  expect(b.counts().taken).toBe(0);
  await b.lane.close();
  expect(b.counts()).toMatchObject({ taken: 3, segments: 3, throws: 1 });
  expect(b.errors).toEqual([new Error('no')]);
});
