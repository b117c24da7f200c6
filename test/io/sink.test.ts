import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openSink } from '../../src/io/sink.ts';
import { frame } from '../capture/build.ts';

const folder = mkdtempSync(join(tmpdir(), 'rxsteer-sink-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([1, 10, 100, 1 << 20])('writes all pieces in order through a buffer of %i bytes', (bufferSize) => {
  const path = join(folder, `${bufferSize}`);
  const sink = openSink(path, bufferSize);
  const pieces = [0, 3, 10, 11, 99, 100, 101, 5000, 1].map((length) => frame(length));
  for (const piece of pieces) {
    const reused = piece.slice();
    sink.append(reused);
    reused.fill(0);
  }
  expect(sink.size).toBe(pieces.reduce((sum, piece) => sum + piece.length, 0));
  sink.close();
  sink.close();
  expect(new Uint8Array(readFileSync(path))).toEqual(new Uint8Array(Buffer.concat(pieces)));
  expect(() => sink.append(frame(1))).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_FILE' }));
});

it('takes pieces of shared memory', () => {
  const path = join(folder, 'shared');
  const bytes = new Uint8Array(new SharedArrayBuffer(3000));
  bytes.set(frame(3000));
  const sink = openSink(path, 1000);
  sink.append(bytes.subarray(0, 900));
  sink.append(bytes.subarray(900));
  sink.close();
  expect(new Uint8Array(readFileSync(path))).toEqual(frame(3000));
});

it('says what it could not do', () => {
  const path = join(folder, 'no', 'such');
  expect(() => openSink(path)).toThrow(expect.objectContaining({ code: 'ERR_RXSTEER_FILE' }));
  expect(() => openSink(path)).toThrow(`cannot create ${path}: ENOENT`);
});

it.skipIf(!existsSync('/dev/full'))('says that the disk is full', () => {
  const sink = openSink('/dev/full', 100);
  sink.append(frame(50));
  const full = expect.objectContaining({
    code: 'ERR_RXSTEER_FILE',
    cause: expect.objectContaining({ code: 'ENOSPC' }),
  });
  expect(() => sink.append(frame(500))).toThrow(full);
});
