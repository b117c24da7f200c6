/**
 * Small numbers from one thread to another: single producer, single consumer, never waited for.
 *
 *     words:  | sent | 15 spare | taken | 15 spare | 64 numbers |
 */
const SENT = 0;
const TAKEN = 16;
const NUMBERS = 32;
const CAPACITY = 64;

export class Mailbox {
  static readonly BYTES: number = 4 * (NUMBERS + CAPACITY);
  private readonly words: Int32Array;

  constructor(buffer: ArrayBufferLike, byteOffset: number) {
    this.words = new Int32Array(buffer, byteOffset, NUMBERS + CAPACITY);
  }

  /** False when the box is full: the number is not sent. */
  send(number: number): boolean {
    const { words } = this;
    const sent = words[SENT];
    if (((sent - Atomics.load(words, TAKEN)) | 0) >= CAPACITY) return false;
    words[NUMBERS + (sent & (CAPACITY - 1))] = number;
    Atomics.store(words, SENT, sent + 1);
    return true;
  }

  /** The next number, or undefined. */
  take(): number | undefined {
    const { words } = this;
    const taken = words[TAKEN];
    if (Atomics.load(words, SENT) === taken) return undefined;
    const number = words[NUMBERS + (taken & (CAPACITY - 1))];
    Atomics.store(words, TAKEN, taken + 1);
    return number;
  }
}
