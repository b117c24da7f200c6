import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKernels, createPlainKernels, createWasmKernels, type Kernels } from '../../src/kernels/index.ts';

const PAGE = 65536;
const WINDOW = 16 * PAGE + 256;

/** RFC 1071, word by word, in numbers that cannot overflow. */
function naiveSum(bytes: Uint8Array, offset: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i += 2) sum += bytes[offset + i]! * 256 + (i + 1 < length ? bytes[offset + i + 1]! : 0);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

interface Subject {
  name: string;
  bytes: Uint8Array;
  kernels: Kernels;
}

const memory = new WebAssembly.Memory({ initial: 18, maximum: 18, shared: true });
const shared = new Uint8Array(memory.buffer);
const own = new Uint8Array(18 * PAGE);
const subjects: Subject[] = [
  { name: 'wasm', bytes: shared, kernels: createWasmKernels(memory) },
  { name: 'plain, shared memory', bytes: shared, kernels: createPlainKernels(shared) },
  { name: 'plain, own memory', bytes: own, kernels: createPlainKernels(own) },
];

describe.each(subjects)('kernels: $name', ({ bytes, kernels }) => {
  it('sums as the naive reference does, at any start and length', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 64 }),
        fc.uint8Array({ minLength: 0, maxLength: 3000, size: 'max' }),
        (offset, data) => {
          bytes.fill(0xa5, 0, 4096); // poison around: a byte too many would count
          bytes.set(data, offset);
          expect(kernels.checksum(offset, data.length)).toBe(naiveSum(bytes, offset, data.length));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('sums every length from 0 to 300 at every alignment', () => {
    for (let i = 0; i < 4096; i++) bytes[i] = (i * 197 + (i >> 3)) & 0xff;
    for (let offset = 0; offset < 32; offset++) {
      for (let length = 0; length <= 300; length++) {
        const got = kernels.checksum(offset, length);
        if (got !== naiveSum(bytes, offset, length)) expect.fail(`offset ${offset}, length ${length}: ${got}`);
      }
    }
  });

  it.each([0, 1, 31, 32, 33, 0x7fff, 0x8000, 0x8001, 0xffff, 0x80000, 0xfffff, 0x100000, 0x100001, WINDOW])(
    'does not overflow over %i bytes of 0xff',
    (length) => {
      bytes.fill(0xff, 0, WINDOW + 3);
      expect(kernels.checksum(3, length)).toBe(naiveSum(bytes, 3, length));
    },
  );

  it('gives 0 for zeros only, and 0xffff for what adds up to it', () => {
    bytes.fill(0, 0, 4096);
    expect(kernels.checksum(1, 1400)).toBe(0);
    bytes.set([0x12, 0x34, 0xed, 0xcb], 100);
    expect(kernels.checksum(100, 1400)).toBe(0xffff);
  });

  it('copies as if by way of a buffer between, overlapping or not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 64 }),
        fc.integer({ min: 0, max: 3000 }),
        fc.oneof(fc.integer({ min: 0, max: 64 }), fc.integer({ min: 0, max: 6000 })),
        (source, length, target) => {
          for (let i = 0; i < 12000; i++) bytes[i] = (i * 31 + (i >> 8) * 7) & 0xff;
          const expected = bytes.slice(0, 12000);
          expected.set(bytes.slice(source, source + length), target);
          kernels.copy(target, source, length);
          expect(Buffer.compare(bytes.slice(0, 12000), expected)).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('createKernels', () => {
  it('takes WebAssembly on shared memory', () => {
    expect(createKernels(memory, shared).kind).toBe('wasm');
  });

  it('accepts the largest frame memory, and works at its end', () => {
    const large = new WebAssembly.Memory({ initial: 32768, maximum: 32768, shared: true });
    const bytes = new Uint8Array(large.buffer);
    const kernels = createKernels(large, bytes);
    const end = 2 ** 31;
    bytes.set([0x12, 0x34, 0x56], end - 3);
    expect(kernels.kind).toBe('wasm');
    expect(kernels.checksum(end - 3, 3)).toBe(0x1234 + 0x5600);
    kernels.copy(end - 6, end - 3, 3);
    expect([...bytes.slice(end - 6)]).toEqual([0x12, 0x34, 0x56, 0x12, 0x34, 0x56]);
  });

  it('is plain without a memory, or with one that is not shared', () => {
    expect(createKernels(undefined, own).kind).toBe('plain');
    expect(createKernels(new WebAssembly.Memory({ initial: 1 }), own).kind).toBe('plain');
  });
});
