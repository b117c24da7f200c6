import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrequentItems } from '../../src/analyze/frequent.ts';
import { FLOW_KIND, FLOW_PORTS, FLOW_WORDS, flowSample, placeHash, reverseFlow } from '../../src/analyze/unit-key.ts';
import { Units } from '../../src/analyze/units.ts';
import { CLASS_TCP4 } from '../../src/counters.ts';

function key(n: number, ports = n): Int32Array {
  const words = new Int32Array(FLOW_WORDS);
  words[0] = 0x0a000000 + n;
  words[4] = 0x0b000001;
  words[FLOW_PORTS] = ports;
  words[FLOW_KIND] = CLASS_TCP4 | (6 << 8);
  return words;
}

function count(units: Units, words: Int32Array, bytes: number): void {
  const hash = placeHash(words, FLOW_WORDS);
  let index = units.find(words, hash);
  if (index < 0) index = units.add(words, hash);
  units.tally(index, words, hash, bytes);
}

describe('units', () => {
  it('are all there up to the limit, and counted as a map counts them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(60), fc.nat(1500)), { maxLength: 300 }), (packets) => {
        const units = new Units(
          FLOW_WORDS,
          64,
          flowSample,
          () => {},
          () => {},
        );
        const map = new Map<number, { packets: number; bytes: number }>();
        for (const [n, bytes] of packets) {
          count(units, key(n), bytes);
          const entry = map.get(n) ?? { packets: 0, bytes: 0 };
          map.set(n, { packets: entry.packets + 1, bytes: entry.bytes + bytes });
        }
        expect(units.level).toBe(0);
        expect(units.estimate).toBe(map.size);
        for (const [n, entry] of map) {
          const i = units.lookUp(key(n));
          expect({ packets: units.packets[i], bytes: units.bytes[i] }).toEqual(entry);
        }
      }),
    );
  });

  it('are a sample beyond it: each counted from its first packet on, the number about right', () => {
    const flows = 20_000;
    let moves = 0;
    const units = new Units(
      FLOW_WORDS,
      1024,
      flowSample,
      () => {},
      (moved) => {
        moves++;
        expect(moved.filter((to) => to >= 0).length).toBe(units.count);
      },
    );
    for (let round = 0; round < 3; round++) for (let n = 0; n < flows; n++) count(units, key(n), 100);
    expect(units.level).toBe(moves);
    expect(units.count).toBeLessThanOrEqual(1024);
    // standard error 1 / sqrt(kept), about 4 %
    expect(Math.abs(units.estimate - flows) / flows).toBeLessThan(0.12);
    for (let i = 0; i < units.count; i++) expect([units.packets[i], units.bytes[i]]).toEqual([3, 300]);
  });

  it('keep both ways of a flow or neither', () => {
    const reverse = new Int32Array(FLOW_WORDS);
    for (let n = 0; n < 200; n++) {
      const words = key(n, (n << 16) | 443);
      expect(reverseFlow(words, 0, reverse)).toBe(true);
      expect(flowSample(reverse)).toBe(flowSample(words));
    }
  });

  it('find the heaviest although they were thrown out of the sample', () => {
    const units = new Units(
      FLOW_WORDS,
      64,
      flowSample,
      () => {},
      () => {},
    );
    for (let n = 0; n < 30_000; n++) {
      count(units, key(n), 60);
      if (n % 3 === 0) count(units, key(1_000_000), 1500);
    }
    const { heavyPackets } = units;
    expect(heavyPackets).toBeDefined();
    const best = heavyPackets!.weights.indexOf(Math.max(...heavyPackets!.weights.subarray(0, heavyPackets!.count)));
    expect([...heavyPackets!.keys.subarray(best * FLOW_WORDS, (best + 1) * FLOW_WORDS)]).toEqual([...key(1_000_000)]);
    expect(heavyPackets!.weights[best]).toBeLessThanOrEqual(10_000);
    expect(heavyPackets!.weights[best] + heavyPackets!.taken).toBeGreaterThanOrEqual(10_000);
  });
});

describe('frequent items', () => {
  it('are never above the truth, nor further below it than was taken', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 9 })), { maxLength: 400 }), (stream) => {
        const items = new FrequentItems(1, 8);
        const truth = new Map<number, number>();
        for (const [n, weight] of stream) {
          items.add(Int32Array.of(n), 0, Math.imul(n, 0x9e3779b1), weight);
          truth.set(n, (truth.get(n) ?? 0) + weight);
        }
        const kept = new Map(Array.from({ length: items.count }, (_, i) => [items.keys[i], items.weights[i]]));
        for (const [n, weight] of truth) {
          expect(kept.get(n) ?? 0).toBeLessThanOrEqual(weight);
          expect((kept.get(n) ?? 0) + items.taken).toBeGreaterThanOrEqual(weight);
        }
      }),
    );
  });
});
