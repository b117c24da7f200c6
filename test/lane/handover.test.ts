import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Handover } from '../../src/lane/handover.ts';
import { type HandoverPlaces, handoverBytes, handoverSlots } from '../../src/lane/handover-rings.ts';
import { HandoverWatch } from '../../src/lane/handover-watch.ts';
import { Intake } from '../../src/lane/intake.ts';
import {
  F_HASH_VALID,
  P_FIRST,
  P_FLAGS,
  P_HASH,
  P_LASTP,
  P_NUMBER,
  P_PIECES,
  P_SEGS,
  P_TOTAL,
  PacketTable,
  ROW_SHIFT,
} from '../../src/memory/packet-table.ts';
import { ringWords } from '../../src/memory/ring.ts';
import { Scratch } from '../../src/memory/scratch.ts';
import { randomNumbers } from '../support/corpus.ts';

const OWN_RING = 4 * ringWords(128);
const SCRATCH = 16_384;

interface Options {
  readonly lanes?: number;
  readonly slots?: number;
  readonly inOrder?: boolean;
  readonly scratch?: number;
}

/** The rings of so many lanes. Lane 0 hands over, the others take. */
class Rig {
  readonly buffer: SharedArrayBuffer;
  readonly places: HandoverPlaces;
  readonly rings: readonly number[];
  readonly table = new PacketTable(64, 64 * 65);
  readonly scratch: Scratch;
  readonly watch: HandoverWatch;
  readonly lanes: number;
  handover: Handover;
  private readonly options: Options;

  constructor(options: Options = {}) {
    const { lanes = 3, scratch = SCRATCH } = options;
    const at = lanes * OWN_RING;
    const handed = at + handoverBytes(lanes);
    const scratchAt = handed + 8 * lanes * lanes;
    this.options = options;
    this.lanes = lanes;
    this.buffer = new SharedArrayBuffer(scratchAt + scratch);
    this.places = { at, slots: handoverSlots(lanes), handed };
    this.rings = Array.from({ length: lanes }, (_, lane) => lane * OWN_RING);
    this.scratch = new Scratch({ offset: scratchAt, length: scratch });
    this.handover = this.make();
    this.watch = new HandoverWatch(this.buffer, this.places, this.rings);
  }

  /** Lane 0 as a thread that begins. */
  make(): Handover {
    const { lanes, buffer, places, rings, table, scratch, options } = this;
    const { slots = 64, inOrder = true } = options;
    return new Handover({ lane: 0, lanes, buffer, places, rings, table, scratch, slots, inOrder });
  }

  intake(lane: number, table = new PacketTable(64, 64 * 65)): { intake: Intake; table: PacketTable } {
    return { intake: new Intake(lane, this.buffer, this.places, this.rings, table), table };
  }

  /** A row with a hash; its number tells it from others. */
  row(hash: number, number: number): number {
    const row = this.table.row();
    const b = row << ROW_SHIFT;
    this.table.w[b + P_FLAGS] = F_HASH_VALID;
    this.table.w[b + P_HASH] = hash;
    this.table.w[b + P_NUMBER] = number;
    return row;
  }

  /** Ends a poll. */
  end(): void {
    this.handover.publish();
    this.table.clear();
  }
}

/** What a lane is due, in one poll: numbers of rows. */
function takeAll({ intake, table }: ReturnType<Rig['intake']>): number[] {
  intake.look();
  const out: number[] = [];
  for (let row = intake.next(true); row >= 0; row = intake.next(true)) out.push(table.w[(row << ROW_SHIFT) + P_NUMBER]);
  intake.release();
  table.clear();
  return out;
}

