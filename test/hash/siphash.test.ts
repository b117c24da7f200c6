import { describe, expect, it } from 'vitest';
import { SipHash } from '../../src/hash/siphash.ts';
import { hex } from '../../src/wire/bytes.ts';
import vectors from '../vectors/siphash.json' with { type: 'json' };

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);

describe('SipHash-2-4', () => {
  it.each(vectors.rows.map((row, length) => [length, row] as const))('of %i bytes', (length, row) => {
    const sip = new SipHash(counting(16));
    const bytes = Uint8Array.of(0xaa, 0xbb, ...counting(length), 0xcc, 0xdd);
    const low = sip.hash(bytes, 2, length);
    const out = new Uint8Array(8);
    const view = new DataView(out.buffer);
    view.setInt32(0, low, true);
    view.setInt32(4, sip.high, true);
    expect(hex(out, 0, 8)).toBe(row);
  });

  it('needs 16 bytes of key', () => {
    const code = expect.objectContaining({ code: 'ERR_RXSTEER_KEY' });
    for (const length of [0, 15, 17, 40]) expect(() => new SipHash(counting(length))).toThrow(code);
  });
});
