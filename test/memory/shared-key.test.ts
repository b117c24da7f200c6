import { expect, it } from 'vitest';
import { SharedKey } from '../../src/memory/shared-key.ts';

it('a shared key is what was written last, of whatever length, and says when it changes', () => {
  const buffer = new SharedArrayBuffer(64 + SharedKey.BYTES + 64);
  new Uint8Array(buffer).fill(0xee, 64 + SharedKey.BYTES);
  const writer = new SharedKey(buffer, 64);
  const reader = new SharedKey(buffer, 64);
  const before = reader.generation;
  for (const [round, length] of [40, 64, 16, 52].entries()) {
    const key = Uint8Array.from({ length }, (_, i) => i * 3 + round);
    writer.write(key);
    expect(reader.generation).toBe(before + round + 1);
    expect(reader.read()).toEqual(key);
  }
  // Bytes behind it are not its own.
  expect(new Uint8Array(buffer).subarray(64 + SharedKey.BYTES).every((byte) => byte === 0xee)).toBe(true);
});

it('what was read of a shared key is a copy', () => {
  const buffer = new SharedArrayBuffer(SharedKey.BYTES);
  const key = new SharedKey(buffer, 0);
  key.write(new Uint8Array(40).fill(1));
  const read = key.read();
  read[0] = 9;
  expect(key.read()[0]).toBe(1);
  key.write(new Uint8Array(40).fill(2));
  expect(read[1]).toBe(1);
});
