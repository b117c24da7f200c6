import { closeSync, openSync, readSync } from 'node:fs';
import { RxSteerError } from '../errors.ts';
import { fileError } from './file-error.ts';

/** The largest text file read unless told otherwise: 16 MiB, some 50,000 security associations. */
export const MAX_TEXT: number = 16 << 20;

/**
 * Reads a small file of UTF-8 text; a byte-order mark is left out. Pipes are read to their end.
 *
 * @param maxBytes bound of its size in bytes
 * @throws RxSteerError ERR_RXSTEER_FILE: missing, unreadable, larger than `maxBytes`, or not UTF-8
 */
export function readTextFile(path: string, maxBytes: number = MAX_TEXT): string {
  const bytes = readBounded(path, maxBytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RxSteerError('ERR_RXSTEER_FILE', `${path} is no UTF-8 text`, { cause });
  }
}

function readBounded(path: string, maxBytes: number): Uint8Array {
  const pieces: Buffer[] = [];
  let size = 0;
  let fd = -1;
  try {
    fd = openSync(path, 'r');
    while (size <= maxBytes) {
      const piece = Buffer.allocUnsafe(Math.min(65536, maxBytes + 1 - size));
      const count = readSync(fd, piece, 0, piece.length, null);
      if (count === 0) break;
      pieces.push(piece.subarray(0, count));
      size += count;
    }
  } catch (cause) {
    throw fileError('read', path, cause);
  } finally {
    if (fd >= 0) closeSync(fd);
  }
  if (size > maxBytes) throw new RxSteerError('ERR_RXSTEER_FILE', `${path} is over the bound of ${maxBytes} bytes`);
  return Buffer.concat(pieces, size);
}
