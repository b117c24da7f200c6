import { describe, expect, it } from 'vitest';
import { FlowHasher } from '../../src/hash/flow-hasher.ts';
import { generateKey, SPREADS } from '../../src/hash/generate-key.ts';
import { seededKey } from '../../src/hash/keys.ts';
import { lintKey } from '../../src/hash/lint.ts';
import { hex } from '../../src/wire/bytes.ts';
import { type TupleOptions, tupleFrame } from '../../src/wire/emit.ts';

function hashOf(key: Uint8Array, flow: TupleOptions): number {
  const { bytes, dissection } = tupleFrame(flow);
  return new FlowHasher({ key }).hash(bytes, dissection);
}
const V4 = { src: '10.0.0.1', dst: '10.9.8.7' };
const V6 = { src: '2001:db8::1', dst: '2001:db8:77::9' };

describe('generateKey', () => {
  it('of a seed is the key that --hkey random:SEED names, unless more is asked for', () => {
    expect(generateKey({ seed: 'x' })).toEqual(seededKey('x'));
    expect(generateKey({ seed: 'x', length: 52 })).toEqual(seededKey('x', 52));
    expect(generateKey()).not.toEqual(generateKey());
  });

  it('repeats on every machine', () => {
    const tuned = generateKey({ seed: '4', spread: ['spi'] });
    expect(hex(tuned, 0, 8)).toBe('3cbd3b6f9423ffbc');
    expect(generateKey({ seed: '4', spread: ['spi'] })).toEqual(tuned);
  });

  it.each([16, 40, 52, 64])('symmetric, %i bytes: both directions hash the same', (length) => {
    const families = length < 40 ? [4] : [4, 6];
    for (const seed of ['1', '2', '3']) {
      const key = generateKey({ seed, symmetric: true, length });
      expect(lintKey(key).find(({ id }) => id === 'symmetric')?.types).toEqual(
        families.flatMap((n) => [`tcp${n}`, `udp${n}`]),
      );
      for (const { src, dst } of families.map((n) => (n === 4 ? V4 : V6))) {
        const there = hashOf(key, { src, dst, sport: 1234, dport: 80 });
        expect(hashOf(key, { src: dst, dst: src, sport: 80, dport: 1234 })).toBe(there);
        expect(there).not.toBe(0);
      }
    }
  });

  it('spread: consecutive values hit every bucket once', () => {
    for (const tableSize of [2, 128, 512]) {
      const key = generateKey({ seed: '5', spread: SPREADS, tableSize });
      const run = Array.from({ length: tableSize }, (_, i) => 0x10000 * 3 + i);
      for (const ends of [V4, V6]) {
        const spis = run.map((spi) => hashOf(key, { ...ends, spi }) & (tableSize - 1));
        const sports = run.map((port) => hashOf(key, { ...ends, sport: port & 0xffff, dport: 9 }) & (tableSize - 1));
        expect(new Set(spis).size).toBe(tableSize);
        expect(new Set(sports).size).toBe(tableSize);
      }
    }
  });

  it('spread goes with symmetric', () => {
    const key = generateKey({ seed: '1', symmetric: true, spread: ['spi', 'sport', 'dst'] });
    const found = lintKey(key).map(({ id }) => id);
    expect(found).toContain('symmetric');
    expect(found).not.toContain('consecutive');
  });

  it.each([
    [{ length: 15 }, /^key length|^length/],
    [{ tableSize: 100 }, /^tableSize: expected a power of two, got 100$/],
    [{ tableSize: 4096 }, /^tableSize/],
    [{ spread: ['ports'] as never }, /^spread: .*got "ports"$/],
    [{ tableSize: 1 }, /^tableSize/],
  ] as const)('refuses %j', (options, message) => {
    expect(() => generateKey(options)).toThrow(message);
    expect(() => generateKey(options)).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_OPTION' }));
  });
});
