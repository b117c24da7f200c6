/**
 * The hash key that all threads go by, and which change of it that is.
 *
 *     words:  | generation | length in bytes | 64 bytes of key |
 */
const GENERATION = 0;
const LENGTH = 1;
const KEY_AT = 8;
const KEY_MAX = 64;

export class SharedKey {
  static readonly BYTES: number = KEY_AT + KEY_MAX;
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;

  constructor(buffer: ArrayBufferLike, byteOffset: number) {
    this.words = new Int32Array(buffer, byteOffset, KEY_AT >> 2);
    this.bytes = new Uint8Array(buffer, byteOffset + KEY_AT, KEY_MAX);
  }

  get generation(): number {
    return Atomics.load(this.words, GENERATION);
  }

  /** A copy of the key. */
  read(): Uint8Array {
    return this.bytes.slice(0, this.words[LENGTH]);
  }

  /** Sets a key of at most 64 bytes; nobody may still be about to read the one before. */
  write(key: Uint8Array): void {
    this.bytes.set(key);
    this.words[LENGTH] = key.length;
    Atomics.add(this.words, GENERATION, 1);
  }
}
