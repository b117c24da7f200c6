import type { Ffi } from './ffi.ts';

/** What a cache line and the widest vector loads want. */
const ALIGN = 64;

/**
 * Memory that C reads and writes, at an address that stays: the backing store of an ArrayBuffer. It is the garbage collector that
 * frees it, once, when nobody holds this object any more, or when its thread ends, by whatever means; memory from `mmap` or
 * `malloc` would be lost with a worker that is terminated. So whoever keeps an address keeps this object beside it.
 *
 * The buffer is never given out to anything that could detach it.
 */
export class NativeMemory {
  /** Zeros at first. Begins at a multiple of 64. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly address: number;

  /** @param length bytes, a multiple of 4 */
  constructor(ffi: Ffi, length: number) {
    const whole = new Uint8Array(length + ALIGN);
    const start = -ffi.addressOf(whole) & (ALIGN - 1);
    this.bytes = whole.subarray(start, start + length);
    this.words = new Int32Array(whole.buffer, start, length >> 2);
    this.address = ffi.addressOf(this.bytes);
  }

  /** Writes an address, or another integer below 2^53, as 64 bits at an offset that is a multiple of 4. */
  putLong(offset: number, value: number): void {
    this.words[offset >> 2] = value | 0;
    this.words[(offset >> 2) + 1] = (value / 0x100000000) | 0;
  }

  /** Reads 64 bits as a number; for addresses, which fit. */
  long(offset: number): number {
    return (this.words[offset >> 2] >>> 0) + this.words[(offset >> 2) + 1] * 0x100000000;
  }

  /** Writes a text and a zero byte; returns its address. */
  putText(offset: number, text: string): number {
    for (let i = 0; i < text.length; i++) this.bytes[offset + i] = text.charCodeAt(i);
    this.bytes[offset + text.length] = 0;
    return this.address + offset;
  }

  /** What was in it is gone: keys. */
  wipe(from = 0, to: number = this.bytes.length): void {
    this.bytes.fill(0, from, to);
  }
}
