/** What the kernel of a lane is told, and what it tells. `lane/fast-path.ts` lays it out. */

// Words of the plan. Addresses are bytes of the frame memory.
export const SLOTS = 0;
export const SLOT_MASK = 4;
export const ROWS = 8;
export const STATES = 12;
/** Scratch that a packet may take later, and where what is handed out must end. */
export const NEED = 16;
export const LIMIT = 20;
export const TOEPLITZ = 24;
export const WAYS = 28;
export const NATT_PORT = 32;
// SAs: facts, windows, counters, lives, order groups. FACTS is 0 where ESP stays as it is.
export const FACTS = 36;
export const WINDOWS = 40;
export const COUNTERS = 44;
export const LIVES = 48;
export const UNITS = 52;
// What was opened ahead: how many, and the first that was not found yet; of each: ESP header, plaintext, its length, high half, SA, result.
export const AHEAD_COUNT = 56;
export const AHEAD_NEXT = 60;
export const AHEAD_ESPS = 64;
export const AHEAD_TEXTS = 68;
export const AHEAD_LENGTHS = 72;
export const AHEAD_HIGHS = 76;
export const AHEAD_SAS = 80;
export const AHEAD_RESULTS = 84;
// Said by the kernel: end of the scratch that is taken; whether the last packet ends the poll; the latest time of what was opened.
export const SCRATCH = 88;
export const ENDS = 92;
export const SECONDS = 96;
export const NANOS = 100;
// Whether packets may stay in their frames: none goes to another lane, where it would outlive them.
export const STAYS = 104;

/** A descriptor, 64 bytes: `memory/descriptor.ts`. */
export const D_LEN = 4;
export const D_WIRE = 8;
export const D_HASH = 12;
export const D_CLASS = 16;
export const D_HEADERS = 20;
export const D_END = 24;
export const D_PROTO = 28;
export const D_SEC = 32;
export const D_NSEC = 36;
export const D_NUMBER = 40;
export const D_SA = 44;
export const D_VLAN = 48;
export const DF_HASH_VALID: u32 = 1;
export const DF_TRUNCATED: u32 = 2;
export const DF_POLL_END: u32 = 4;
export const DF_MARK: u32 = 8;

/** Of an SA, in bytes: facts 32, counters 64 (`esp/sa-state.ts`), life 192 (`esp/life/life-state.ts`). */
export const F_RING_MASK = 4;
export const F_WINDOW = 8;
export const F_LENGTHS = 12;
export const F_FLAGS_AT = 16;
export const F_SELECTORS = 20;
export const F_GATE = 28;
export const FLAG_ESN: u32 = 1;
export const FLAG_TRUST_ICV: u32 = 2;
export const FLAG_PLAIN: u32 = 4;
export const MODE_TUNNEL: u32 = 1;
export const SA_OPENED = 8;
export const SA_BYTES = 56;
export const LIFE: usize = 192;
export const L_PEER: usize = 76;
