import { checkInteger } from '../errors.ts';

/** How many frames a batch holds when nothing else is asked for. */
export const BATCH_CAPACITY = 256;

/**
 * Numbers of up to `capacity` frames that lie in one `Uint8Array`; the frames themselves are not copied. One batch is made
 * once and filled again and again, so its numbers hold until the next fill. Slots from `count` on are stale.
 */
export class FrameBatch {
  readonly capacity: number;
  /** Frames in the batch. */
  count = 0;
  /** Link type of all its frames (a LINKTYPE_ value, see `link-types.ts`). */
  linkType = 0;
  /** Block of the frame memory that the frames lie in, -1 for none. */
  block = -1;
  /** Where each frame begins, absolute in the bytes. */
  readonly offsets: Int32Array;
  /** Bytes present of each frame. */
  readonly lengths: Int32Array;
  /** Bytes that each frame had on the wire; never fewer than are present. */
  readonly wireLengths: Int32Array;
  /** Time of each frame since 1970, whole seconds modulo 2^32. */
  readonly seconds: Uint32Array;
  /** The rest of its time, 0 to 999,999,999 ns. */
  readonly nanos: Uint32Array;

  /** Bytes that the numbers of a batch take. */
  static bytes(capacity: number): number {
    return 5 * 4 * capacity;
  }

  /**
   * @param capacity frames, 1 to 65,536
   * @param buffer where the numbers shall lie, from `byteOffset` (a multiple of 4) on; memory of its own when absent
   * @throws RxSteerError ERR_RXSTEER_OPTION
   */
  constructor(capacity: number = BATCH_CAPACITY, buffer?: ArrayBufferLike, byteOffset = 0) {
    this.capacity = checkInteger('capacity', capacity, 1, 65536);
    const memory = buffer ?? new ArrayBuffer(FrameBatch.bytes(capacity));
    const at = (array: number): number => byteOffset + array * 4 * capacity;
    this.offsets = new Int32Array(memory, at(0), capacity);
    this.lengths = new Int32Array(memory, at(1), capacity);
    this.wireLengths = new Int32Array(memory, at(2), capacity);
    this.seconds = new Uint32Array(memory, at(3), capacity);
    this.nanos = new Uint32Array(memory, at(4), capacity);
  }
}
