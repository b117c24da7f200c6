import { CLASSES } from '../counters.ts';
import { type Ahead, type LifeClock, SaLifeState, SaState } from '../esp/index.ts';
import type { FlowHasher } from '../hash/flow-hasher.ts';
import type { Kernels } from '../kernels/kernels.ts';
import type { PacketTable } from '../memory/packet-table.ts';
import type { RingConsumer } from '../memory/ring.ts';
import type { Scratch } from '../memory/scratch.ts';
import { SharedLayout } from '../memory/shared-layout.ts';
import { type LaneConfig, POLL_BUDGET } from './config.ts';
import { espScratch, MAX_IP } from './esp-stage.ts';
import { PARCEL_SCRATCH } from './handover.ts';

/** Words of the plan: what `kernels/assembly/take.ts` is told. Addresses are bytes of the frame memory. */
const SLOTS = 0;
const SLOT_MASK = 1;
const ROWS = 2;
const STATES = 3;
const NEED = 4;
const LIMIT = 5;
const TOEPLITZ = 6;
const WAYS = 7;
const NATT_PORT = 8;
const FACTS = 9;
const WINDOWS = 10;
const COUNTERS = 11;
const LIVES = 12;
const UNITS = 13;
const AHEAD_COUNT = 14;
const AHEAD_NEXT = 15;
const AHEAD_ESPS = 16;
const AHEAD_TEXTS = 17;
const AHEAD_LENGTHS = 18;
const AHEAD_HIGHS = 19;
const AHEAD_SAS = 20;
const AHEAD_RESULTS = 21;
const SCRATCH = 22;
const ENDS = 23;
const SECONDS = 24;
const NANOS = 25;
const STAYS = 26;
const PLAN_WORDS = 27;

/** Two IPv6 addresses and ports. */
const TOEPLITZ_WORDS = 36 << 8;

/** Scratch that a packet takes which is not opened: room for the headers of a super-packet. */
export const HEADER_SCRATCH = 512;

export interface FastPathParts {
  readonly config: LaneConfig;
  readonly take: NonNullable<Kernels['take']>;
  /** Where the plan goes in the frame memory; its own from there on, to the end of the lane's rows. */
  readonly planAt: number;
  readonly ring: RingConsumer;
  readonly table: PacketTable;
  readonly scratch: Scratch;
  /** With ESP. */
  readonly ahead: Ahead | undefined;
  readonly clock: LifeClock | undefined;
}

/**
 * Rows for many descriptors in one call, by a kernel: of packets in clear, and of those in ESP that are of the usual kind and were opened
 * ahead. It stops in front of any other packet, which goes the lane's own way, so that everything stays in order.
 */
export class FastPath {
  /** The last packet of the last run ends the poll. */
  isEnd = false;
  private readonly take: NonNullable<Kernels['take']>;
  private readonly address: number;
  private readonly words: Int32Array;
  private readonly states: Uint8Array;
  private readonly toeplitz: Int32Array;
  private readonly ways: Uint8Array;
  private readonly ring: RingConsumer;
  private readonly table: PacketTable;
  private readonly scratch: Scratch;
  private readonly ahead: Ahead | undefined;
  private readonly clock: LifeClock | undefined;
  /** How inner flows are hashed, only where the outermost header of what is inside says it all. */
  private readonly hashes: boolean;
  private readonly spare: number;

  constructor(parts: FastPathParts) {
    const { config, ring, table, ahead } = parts;
    const { buffer } = config.memory;
    const { places, esp } = config;
    const layout = new SharedLayout(parts.planAt);
    this.take = parts.take;
    this.ring = ring;
    this.table = table;
    this.scratch = parts.scratch;
    this.ahead = ahead;
    this.clock = parts.clock;
    this.hashes = config.level === 'outer';
    this.address = layout.take(4 * PLAN_WORDS);
    this.words = new Int32Array(buffer, this.address, PLAN_WORDS);
    this.states = new Uint8Array(buffer, layout.take(POLL_BUDGET), POLL_BUDGET);
    this.ways = new Uint8Array(buffer, layout.take(CLASSES.length), CLASSES.length);
    this.toeplitz = new Int32Array(buffer, layout.take(4 * TOEPLITZ_WORDS), TOEPLITZ_WORDS);
    const decap = config.gro?.decap ? MAX_IP + 8 : 0;
    this.spare = espScratch(MAX_IP) + decap;
    const { words } = this;
    words.fill(0);
    words[SLOTS] = 4 * ring.slots;
    words[SLOT_MASK] = config.slots - 1;
    words[ROWS] = table.w.byteOffset;
    words[STATES] = this.states.byteOffset;
    words[NEED] = HEADER_SCRATCH + (places.handover === undefined ? 0 : PARCEL_SCRATCH) + decap;
    words[STAYS] = places.handover === undefined ? 1 : 0;
    words[TOEPLITZ] = this.toeplitz.byteOffset;
    words[WAYS] = this.ways.byteOffset;
    // As it lies in a UDP header, read as a little-endian number.
    words[NATT_PORT] = ((config.nattPort & 0xff) << 8) | (config.nattPort >> 8);
    if (esp === undefined || ahead === undefined) return;
    const state = new SaState(buffer, places.saState, esp.maxSas);
    words[FACTS] = state.facts.byteOffset;
    words[WINDOWS] = state.words.byteOffset;
    words[COUNTERS] = state.counters.byteOffset;
    words[LIVES] = new SaLifeState(buffer, places.saLife, esp.maxSas).words.byteOffset;
    words[UNITS] = places.units;
    words[AHEAD_ESPS] = ahead.esps.byteOffset;
    words[AHEAD_TEXTS] = ahead.texts.byteOffset;
    words[AHEAD_LENGTHS] = ahead.lengths.byteOffset;
    words[AHEAD_HIGHS] = ahead.highs.byteOffset;
    words[AHEAD_SAS] = ahead.sas.byteOffset;
    words[AHEAD_RESULTS] = ahead.results.byteOffset;
  }

  /** Goes by another hasher for what comes out of ESP. */
  steer(hasher: FlowHasher): void {
    if (this.hashes) this.ways.set(hasher.ways);
    this.toeplitz.set(hasher.toeplitz.table.subarray(0, TOEPLITZ_WORDS));
  }

  /**
   * Makes rows, behind those that the table has, of the next `most` descriptors of the ring.
   *
   * @returns how many; nothing has been done of the one behind them
   */
  run(most: number): number {
    const { words, scratch, ahead } = this;
    words[SCRATCH] = scratch.position;
    words[LIMIT] = scratch.most - this.spare;
    if (ahead !== undefined) {
      words[AHEAD_COUNT] = ahead.count;
      words[AHEAD_NEXT] = ahead.next;
    }
    const n = this.take(this.address, this.ring.cursor, most, this.table.count);
    this.isEnd = words[ENDS] === 1;
    if (ahead !== undefined) {
      ahead.next = words[AHEAD_NEXT];
      scratch.trim(words[SCRATCH]);
      this.clock?.packet(words[SECONDS], words[NANOS]);
    }
    return n;
  }

  /** Whether the packet of row `k` of the last run came out of ESP. */
  isOpened(k: number): boolean {
    return this.states[k] === 1;
  }
}
