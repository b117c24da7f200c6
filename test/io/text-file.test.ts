import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readTextFile } from '../../src/io/text-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'rxsteer-text-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'a.txt');

it('reads text of UTF-8, without its byte-order mark', () => {
  writeFileSync(path, '\ufeffspi \u20ac\n');
  expect(readTextFile(path)).toBe('spi \u20ac\n');
  writeFileSync(path, 'x'.repeat(200_000));
  expect(readTextFile(path)).toHaveLength(200_000);
  writeFileSync(path, '');
  expect(readTextFile(path)).toBe('');
});

it('bounds the size', () => {
  writeFileSync(path, 'x'.repeat(100));
  expect(readTextFile(path, 100)).toHaveLength(100);
  const read = (): string => readTextFile(path, 99);
  expect(read).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_FILE' }));
  expect(read).toThrow(`${path} is over the bound of 99 bytes`);
});

it('refuses what it cannot read, with the cause', () => {
  const missing = join(folder, 'missing');
  const code = 'ERR_RXSTEER_FILE';
  expect(() => readTextFile(missing)).toThrow(
    expect.objectContaining({ code, cause: expect.objectContaining({ code: 'ENOENT' }) }),
  );
  expect(() => readTextFile(folder)).toThrow(
    expect.objectContaining({ code, cause: expect.objectContaining({ code: 'EISDIR' }) }),
  );
  writeFileSync(path, Uint8Array.of(0x61, 0xff));
  expect(() => readTextFile(path)).toThrow(`${path} is no UTF-8 text`);
});
