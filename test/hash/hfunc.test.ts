import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import xxhash from 'xxhash-wasm';
import { crc32 } from '../../src/hash/crc32.ts';
import { FlowHasher, INPUT_MAX } from '../../src/hash/flow-hasher.ts';
import { HFUNCS } from '../../src/hash/hfunc.ts';
import { microsoftKey, seededKey } from '../../src/hash/keys.ts';
import { xorHash } from '../../src/hash/xor.ts';
import { xxh32 } from '../../src/hash/xxh32.ts';
import { type TupleOptions, tupleFrame } from '../../src/wire/emit.ts';

const { h32Raw } = await xxhash();
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
/** Bytes behind others, so that an offset that is left out shows. */
const anywhere = fc.tuple(fc.nat(9), fc.uint8Array({ maxLength: 80 }));

describe('crc32', () => {
  it('has the check value of the catalogue of CRCs: CRC-32/ISO-HDLC', () => {
    expect(crc32(ascii('123456789'), 0, 9) >>> 0).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0), 0, 0)).toBe(0);
  });

  it("is zlib's", () => {
    fc.assert(
      fc.property(anywhere, ([lead, input]) => {
        const bytes = new Uint8Array([...new Uint8Array(lead).fill(0xee), ...input, 0xee]);
        expect(crc32(bytes, lead, input.length) >>> 0).toBe(zlibCrc32(input));
      }),
    );
  });
});

describe('xxh32', () => {
  it.each([
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['abc', 0x32d153ff],
  ])('of %j is what the reference implementation has', (text, hash) => {
    expect(xxh32(ascii(text), 0, text.length) >>> 0).toBe(hash);
  });

  it('is that of xxhash-wasm', () => {
    fc.assert(
      fc.property(anywhere, ([lead, input]) => {
        const bytes = new Uint8Array([...new Uint8Array(lead).fill(0xee), ...input, 0xee]);
        expect(xxh32(bytes, lead, input.length) >>> 0).toBe(h32Raw(input, 0) >>> 0);
      }),
    );
  });
});

describe('xor', () => {
  it('is the XOR of words in network order, the last one filled up with zeros', () => {
    const bytes = Uint8Array.of(0xee, 0x80, 2, 3, 4, 0x10, 0x20, 0x30, 0x40, 0xff, 0xff, 0xee);
    expect(xorHash(bytes, 1, 4) >>> 0).toBe(0x80020304);
    expect(xorHash(bytes, 1, 8) >>> 0).toBe(0x90223344);
    expect(xorHash(bytes, 1, 10) >>> 0).toBe(0x6fdd3344);
    expect(xorHash(bytes, 1, 0)).toBe(0);
  });
});

describe('FlowHasher with another function', () => {
  const flows: TupleOptions[] = [
    { src: '10.0.0.1', dst: '10.0.0.2', spi: 0xc0ffee01 },
    { src: '2001:db8::1', dst: '2001:db8::2', spi: 0xc0ffee01 },
    { src: '10.0.0.1', dst: '10.0.0.2', spi: 0xc0ffee01, natt: true },
    { src: '10.0.0.1', dst: '10.0.0.2', spi: 0xc0ffee01, proto: 'ah' },
    { src: '10.0.0.1', dst: '10.0.0.2', sport: 1, dport: 2 },
  ];

  it.each(HFUNCS)('%s hashes what `input` says, the SPI where ports stand', (hfunc) => {
    const of = (hasher: FlowHasher, flow: TupleOptions): number[] => {
      const { bytes, dissection } = tupleFrame(flow);
      const hash = hasher.hash(bytes, dissection);
      expect(hasher.valid).toBe(1);
      const input = new Uint8Array(INPUT_MAX);
      const n = hasher.input(bytes, dissection, input);
      const plain = { toeplitz: hasher.toeplitz.hash(input, 0, n), xor: xorHash(input, 0, n) };
      expect(hash).toBe({ ...plain, crc32: crc32(input, 0, n), xxh32: xxh32(input, 0, n) }[hfunc]);
      return [hash, n];
    };
    const fields = { ah: 'sdfn' };
    const hasher = new FlowHasher({ key: microsoftKey(), hfunc, fields });
    const [esp, esp6, natt, ah] = flows.map((flow) => of(hasher, flow));
    expect([natt, ah]).toEqual([esp, esp]);
    expect([esp[1], esp6[1]]).toEqual([12, 36]);
    expect(of(hasher, { ...flows[0], spi: 0xc0ffee02 })).not.toEqual(esp);
    // The key is toeplitz's alone.
    const [other] = of(new FlowHasher({ key: seededKey('other'), hfunc, fields }), flows[0]);
    expect(other === esp[0]).toBe(hfunc !== 'toeplitz');
  });

  it.each(HFUNCS)('%s under a symmetric transform hashes both directions alike', (hfunc) => {
    for (const xfrm of ['symmetric-xor', 'symmetric-or-xor', 'sort'] as const) {
      const hasher = new FlowHasher({ key: microsoftKey(), hfunc, xfrm });
      const there = tupleFrame({ src: '10.0.0.1', sport: 4000, dst: '10.0.0.2', dport: 80 });
      const back = tupleFrame({ src: '10.0.0.2', sport: 80, dst: '10.0.0.1', dport: 4000 });
      expect(hasher.hash(there.bytes, there.dissection)).toBe(hasher.hash(back.bytes, back.dissection));
    }
  });
});
