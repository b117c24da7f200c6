import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Xfrm } from '../../src/hash/fields.ts';
import { FlowHasher } from '../../src/hash/flow-hasher.ts';
import { rank } from '../../src/hash/gf2.ts';
import { keyMap, type TypeMap } from '../../src/hash/key-map.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { tupleFrame } from '../../src/wire/emit.ts';

const columnsOf = (maps: readonly TypeMap[], type: string, field: string): Int32Array =>
  maps.find((map) => map.type === type)?.fields.find(({ name }) => name === field)?.columns ?? new Int32Array();

describe('keyMap', () => {
  it('the low 7 bits of an SPI reach all of 128 entries with the standard key', () => {
    const low = [...columnsOf(keyMap(microsoftKey()), 'esp4', 'spi').subarray(0, 7)].map((column) => column & 127);
    expect(low.map((bits) => bits.toString(16))).toEqual(['58', '6c', '76', '7b', '7d', '3e', '1f']);
    expect(rank(low)).toBe(7);
  });

  it('names the fields of every type in the order of the input', () => {
    const maps = keyMap(microsoftKey(), { fields: { esp4: 'fn', ah6: 'sdn', natt: 'sd' } });
    expect(
      Object.fromEntries(
        maps.map(({ type, inputBytes, fields }) => [type, [inputBytes, ...fields.map((f) => f.name)]]),
      ),
    ).toMatchObject({
      tcp4: [12, 'src', 'dst', 'sport', 'dport'],
      udp6: [36, 'src', 'dst', 'sport', 'dport'],
      sctp4: [8, 'src', 'dst'],
      esp4: [4, 'spi'],
      esp6: [36, 'src', 'dst', 'spi'],
      ah6: [34, 'src', 'dst', 'spi-low'],
      natt4: [8, 'src', 'dst'],
      ip6: [32, 'src', 'dst'],
    });
    const paired = keyMap(microsoftKey(), { xfrm: 'symmetric-or-xor' }).find(({ type }) => type === 'esp4');
    expect(paired?.fields.map(({ name }) => name)).toEqual([
      'src|dst',
      'src^dst',
      'spi-high|spi-low',
      'spi-high^spi-low',
    ]);
  });

  it('says what a bit does to the hash, whatever the key, the fields and the rest of the packet', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 64 }),
        fc.constantFrom('none', 'symmetric-xor') as fc.Arbitrary<Xfrm>,
        fc.constantFrom('sdfn', 'fn'),
        fc.integer({ min: 256, max: 0xffffffff }),
        fc.integer({ min: 0, max: 31 }),
        fc.boolean(),
        (key, xfrm, letters, spi, bit, six) => {
          const fields = { esp: letters };
          const hasher = new FlowHasher({ key, xfrm, fields });
          const hash = (value: number): number => {
            const ends = six ? { src: '2001:db8::1', dst: 'fe80::2' } : { src: '10.1.2.3', dst: '192.0.2.9' };
            const { bytes, dissection } = tupleFrame({ ...ends, spi: value });
            return hasher.hash(bytes, dissection);
          };
          const column = columnsOf(keyMap(key, { fields, xfrm }), six ? 'esp6' : 'esp4', 'spi')[bit];
          expect(hash((spi ^ (1 << bit)) >>> 0) ^ hash(spi)).toBe(column);
        },
      ),
    );
  });

  it('refuses what hashing refuses', () => {
    const code = (fn: () => unknown): unknown => {
      try {
        fn();
      } catch (error) {
        return (error as { code?: string }).code;
      }
      return undefined;
    };
    expect(code(() => keyMap(new Uint8Array(15)))).toBe('ERR_RXSTEER_KEY');
    expect(code(() => keyMap(microsoftKey(), { fields: { esp4: 'x' } }))).toBe('ERR_RXSTEER_FIELDS');
    expect(code(() => keyMap(microsoftKey(), { xfrm: 'symmetric-xor', fields: { esp4: 'sfn' } }))).toBe(
      'ERR_RXSTEER_FIELDS',
    );
  });

  it('refuses what is not linear', () => {
    expect(() => keyMap(microsoftKey(), { xfrm: 'sort' })).toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_OPTION', message: expect.stringContaining('sort') }),
    );
  });
});
