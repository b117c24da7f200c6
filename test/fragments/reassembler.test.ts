import { describe, expect, it } from 'vitest';
import { DROP_FRAGMENT_INVALID, DROP_FRAGMENT_LIMIT, DROP_FRAGMENT_OVERLAP } from '../../src/counters.ts';
import { FRAGMENT_COMPLETE, FRAGMENT_HELD, FRAGMENT_REFUSED, Reassembler } from '../../src/fragments/reassembler.ts';
import { createPlainKernels } from '../../src/kernels/plain-kernels.ts';
import { Bench, ETHERNET, fragment, payloadOf, split } from './support.ts';

const OVERLAP = FRAGMENT_REFUSED + DROP_FRAGMENT_OVERLAP;
const INVALID = FRAGMENT_REFUSED + DROP_FRAGMENT_INVALID;
const LIMIT = FRAGMENT_REFUSED + DROP_FRAGMENT_LIMIT;

for (const v6 of [false, true]) {
  describe(`reassembly over IPv${v6 ? 6 : 4}`, () => {
    const whole = payloadOf(4001, 5);
    const parts = split(whole, [1480, 2960], { v6, id: 7 });

    it.each([
      ['in order', [0, 1, 2]],
      ['reversed', [2, 1, 0]],
      ['last first', [2, 0, 1]],
      ['first last', [1, 2, 0]],
      ['middle last', [0, 2, 1]],
    ])('%s', (_, order) => {
      const bench = new Bench();
      expect(order.map((i) => bench.add(parts[i]))).toEqual([FRAGMENT_HELD, FRAGMENT_HELD, FRAGMENT_COMPLETE]);
      const out = bench.out();
      expect(out.payload).toEqual(whole);
      expect(out.proto).toBe(253);
      expect(out.frame.subarray(0, ETHERNET)).toEqual(parts[0].subarray(0, ETHERNET));
      expect(bench.reassembler.outFragments).toBe(3);
      expect(bench.reassembler.held).toBe(0);
    });

    it('keeps interleaved datagrams apart by addresses, identification and SA', () => {
      const bench = new Bench();
      const wholes = [0, 1, 2, 3].map((i) => payloadOf(3000 + i, i));
      const made = [
        split(wholes[0], [1480], { v6, id: 1 }),
        split(wholes[1], [1480], { v6, id: 2 }),
        split(wholes[2], [1480], { v6, id: 1, source: 9 }),
        split(wholes[3], [1480], { v6, id: 1 }),
      ];
      for (let i = 0; i < 4; i++) expect(bench.add(made[i][0], i === 3 ? 1 : 0)).toBe(FRAGMENT_HELD);
      for (let i = 3; i >= 0; i--) {
        expect(bench.add(made[i][1], i === 3 ? 1 : 0)).toBe(FRAGMENT_COMPLETE);
        expect(bench.out().payload).toEqual(wholes[i]);
      }
    });

    it('lets complete datagrams live until they are released', () => {
      const bench = new Bench();
      const kept: { offset: number; end: number; frame: Uint8Array }[] = [];
      for (let id = 0; id < 400; id++) {
        const [a, b] = split(payloadOf(2000 + id * 7, id), [1480], { v6, id });
        bench.add(a);
        expect(bench.add(b)).toBe(FRAGMENT_COMPLETE);
        const { outOffset, outLength } = bench.reassembler;
        kept.push({ offset: outOffset, end: outOffset + outLength, frame: bench.out().frame });
        if (kept.length > 100) bench.reassembler.release(kept.splice((id * 37) % 100, 1)[0].offset);
        for (const k of kept) expect(Buffer.compare(bench.bytes.subarray(k.offset, k.end), k.frame)).toBe(0);
      }
    });

    it('drops an exact duplicate alone', () => {
      const bench = new Bench();
      bench.add(parts[0]);
      expect(bench.add(parts[0])).toBe(OVERLAP);
      expect(bench.reassembler.lost).toBe(1);
      bench.add(parts[2]);
      expect(bench.add(parts[2])).toBe(OVERLAP);
      expect(bench.add(parts[1])).toBe(FRAGMENT_COMPLETE);
      expect(bench.out().payload).toEqual(whole);
      expect(bench.conserved).toBe(true);
    });

    it.each([
      ['over the end of the one before', 1472, 16],
      ['over the start of the one behind', 2952, 16],
      ['inside one', 8, 16],
      ['around one', 1472, 1600],
      ['the same offset, another length', 0, 8],
    ])('an overlap %s drops the datagram, and what still comes of it', (_, offset, length) => {
      const bench = new Bench();
      bench.add(parts[0]);
      bench.add(parts[2]);
      expect(bench.add(fragment({ v6, id: 7, offset, more: true, payload: payloadOf(length, 1) }))).toBe(OVERLAP);
      expect(bench.reassembler.lost).toBe(3);
      expect(bench.reassembler.held).toBe(0);
      expect(bench.add(parts[1])).toBe(OVERLAP);
      expect(bench.reassembler.lost).toBe(1);
      // after the timeout the identification is free again
      bench.seconds += 60;
      expect(bench.reassembler.expire(bench.seconds, 0)).toBe(0);
      expect(parts.map((p) => bench.add(p))).toEqual([FRAGMENT_HELD, FRAGMENT_HELD, FRAGMENT_COMPLETE]);
      expect(bench.conserved).toBe(true);
    });

    it('drops the teardrop', () => {
      const bench = new Bench();
      expect(bench.add(fragment({ v6, id: 1, offset: 0, more: true, payload: payloadOf(40, 0) }))).toBe(FRAGMENT_HELD);
      expect(bench.add(fragment({ v6, id: 1, offset: 24, more: false, payload: payloadOf(4, 0) }))).toBe(OVERLAP);
      expect(bench.reassembler.held).toBe(0);
    });

    it('refuses alone what is wrong in itself', () => {
      const bench = new Bench();
      const bad = [
        { offset: 0, more: true, payload: payloadOf(1481, 0) }, // no multiple of 8, and not the last
        { offset: 65528, more: false, payload: payloadOf(8, 0) }, // ends at 65,536: the ping of death
        { offset: 65528, more: true, payload: payloadOf(1400, 0) },
        { offset: 1480, more: true, payload: new Uint8Array(0) },
        { offset: 1480, more: false, payload: new Uint8Array(0) },
      ];
      for (const spec of bad) {
        expect(bench.add(fragment({ v6, id: 7, ...spec }))).toBe(INVALID);
        expect(bench.reassembler.lost).toBe(1);
      }
      // cut off by the capture
      expect(bench.add(parts[1].subarray(0, 600))).toBe(INVALID);
      expect(parts.map((p) => bench.add(p))).toEqual([FRAGMENT_HELD, FRAGMENT_HELD, FRAGMENT_COMPLETE]);
      expect(bench.conserved).toBe(true);
    });

    it.each([
      [
        'a final fragment short of what was seen',
        [
          [1480, 1480, true],
          [8, 800, false],
        ],
      ],
      [
        'another end',
        [
          [2960, 40, false],
          [2000, 80, false],
        ],
      ],
      [
        'more behind the end',
        [
          [1480, 40, false],
          [1600, 80, true],
        ],
      ],
      [
        'the end said not to be one',
        [
          [1480, 40, false],
          [1520, 80, true],
        ],
      ],
    ] as [string, [number, number, boolean][]][])('%s drops the datagram', (_, steps) => {
      const bench = new Bench();
      const results = steps.map(([offset, length, more]) =>
        bench.add(fragment({ v6, id: 7, offset, more, payload: payloadOf(length, 0) })),
      );
      expect(results).toEqual([FRAGMENT_HELD, INVALID]);
      expect(bench.reassembler.lost).toBe(2);
      expect(bench.add(parts[0])).toBe(INVALID);
      expect(bench.conserved).toBe(true);
    });

    it('keeps options and extension headers of the first fragment, and cuts off trailers', () => {
      const bench = new Bench();
      const extra = v6 ? new Uint8Array([0, 0, 1, 4, 0, 0, 0, 0]) : new Uint8Array([0x94, 4, 0, 0, 1, 1, 1, 0]);
      const [a, b] = split(whole, [1480], { v6, id: 3, extra, trailer: 6 });
      bench.add(b);
      expect(bench.add(a)).toBe(FRAGMENT_COMPLETE);
      const { payload, frame, proto } = bench.out();
      expect(payload).toEqual(whole);
      expect(proto).toBe(253);
      const at = ETHERNET + (v6 ? 40 : 20);
      expect(frame.subarray(at + 1, at + extra.length)).toEqual(extra.subarray(1));
      expect(frame.length).toBe(at + extra.length + whole.length);
    });

    it('makes datagrams up to the largest size, and refuses one that its headers make too long', () => {
      const bench = new Bench();
      const header = v6 ? 0 : 20;
      const cuts = Array.from({ length: 44 }, (_, i) => (i + 1) * 1480);
      const largest = payloadOf(65535 - header, 3);
      const results = split(largest, cuts, { v6, id: 1 }).map((p) => bench.add(p));
      expect(results.at(-1)).toBe(FRAGMENT_COMPLETE);
      expect(bench.out().payload).toEqual(largest);
      const extra = v6 ? new Uint8Array([0, 0, 1, 4, 0, 0, 0, 0]) : undefined;
      const more = split(payloadOf(65535, 3), cuts, { v6, id: 2, extra }).map((p) => bench.add(p));
      expect(more.at(-1)).toBe(INVALID);
      expect(bench.reassembler.lost).toBe(45);
      expect(bench.conserved).toBe(true);
    });

    it('forgets what waited too long', () => {
      const bench = new Bench();
      const { reassembler } = bench;
      bench.add(parts[0]);
      bench.add(parts[1]);
      bench.seconds += v6 ? 59 : 29;
      bench.add(fragment({ v6, id: 8, offset: 0, more: true, payload: payloadOf(8, 0) }));
      bench.nanos = 999_999_999;
      expect(reassembler.expire(bench.seconds, bench.nanos)).toBe(0);
      bench.seconds++;
      bench.nanos = 0;
      expect(reassembler.expire(bench.seconds, bench.nanos)).toBe(2);
      expect(reassembler.held).toBe(1);
      expect(reassembler.flush()).toBe(1);
      expect(reassembler.held).toBe(0);
    });

    it('bounds the fragments of a datagram', () => {
      const bench = new Bench({ maxFragments: 4 });
      const tiny = Array.from({ length: 5 }, (_, i) =>
        bench.add(fragment({ v6, id: 1, offset: 8 * i, more: true, payload: payloadOf(8, i) })),
      );
      expect(tiny).toEqual([0, 0, 0, 0, LIMIT]);
      expect(bench.reassembler.lost).toBe(5);
      expect(bench.reassembler.held).toBe(0);
    });

    it('refuses a datagram for which there is no room when complete; `ready` tells before', () => {
      const bench = new Bench({}, 1 << 18);
      const { reassembler } = bench;
      const offsets = [];
      expect(reassembler.ready).toBe(true);
      for (let id = 0; id < 64; id++) {
        bench.add(fragment({ v6, id, offset: 0, more: true, payload: payloadOf(8, id) }));
        expect(bench.add(fragment({ v6, id, offset: 8, more: false, payload: payloadOf(8, id) }))).toBe(1);
        offsets.push(reassembler.outOffset);
      }
      expect(reassembler.ready).toBe(false);
      bench.add(fragment({ v6, id: 99, offset: 0, more: true, payload: payloadOf(8, 0) }));
      expect(bench.add(fragment({ v6, id: 99, offset: 8, more: false, payload: payloadOf(8, 0) }))).toBe(LIMIT);
      expect(reassembler.lost).toBe(2);
      // odd ones only: half is free, but no run for the largest
      for (let i = 1; i < 64; i += 2) reassembler.release(offsets[i]);
      expect(reassembler.ready).toBe(false);
      for (let i = 0; i < 64; i += 2) reassembler.release(offsets[i]);
      expect(reassembler.ready).toBe(true);
      reassembler.release(offsets[0]);
      reassembler.release(12345);
      expect(bench.conserved).toBe(true);
    });
  });
}

