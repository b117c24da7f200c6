import { afterEach, describe, expect, it, vi } from 'vitest';
import { FlowHasher } from '../../src/hash/flow-hasher.ts';
import { seededKey } from '../../src/hash/keys.ts';
import { lintKey } from '../../src/hash/lint.ts';
import { randomKey } from '../../src/hash/random-key.ts';
import { put16, put32 } from '../../src/wire/bytes.ts';
import { type TupleOptions, tupleFrame } from '../../src/wire/emit.ts';

const V4 = { src: '10.0.0.1', dst: '10.9.8.7' };
const V6 = { src: '2001:db8::1', dst: '2001:db8:77::9' };

/** Indices in a table of `size` that the hashes of `count` flows, with consecutive ports or SPIs, reach. */
function reached(
  hasher: FlowHasher,
  flow: TupleOptions,
  field: 'sport' | 'dport' | 'spi',
  count: number,
  size: number,
): number {
  const { bytes, dissection: d } = tupleFrame({
    ...flow,
    ...(field === 'spi' ? { spi: 256 } : { sport: 9, dport: 9 }),
  });
  const seen = new Set<number>();
  for (let i = 0; i < count; i++) {
    if (field === 'spi') put32(bytes, d.esp, 0xc0de0000 + i);
    else put16(bytes, d.l4 + (field === 'dport' ? 2 : 0), 0x8000 + i);
    seen.add((hasher.hash(bytes, d) >>> 0) % size);
  }
  return seen.size;
}

afterEach(() => vi.restoreAllMocks());

describe('randomKey', () => {
  it('has the length asked for, and is another one every time', () => {
    for (const length of [16, 17, 36, 40, 52, 64]) expect(randomKey(length)).toHaveLength(length);
    expect(randomKey()).not.toEqual(randomKey());
    expect(() => randomKey(15)).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_OPTION' }));
  });

  it('spreads ports and SPIs in a row, whatever is drawn', () => {
    // drawn from seeds, so that what fails can be found again
    let drawn = 0;
    vi.spyOn(crypto, 'getRandomValues').mockImplementation((bytes) => {
      (bytes as Uint8Array).set(seededKey(`drawn ${drawn++}`, bytes!.byteLength));
      return bytes;
    });
    for (let n = 0; n < 40; n++) {
      const key = randomKey();
      const hasher = new FlowHasher({ key });
      for (const ends of [V4, V6]) {
        for (const [flow, field] of [
          [{ ...ends, proto: 'tcp' }, 'sport'],
          [{ ...ends, proto: 'udp' }, 'dport'],
          [ends, 'spi'],
        ] as const) {
          for (const size of [2, 4, 16, 128]) expect(reached(hasher, flow, field, 4 * size, size)).toBe(size);
        }
      }
      const alone = new FlowHasher({ key, fields: { esp: 'fn' } });
      expect(reached(alone, V4, 'spi', 64, 16)).toBe(16);
      const found = lintKey(key, { queues: 8 }).map(({ id }) => id);
      expect(found.filter((id) => id !== 'consecutive')).toEqual([]);
    }
    expect(drawn).toBeGreaterThan(40 * 20);
  });

  it('where the first draws are none that would do, draws on', () => {
    const random = crypto.getRandomValues.bind(crypto);
    let zeros = 5;
    vi.spyOn(crypto, 'getRandomValues').mockImplementation((bytes) => (zeros-- > 0 ? bytes : random(bytes!)));
    expect(randomKey().some((byte) => byte !== 0)).toBe(true);
    expect(zeros).toBeLessThan(0);
  });
});
