import { BATCH_CAPACITY, FrameBatch } from '../capture/frame-batch.ts';
import { CLASSES, DROP_REASONS } from '../counters.ts';
import { fillNibbles, NIBBLE_BYTES } from '../hash/nibble-tables.ts';
import { SharedLayout } from '../memory/shared-layout.ts';
import { FlowSlots } from '../steer/flow-slots.ts';
import type { FlowTable } from '../steer/flow-table.ts';
import { TABLE_MAX } from '../steer/indirection.ts';
import type { Steerer } from '../steer/steerer.ts';
import { fillRules } from './rule-plan.ts';

/** Words of the plan: what `kernels/assembly/dispatch.ts` is told. Addresses are bytes of the frame memory. */
const TOEPLITZ = 0;
const TABLE = 1;
const TABLE_SIZE = 2;
const WAYS = 3;
const NATT_PORT = 4;
const SA_TABLE = 5;
const UNITS = 6;
const OWNERS = 7;
const DETERMINISTIC = 8;
const BUDGET = 9;
const LIMIT = 10;
const SLOTS = 11;
const RINGS = 12;
const POLL_PACKETS = 13;
const POLL_BYTES = 14;
const POLL_BLOCKS = 15;
const DUE = 16;
const QUEUE_PACKETS = 17;
const QUEUE_BYTES = 18;
const PLACED = 19;
const CLASS_COUNTS = 20;
const BACKLOG = 21;
const UNIT_TAILS = 22;
const SLOT_MODE = 23;
const SLOTS_AT = 24;
const SLOT_SHIFT = 25;
const FLOWS = 26;
const FLOW_MASK = 27;
const LANE_MASK = 28;
const IN_ORDER = 29;
const MOVES = 30;
const RULES = 31;
const RECORDS = 32;
const NIBBLES = 33;
const PLAN_WORDS = 34;

/**
 * Bytes of the records that the kernel makes of frames, 32 of 64; of the ends of six lists and the lists, 32 entries of 8; and to
 * turn bytes in.
 */
const RECORD_BYTES = 32 * 64 + 32 + 6 * 32 * 8 + 256 + 36 * 16;

/** Byte positions of the Toeplitz table: 64 times 256 words. */
const TOEPLITZ_WORDS = 64 << 8;

/** Frames whose numbers lie beside the plan while the kernel works on them. */
export const STAGED: number = BATCH_CAPACITY;

/** How large a plan is. */
export interface PlanShape {
  readonly lanes: number;
  /** Order groups of SAs, at most. */
  readonly units: number;
  /** Slots for flows, or for the buckets of a table: a power of two, no less than a table has entries. */
  readonly slots: number;
  /** Room for the tables of rules. */
  readonly ruleBytes: number;
}

/** What the plan is filled with; addresses are absolute in the buffer. */
export interface PlanFacts {
  readonly nattPort: number;
  /** Absent: ESP is steered by its hash alone. */
  readonly esp?: { readonly saTable: number; readonly owners: number; readonly units: number };
  readonly deterministic: boolean;
  readonly budget: number;
  /** End of the frames in the memory. */
  readonly limit: number;
  readonly slots: number;
  /** Descriptors that wait in a ring before the dispatcher itself must look at what else is placed there. */
  readonly backlog: number;
  readonly rings: readonly number[];
  /** Absent: no RFS. */
  readonly rfs?: { readonly flows: FlowTable; readonly inOrder: boolean };
}

/**
 * What the dispatcher and its kernel share: counters of lanes and classes, the tables that steering reads, and room for the
 * numbers of a batch. All of it lies in one buffer; the kernel works when that is the frame memory's.
 */
export class DispatchPlan {
  /** Bytes that a plan needs. */
  static bytes(shape: PlanShape): number {
    const layout = new SharedLayout();
    placesOf(layout, shape);
    return layout.bytes;
  }

  /** Packets of each class; packets and bytes of each queue; descriptors of packets handed to each lane. */
  readonly classes: Float64Array;
  /** Packets dropped, at the numbers of reasons. */
  readonly drops: Float64Array;
  readonly queuePackets: Float64Array;
  readonly queueBytes: Float64Array;
  readonly placed: Float64Array;
  /** Of each lane, since its poll began: packets, bytes copied to its arena, blocks finished. 1 in `due`: its end is due. */
  readonly pollPackets: Int32Array;
  readonly pollBytes: Int32Array;
  readonly pollBlocks: Int32Array;
  readonly due: Int32Array;
  /** Of each order group of SAs: where its lane's ring ended when its last packet was put there. */
  readonly unitTails: Int32Array;
  readonly slots: FlowSlots;
  /** How often a slot has changed its lane. */
  readonly moves: Float64Array;
  /** Where the numbers of a batch are copied that lie elsewhere; and the batch that the windows give out. */
  readonly staged: FrameBatch;
  readonly lent: FrameBatch;
  /** Address of the words that the kernel is given. */
  readonly address: number;
  private readonly buffer: ArrayBufferLike;
  private readonly places: Places;
  private readonly words: Int32Array;

