/** Who has to go when there is no room: the pair's own oldest beyond its share, else the oldest of all. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DROP_FRAGMENT_LIMIT, DROP_FRAGMENT_OVERLAP } from '../../src/counters.ts';
import { FRAGMENT_COMPLETE, FRAGMENT_HELD, FRAGMENT_REFUSED } from '../../src/fragments/reassembler.ts';
import { Bench, fragment, payloadOf, split } from './support.ts';

const LIMIT = FRAGMENT_REFUSED + DROP_FRAGMENT_LIMIT;
const OVERLAP = FRAGMENT_REFUSED + DROP_FRAGMENT_OVERLAP;
/** A pool of 256 chunks that wait, of which a pair may have 64, and its new datagrams 48. */
const POOL = 1 << 20;
const SHARE = 64;
const NEW = 48;
const FEW = { maxFragments: SHARE };

for (const v6 of [false, true]) {
  const start = (id: number, source = 1, length = 8): Uint8Array =>
    fragment({ v6, id, source, offset: 0, more: true, payload: payloadOf(length, id) });
  const end = (id: number, source = 1): Uint8Array =>
    fragment({ v6, id, source, offset: 8, more: false, payload: payloadOf(8, id) });

  describe(`room for fragments over IPv${v6 ? 6 : 4}`, () => {
    it('a pair has its share, and beyond it loses its own oldest', () => {
      const bench = new Bench(FEW, POOL);
      const { reassembler } = bench;
      expect(bench.add(start(1, 2))).toBe(FRAGMENT_HELD);
      for (let id = 0; id < 10 * NEW; id++) {
        expect(bench.add(start(id))).toBe(FRAGMENT_HELD);
        expect(reassembler.evicted).toBe(id < NEW ? 0 : 1);
      }
      expect(reassembler.held).toBe(1 + NEW);
      // its youngest are there, the one before is not
      for (let id = 9 * NEW; id < 10 * NEW; id++) expect(bench.add(end(id))).toBe(FRAGMENT_COMPLETE);
      expect(bench.add(end(9 * NEW - 1))).toBe(FRAGMENT_HELD);
      expect(bench.add(end(1, 2))).toBe(FRAGMENT_COMPLETE);
      expect(bench.conserved).toBe(true);
    });

    it('a fragment of many chunks evicts as many datagrams as it takes', () => {
      const bench = new Bench(FEW, POOL);
      for (let id = 0; id < NEW; id++) bench.add(start(id));
      expect(bench.add(start(NEW, 1, 5 * 2048))).toBe(FRAGMENT_HELD); // with its header 6 chunks
      expect(bench.reassembler.evicted).toBe(6);
      expect(bench.reassembler.held).toBe(NEW + 1 - 6);
      expect(bench.conserved).toBe(true);
    });

    it('when many pairs take all of it the oldest of all goes', () => {
      const bench = new Bench(FEW, POOL);
      for (let source = 2; source < 200; source++) for (let id = 0; id < 2; id++) bench.add(start(id, source));
      bench.add(start(7, 1));
      // 191 more of others fill what new ones may have; it is still there
      for (let k = 0; k < 191; k++) bench.add(start(100 + (k >> 6), 2 + (k & 63)));
      expect(bench.add(end(7, 1))).toBe(FRAGMENT_COMPLETE);
      bench.add(start(8, 1));
      for (let k = 0; k < 192; k++) bench.add(start(200 + (k >> 6), 2 + (k & 63)));
      expect(bench.add(end(8, 1))).toBe(FRAGMENT_HELD);
      expect(bench.conserved).toBe(true);
    });

    it('a datagram that has begun never gives way to itself, though it is the oldest of all', () => {
      const bench = new Bench(FEW, POOL);
      bench.add(start(7, 1));
      for (let k = 0; k < 191; k++) bench.add(start(k >> 6, 2 + (k & 63)));
      // theirs go on until nothing is free
      for (let k = 0; k < 64; k++) {
        bench.add(fragment({ v6, id: 0, source: 2 + k, offset: 8, more: true, payload: payloadOf(8, k) }));
      }
      expect(bench.reassembler.held).toBe(256);
      expect(bench.add(end(7, 1))).toBe(FRAGMENT_COMPLETE);
      expect(bench.reassembler.evicted).toBe(2); // the next oldest, whole
      expect(bench.conserved).toBe(true);
    });

    it('a datagram of more fragments than its share goes down itself, never another pair', () => {
      const bench = new Bench({ maxFragments: 48 }, 1 << 18); // of 64 chunks a pair may have 48
      bench.add(start(1, 2));
      bench.add(start(2));
      const greedy = Array.from({ length: 31 }, (_, i) =>
        bench.add(fragment({ v6, id: 99, offset: 2056 * i, more: true, payload: payloadOf(2056, 0) })),
      );
      expect(greedy.indexOf(LIMIT)).toBe(24); // of two chunks each
      expect(greedy.slice(24).every((r) => r === LIMIT)).toBe(true);
      // the pair's other one went first
      expect(bench.add(end(2))).toBe(FRAGMENT_HELD);
      expect(bench.add(end(1, 2))).toBe(FRAGMENT_COMPLETE);
      expect(bench.conserved).toBe(true);
    });

    it('the largest datagram fits the smallest pool, whatever waited there', () => {
      const bench = new Bench({}, 1 << 18);
      const cuts = Array.from({ length: 44 }, (_, i) => (i + 1) * 1480);
      for (let round = 0; round < 3; round++) {
        for (let id = 0; id < 100; id++) bench.add(start(id + 500, 1 + (id % 7)));
        const whole = payloadOf(v6 ? 65535 : 65515, round);
        const results = split(whole, cuts, { v6, id: round }).map((part) => bench.add(part));
        expect(results.at(-1)).toBe(FRAGMENT_COMPLETE);
        expect(Buffer.compare(bench.out().payload, whole)).toBe(0);
        bench.reassembler.release(bench.reassembler.outOffset);
      }
      expect(bench.conserved).toBe(true);
    });

    it('the table is bounded likewise; refused datagrams give way before those that wait', () => {
      const bench = new Bench({ maxDatagrams: 8 }, POOL); // 2 of a pair
      expect([1, 2, 3].map((id) => bench.add(start(id)))).toEqual([0, 0, 0]);
      expect(bench.reassembler.held).toBe(2);
      for (let source = 2; source < 5; source++) for (let id = 0; id < 2; id++) bench.add(start(id, source));
      expect(bench.reassembler.held).toBe(8);
      expect(bench.add(fragment({ v6, id: 0, source: 4, offset: 0, more: true, payload: payloadOf(16, 0) }))).toBe(
        OVERLAP,
      );
      bench.add(start(9, 6));
      expect(bench.reassembler.evicted).toBe(0);
      // and now the oldest: the second of the first pair
      bench.add(start(9, 7));
      expect(bench.reassembler.evicted).toBe(1);
      expect(bench.add(end(2))).toBe(FRAGMENT_HELD);
      expect(bench.conserved).toBe(true);
    });

    it('SAs do not share what a pair may have', () => {
      const bench = new Bench(FEW, POOL);
      for (let sa = 1; sa <= 3; sa++) for (let id = 0; id < NEW; id++) bench.add(start(id), sa);
      expect(bench.reassembler.held).toBe(3 * NEW);
    });
  });
}

