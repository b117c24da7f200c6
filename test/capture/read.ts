/** Drives the incremental parser as a file reader does, window by window. */
import { CaptureParser, FrameBatch } from '../../src/capture/index.ts';
import { RxSteerError } from '../../src/errors.ts';
import { hex, type Outcome, type PlainRecord } from './reference.ts';

export interface ReadOptions {
  maxRecord?: number;
  capacity?: number;
  /** Bytes of the file to add to the next window. */
  chunk?: () => number;
}

/** Each window lies in the middle of poison, which a parser that reads outside takes for data. */
const MARGIN = 40;

export function readInWindows(file: Uint8Array, options: ReadOptions = {}): Outcome {
  const parser = new CaptureParser({ maxRecord: options.maxRecord });
  const batch = new FrameBatch(options.capacity);
  const records: PlainRecord[] = [];
  const chunk = options.chunk ?? ((): number => file.length);
  let start = 0;
  let end = 0;
  let fed = false;
  for (let turns = 0; ; turns++) {
    if (turns > 4 * file.length + 10) throw new Error('the parser does not get on');
    const window = new Uint8Array(end - start + 2 * MARGIN).fill(turns & 1 ? 0xff : 0);
    window.set(file.subarray(start, end), MARGIN);
    const last = fed && end === file.length;
    let consumed: number;
    try {
      consumed = parser.parse(window, MARGIN, window.length - MARGIN, last, batch);
    } catch (error) {
      if (!(error instanceof RxSteerError) || error.offset === undefined) throw error;
      if (!error.message.includes('capture') && !error.message.includes(String(error.offset))) {
        if (error.code === 'ERR_RXSTEER_CAPTURE_DAMAGED') throw new Error(`no offset in "${error.message}"`);
      }
      return { records, fault: { code: error.code, offset: error.offset } };
    }
    if (consumed < 0 || consumed > end - start) throw new Error(`consumed ${consumed} of ${end - start}`);
    for (let i = 0; i < batch.count; i++) {
      const from = batch.offsets[i]!;
      const to = from + batch.lengths[i]!;
      if (from < MARGIN || to > window.length - MARGIN) throw new Error('a frame outside of the window');
      records.push({
        linkType: batch.linkType,
        seconds: batch.seconds[i]!,
        nanos: batch.nanos[i]!,
        wireLength: batch.wireLengths[i]!,
        bytes: hex(window.subarray(from, to)),
      });
    }
    start += consumed;
    if (batch.count > 0) continue;
    if (last) {
      if (start !== file.length) throw new Error(`ended well with ${file.length - start} bytes unread`);
      return { records };
    }
    end = Math.min(file.length, end + Math.max(1, chunk()));
    fed = true;
  }
}