describe('what is handed over', () => {
  it('arrives as it was: rows of 0 to 65 pieces', () => {
    const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
    const row = fc.record({
      words: fc.array(word, { minLength: 32, maxLength: 32 }),
      pieces: fc.oneof(fc.nat(3), fc.nat(65), fc.constant(65)),
      nested: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), (rows) => {
        const rig = new Rig({ scratch: 32_768 });
        const to = rig.intake(1);
        rig.handover.begin();
        const sent = rows.map(({ words, pieces, nested }) => {
          const { w } = rig.table;
          const i = rig.table.row();
          const b = i << ROW_SHIFT;
          w.set(words, b);
          w[b + P_SEGS] = 1 + (words[0] & 63);
          w[b + P_PIECES] = 0;
          const chain = Array.from({ length: pieces }, (_, k) => [words[k & 31] ^ k, words[k & 31] & 0xffff]);
          for (const [k, [offset, length]] of chain.entries()) {
            if (k === 0) {
              w[b + P_FIRST] = w[b + P_LASTP] = rig.table.piece(offset, length);
              w[b + P_PIECES] = 1;
            } else rig.table.append(i, offset, length);
          }
          const all = [...w.subarray(b, b + 32)];
          rig.handover.send(i, 1, nested);
          return { all, chain, nested };
        });
        rig.end();
        expect(to.intake.look()).toBe(true);
        for (const { all, chain, nested } of sent) {
          const i = to.intake.next(true);
          expect(to.intake.nested).toBe(nested);
          const b = i << ROW_SHIFT;
          const { w, pieceOff, pieceLen, pieceNext } = to.table;
          const words = [...w.subarray(b, b + 32)];
          const got: number[][] = [];
          if (chain.length > 0) {
            let last = -1;
            for (let piece = words[P_FIRST]; piece >= 0; piece = pieceNext[piece]) {
              got.push([pieceOff[piece], pieceLen[piece]]);
              last = piece;
            }
            expect(words[P_LASTP]).toBe(last);
            // The numbers of pieces are each table's own.
            for (const own of [P_FIRST, P_LASTP]) words[own] = all[own];
          }
          expect(got).toEqual(chain);
          expect(words).toEqual(all);
        }
        expect(to.intake.next(true)).toBe(-1);
        const packets = sent.reduce((sum, { all }) => sum + all[P_SEGS], 0);
        expect([to.intake.packets, rig.watch.handedTo(1), rig.watch.handedTo(2)]).toEqual([packets, packets, 0]);
        expect(rig.watch.allIdle()).toBe(false);
        to.intake.release();
        expect(rig.watch.allIdle()).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('is seen when the poll has ended, not before', () => {
    const rig = new Rig();
    const to = rig.intake(2);
    rig.handover.begin();
    rig.handover.send(rig.row(1, 7), 2, false);
    expect([to.intake.look(), to.intake.available(), rig.watch.idle(0)]).toEqual([false, false, true]);
    rig.end();
    expect([to.intake.available(), rig.watch.idle(0), rig.watch.idle(0, 2), rig.watch.idle(0, 1)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([rig.watch.handedTo(2), rig.watch.handedTo(1)]).toEqual([1, 0]);
    expect(takeAll(to)).toEqual([7]);
    expect([rig.handover.idle(), rig.watch.idle(0)]).toEqual([true, true]);
  });

  it('waits when the table of the other lane has no room for its row or its pieces', () => {
    const rig = new Rig({ scratch: 65_536 });
    const to = rig.intake(1, new PacketTable(2, 3));
    rig.handover.begin();
    for (const pieces of [2, 2, 0, 0]) {
      const i = rig.row(1, pieces);
      for (let k = 0; k < pieces; k++) {
        if (k > 0) rig.table.append(i, 8 * k, 8);
        else {
          const b = i << ROW_SHIFT;
          rig.table.w[b + P_FIRST] = rig.table.w[b + P_LASTP] = rig.table.piece(0, 8);
          rig.table.w[b + P_PIECES] = 1;
          rig.table.w[b + P_TOTAL] = 8;
        }
      }
      rig.handover.send(i, 1, false);
    }
    rig.end();
    const polls = [takeAll(to), takeAll(to), takeAll(to), takeAll(to)];
    // The second one's pieces do not fit beside the first one's; then there are two rows.
    expect(polls).toEqual([[2], [2, 0], [0], []]);
  });

  it('and is to be opened waits until that may be, and so does what is behind it', () => {
    const rig = new Rig();
    const to = rig.intake(1);
    rig.handover.begin();
    rig.handover.send(rig.row(1, 0), 1, false);
    rig.handover.send(rig.row(1, 1), 1, true);
    rig.handover.send(rig.row(1, 2), 1, false);
    rig.end();
    to.intake.look();
    expect([to.intake.next(false), to.intake.next(false), to.intake.next(false)]).toEqual([0, -1, -1]);
    expect([to.intake.next(true), to.intake.nested]).toEqual([1, true]);
    expect([to.intake.next(false), to.intake.nested]).toEqual([2, false]);
  });

  it('after a look is not due', () => {
    const rig = new Rig();
    const to = rig.intake(1);
    const send = (number: number): void => {
      rig.handover.begin();
      rig.handover.send(rig.row(1, number), 1, false);
      rig.end();
    };
    send(1);
    to.intake.look();
    send(2);
    expect([to.intake.next(true), to.intake.next(true)]).toEqual([0, -1]);
    to.intake.release();
    expect(to.intake.available()).toBe(true);
    expect(takeAll(to)).toEqual([2]);
  });

  it('comes from all lanes in turn', () => {
    const rig = new Rig({ lanes: 3 });
    const { buffer, places, rings } = rig;
    const others = [0, 2].map((lane) => {
      const table = new PacketTable(64);
      const scratch = new Scratch({ offset: rig.buffer.byteLength - SCRATCH + lane * 4096, length: 4096 });
      return {
        table,
        handover: new Handover({ lane, lanes: 3, buffer, places, rings, table, scratch, slots: 2, inOrder: true }),
      };
    });
    for (const [i, { table, handover }] of others.entries()) {
      handover.begin();
      for (let n = 0; n < 2; n++) {
        const row = table.row();
        table.w[(row << ROW_SHIFT) + P_NUMBER] = 10 * i + n;
        handover.send(row, 1, false);
      }
      handover.publish();
    }
    const to = rig.intake(1);
    expect(takeAll(to)).toEqual([0, 1, 10, 11]);
    expect([rig.watch.handedTo(1), rig.watch.handedBy(0), rig.watch.handedBy(2)]).toEqual([4, 2, 2]);
  });
});

describe('a flow that comes out of ESP', () => {
  const route = (rig: Rig, hash: number, wanted: number, number = 0): number => {
    const row = rig.row(hash, number);
    const to = rig.handover.route(row, wanted);
    if (to !== 0) rig.handover.send(row, to, false);
    return to;
  };

  it('goes to the lane that wants it, or stays', () => {
    const rig = new Rig();
    rig.handover.begin();
    expect([route(rig, 1 << 20, -1), route(rig, 2 << 20, 0), route(rig, 3 << 20, 2)]).toEqual([0, 0, 2]);
    // Without a hash it belongs to no flow.
    const row = rig.row(3 << 20, 0);
    rig.table.w[(row << ROW_SHIFT) + P_FLAGS] = 0;
    expect(rig.handover.route(row, 2)).toBe(0);
    rig.end();
    expect(rig.handover.moves).toBe(0);
  });

  it('does not leave this lane in a poll that has some of it already', () => {
    const rig = new Rig();
    rig.handover.begin();
    expect([route(rig, 9, -1), route(rig, 9, 1), route(rig, 9, 2)]).toEqual([0, 0, 0]);
    rig.end();
    rig.handover.begin();
    expect([route(rig, 9, 1), rig.handover.moves]).toEqual([1, 1]);
    rig.end();
  });

  it('changes from one lane to another when the old one has delivered what it has of it', () => {
    const rig = new Rig();
    const one = rig.intake(1);
    rig.handover.begin();
    expect(route(rig, 9, 1)).toBe(1);
    rig.end();
    for (const wanted of [2, 0, -1]) {
      rig.handover.begin();
      expect(route(rig, 9, wanted)).toBe(1);
      rig.end();
    }
    one.intake.look();
    for (let n = 0; n < 3; n++) one.intake.next(true);
    one.intake.release();
    rig.handover.begin();
    // One of four is with lane 1 still.
    expect(route(rig, 9, 2)).toBe(1);
    rig.end();
    // What was seen at the first look, and what has come since.
    takeAll(one);
    takeAll(one);
    rig.handover.begin();
    expect([route(rig, 9, 2), rig.handover.moves]).toEqual([2, 1]);
    rig.end();
    takeAll(rig.intake(2));
    rig.handover.begin();
    expect([route(rig, 9, -1), rig.handover.moves]).toEqual([0, 2]);
  });

  it('changes at once when order is not asked for', () => {
    const rig = new Rig({ inOrder: false });
    rig.handover.begin();
    expect([route(rig, 9, 0), route(rig, 9, 1), route(rig, 9, 2), route(rig, 9, -1)]).toEqual([0, 1, 2, 0]);
    expect(rig.handover.moves).toBe(3);
  });

  it('is not taken while a ring might be too full for it', () => {
    const rig = new Rig({ lanes: 2, scratch: 1 << 20 });
    const to = rig.intake(1);
    for (let sent = 0; sent < 128; ) {
      expect(rig.handover.begin()).toBe(128 - sent);
      for (let n = 0; n < 32; n++, sent++) route(rig, sent, 1, sent);
      rig.end();
    }
    expect(rig.handover.begin()).toBe(0);
    to.intake.look();
    to.intake.next(true);
    // Taken is not delivered.
    expect(rig.handover.begin()).toBe(0);
    to.intake.release();
    expect(rig.handover.begin()).toBe(1);
  });

  it('is not taken while 64 polls have handed something over that nobody has taken', () => {
    const rig = new Rig({ scratch: 1 << 20 });
    const to = rig.intake(1);
    for (let n = 0; n < 64; n++) {
      expect(rig.handover.begin()).toBeGreaterThan(0);
      route(rig, 9, 1, n);
      rig.end();
    }
    expect(rig.handover.begin()).toBe(0);
    expect(takeAll(to)).toEqual(Array.from({ length: 64 }, (_, n) => n));
    expect(rig.handover.begin()).toBeGreaterThan(0);
  });

  it('is not taken by a new thread before all has gone that the old one handed over', () => {
    const rig = new Rig();
    const to = rig.intake(1);
    rig.handover.begin();
    route(rig, 9, 1, 5);
    rig.end();
    rig.handover.begin();
    route(rig, 9, 1, 6);
    // The thread ends in the middle of the poll: what nobody has seen is given up.
    rig.table.clear();
    rig.watch.abandon(0);
    rig.handover = rig.make();
    expect(rig.handover.begin()).toBe(0);
    expect(takeAll(to)).toEqual([5]);
    expect(rig.handover.begin()).toBeGreaterThan(0);
    route(rig, 9, 1, 7);
    rig.end();
    expect(takeAll(to)).toEqual([7]);
    expect(rig.watch.handedTo(1)).toBe(2);
  });
});

describe('when the thread of a lane has ended', () => {
  it('what it had taken over is given up and counted, the rest is for the next one', () => {
    const rig = new Rig();
    const dying = rig.intake(1);
    rig.handover.begin();
    for (let n = 0; n < 5; n++) {
      const row = rig.row(n, n);
      rig.table.w[(row << ROW_SHIFT) + P_SEGS] = 10 + n;
      rig.handover.send(row, 1, false);
    }
    rig.end();
    dying.intake.look();
    for (let n = 0; n < 2; n++) dying.intake.next(true);
    expect(rig.watch.abandon(1)).toBe(10 + 11);
    expect(takeAll(rig.intake(1))).toEqual([2, 3, 4]);
    expect([rig.watch.abandon(1), rig.watch.allIdle()]).toEqual([0, true]);
  });

  it('and none comes, all that is handed to it is given up', () => {
    const rig = new Rig();
    rig.handover.begin();
    for (let n = 0; n < 5; n++) rig.handover.send(rig.row(n, n), 1 + (n & 1), false);
    rig.end();
    expect([rig.watch.discard(1), rig.watch.discard(1), rig.watch.idle(0), rig.watch.idle(0, 2)]).toEqual([
      3,
      0,
      false,
      true,
    ]);
    expect(takeAll(rig.intake(2))).toEqual([1, 3]);
  });
});

describe('a lane that waits for others', () => {
  it('knows that one has gone on since it looked last', () => {
    const rig = new Rig({ lanes: 3 });
    const to = rig.intake(1);
    rig.handover.begin();
    rig.handover.send(rig.row(1, 1), 1, false);
    rig.handover.send(rig.row(2, 2), 2, false);
    rig.end();
    rig.handover = rig.make();
    expect(rig.handover.begin()).toBe(0);
    expect(rig.handover.arm()).toBe(false);
    takeAll(to);
    expect(rig.handover.begin()).toBe(0);
    expect(rig.handover.arm()).toBe(false);
    // The last ring becomes idle after the look, before the lane asks to be woken: nobody would wake it any more.
    takeAll(rig.intake(2));
    expect(rig.handover.arm()).toBe(true);
    expect(rig.handover.begin()).toBeGreaterThan(0);
  });
});

describe('whatever is handed over, and whenever lanes take it', () => {
  const poll = fc.record({
    packets: fc.array(fc.record({ flow: fc.nat(5), wanted: fc.integer({ min: -1, max: 2 }) }), { maxLength: 12 }),
    /** How many the others take, and whether they are done with it. */
    takes: fc.array(fc.record({ lane: fc.integer({ min: 1, max: 2 }), n: fc.nat(20), done: fc.boolean() }), {
      maxLength: 3,
    }),
  });

  it('flows stay in order, and nothing that is kept is overwritten', () => {
    fc.assert(
      fc.property(
        fc.array(poll, { maxLength: 60 }),
        fc.constantFrom(2, 4, 64),
        fc.constantFrom(6_000, 16_384),
        fc.nat(1000),
        (polls, slots, scratch, seed) => {
          const rig = new Rig({ slots, scratch });
          const random = randomNumbers(seed);
          const hashes = Array.from({ length: 6 }, () => random(2 ** 31));
          const ends = [rig.intake(1), rig.intake(2)];
          const held: number[][] = [[], []];
          const next = new Int32Array(6);
          const delivered = new Int32Array(6);
          const deliver = (number: number): void => {
            expect(number & 0xffff).toBe(delivered[number >> 16]++);
          };
          const take = (end: number, n: number, done: boolean): void => {
            const { intake, table } = ends[end];
            intake.look();
            for (let i = 0, row = 0; i < n && row >= 0; i++) {
              row = table.fits(0) ? intake.next(true) : -1;
              if (row < 0) break;
              const w = table.w.subarray(row << ROW_SHIFT, (row + 1) << ROW_SHIFT);
              // The parcel is what was sent.
              expect(w[P_HASH]).toBe(hashes[w[P_NUMBER] >> 16]);
              held[end].push(w[P_NUMBER]);
            }
            if (!done) return;
            for (const number of held[end].splice(0)) deliver(number);
            intake.release();
            table.clear();
          };
          for (const { packets, takes } of polls) {
            const room = rig.handover.begin();
            const local: number[] = [];
            for (const { flow, wanted } of packets.slice(0, room)) {
              // As a lane plans: what is not sure to find scratch is not taken.
              if (rig.scratch.room < 144) break;
              const number = (flow << 16) | next[flow]++;
              const row = rig.row(hashes[flow], number);
              const to = rig.handover.route(row, wanted);
              if (to === 0) local.push(number);
              else rig.handover.send(row, to, false);
            }
            for (const number of local) deliver(number);
            rig.end();
            for (const { lane, n, done } of takes) take(lane - 1, n, done);
          }
          for (let n = 0; n < 10; n++) for (const end of [0, 1]) take(end, 1000, true);
          expect([...delivered]).toEqual([...next]);
          expect(rig.watch.allIdle()).toBe(true);
          expect(rig.handover.begin()).toBeGreaterThan(0);
          expect(rig.scratch.room).toBe(scratch);
        },
      ),
      { numRuns: 300 },
    );
  });
});
