import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLASS_TCP4 } from '../../src/counters.ts';
import { StreamBuffer } from '../../src/report/flow-buffer.ts';
import { digestMaker } from '../../src/report/flow-digest.ts';
import { Intervals } from '../../src/report/flow-intervals.ts';
import { FlowAccounts } from '../../src/report/flows.ts';
import { SETTLE, TcpStream } from '../../src/report/stream.ts';
import { ACK, bytesOf, ipv4, SYN, tcp } from './flow-packets.ts';

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const NOTHING = new Uint8Array(0);
const maker = digestMaker('sha256')!;

function stream(limit = 1 << 26, budget = { left: 1 << 28 }): TcpStream {
  return new TcpStream(new StreamBuffer(maker, budget, limit));
}

interface Segment {
  seq: number;
  syn: boolean;
  payload: Uint8Array;
}

function feed(s: TcpStream, segment: Segment): void {
  s.add(segment.seq | 0, segment.syn, segment.payload, 0, segment.payload.length);
}

/** Every byte in a map by its distance from `zero`; the first to come stays. */
function naive(segments: Segment[], zero: number): Uint8Array {
  const bytes = new Map<number, number>();
  let start: number | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  for (const { seq, syn, payload } of segments) {
    let at = (seq - zero) | 0;
    if (syn) start = ++at;
    if (payload.length > 0) lowest = Math.min(lowest, at);
    for (let i = 0; i < payload.length; i++) if (!bytes.has(at + i)) bytes.set(at + i, payload[i]);
  }
  const out: number[] = [];
  for (let p = start ?? lowest; bytes.has(p); p++) out.push(bytes.get(p)!);
  return Uint8Array.from(out);
}

/** Segments of a connection in any order, with overlaps that differ in content, holes, and a SYN or none. */
const segmentsOf = fc
  .record({
    zero: fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0xffffffff, 0xfffffff0, 0x7ffffff0)),
    syn: fc.boolean(),
    size: fc.integer({ min: 1, max: 400 }),
    cuts: fc.array(fc.tuple(fc.nat(400), fc.nat(80), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 40,
    }),
    pieces: fc.boolean(),
    order: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
  })
  .map(({ zero, syn, size, cuts, pieces, order }) => {
    const segments: Segment[] = cuts.map(([at, length, salt]) => ({
      seq: (zero + 1 + at) >>> 0,
      syn: false,
      payload: bytesOf(length, salt),
    }));
    // also the whole of it, in pieces, so that long streams come up
    if (pieces) {
      for (let at = 0; at < size; at += 37) {
        segments.push({ seq: (zero + 1 + at) >>> 0, syn: false, payload: bytesOf(37, at) });
      }
    }
    if (syn) segments.push({ seq: zero, syn: true, payload: bytesOf(cuts.length % 3, 7) });
    for (let i = segments.length - 1; i > 0; i--) {
      const j = order[i % order.length] % (i + 1);
      [segments[i], segments[j]] = [segments[j], segments[i]];
    }
    return { zero, segments };
  });

