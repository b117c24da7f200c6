import * as B from './pcapng-blocks.ts';

const utf8 = new TextEncoder();
const OPTION_APPLICATION = 4;

/** Rounds up to a multiple of 4, as all of pcapng is padded. */
function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Bytes of an option with a value of `length` bytes and the end of options behind it; 0 for none. */
function optionRoom(length: number): number {
  return length === 0 ? 0 : 4 + padded(length) + 4;
}

function putOption(view: DataView, block: Uint8Array, at: number, code: number, value: Uint8Array): void {
  view.setUint16(at, code, true);
  view.setUint16(at + 2, value.length, true);
  block.set(value, at + 4);
}

/** A text as the value of an option, which holds 65,535 bytes at most: what is longer is cut between two characters. */
function optionText(text: string): Uint8Array<ArrayBuffer> {
  const room = new Uint8Array(Math.min(65535, text.length * 3));
  return room.subarray(0, utf8.encodeInto(text, room).written);
}

function makeBlock(type: number, size: number): { block: Uint8Array<ArrayBuffer>; view: DataView } {
  const block = new Uint8Array(size);
  const view = new DataView(block.buffer);
  view.setUint32(0, type, true);
  view.setUint32(B.BLOCK_LENGTH, size, true);
  view.setUint32(size - 4, size, true);
  return { block, view };
}

/** The section header block that a pcapng file begins with: little-endian, length of the section unknown. */
export function sectionHeader(application: string = 'rxsteer'): Uint8Array<ArrayBuffer> {
  const name = optionText(application);
  const { block, view } = makeBlock(B.BLOCK_SECTION, B.SECTION_MIN + optionRoom(name.length));
  view.setUint32(B.SECTION_ORDER, B.BYTE_ORDER_MAGIC, true);
  view.setUint16(B.SECTION_MAJOR, 1, true);
  view.setBigInt64(B.SECTION_SIZE, -1n, true);
  if (name.length > 0) putOption(view, block, B.SECTION_MIN - 4, OPTION_APPLICATION, name);
  return block;
}

/** An interface description block: no snap length, times in nanoseconds. */
export function interfaceDescription(linkType: number): Uint8Array<ArrayBuffer> {
  const { block, view } = makeBlock(B.BLOCK_INTERFACE, B.INTERFACE_MIN + optionRoom(1));
  view.setUint16(B.INTERFACE_LINK, linkType, true);
  putOption(view, block, B.INTERFACE_OPTIONS, B.OPTION_TSRESOL, Uint8Array.of(9));
  return block;
}

/**
 * An enhanced packet block with room for a frame of `length` bytes, to be put at `FRAME_AT`. There is no bound on the length
 * but memory; Wireshark reads frames of up to 256 KiB.
 *
 * @param interfaceId number of the interface description block of the section, from 0
 * @param wireLength bytes on the wire
 * @param comment shown by Wireshark beside the packet; empty for none
 */
export function packetBlock(
  interfaceId: number,
  seconds: number,
  nanos: number,
  length: number,
  wireLength: number,
  comment: string = '',
): Uint8Array<ArrayBuffer> {
  const text = optionText(comment);
  const { block, view } = makeBlock(B.BLOCK_ENHANCED, B.ENHANCED_MIN + padded(length) + optionRoom(text.length));
  // seconds * 10^9 + nanos in two words: the product's low word is exact, and so, rounded, is what is left of its float
  const product = Math.imul(seconds, 1_000_000_000) >>> 0;
  const low = product + nanos;
  const carry = low > 0xffffffff ? 1 : 0;
  view.setUint32(B.ENHANCED_INTERFACE, interfaceId, true);
  view.setUint32(B.ENHANCED_HIGH, Math.round((seconds * 1_000_000_000 - product) / 4294967296) + carry, true);
  view.setUint32(B.ENHANCED_LOW, low, true);
  view.setUint32(B.ENHANCED_PRESENT, length, true);
  view.setUint32(B.ENHANCED_WIRE, wireLength, true);
  if (text.length > 0) putOption(view, block, B.ENHANCED_DATA + padded(length), B.OPTION_COMMENT, text);
  return block;
}

/** Where a frame lies in a {@link packetBlock}. */
export const FRAME_AT: number = B.ENHANCED_DATA;

/**
 * Makes the bytes of a pcapng file, piece by piece: every piece returned goes behind the one before. It opens the file by
 * itself and describes each link type when its first frame comes.
 *
 * @example
 * ```ts
 * import { LINK_ETHERNET, PcapngWriter, readCapture } from 'rxsteer/pcap';
 *
 * const writer = new PcapngWriter();
 * const frame = new Uint8Array(60);
 * const file = [writer.start(LINK_ETHERNET), writer.frame(LINK_ETHERNET, 1700000000, 5, frame)];
 * const [record] = readCapture(new Uint8Array(await new Blob(file).arrayBuffer()));
 * console.log(record?.nanos); // 5
 * ```
 */
export class PcapngWriter {
  readonly #application: string;
  readonly #interfaces = new Map<number, number>();

  constructor(options: { application?: string } = {}) {
    this.#application = options.application ?? 'rxsteer';
  }

  /**
   * What has to stand in the file before a frame of this link type: the section header, an interface description, both, or
   * nothing (no bytes).
   */
  start(linkType: number): Uint8Array<ArrayBuffer> {
    if (this.#interfaces.has(linkType)) return NOTHING;
    const description = interfaceDescription(linkType);
    const head = this.#interfaces.size === 0 ? sectionHeader(this.#application) : NOTHING;
    this.#interfaces.set(linkType, this.#interfaces.size);
    const both = new Uint8Array(head.length + description.length);
    both.set(head);
    both.set(description, head.length);
    return both;
  }

  /** The block of one frame, whose link type was given to {@link start} before. */
  frame(
    linkType: number,
    seconds: number,
    nanos: number,
    frame: Uint8Array,
    options: { wireLength?: number; comment?: string } = {},
  ): Uint8Array<ArrayBuffer> {
    const block = this.room(linkType, seconds, nanos, frame.length, options.wireLength, options.comment);
    block.set(frame, FRAME_AT);
    return block;
  }

  /** As {@link frame}, but the frame's `length` bytes are zero: the caller puts them, piece by piece, at `FRAME_AT`. */
  room(
    linkType: number,
    seconds: number,
    nanos: number,
    length: number,
    wireLength: number = length,
    comment: string = '',
  ): Uint8Array<ArrayBuffer> {
    const id = this.#interfaces.get(linkType);
    if (id === undefined)
      throw new TypeError(`start(${linkType}) was not called before a frame of link type ${linkType}`);
    return packetBlock(id, seconds, nanos, length, wireLength, comment);
  }
}

const NOTHING = new Uint8Array(0);
