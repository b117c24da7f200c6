import type { FrameBatch } from './frame-batch.ts';

/** What reads one capture, window by window. */
export interface RecordParser {
  /**
   * Empties `batch`, then fills it from `bytes[off, end)`: until it is full, until the next frame has another link type, or
   * until only a part of a record is left. Offsets in the batch point into `bytes`; nothing is copied, and nothing outside
   * the window is read. `batch.block` is left alone.
   *
   * The next window begins with the first byte that was not consumed. While `batch.count` is not 0, call again with what is
   * left; once it is 0, more input is needed, or, with `last`, the capture has ended well.
   *
   * @param last no bytes follow those of this window
   * @returns bytes consumed
   * @throws RxSteerError ERR_RXSTEER_CAPTURE_FORMAT: no capture, or a link type that is not supported
   * @throws RxSteerError ERR_RXSTEER_CAPTURE_DAMAGED with the `offset` in the capture where the bad record begins. Either is
   *   thrown only after everything before it was returned in a batch, and again by every further call.
   */
  parse(bytes: Uint8Array, off: number, end: number, last: boolean, batch: FrameBatch): number;
}
