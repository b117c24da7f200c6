import { checkInteger } from '../errors.ts';
import { notACapture } from './faults.ts';
import type { FrameBatch } from './frame-batch.ts';
import { isPcapMagic, PcapParser } from './pcap.ts';
import { PcapngParser } from './pcapng.ts';
import { PCAPNG_MAGIC } from './pcapng-blocks.ts';
import type { RecordParser } from './record-parser.ts';

/** The largest record accepted unless told otherwise: 1 MiB, four times what tcpdump ever writes. */
export const MAX_RECORD: number = 1 << 20;

export interface CaptureParserOptions {
  /**
   * Largest record (pcap) or block that must be looked at (pcapng), in bytes of the file with its headers; 64 bytes to
   * 1 GiB, default {@link MAX_RECORD}. A window of this size always gets the parser on.
   */
  maxRecord?: number;
}

/** Reads a capture of either format, told by its first four bytes. One parser reads one capture. */
export class CaptureParser implements RecordParser {
  readonly #maxRecord: number;
  #inner: RecordParser | undefined;

  /** @throws RxSteerError ERR_RXSTEER_OPTION */
  constructor(options: CaptureParserOptions = {}) {
    this.#maxRecord = checkInteger('maxRecord', options.maxRecord ?? MAX_RECORD, 64, 1 << 30);
  }

  parse(bytes: Uint8Array, off: number, end: number, last: boolean, batch: FrameBatch): number {
    if (this.#inner === undefined) {
      batch.count = 0;
      if (end - off < 4) {
        if (last) throw notACapture(end === off ? 'the file is empty' : `the file has only ${end - off} bytes`);
        return 0;
      }
      this.#inner = this.#recognise(bytes, off);
    }
    return this.#inner.parse(bytes, off, end, last, batch);
  }

  #recognise(bytes: Uint8Array, off: number): RecordParser {
    const magic = ((bytes[off]! << 24) | (bytes[off + 1]! << 16) | (bytes[off + 2]! << 8) | bytes[off + 3]!) >>> 0;
    if (magic === PCAPNG_MAGIC) return new PcapngParser(this.#maxRecord);
    if (isPcapMagic(magic)) return new PcapParser(this.#maxRecord);
    if (magic >>> 16 === 0x1f8b) throw notACapture('the file is compressed with gzip: unpack it first');
    if (magic === 0x28b52ffd) throw notACapture('the file is compressed with zstd: unpack it first');
    throw notACapture(`the file begins with ${magic.toString(16).padStart(8, '0')}`);
  }
}
