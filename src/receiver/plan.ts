import { BATCH_CAPACITY, FrameBatch } from '../capture/frame-batch.ts';
import { CLASSES, DROP_REASONS } from '../counters.ts';
import { SharedLayout } from '../memory/shared-layout.ts';

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
const RULES = 21;
const PLAN_WORDS = 22;

/** Byte positions of the Toeplitz table: 64 times 256 words. */
const TOEPLITZ_WORDS = 64 << 8;

/** Frames whose numbers lie beside the plan while the kernel works on them. */
export const STAGED: number = BATCH_CAPACITY;

/** What the plan is filled with; addresses are absolute in the buffer. */
export interface PlanFacts {
  readonly toeplitz: Int32Array;
  readonly table: ArrayLike<number>;
  readonly ways: Uint8Array;
  readonly nattPort: number;
  /** Absent: ESP is steered by its hash alone. */
  readonly esp?: { readonly saTable: number; readonly owners: number; readonly units: Int32Array };
  readonly deterministic: boolean;
  readonly budget: number;
  /** End of the frames in the memory. */
  readonly limit: number;
  readonly slots: number;
  readonly rings: readonly number[];
  /** Where the tables of rules are; 0: none that the kernel knows. */
  readonly rules: number;
}

/**
 * What the dispatcher and its kernel share: counters of lanes and classes, the tables that steering reads, and room for the
 * numbers of a batch. All of it lies in one buffer; the kernel works when that is the frame memory's.
 */
export class DispatchPlan {
  /** Bytes that a plan needs. */
  static bytes(lanes: number, tableSize: number, sas: number): number {
    const layout = new SharedLayout();
    placesOf(layout, lanes, tableSize, sas);
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
  /** Where the numbers of a batch are copied that lie elsewhere; and the batch that the windows give out. */
  readonly staged: FrameBatch;
  readonly lent: FrameBatch;
  /** Address of the words that the kernel is given. */
  readonly address: number;
  private readonly buffer: ArrayBufferLike;
  private readonly places: Places;

  constructor(buffer: ArrayBufferLike, byteOffset: number, lanes: number, tableSize: number, sas: number) {
    const layout = new SharedLayout(byteOffset);
    const places = placesOf(layout, lanes, tableSize, sas);
    this.buffer = buffer;
    this.places = places;
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
    this.staged = new FrameBatch(STAGED, buffer, places.staged);
    this.lent = new FrameBatch(STAGED, buffer, places.lent);
  }

  /** Writes down what the kernel goes by. */
  fill(facts: PlanFacts): void {
    const { buffer, places } = this;
    new Int32Array(buffer, places.toeplitz, TOEPLITZ_WORDS).set(facts.toeplitz);
    new Int32Array(buffer, places.table, facts.table.length).set(facts.table);
    new Uint8Array(buffer, places.ways, facts.ways.length).set(facts.ways);
    new Int32Array(buffer, places.rings, facts.rings.length).set(facts.rings);
    if (facts.esp !== undefined) new Int32Array(buffer, places.units, facts.esp.units.length).set(facts.esp.units);
    const words = new Int32Array(buffer, places.plan, PLAN_WORDS);
    words[TOEPLITZ] = places.toeplitz;
    words[TABLE] = places.table;
    words[TABLE_SIZE] = facts.table.length;
    words[WAYS] = places.ways;
    // As it lies in a UDP header, read as a little-endian number.
    words[NATT_PORT] = ((facts.nattPort & 0xff) << 8) | (facts.nattPort >> 8);
    words[SA_TABLE] = facts.esp?.saTable ?? 0;
    words[UNITS] = places.units;
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
    words[RULES] = facts.rules;
  }
}

type Places = ReturnType<typeof placesOf>;

function placesOf(layout: SharedLayout, lanes: number, tableSize: number, sas: number) {
  return {
    plan: layout.take(4 * PLAN_WORDS),
    toeplitz: layout.take(4 * TOEPLITZ_WORDS),
    table: layout.take(4 * tableSize),
    ways: layout.take(CLASSES.length),
    units: layout.take(4 * sas),
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
    staged: layout.take(FrameBatch.bytes(STAGED)),
    lent: layout.take(FrameBatch.bytes(STAGED)),
  };
}
