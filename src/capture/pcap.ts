import type { RxSteerError } from '../errors.ts';
import { cutOff, damaged, unsupportedLink, unsupportedVersion } from './faults.ts';
import type { FrameBatch } from './frame-batch.ts';
import { LINK_TYPES } from './link-types.ts';
import type { RecordParser } from './record-parser.ts';

// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html

const MAGIC_MICRO = 0xa1b2c3d4;
const MAGIC_NANO = 0xa1b23c4d;
/** Alexey Kuznetzov's libpcap patch: 8 more bytes (interface, protocol, packet type) behind each record header. */
const MAGIC_KUZNETZOV = 0xa1b2cd34;

const FILE_VERSION_MAJOR = 4;
const FILE_VERSION_MINOR = 6;
const FILE_LINK_TYPE = 20;
const FILE_HEADER = 24;

const RECORD_FRACTION = 4;
const RECORD_PRESENT = 8;
const RECORD_WIRE = 12;
const RECORD_HEADER = 16;

/** Bits 26 and 28 to 31 tell the length of the FCS behind each frame; bits 16 to 25 must be zero (section 4, "LinkType and additional information"). */
const LINK_RESERVED = 0x03ff0000;
const LINK_MASK = 0xffff;

/** Whether the first four bytes of a file, most significant first, are those of a classic pcap file of either byte order. */
export function isPcapMagic(magic: number): boolean {
  return isMagic(magic) || isMagic(swapped(magic));
}

function isMagic(magic: number): boolean {
  return magic === MAGIC_MICRO || magic === MAGIC_NANO || magic === MAGIC_KUZNETZOV;
}

function swapped(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/**
 * Classic pcap: both byte orders, microseconds and nanoseconds, Kuznetzov's variant. An FCS that the header announces stays
 * at the end of each frame, where it lies behind the IP packet like any padding of the link.
 */
export class PcapParser implements RecordParser {
  readonly #maxRecord: number;
  #little = true;
  #header = RECORD_HEADER;
  /** Fractions of a second per second. */
  #unit = 1e6;
  /** -1 until the file header was read. */
  #linkType = -1;
  /** Offset in the file of the next byte to be consumed. */
  #position = 0;
  #fault: RxSteerError | undefined;

  /** @param maxRecord bound of a record with its header, in bytes */
  constructor(maxRecord: number) {
    this.#maxRecord = maxRecord;
  }

  parse(bytes: Uint8Array, off: number, end: number, last: boolean, batch: FrameBatch): number {
    batch.count = 0;
    if (this.#fault !== undefined) throw this.#fault;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = off;
    let fault: RxSteerError | undefined;
    if (this.#linkType < 0) {
      if (end - off >= FILE_HEADER) {
        fault = this.#fileHeader(view, off);
        at += FILE_HEADER;
      } else if (last) fault = cutOff(0, end - off);
      if (fault !== undefined) {
        this.#fault = fault;
        throw fault;
      }
      if (at === off) return 0;
    }

    const { offsets, lengths, wireLengths, seconds, nanos, capacity } = batch;
    const little = this.#little;
    const header = this.#header;
    const unit = this.#unit;
    const scale = 1e9 / unit;
    const bound = this.#maxRecord - header;
    let count = 0;
    // read as signed words, which stay small integers; what is negative then was over 2^31
    while (count < capacity && end - at >= header) {
      const present = view.getInt32(at + RECORD_PRESENT, little);
      if (present < 0 || present > bound) {
        fault = damaged(this.#position + at - off, `it claims ${present >>> 0} bytes, over the bound of ${bound}`);
        break;
      }
      const next = at + header + present;
      if (next > end) break;
      const wire = view.getInt32(at + RECORD_WIRE, little);
      const fraction = view.getInt32(at + RECORD_FRACTION, little);
      offsets[count] = at + header;
      lengths[count] = present;
      wireLengths[count] = wire < 0 ? 0x7fffffff : wire < present ? present : wire;
      seconds[count] = view.getInt32(at, little);
      if (fraction >= 0 && fraction < unit) nanos[count] = Math.imul(fraction, scale);
      else {
        // some writers leave the carry to the reader
        seconds[count]! += Math.floor((fraction >>> 0) / unit);
        nanos[count] = ((fraction >>> 0) % unit) * scale;
      }
      count++;
      at = next;
    }
    this.#position += at - off;
    if (fault === undefined && last && count < capacity && at < end) fault = cutOff(this.#position, end - at);
    if (fault !== undefined && count === 0) {
      this.#fault = fault;
      throw fault;
    }
    batch.count = count;
    batch.linkType = this.#linkType;
    return at - off;
  }

  /** Takes the file header at `at`; returns what is wrong with it. */
  #fileHeader(view: DataView, at: number): RxSteerError | undefined {
    this.#little = !isMagic(view.getUint32(at));
    const little = this.#little;
    const magic = view.getUint32(at, little);
    this.#unit = magic === MAGIC_NANO ? 1e9 : 1e6;
    this.#header = magic === MAGIC_KUZNETZOV ? RECORD_HEADER + 8 : RECORD_HEADER;
    const major = view.getUint16(at + FILE_VERSION_MAJOR, little);
    if (major !== 2) {
      const version = `${major}.${view.getUint16(at + FILE_VERSION_MINOR, little)}`;
      return unsupportedVersion(0, 'pcap', version, '2');
    }
    const link = view.getUint32(at + FILE_LINK_TYPE, little);
    const linkType = (link & LINK_RESERVED) === 0 ? link & LINK_MASK : link;
    if (!LINK_TYPES.has(linkType)) return unsupportedLink(0, linkType);
    this.#linkType = linkType;
    return undefined;
  }
}
