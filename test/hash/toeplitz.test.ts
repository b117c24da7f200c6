import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { microsoftKey } from '../../src/hash/keys.ts';
import { Toeplitz } from '../../src/hash/toeplitz.ts';
import { referenceToeplitz } from './reference.ts';

const hex = (hash: number): string => (hash >>> 0).toString(16).padStart(8, '0');
const keys = fc.uint8Array({ minLength: 16, maxLength: 64 });
const inputs = fc.uint8Array({ minLength: 0, maxLength: 80 });

describe('Toeplitz', () => {
  it('equals the definition, for any key and any input', () => {
    fc.assert(
      fc.property(keys, inputs, (key, input) => {
        const toeplitz = new Toeplitz(key);
        expect(toeplitz.hash(input, 0, input.length) >>> 0).toBe(referenceToeplitz(key, input));
      }),
    );
  });

  it('is the XOR of its parts, wherever they lie', () => {
    fc.assert(
      fc.property(keys, inputs, fc.nat(80), fc.nat(9), (key, input, cut, off) => {
        const toeplitz = new Toeplitz(key);
        const at = Math.min(cut, input.length);
        const bytes = new Uint8Array(off + input.length + 3).fill(0xee);
        bytes.set(input, off);
        const parts = toeplitz.hash(bytes, off, at) ^ toeplitz.hash(bytes, off + at, input.length - at, at);
        expect(parts >>> 0).toBe(referenceToeplitz(key, input));
      }),
    );
  });

  it('unrolled lengths equal the loop', () => {
    fc.assert(
      fc.property(keys, fc.uint8Array({ minLength: 40, maxLength: 40 }), fc.nat(4), (key, bytes, off) => {
        const toeplitz = new Toeplitz(key);
        const part = (from: number, length: number): number => referenceToeplitz(key, bytes.slice(from, from + length));
        expect(toeplitz.hash8(bytes, off) >>> 0).toBe(part(off, 8));
        expect(toeplitz.hash12(bytes, off) >>> 0).toBe(part(off, 12));
        expect(toeplitz.hash36(bytes, off) >>> 0).toBe(part(off, 36));
        expect(toeplitz.hash4(bytes, off, 8)).toBe(toeplitz.hash(bytes, off, 4, 8));
        expect(toeplitz.hash4(bytes, off, 32)).toBe(toeplitz.hash(bytes, off, 4, 32));
      }),
    );
  });

  it('a key padded with zeros gives the same hashes', () => {
    const padded = new Uint8Array(52);
    padded.set(microsoftKey());
    const input = Uint8Array.from({ length: 36 }, (_, i) => i * 5);
    expect(new Toeplitz(padded).hash36(input, 0)).toBe(new Toeplitz(microsoftKey()).hash36(input, 0));
  });

  it('returns an int32', () => {
    const hash = new Toeplitz(microsoftKey()).hash(Uint8Array.of(0x80), 0, 1);
    expect(hash | 0).toBe(hash);
    expect(hex(hash)).toBe('6d5a56da');
  });

  it.each([0, 15, 65])('refuses a key of %i bytes', (length) => {
    expect(() => new Toeplitz(new Uint8Array(length))).toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_KEY', message: expect.stringContaining(`${length}`) }),
    );
  });
});
