import { FrameBatch } from './frame-batch.ts';
import { CaptureParser, type CaptureParserOptions } from './parser.ts';

/** One frame of a capture, for people and tests; what is fast works on {@link FrameBatch}. */
export interface CaptureRecord {
  /** LINKTYPE_ value. */
  linkType: number;
  /** Time since 1970, whole seconds; 0 where the capture has none. */
  seconds: number;
  /** The rest of the time, 0 to 999,999,999 ns. */
  nanos: number;
  /** The bytes present: a view of the capture, not a copy. */
  bytes: Uint8Array;
  /** Bytes on the wire, never fewer than are present. */
  wireLength: number;
}

/**
 * Reads the frames of a whole pcap or pcapng capture.
 *
 * @throws RxSteerError ERR_RXSTEER_CAPTURE_FORMAT: no capture, or a link type that is not supported
 * @throws RxSteerError ERR_RXSTEER_CAPTURE_DAMAGED, with the `offset` of the bad record, after all records before it
 */
export function* readCapture(bytes: Uint8Array, options: CaptureParserOptions = {}): Generator<CaptureRecord, void> {
  const parser = new CaptureParser(options);
  const batch = new FrameBatch();
  let at = 0;
  do {
    at += parser.parse(bytes, at, bytes.length, true, batch);
    for (let i = 0; i < batch.count; i++) {
      const offset = batch.offsets[i]!;
      yield {
        linkType: batch.linkType,
        seconds: batch.seconds[i]!,
        nanos: batch.nanos[i]!,
        bytes: bytes.subarray(offset, offset + batch.lengths[i]!),
        wireLength: batch.wireLengths[i]!,
      };
    }
  } while (batch.count > 0);
}
