import { LINK_TYPES } from './link-types.ts';

// https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html ; all blocks: type, total length, body, total length again

/** Type of the section header block: the same in both byte orders. */
export const PCAPNG_MAGIC = 0x0a0d0d0a;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

export const BLOCK_SECTION: number = PCAPNG_MAGIC;
export const BLOCK_INTERFACE = 1;
/** The obsolete packet block. */
export const BLOCK_PACKET = 2;
export const BLOCK_SIMPLE = 3;
export const BLOCK_ENHANCED = 6;

export const BLOCK_LENGTH = 4;
/** Bytes of a block without a body. */
export const BLOCK_MIN = 12;

export const SECTION_ORDER = 8;
export const SECTION_MAJOR = 12;
export const SECTION_MINOR = 14;
export const SECTION_SIZE = 16;
export const SECTION_MIN = 28;

export const INTERFACE_LINK = 8;
export const INTERFACE_SNAP = 12;
export const INTERFACE_OPTIONS = 16;
export const INTERFACE_MIN = 20;

export const ENHANCED_INTERFACE = 8;
export const ENHANCED_HIGH = 12;
export const ENHANCED_LOW = 16;
export const ENHANCED_PRESENT = 20;
export const ENHANCED_WIRE = 24;
export const ENHANCED_DATA = 28;
export const ENHANCED_MIN = 32;
/** The obsolete packet block differs in this alone: 16 bits of interface, 16 bits of drops count. */
export const PACKET_INTERFACE = 8;

export const SIMPLE_WIRE = 8;
export const SIMPLE_DATA = 12;
export const SIMPLE_MIN = 16;

export const OPTION_END = 0;
export const OPTION_COMMENT = 1;
export const OPTION_TSRESOL = 9;
export const OPTION_TSOFFSET = 14;

/** `if_tsresol` of an interface that does not say: microseconds. */
export const DEFAULT_RESOLUTION = 6;

/** Interfaces a section may have; a bound on what a damaged file can make us keep. */
export const MAX_INTERFACES = 65536;

/** What an interface description block says about its frames. */
export interface CaptureInterface {
  linkType: number;
  /** Whether {@link linkType} can be dissected; only frames of it are refused, not the description. */
  supported: boolean;
  /** Bytes kept of each frame at most, 0 for no bound. */
  snap: number;
  /** The byte of `if_tsresol`. */
  resolution: number;
  /** Seconds to add to its times, modulo 2^32. */
  secondsOffset: number;
}

/**
 * Reads the interface description block at `at`, whose length is known to be right.
 *
 * @param size total length of the block, at least INTERFACE_MIN
 * @returns the interface, or a sentence that says what is wrong with the block
 */
export function readInterface(view: DataView, at: number, size: number, little: boolean): CaptureInterface | string {
  const linkType = view.getUint16(at + INTERFACE_LINK, little);
  const found: CaptureInterface = {
    linkType,
    supported: LINK_TYPES.has(linkType),
    snap: view.getUint32(at + INTERFACE_SNAP, little),
    resolution: DEFAULT_RESOLUTION,
    secondsOffset: 0,
  };
  const stop = at + size - 4;
  let option = at + INTERFACE_OPTIONS;
  while (stop - option >= 4) {
    const code = view.getUint16(option, little);
    const length = view.getUint16(option + 2, little);
    if (code === OPTION_END) break;
    const value = option + 4;
    if (length > stop - value) return `its option ${code} is longer than the block`;
    if (code === OPTION_TSRESOL) {
      if (length !== 1) return `if_tsresol has ${length} bytes instead of 1`;
      found.resolution = view.getUint8(value);
    } else if (code === OPTION_TSOFFSET) {
      if (length !== 8) return `if_tsoffset has ${length} bytes instead of 8`;
      // a signed 64-bit number of seconds, of which the low word is all that counts modulo 2^32
      found.secondsOffset = view.getUint32(little ? value : value + 4, little);
    }
    option = value + ((length + 3) & ~3);
  }
  return found;
}