it('keeps DF of the first IPv4 fragment, and tells IPv4 datagrams of different protocols apart', () => {
  const bench = new Bench();
  const [a, b] = split(payloadOf(100, 0), [48], { id: 1, dontFragment: true });
  const [c] = split(payloadOf(100, 1), [48], { id: 1, protocol: 6 });
  bench.add(a);
  expect(bench.add(c)).toBe(FRAGMENT_HELD);
  expect(bench.add(b)).toBe(FRAGMENT_COMPLETE);
  expect(bench.out().frame[ETHERNET + 6]).toBe(0x40);
});

it('refuses options that cannot be', () => {
  const bytes = new Uint8Array(1 << 20);
  const make = (pool: { offset: number; length: number }, options = {}) =>
    new Reassembler(bytes, createPlainKernels(bytes), pool, options);
  expect(() => make({ offset: 0, length: 1 << 17 })).toThrow(/pool\.length/);
  expect(() => make({ offset: 1 << 19, length: 1 << 20 })).toThrow(/pool\.offset \+ pool\.length/);
  expect(() => make({ offset: 0, length: 1 << 19 }, { maxDatagrams: 0 })).toThrow(/maxDatagrams/);
  expect(() => make({ offset: 0, length: 1 << 19 }, { timeoutMs: -1 })).toThrow(/timeoutMs/);
});
