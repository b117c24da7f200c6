/** What the kernel that coalesces is told, and what it tells. `gro/gro-plan.ts` lays it out. */

// Words of the plan: addresses of the rows, of the pieces, of how many pieces there are; of what is held.
export const ROWS = 0;
export const PIECE_OFFSETS = 4;
export const PIECE_LENGTHS = 8;
export const PIECE_NEXTS = 12;
export const PIECES = 16;
export const HELD = 20;
export const BUCKETS = 24;
export const PER_BUCKET = 28;
// Where the next headers are copied to: there is room for `SLOT` bytes for each row that waits.
export const ROOM = 32;
export const MAX_SIZE = 36;
export const MAX_SIZE4 = 40;
export const VERIFY = 44;
export const ACROSS_SAS = 48;
export const ID_NEEDS_DF = 52;
export const FLOW_ORDER = 56;
// Rows that wait to be taken in; rows that came out, each with the reason, and how many.
export const WAITING = 60;
export const OUT = 64;
export const OUT_COUNT = 68;

/** Headers and, in front of them, the jumbo option that may have to be put in. */
export const SLOT: usize = 128;
export const JUMBO: usize = 8;

// What is held: `gro/table.ts`.
export const T_HELD = 0;
export const T_SEEN = 8;
export const T_HINTS = 40;
export const T_COUNTS: usize = 40 + 4 * 256;

export const CLASS_TCP4: u32 = 2;
export const CLASS_TCP6: u32 = 3;
export const K_IPV6: u32 = (1 << 26) | (1 << 27);
export const K_FIXED: u32 = 1 << 28;

// Flush reasons: `gro/reasons.ts`.
export const EVICTED: u32 = 1;
export const SHORT: u32 = 3;
export const PUSH: u32 = 4;
export const FIN: u32 = 5;
export const SIZE: u32 = 21;
