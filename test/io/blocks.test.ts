import { expect, it } from 'vitest';
import { createBlockPool } from '../../src/io/blocks.ts';

it('hands out each block once, and makes the next one wait', async () => {
  const pool = createBlockPool({ blocks: 2, blockSize: 128 });
  expect(pool.bytes.length).toBe(256);
  expect([pool.take(), pool.take()].map((block) => pool.offset(block as number))).toEqual([0, 128]);
  const waits = [pool.take(), pool.take()];
  pool.done(1);
  pool.done(0);
  expect(await Promise.all(waits)).toEqual([1, 0]);
});

it('refuses sizes that cannot be', () => {
  expect(() => createBlockPool({ blocks: 0 })).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_OPTION' }));
  expect(() => createBlockPool({ blockSize: 63 })).toThrow(
    'blockSize: expected an integer from 64 to 1073741824, got 63',
  );
});