it('whatever comes: bounded, conserved, and a pair that holds little keeps it', () => {
  const step = fc.record({
    source: fc.integer({ min: 2, max: 3 }),
    id: fc.integer({ min: 0, max: 400 }),
    offset: fc.integer({ min: 0, max: 12 }).map((n) => n * 8),
    length: fc.constantFrom(8, 8, 8, 16, 2048, 6000),
    more: fc.boolean(),
    seconds: fc.constantFrom(0, 0, 0, 0, 1),
    repeat: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
      // two pairs may have half of the 128 chunks
      const bench = new Bench({ maxFragments: 8 }, POOL / 2);
      const { reassembler } = bench;
      bench.add(fragment({ id: 1, source: 1, offset: 0, more: true, payload: payloadOf(8, 1) }));
      for (const { seconds, repeat, id, ...s } of steps) {
        if (s.offset === 0 && !s.more) continue;
        if (bench.seconds < 1025) bench.seconds += seconds;
        bench.lost += reassembler.expire(bench.seconds, 0);
        for (let k = 0; k < repeat; k++) {
          bench.add(fragment({ ...s, id: (id + k * 7) & 511, payload: payloadOf(s.length, id) }));
          if (!bench.conserved) throw new Error('not conserved');
          if (reassembler.held > 1 + 2 * 32) throw new Error('not bounded');
        }
      }
      expect(bench.add(fragment({ id: 1, source: 1, offset: 8, more: false, payload: payloadOf(8, 1) }))).toBe(
        FRAGMENT_COMPLETE,
      );
      expect(reassembler.flush() + bench.lost + bench.joined).toBe(bench.in);
      expect(reassembler.held).toBe(0);
    }),
    { numRuns: 60 },
  );
});
