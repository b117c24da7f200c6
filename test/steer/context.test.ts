import { describe, expect, it } from 'vitest';
import { microsoftKey } from '../../src/hash/keys.ts';
import { addContext } from '../../src/steer/context.ts';
import type { RssContextOptions } from '../../src/steer/options.ts';

const KEY = Array.from(microsoftKey(), (byte) => byte.toString(16).padStart(2, '0')).join(':');

/** The contexts of texts, one after the other. */
function contexts(...texts: string[]): Record<number, RssContextOptions> {
  const all: Record<number, RssContextOptions> = {};
  for (const text of texts) addContext(all, text);
  return all;
}

describe('ethtool -X context', () => {
  it('takes tables, keys, functions and transformations', () => {
    expect(contexts('1 equal 2')).toEqual({ 1: { indirection: { equal: 2 } } });
    expect(contexts('context 1 equal 2 start 4')).toEqual({ 1: { indirection: { equal: 2, start: 4 } } });
    expect(contexts('7 start 1 weight 1 0 3 hfunc xor')).toEqual({
      7: { indirection: { weight: [1, 0, 3], start: 1 }, hfunc: 'xor' },
    });
    expect(contexts(`1 hkey ${KEY} xfrm symmetric-xor default`)).toEqual({
      1: { key: microsoftKey(), xfrm: 'symmetric-xor' },
    });
    expect(contexts('1')).toEqual({ 1: {} });
  });

  it('new is the lowest free number; a number that is there is changed', () => {
    expect(contexts('2 equal 1', 'new equal 2', 'context new equal 3', '2 hfunc xor')).toEqual({
      1: { indirection: { equal: 2 } },
      2: { indirection: { equal: 1 }, hfunc: 'xor' },
      3: { indirection: { equal: 3 } },
    });
  });

  it('a key with a name is as long as it is told', () => {
    const all: Record<number, RssContextOptions> = {};
    expect(addContext(all, '1 hkey symmetric', 52)).toBe(1);
    expect(all[1].key).toHaveLength(52);
  });

  it.each<[text: string, says: RegExp]>([
    ['', /^context: expected a number from 1 on, or new, first, got ""$/],
    ['0 equal 2', /got "0"$/],
    ['equal 2', /got "equal"$/],
    ['1 equal', /^context 1: expected a value behind equal, got "the end"$/],
    ['1 equal two', /^context 1: expected a whole number behind equal, got "two"$/],
    ['1 weight', /^context 1: expected whole numbers behind weight, got "the end"$/],
    ['1 weight x', /whole numbers behind weight, got "x"$/],
    ['1 equal 2 weight 1 1', /expected one of equal, weight and default, got "more"$/],
    ['1 default equal 2', /expected one of equal/],
    ['1 start 2', /expected equal or weight with start, got "neither"$/],
    ['1 equal 2 equal 3', /expected equal only once/],
    ['1 hfunc sum', /expected toeplitz or xor or crc32 or xxh32 behind hfunc, got "sum"$/],
    ['1 xfrm xor', /behind xfrm, got "xor"$/],
    ['1 delete', /expected equal, weight, start, default, hkey, hfunc, xfrm, got "delete"$/],
    [`1 ${KEY}`, /got "119 characters"$/],
  ])('refuses %j', (text, says) => {
    expect(() => contexts(text)).toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_OPTION', message: expect.stringMatching(says) }),
    );
  });

  it('refuses a key that is none', () => {
    expect(() => contexts('1 hkey 6d:5a')).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_KEY' }));
  });
});
