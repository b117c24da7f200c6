import { optionError, RxSteerError } from '../errors.ts';

/**
 * The frame memory: one shared `WebAssembly.Memory` in which every frame lives, like the umem of AF_XDP.
 *
 *     0            64 KiB          + FRAGMENTS       + n blocks of 1 MiB           + lanes x LANE          end
 *     | never used | staging, outer fragments | windows: what file readers and rings fill | lane 0 | lane 1 | ... |
 *
 *     lane:  | arena: what push(bytes) copies into | scratch: opened ESP, new headers | contiguous copies | inner fragments |
 *            | plan: what the lane's kernel goes by, and what was opened ahead | table: packets of a poll, and what GRO holds |
 *
 * It is never grown (old views would read undefined); pages commit on first touch.
 */
const MIB = 1 << 20;
const PAGE = 1 << 16;

/** Bytes of a block of the windows: the largest record that a capture reader can take. */
export const BLOCK_SIZE: number = MIB;
/** Most bytes of a frame that `push(bytes)` takes. */
export const MAX_FRAME: number = 256 << 10;

const RESERVED = PAGE;
const OUTER_FRAGMENTS = 4 * MIB;
const ARENA = 4 * MIB;
/** A poll of 64 packets of 64 KiB, each opened once, and room for headers. */
const SCRATCH = 5 * MIB;
/** A poll of 64 super-packets of 64 KiB and their link headers. */
const CONTIGUOUS = 4.5 * MIB;
const INNER_FRAGMENTS = 2 * MIB;
const PLAN = MIB / 2;
/** Rows of 512 packets, 5,000 pieces, and 65,536 packets held. */
const TABLE = MIB;
const LANE = 17 * MIB;
const LEAST_BLOCKS = 4;

/** A part of the frame memory: `length` bytes from `offset` on. */
export interface Region {
  readonly offset: number;
  readonly length: number;
}

export interface LaneRegions {
  readonly arena: Region;
  readonly scratch: Region;
  readonly contiguous: Region;
  readonly fragments: Region;
  readonly plan: Region;
  readonly table: Region;
}

/** Where everything lies in a frame memory. Plain data: the same in every thread. */
export interface FrameLayout {
  readonly bytes: number;
  readonly fragments: Region;
  /** Where a pushed fragment lies while it is looked at. */
  readonly staging: Region;
  /** `length / BLOCK_SIZE` blocks. */
  readonly windows: Region;
  readonly lanes: readonly LaneRegions[];
}

/** The default size: 64 MiB and 17 MiB a lane. */
export function defaultMemory(lanes: number): number {
  return 64 * MIB + lanes * LANE;
}

/**
 * Lays a frame memory of `bytes` bytes out for `lanes` lanes.
 *
 * @throws RxSteerError `ERR_RXSTEER_OPTION` when `memory` is too small or larger than 2 GiB.
 */
export function layoutFrames(bytes: number, lanes: number): FrameLayout {
  const least = RESERVED + OUTER_FRAGMENTS + LEAST_BLOCKS * BLOCK_SIZE + lanes * LANE;
  const most = 2 ** 31;
  if (!Number.isInteger(bytes) || bytes < least || bytes > most) {
    throw optionError('memory', `bytes from ${least} (for ${lanes} lanes) to ${most}`, bytes);
  }
  const windowsAt = RESERVED + OUTER_FRAGMENTS;
  const blocks = Math.floor((bytes - windowsAt - lanes * LANE) / BLOCK_SIZE);
  const lanesAt = windowsAt + blocks * BLOCK_SIZE;
  return {
    bytes,
    staging: { offset: RESERVED, length: MAX_FRAME },
    fragments: { offset: RESERVED + MAX_FRAME, length: OUTER_FRAGMENTS - MAX_FRAME },
    windows: { offset: windowsAt, length: blocks * BLOCK_SIZE },
    lanes: Array.from({ length: lanes }, (_, lane) => {
      let at = lanesAt + lane * LANE;
      const part = (length: number): Region => {
        const region = { offset: at, length };
        at += length;
        return region;
      };
      return {
        arena: part(ARENA),
        scratch: part(SCRATCH),
        contiguous: part(CONTIGUOUS),
        fragments: part(INNER_FRAGMENTS),
        plan: part(PLAN),
        table: part(TABLE),
      };
    }),
  };
}

/**
 * Reserves a frame memory.
 *
 * @throws RxSteerError `ERR_RXSTEER_MEMORY` when the address space cannot be had.
 */
export function createFrameMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new RxSteerError(
      'ERR_RXSTEER_MEMORY',
      `memory: ${Math.ceil(bytes / MIB)} MiB of shared memory could not be reserved; give a smaller 'memory' or fewer 'queues'`,
      { cause },
    );
  }
}
