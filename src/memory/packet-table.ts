/**
 * The packets of the poll that a lane is working on: one row of 32 words each, and the pieces that super-packets are made of.
 *
 *     row i:  | frame facts 0..7 | flags, SA, number, time 8..15 | super-packet facts 16..23 | GRO's own 24..31 |
 *     piece:  pieceOff[p], pieceLen[p], pieceNext[p]        (-1 ends a chain)
 *
 * A packet is its row number while it is in the lane; nothing here allocates after construction.
 * All offsets are absolute in the frame memory.
 */
import { ownWords, type TakeWords } from './words.ts';

/** Words of a row; a row starts at `i << ROW_SHIFT`. */
export const ROW_SHIFT = 5;

/** Start of the frame, and how many bytes of it are there. */
export const P_OFF = 0;
export const P_LEN = 1;
/** Start of the IP header, of what follows IP header, options and extensions, and end of the IP payload. */
export const P_L3 = 2;
export const P_L4 = 3;
export const P_END = 4;
/** Class number (counters.ts), IP protocol at `P_L4`, flow hash. */
export const P_CLS = 5;
export const P_PROTO = 6;
export const P_HASH = 7;
/** Flags | link type << LINK_SHIFT. */
export const P_FLAGS = 8;
export const LINK_SHIFT = 8;
/** SA index + 1; 0: came in clear. */
export const P_SA = 9;
/** Number of the packet in the input; of the last packet merged into it. */
export const P_NUMBER = 10;
export const P_LAST = 11;
export const P_SEC = 12;
export const P_NSEC = 13;
/** Bytes that the frame had on the wire. */
export const P_WIRE = 14;
/** 0, or 0x10000 | TCI of the outermost tag. */
export const P_VLAN = 15;
/** Input segments in it; payload bytes of a segment when merged, else 0. */
export const P_SEGS = 16;
export const P_GSO = 17;
/** Pieces: 0 when the frame at `P_OFF` is the packet; else a chain of that many from `P_FIRST` to `P_LASTP`. */
export const P_PIECES = 18;
export const P_FIRST = 19;
export const P_LASTP = 20;
/** Bytes of the whole packet, merged payload included. */
export const P_TOTAL = 21;
/** Unit of order: 0 for clear flows, else order group of the SA + 1. */
export const P_UNIT = 22;
/** VNI, key or TEID of the tunnel that it was taken out of (`TUNNEL_SHIFT`); 0 when that has none. */
export const P_TUNNEL = 23;
/** First of eight words that belong to GRO. */
export const P_GRO = 24;

export const F_HASH_VALID = 1;
/** The L4 checksum was verified. */
export const F_CSUM_GOOD = 2;
/** The IP length says more than is there. */
export const F_TRUNCATED = 4;
/** Came out of ESP. */
export const F_FROM_ESP = 8;
/** What kind of tunnel it was taken out of: `TUNNEL_*` of the dissection, `TUNNEL_PLAIN` for one without an identifier; 0: none. */
export const TUNNEL_SHIFT = 4;
export const TUNNEL_MASK = 7;
export const TUNNEL_PLAIN = 7;
/** Where it came from: packets that differ in this are of different flows. */
export const F_ORIGIN: number = F_FROM_ESP | (TUNNEL_MASK << TUNNEL_SHIFT);

export class PacketTable {
  readonly w: Int32Array;
  readonly capacity: number;
  /** Rows in use. */
  count = 0;
  readonly pieceOff: Int32Array;
  readonly pieceLen: Int32Array;
  readonly pieceNext: Int32Array;
  /** How many pieces there are, in a word that kernels see. */
  readonly pieceCount: Int32Array;

  /**
   * @param pieces a super-packet of n segments has at most n + 1: its headers and n payloads
   * @param take where the table is to lie
   */
  constructor(capacity: number, pieces: number = 2 * capacity, take: TakeWords = ownWords) {
    this.capacity = capacity;
    this.w = take(capacity << ROW_SHIFT);
    this.pieceOff = take(pieces);
    this.pieceLen = take(pieces);
    this.pieceNext = take(pieces);
    this.pieceCount = take(1);
  }

  /** Whether there is room for so many more rows, one if not said, of so many pieces together. */
  fits(pieces: number, rows = 1): boolean {
    return this.count + rows <= this.capacity && this.pieceCount[0] + pieces <= this.pieceOff.length;
  }

  /** Takes the next row, with the super-packet facts of a single packet; the caller fills words 0 to 15. */
  row(): number {
    const i = this.count++;
    const b = i << ROW_SHIFT;
    const w = this.w;
    w[b + P_FLAGS] = 0;
    w[b + P_SA] = 0;
    w[b + P_SEGS] = 1;
    w[b + P_GSO] = 0;
    w[b + P_PIECES] = 0;
    w[b + P_UNIT] = 0;
    w[b + P_TUNNEL] = 0;
    return i;
  }

  /** Makes a piece that ends a chain. */
  piece(offset: number, length: number): number {
    const p = this.pieceCount[0]++;
    this.pieceOff[p] = offset;
    this.pieceLen[p] = length;
    this.pieceNext[p] = -1;
    return p;
  }

  /** Appends a piece to the chain of row `i`, which must have pieces. */
  append(i: number, offset: number, length: number): void {
    const b = i << ROW_SHIFT;
    const p = this.piece(offset, length);
    this.pieceNext[this.w[b + P_LASTP]] = p;
    this.w[b + P_LASTP] = p;
    this.w[b + P_PIECES]++;
    this.w[b + P_TOTAL] += length;
  }

  /** Forgets all rows and pieces: the poll is over. */
  clear(): void {
    this.count = 0;
    this.pieceCount[0] = 0;
  }
}