describe('the stream of a TCP flow', () => {
  it('is what a map of bytes says, with digest and without', () => {
    fc.assert(
      fc.property(segmentsOf, ({ zero, segments }) => {
        const withDigest = stream();
        const without = new TcpStream();
        for (const segment of segments) {
          feed(withDigest, segment);
          feed(without, segment);
        }
        const want = naive(segments, zero);
        expect(withDigest.result()).toEqual({
          payloadBytes: want.length,
          digest: want.length > 0 || segments.length > 0 ? sha256(want) : undefined,
          incomplete: false,
        });
        expect(without.result()).toEqual({ payloadBytes: want.length, digest: undefined, incomplete: false });
      }),
      { numRuns: 1500 },
    );
  });

  it('split over two accounts and merged is the same as in one', () => {
    fc.assert(
      fc.property(segmentsOf, fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), ({ segments }, lane) => {
        const whole = new FlowAccounts({ digest: 'none' });
        const lanes = [new FlowAccounts({ digest: 'none' }), new FlowAccounts({ digest: 'none' })];
        segments.forEach((segment, i) => {
          const { seq, syn, payload } = segment;
          const packet = ipv4(6, tcp(1, 2, seq, syn ? SYN : ACK, payload));
          const which = lane[i % lane.length] ? 1 : 0;
          for (const account of [whole, lanes[which]]) {
            account.add(packet, packet.length, 0, CLASS_TCP4, 1, 0x1000 + which, 1, which, 1, i, i, 0, 101);
          }
        });
        for (const order of [lanes, [...lanes].reverse()]) {
          const sum = new FlowAccounts({ digest: 'none' });
          for (const account of order) sum.merge(structuredClone(account.export()));
          expect(sum.report()).toEqual(whole.report());
          expect(sum.classes).toEqual(whole.classes);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('goes on beyond 4 GiB', () => {
    const block = bytesOf(1 << 24, 1);
    for (const s of [stream(), new TcpStream()]) {
      feed(s, { seq: 0xfffffff0, syn: true, payload: NOTHING });
      let seq = 0xfffffff1;
      for (let i = 0; i < 16; i++) {
        // two blocks the wrong way round
        feed(s, { seq: (seq + block.length) >>> 0, syn: false, payload: block });
        feed(s, { seq: seq >>> 0, syn: false, payload: block });
        seq += 2 * block.length;
      }
      expect(s.result().payloadBytes).toBe(32 * block.length);
      expect(s.result().incomplete).toBe(false);
    }
    const long = new TcpStream();
    feed(long, { seq: 0xfffffff0, syn: true, payload: NOTHING });
    for (let i = 0; i < 400; i++) {
      feed(long, { seq: (0xfffffff1 + i * block.length) >>> 0, syn: false, payload: block });
    }
    expect(long.result().payloadBytes).toBe(400 * block.length);
    // the parts of two lanes, more than 2 GiB each, one behind the other
    const first = new TcpStream();
    const second = new TcpStream();
    feed(first, { seq: 0xfffffff0, syn: true, payload: NOTHING });
    for (let i = 0; i < 400; i++) {
      feed(i < 200 ? first : second, { seq: (0xfffffff1 + i * block.length) >>> 0, syn: false, payload: block });
    }
    first.merge(second.export());
    expect(first.result().payloadBytes).toBe(400 * block.length);
  });

  it('takes an earlier start until 1 MiB has come, and then no more', () => {
    const early = { seq: 1000, syn: false, payload: bytesOf(500, 1) };
    const rest = bytesOf(SETTLE, 2);
    for (const size of [SETTLE - 1, SETTLE]) {
      for (const s of [stream(), new TcpStream()]) {
        feed(s, { seq: 1500, syn: false, payload: rest.subarray(0, size) });
        feed(s, early);
        expect(s.result().payloadBytes).toBe(size === SETTLE ? size : size + 500);
        expect(s.result().incomplete).toBe(false);
      }
    }
    // likewise a SYN: late, but not too late, and what lies before it is forgotten
    for (const s of [stream(), new TcpStream()]) {
      feed(s, { seq: 1490, syn: false, payload: bytesOf(20, 9) });
      feed(s, { seq: 1510, syn: false, payload: rest.subarray(10, 100) });
      feed(s, { seq: 1499, syn: true, payload: NOTHING });
      expect(s.result().payloadBytes).toBe(100);
    }
  });

  it('says that it is incomplete when bytes could not wait, unless a hole lies before them', () => {
    const block = bytesOf(1000, 1);
    const s = stream(3000);
    feed(s, { seq: 0, syn: true, payload: NOTHING });
    for (const at of [1000, 2000, 3000, 4000]) feed(s, { seq: 1 + at, syn: false, payload: block });
    expect(s.result()).toMatchObject({ payloadBytes: 0, incomplete: false });
    feed(s, { seq: 1, syn: false, payload: block });
    expect(s.result()).toMatchObject({ payloadBytes: 3000, incomplete: true });
    // over all flows
    const budget = { left: 1500 };
    const one = stream(1 << 20, budget);
    const two = stream(1 << 20, budget);
    for (const t of [one, two]) {
      feed(t, { seq: 0, syn: true, payload: NOTHING });
      feed(t, { seq: 1001, syn: false, payload: block });
    }
    for (const t of [one, two]) feed(t, { seq: 1, syn: false, payload: block });
    expect(one.result()).toMatchObject({ payloadBytes: 2000, incomplete: false });
    expect(two.result()).toMatchObject({ payloadBytes: 1000, incomplete: true });
    expect(budget.left).toBe(1500);
  });

  it('without a SYN and without room settles its start at once', () => {
    const s = stream(1500);
    const whole = bytesOf(5000, 3);
    for (let at = 0; at < 5000; at += 1000) {
      feed(s, { seq: 77 + at, syn: false, payload: whole.subarray(at, at + 1000) });
    }
    expect(s.result()).toEqual({ payloadBytes: 5000, digest: sha256(whole), incomplete: false });
  });

  it('counts other connections of the same ports, and leaves their bytes out', () => {
    const s = stream(1 << 16);
    feed(s, { seq: 0, syn: true, payload: NOTHING });
    feed(s, { seq: 1, syn: false, payload: bytesOf(10, 1) });
    feed(s, { seq: 0, syn: true, payload: NOTHING });
    expect(s.restarts).toBe(0);
    feed(s, { seq: 500_000, syn: true, payload: NOTHING });
    for (let i = 0; i < 200; i++) feed(s, { seq: 500_001 + 1000 * i, syn: false, payload: bytesOf(1000, 2) });
    expect(s.restarts).toBe(1);
    expect(s.result()).toEqual({ payloadBytes: 10, digest: sha256(bytesOf(10, 1)), incomplete: false });
    feed(s, { seq: 11, syn: false, payload: bytesOf(5, 1) });
    expect(s.result().payloadBytes).toBe(15);
  });
});

describe('intervals', () => {
  it('agree with a set', () => {
    const range = fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1, max: 20 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 40 }), range, (ranges, [at, length]) => {
        const intervals = new Intervals();
        const set = new Set<number>();
        for (const [from, size] of ranges) {
          let added = 0;
          for (let p = from; p < from + size; p++) {
            if (!set.has(p)) added++;
            set.add(p);
          }
          expect(intervals.add(from, from + size)).toBe(added);
        }
        const { edges } = intervals;
        for (let i = 1; i < edges.length; i++) expect(edges[i]).toBeGreaterThan(edges[i - 1]);
        expect(edges.reduce((n, e, i) => n + (i % 2 === 0 ? -e : e), 0)).toBe(set.size);
        const missing: number[] = [];
        for (let p = at; intervals.gap(p, at + length); p = intervals.gapTo) {
          for (let q = intervals.gapFrom; q < intervals.gapTo; q++) missing.push(q);
        }
        const want = [];
        for (let p = at; p < at + length; p++) if (!set.has(p)) want.push(p);
        expect(missing).toEqual(want);
        let end = at;
        while (set.has(end)) end++;
        expect(intervals.endOf(at)).toBe(end);
      }),
      { numRuns: 1000 },
    );
  });
});
