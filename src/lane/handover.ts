import { D_CLASS, D_LEN, D_OFF, DF_NESTED } from '../memory/descriptor.ts';
import {
  F_HASH_VALID,
  P_FIRST,
  P_FLAGS,
  P_HASH,
  P_PIECES,
  P_SEGS,
  type PacketTable,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import { ARMED, RingProducer } from '../memory/ring.ts';
import type { Scratch } from '../memory/scratch.ts';
import { FlowSlots, hasPassed } from '../steer/flow-slots.ts';
import { type HandoverPlaces, handoverRing } from './handover-rings.ts';

/** Scratch that handing a packet over takes at most, for each packet of a poll: its row, and the offsets of two pieces. */
export const PARCEL_SCRATCH: number = (4 << ROW_SHIFT) + 16;
/** Polls whose scratch is in use by other lanes, at most. */
const KEPT_POLLS = 64;

export interface HandoverParts {
  readonly lane: number;
  readonly lanes: number;
  readonly buffer: ArrayBufferLike;
  readonly places: HandoverPlaces;
  /** First words of the lanes' own rings: where they sleep. */
  readonly rings: readonly number[];
  readonly table: PacketTable;
  readonly scratch: Scratch;
  /** Slots for flows: with RFS in two stages. */
  readonly slots: number;
  readonly inOrder: boolean;
}

/**
 * The second stage of RFS: what came out of ESP goes to its consumer's lane. Nothing is copied: parcel and frames lie in this
 * lane's scratch, which goes on behind them; they are free when all rings have passed what the poll handed over.
 *
 * A lane takes no more packets than are sure to find room in any ring, so it never waits in the middle of a poll; a packet is
 * handed over once at most, so lanes do not wait for each other in a circle.
 */
export class Handover {
  /** Flows that have changed their lane. */
  moves = 0;
  private readonly lane: number;
  private readonly words: Int32Array;
  private readonly table: PacketTable;
  private readonly scratch: Scratch;
  private readonly inOrder: boolean;
  /** To each lane; this one's own place is never used. */
  private readonly rings: readonly RingProducer[];
  private readonly peers: readonly number[];
  private readonly handed: Float64Array;
  /** Packets of this poll, by lane. */
  private readonly now: Float64Array;
  private readonly slots: FlowSlots;
  private sent = 0;
  private poll = 0;
  /** A queue of polls whose scratch is kept: the heads of all rings behind each. */
  private readonly heads: Int32Array;
  private first = 0;
  private last = 0;
  /** What an earlier thread of this lane handed over lies in its scratch still. */
  private inherited = true;

  constructor(parts: HandoverParts) {
    const { lane, lanes, buffer, places, rings } = parts;
    this.lane = lane;
    this.words = new Int32Array(buffer);
    this.table = parts.table;
    this.scratch = parts.scratch;
    this.inOrder = parts.inOrder;
    this.rings = rings.map(
      (bell, to) =>
        new RingProducer(this.words, handoverRing(places, lanes, lane, to), places.slots, (bell >> 2) + ARMED),
    );
    this.peers = rings.map((_, to) => to).filter((to) => to !== lane);
    this.handed = new Float64Array(buffer, places.handed + 8 * lanes * lane, lanes);
    this.now = new Float64Array(lanes);
    this.slots = new FlowSlots(new ArrayBuffer(FlowSlots.bytes(parts.slots)), 0, parts.slots);
    this.heads = new Int32Array(KEPT_POLLS * lanes);
  }

  /** Begins a poll. Returns how many packets it may take: each of them may be handed over to any lane. */
  begin(): number {
    this.poll = (this.poll + 1) | 0;
    if (this.inherited) {
      for (const to of this.peers) if (!this.rings[to].idle()) return 0;
      this.inherited = false;
    }
    this.reclaim();
    if (this.last - this.first === KEPT_POLLS) return 0;
    this.scratch.begin();
    let room = this.rings[this.lane].slots;
    for (const to of this.peers) {
      const ring = this.rings[to];
      let free = ring.slots - ((ring.head - ring.delivered) | 0);
      if (free < room) free = ring.slots - ((ring.head - ring.refresh()) | 0);
      if (free < room) room = free;
    }
    return room;
  }

  /**
   * The lane of a row whose flow is wanted by `wanted` (-1: by nobody): that one, or where the flow still is. `begin` first:
   * what was delivered in this lane by an earlier poll has been delivered.
   */
  route(row: number, wanted: number): number {
    const { lane, slots, poll } = this;
    const w = this.table.w;
    const b = row << ROW_SHIFT;
    if ((w[b + P_FLAGS] & F_HASH_VALID) === 0) return lane;
    let to = wanted < 0 ? lane : wanted;
    const slot = slots.index(w[b + P_HASH]);
    const before = slots.lane(slot);
    if (before >= 0 && before !== to) {
      const tail = slots.tail(slot);
      const passed = before === lane ? tail !== poll : hasPassed(this.rings[before].refresh(), tail);
      if (passed || !this.inOrder) this.moves++;
      else to = before;
    }
    slots.put(slot, to, to === lane ? poll : (this.rings[to].head + 1) | 0);
    return to;
  }

  /** Hands a row over. `nested`: it is ESP, and its SA the other lane's. */
  send(row: number, to: number, nested: boolean): void {
    const { table, words, scratch } = this;
    const { w, pieceOff, pieceLen, pieceNext } = table;
    const b = row << ROW_SHIFT;
    const count = w[b + P_PIECES];
    const parcel = scratch.take((4 << ROW_SHIFT) + 8 * count);
    let at = parcel >> 2;
    for (let i = 0; i < 1 << ROW_SHIFT; i++) words[at++] = w[b + i];
    if (count > 0) {
      for (let piece = w[b + P_FIRST]; piece >= 0; piece = pieceNext[piece]) {
        words[at++] = pieceOff[piece];
        words[at++] = pieceLen[piece];
      }
    }
    // `begin` has counted the slot in.
    const s = this.rings[to].claim();
    words[s + D_OFF] = parcel;
    words[s + D_LEN] = w[b + P_SEGS];
    words[s + D_CLASS] = nested ? DF_NESTED << 8 : 0;
    this.now[to] += w[b + P_SEGS];
    this.sent++;
  }

  /** Makes what was handed over visible. Scratch of a poll without any is used anew. */
  publish(): void {
    const { scratch, rings, peers } = this;
    if (this.sent === 0) {
      scratch.reset();
      return;
    }
    this.sent = 0;
    const at = (this.last++ % KEPT_POLLS) * rings.length;
    scratch.keep();
    for (const to of peers) {
      this.handed[to] += this.now[to];
      this.now[to] = 0;
      this.heads[at + to] = rings[to].head;
      rings[to].publish();
    }
  }

  /** Asks to be woken when a ring moves on. True: one has since this lane looked at it last, which may be all that it waits for. */
  arm(): boolean {
    let moved = false;
    for (const to of this.peers) {
      if (!this.rings[to].arm()) continue;
      this.rings[to].refresh();
      moved = true;
    }
    return moved;
  }

  /** Whether all that was handed over is delivered. */
  idle(): boolean {
    return this.peers.every((to) => this.rings[to].idle());
  }

  /** Gives scratch back of the oldest polls, as far as all rings have passed them. */
  private reclaim(): void {
    const { rings, peers, heads } = this;
    let freed = 0;
    for (; this.first < this.last; this.first++, freed++) {
      const at = (this.first % KEPT_POLLS) * rings.length;
      for (const to of peers) {
        if (hasPassed(rings[to].delivered, heads[at + to]) || hasPassed(rings[to].refresh(), heads[at + to])) continue;
        this.scratch.free(freed);
        return;
      }
    }
    this.scratch.free(freed);
  }
}
