import { closeSync, openSync, writeSync } from 'node:fs';
import { checkInteger, RxSteerError } from '../errors.ts';
import { fileError } from './file-error.ts';

/** A file that is written from its beginning to its end. */
export interface FileSink {
  /** Bytes appended so far. */
  readonly size: number;
  /** Copies `piece` behind what was appended before. @throws RxSteerError ERR_RXSTEER_FILE, also once it is closed */
  append(piece: Uint8Array): void;
  /** Writes what is left and closes the file; again does nothing. @throws RxSteerError ERR_RXSTEER_FILE */
  close(): void;
}

/**
 * Creates the file `path`, or empties it, and writes to it through a buffer.
 *
 * @param bufferSize bytes gathered before a write, default 1 MiB
 * @throws RxSteerError ERR_RXSTEER_FILE, ERR_RXSTEER_OPTION
 */
export function openSink(path: string, bufferSize: number = 1 << 20): FileSink {
  const buffer = new Uint8Array(checkInteger('bufferSize', bufferSize, 1, 1 << 30));
  let used = 0;
  let size = 0;
  let fd: number;
  try {
    fd = openSync(path, 'w');
  } catch (cause) {
    throw fileError('create', path, cause);
  }

  const write = (bytes: Uint8Array, length: number): void => {
    try {
      for (let at = 0; at < length; ) at += writeSync(fd, bytes, at, length - at);
    } catch (cause) {
      throw fileError('write', path, cause);
    }
  };
  const flush = (): void => {
    const length = used;
    used = 0;
    write(buffer, length);
  };

  return {
    get size() {
      return size;
    },
    append(piece) {
      if (fd < 0) throw new RxSteerError('ERR_RXSTEER_FILE', `cannot write ${path}: it is closed`);
      if (piece.length > buffer.length - used) flush();
      if (piece.length > buffer.length) write(piece, piece.length);
      else {
        buffer.set(piece, used);
        used += piece.length;
      }
      size += piece.length;
    },
    close() {
      if (fd < 0) return;
      try {
        flush();
      } finally {
        const closing = fd;
        fd = -1;
        closeSync(closing);
      }
    },
  };
}
