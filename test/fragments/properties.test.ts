import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLASS_ESP4,
  CLASS_ESP6,
  CLASS_FRAGMENT4,
  CLASS_NATT4,
  CLASS_NATT6,
  DROP_FRAGMENT_INVALID,
  DROP_FRAGMENT_OVERLAP,
} from '../../src/counters.ts';
import { FRAGMENT_COMPLETE, FRAGMENT_HELD, FRAGMENT_REFUSED, Reassembler } from '../../src/fragments/reassembler.ts';
import { createPlainKernels } from '../../src/kernels/plain-kernels.ts';
import { Dissection, dissect, LINK_ETHERNET } from '../../src/wire/dissect.ts';
import { Bench, fragment, payloadOf, pcapRecords, split } from './support.ts';

interface Part {
  id: number;
  offset: number;
  length: number;
  more: boolean;
}

/** The rules, said as plainly as they can be: a map of lists. Returns the result of each fragment. */
class Reference {
  held = 0;
  private readonly open = new Map<number, { parts: Part[]; refused: number }>();

  add(part: Part): { result: number; lost: number; whole?: Part[] } {
    const end = part.offset + part.length;
    if (part.length === 0 || end > 65535 || (part.more && part.length % 8 !== 0)) {
      return { result: FRAGMENT_REFUSED + DROP_FRAGMENT_INVALID, lost: 1 };
    }
    const entry = this.open.get(part.id) ?? { parts: [], refused: 0 };
    this.open.set(part.id, entry);
    if (entry.refused !== 0) return { result: entry.refused, lost: 1 };
    if (entry.parts.some((p) => p.offset === part.offset && p.length === part.length)) {
      return { result: FRAGMENT_REFUSED + DROP_FRAGMENT_OVERLAP, lost: 1 };
    }
    const refuse = (reason: number) => {
      const lost = entry.parts.length + 1;
      this.held -= entry.parts.length;
      entry.parts = [];
      entry.refused = FRAGMENT_REFUSED + reason;
      return { result: entry.refused, lost };
    };
    if (entry.parts.some((p) => p.offset < end && part.offset < p.offset + p.length)) {
      return refuse(DROP_FRAGMENT_OVERLAP);
    }
    const final = entry.parts.find((p) => !p.more);
    const highest = Math.max(0, ...entry.parts.map((p) => p.offset + p.length));
    if (!part.more && (final !== undefined || highest > end)) return refuse(DROP_FRAGMENT_INVALID);
    if (part.more && final !== undefined && end > final.offset) return refuse(DROP_FRAGMENT_INVALID);
    entry.parts.push(part);
    this.held++;
    const last = entry.parts.find((p) => !p.more);
    const sum = entry.parts.reduce((n, p) => n + p.length, 0);
    if (last === undefined || sum !== last.offset + last.length) return { result: FRAGMENT_HELD, lost: 0 };
    this.open.delete(part.id);
    this.held -= entry.parts.length;
    return { result: FRAGMENT_COMPLETE, lost: 0, whole: entry.parts };
  }
}

