/** What the kernels that dispatch are told, and what they tell each other. `receiver/plan.ts` lays it out. */

// Words of the plan.
export const TOEPLITZ = 0;
export const TABLE = 4;
export const TABLE_SIZE = 8;
export const WAYS = 12;
export const NATT_PORT = 16;
export const SA_TABLE = 20;
export const UNITS = 24;
export const OWNERS = 28;
export const DETERMINISTIC = 32;
export const BUDGET = 36;
export const LIMIT = 40;
export const SLOTS = 44;
// Arrays with an element for each lane, or each class.
export const RINGS = 48;
export const POLL_PACKETS = 52;
export const POLL_BYTES = 56;
export const POLL_BLOCKS = 60;
export const DUE = 64;
export const QUEUE_PACKETS = 68;
export const QUEUE_BYTES = 72;
export const PLACED = 76;
export const CLASSES = 80;
export const BACKLOG = 84;
export const UNIT_TAILS = 88;
// Where flows are: `steer/flow-slots.ts`, `steer/flow-table.ts`.
export const SLOT_MODE = 92;
export const FLOW_SLOTS = 96;
export const SLOT_SHIFT = 100;
export const FLOWS = 104;
export const FLOW_MASK = 108;
export const LANE_MASK = 112;
export const IN_ORDER = 116;
export const MOVES = 120;
export const RULES = 124;
// Records of frames that are classified, and what lies behind them.
export const RECORDS = 128;
// What halves of bytes add to a Toeplitz hash: `hash/nibble-tables.ts`.
export const NIBBLES = 132;

/**
 * A record: the descriptor of a frame, as `memory/descriptor.ts` lays it out, with what is still to be decided in its spare words:
 *
 *     | 13 words of the descriptor | queue, facts | (touched) | tail |
 *
 * `queue`: of the SA's owner, of the rule, of the lane that has claimed the flow, or of the table. `tail`: address of the word that is
 * to hold how far the lane's ring reaches: of the SA's group, or of a slot, whose first word lies in front of it; 0: none.
 */
export const RECORD: usize = 64;
/** Frames that are classified at a time. */
export const RECORDS_MOST: u32 = 32;
export const R_LENGTH = 4;
export const R_HASH = 12;
export const R_CLASS = 16;
export const R_PLACES = 20;
export const R_STOP = 24;
export const R_PROTOCOL = 28;
export const R_NUMBERS = 32;
export const R_SA = 44;
export const R_VLAN = 48;
export const R_QUEUE = 52;
export const R_TOUCHED = 56;
export const R_TAIL = 60;
/** Facts beside the queue: its tail is that of a slot; a rule drops it. */
export const HAS_SLOT: u32 = 1 << 16;
export const DROPS: u32 = 1 << 17;

/**
 * Behind the records: where each list of records ends, the lists, and room for `toeplitz.ts`. A list has an entry of 8 bytes for
 * each record that is hashed in the same way: where its bytes begin, and the record.
 */
export const LIST_ENDS: usize = RECORD * 32;
export const LISTS: usize = LIST_ENDS + 32;
export const LIST: usize = 8 * 32;
export const ROOM: usize = LISTS + LIST * 6;

// How a class is hashed, and the list of those that are: `hash/flow-hasher.ts`.
export const WAY_V4: u32 = 1;
export const WAY_V4_L4: u32 = 2;
export const WAY_V6: u32 = 3;
export const WAY_V6_L4: u32 = 4;
/** The list of those whose SPI lies apart from their addresses: ESP in UDP. */
export const APART: u32 = 5;

export const CLASS_TCP4: u32 = 2;
export const CLASS_UDP4: u32 = 4;
export const CLASS_ESP4: u32 = 8;
export const CLASS_NATT4: u32 = 12;