  constructor(buffer: ArrayBufferLike, byteOffset: number, shape: PlanShape) {
    const layout = new SharedLayout(byteOffset);
    const places = placesOf(layout, shape);
    const { lanes } = shape;
    this.buffer = buffer;
    this.places = places;
    this.words = new Int32Array(buffer, places.plan, PLAN_WORDS);
    this.address = places.plan;
    this.classes = new Float64Array(buffer, places.classes, CLASSES.length);
    this.drops = new Float64Array(buffer, places.drops, DROP_REASONS.length);
    this.queuePackets = new Float64Array(buffer, places.queuePackets, lanes);
    this.queueBytes = new Float64Array(buffer, places.queueBytes, lanes);
    this.placed = new Float64Array(buffer, places.placed, lanes);
    this.pollPackets = new Int32Array(buffer, places.pollPackets, lanes);
    this.pollBytes = new Int32Array(buffer, places.pollBytes, lanes);
    this.pollBlocks = new Int32Array(buffer, places.pollBlocks, lanes);
    this.due = new Int32Array(buffer, places.due, lanes);
    this.unitTails = new Int32Array(buffer, places.unitTails, shape.units);
    this.slots = new FlowSlots(buffer, places.slots, shape.slots);
    this.moves = new Float64Array(buffer, places.moves, 1);
    this.staged = new FrameBatch(STAGED, buffer, places.staged);
    this.lent = new FrameBatch(STAGED, buffer, places.lent);
  }

  /** What the slots are for: `SLOTS_IDLE`, `SLOTS_BUCKETS` or `SLOTS_FLOWS`. */
  get slotMode(): number {
    return this.words[SLOT_MODE];
  }

  set slotMode(mode: number) {
    this.words[SLOT_MODE] = mode;
  }

  /** Writes down how the kernel is to hash, where hashes fall, and the rules. */
  steer(steerer: Steerer): void {
    const { buffer, places, words } = this;
    const { hasher, indirection } = steerer;
    const rules = fillRules(buffer, places.rules, this.drops, steerer.rules);
    const ways = steerer.ways(rules !== 0);
    new Int32Array(buffer, places.toeplitz, TOEPLITZ_WORDS).set(hasher.toeplitz.table);
    fillNibbles(new Uint8Array(buffer, places.nibbles, NIBBLE_BYTES), hasher.toeplitz.table);
    new Int32Array(buffer, places.table, indirection.size).set(indirection.entries);
    new Uint8Array(buffer, places.ways, ways.length).set(ways);
    words[TABLE_SIZE] = indirection.size;
    words[RULES] = rules;
  }

  /** Writes down what else the kernel goes by. */
  fill(facts: PlanFacts): void {
    const { buffer, places, words } = this;
    new Int32Array(buffer, places.rings, facts.rings.length).set(facts.rings);
    words[TOEPLITZ] = places.toeplitz;
    words[TABLE] = places.table;
    words[WAYS] = places.ways;
    // As it lies in a UDP header, read as a little-endian number.
    words[NATT_PORT] = ((facts.nattPort & 0xff) << 8) | (facts.nattPort >> 8);
    words[SA_TABLE] = facts.esp?.saTable ?? 0;
    words[UNITS] = facts.esp?.units ?? 0;
    words[OWNERS] = facts.esp?.owners ?? 0;
    words[DETERMINISTIC] = facts.deterministic ? 1 : 0;
    words[BUDGET] = facts.budget;
    words[LIMIT] = facts.limit;
    words[SLOTS] = facts.slots;
    words[RINGS] = places.rings;
    words[POLL_PACKETS] = places.pollPackets;
    words[POLL_BYTES] = places.pollBytes;
    words[POLL_BLOCKS] = places.pollBlocks;
    words[DUE] = places.due;
    words[QUEUE_PACKETS] = places.queuePackets;
    words[QUEUE_BYTES] = places.queueBytes;
    words[PLACED] = places.placed;
    words[CLASS_COUNTS] = places.classes;
    words[BACKLOG] = facts.backlog;
    words[UNIT_TAILS] = places.unitTails;
    words[SLOTS_AT] = places.slots;
    words[SLOT_SHIFT] = this.slots.shift;
    words[MOVES] = places.moves;
    words[RECORDS] = places.records;
    words[NIBBLES] = places.nibbles;
    words[IN_ORDER] = 1;
    if (facts.rfs === undefined) return;
    words[FLOWS] = facts.rfs.flows.address;
    words[FLOW_MASK] = facts.rfs.flows.mask;
    words[LANE_MASK] = facts.rfs.flows.laneMask;
    words[IN_ORDER] = facts.rfs.inOrder ? 1 : 0;
  }
}

type Places = ReturnType<typeof placesOf>;

function placesOf(layout: SharedLayout, { lanes, units, slots, ruleBytes }: PlanShape) {
  return {
    plan: layout.take(4 * PLAN_WORDS),
    toeplitz: layout.take(4 * TOEPLITZ_WORDS),
    nibbles: layout.take(NIBBLE_BYTES),
    table: layout.take(4 * TABLE_MAX),
    ways: layout.take(CLASSES.length),
    rings: layout.take(4 * lanes),
    classes: layout.take(8 * CLASSES.length),
    drops: layout.take(8 * DROP_REASONS.length),
    queuePackets: layout.take(8 * lanes),
    queueBytes: layout.take(8 * lanes),
    placed: layout.take(8 * lanes),
    pollPackets: layout.take(4 * lanes),
    pollBytes: layout.take(4 * lanes),
    pollBlocks: layout.take(4 * lanes),
    due: layout.take(4 * lanes),
    unitTails: layout.take(4 * units),
    slots: layout.take(FlowSlots.bytes(slots)),
    moves: layout.take(8),
    rules: { offset: layout.take(ruleBytes), length: ruleBytes },
    staged: layout.take(FrameBatch.bytes(STAGED)),
    lent: layout.take(FrameBatch.bytes(STAGED)),
    // Behind the numbers of batches: the kernel reads four at a time, and up to three too many.
    records: layout.take(RECORD_BYTES),
  };
}