describe('properties of reassembly', () => {
  it('any fragmentation in any order gives the datagram back', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.integer({ min: 9, max: 9000 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 1124 }), { minLength: 1, maxLength: 20 }),
        fc.integer(),
        (v6, length, cuts, seed) => {
          const at = cuts
            .map((c) => c * 8)
            .filter((c) => c < length)
            .sort((a, b) => a - b);
          if (at.length === 0) at.push(8);
          const whole = payloadOf(length, seed);
          const parts = split(whole, at, { v6, id: seed & 0xffff });
          let state = seed >>> 0 || 1;
          for (let i = parts.length - 1; i > 0; i--) {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            const j = state % (i + 1);
            [parts[i], parts[j]] = [parts[j], parts[i]];
          }
          const bench = new Bench({}, 1 << 18);
          const results = parts.map((p) => bench.add(p));
          expect(results.pop()).toBe(FRAGMENT_COMPLETE);
          expect(results.every((r) => r === FRAGMENT_HELD)).toBe(true);
          expect(Buffer.compare(bench.out().payload, whole)).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('agrees with the reference on any mixture of fragments, and conserves them', () => {
    const part = fc.record({
      id: fc.integer({ min: 0, max: 3 }),
      offset: fc.integer({ min: 0, max: 6 }).map((n) => n * 8),
      length: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 1, max: 2 }).map((n) => n * 8) },
        fc.integer({ min: 0, max: 20 }),
      ),
      more: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
    });
    fc.assert(
      fc.property(fc.boolean(), fc.array(part, { maxLength: 60 }), (v6, parts) => {
        const bench = new Bench({}, 1 << 18);
        const reference = new Reference();
        for (const p of parts) {
          if (p.offset === 0 && !p.more) continue; // no fragment
          const payload = payloadOf(p.length, p.offset);
          const got = bench.add(fragment({ v6, ...p, payload }));
          const want = reference.add(p);
          expect(got).toBe(want.result);
          expect(bench.reassembler.lost).toBe(want.lost);
          expect(bench.reassembler.held).toBe(reference.held);
          if (want.whole !== undefined) {
            const sorted = want.whole.sort((a, b) => a.offset - b.offset);
            expect(Array.from(bench.out().payload)).toEqual(
              sorted.flatMap((w) => Array.from(payloadOf(w.length, w.offset))),
            );
          }
        }
        expect(bench.conserved).toBe(true);
        const { held } = bench.reassembler;
        expect(bench.reassembler.flush()).toBe(held);
      }),
      { numRuns: 1500 },
    );
  });

  it('50,000 mutated fragments: never throws, writes nothing outside its pool, conserves', () => {
    const pool = { offset: 4096, length: 1 << 18 };
    const bytes = new Uint8Array(pool.offset + pool.length + 4096);
    bytes.fill(0xa5);
    const reassembler = new Reassembler(bytes, createPlainKernels(bytes), pool, { maxDatagrams: 32 });
    const d = new Dissection();
    const seeds = [false, true].flatMap((v6) =>
      split(payloadOf(2700, 1), [640, 1280], { v6, id: 5, extra: v6 ? new Uint8Array(8) : new Uint8Array(4) }),
    );
    let state = 12345;
    const random = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >>> 8) % n;
    };
    let taken = 0;
    let out = 0;
    const complete: number[] = [];
    for (let i = 0; i < 50_000; i++) {
      const frame = seeds[random(seeds.length)].slice();
      for (let k = random(4); k > 0; k--) frame[14 + random(60)] = random(256);
      const length = random(8) === 0 ? random(frame.length) : frame.length;
      bytes.set(frame.subarray(0, length), 0);
      const cls = dissect(bytes, 0, length, LINK_ETHERNET, d);
      const seconds = 1000 + i / 100;
      out += reassembler.expire(Math.trunc(seconds), 0);
      if ((cls & ~1) !== CLASS_FRAGMENT4) continue;
      taken++;
      const result = reassembler.add(d, 0, random(2), Math.trunc(seconds), 0);
      if (result === FRAGMENT_COMPLETE) {
        out += reassembler.outFragments;
        complete.push(reassembler.outOffset);
        const end = reassembler.outOffset + reassembler.outLength;
        expect(reassembler.outOffset >= pool.offset && end <= pool.offset + pool.length).toBe(true);
      } else if (result >= FRAGMENT_REFUSED) out += reassembler.lost;
      out += reassembler.evicted;
      if (complete.length > 8) reassembler.release(complete.splice(random(8), 1)[0]);
      if (taken !== out + reassembler.held) throw new Error(`not conserved at ${i}`);
    }
    expect(taken).toBeGreaterThan(20_000);
    expect(complete.length).toBeGreaterThan(0);
    expect(taken).toBe(out + reassembler.flush());
    expect(bytes.subarray(3000, pool.offset).every((b) => b === 0xa5)).toBe(true);
    expect(bytes.subarray(pool.offset + pool.length).every((b) => b === 0xa5)).toBe(true);
  });

  it('121 fragments of scapy_fragments.pcap, two of them atomic, make 39 datagrams', () => {
    const file = readFileSync(new URL('../captures/esp/scapy_fragments.pcap', import.meta.url));
    const bench = new Bench();
    let fragments = 0;
    let atomic = 0;
    const classes = new Map<number, number>();
    for (const record of pcapRecords(file)) {
      const cls = dissect(record.frame, 0, record.frame.length, LINK_ETHERNET, bench.d);
      // IPv6 with a fragment header and yet whole (RFC 6946): dissected as what it carries
      if (cls === CLASS_ESP6 || cls === CLASS_NATT6) atomic += record.frame[14 + 6] === 44 ? 1 : 0;
      if ((cls & ~1) !== CLASS_FRAGMENT4) continue;
      fragments++;
      bench.seconds = record.seconds;
      bench.nanos = record.nanos;
      bench.lost += bench.reassembler.expire(record.seconds, record.nanos);
      if (bench.add(record.frame) === FRAGMENT_COMPLETE) {
        bench.out();
        const made = bench.d.cls & ~1;
        classes.set(made, (classes.get(made) ?? 0) + 1);
        bench.reassembler.release(bench.reassembler.outOffset);
      }
    }
    expect(atomic).toBe(2);
    expect(fragments).toBe(121 - atomic);
    expect([...classes.values()].reduce((a, b) => a + b)).toBe(39 - atomic);
    expect(classes.get(CLASS_ESP4)).toBeGreaterThan(0);
    expect(classes.get(CLASS_NATT4)).toBeGreaterThan(0);
    expect(bench.conserved).toBe(true);
    const { held } = bench.reassembler;
    expect(held).toBeGreaterThan(0); // one datagram with a hole per SPI
    expect(bench.reassembler.flush()).toBe(held);
  });
});
