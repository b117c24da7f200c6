import { describe, expect, it } from 'vitest';
import { C_HELD, LANE_COUNTERS } from '../../src/lane/counters.ts';
import { handoverBytes, handoverRing, handoverSlots } from '../../src/lane/handover-rings.ts';
import { HandoverWatch } from '../../src/lane/handover-watch.ts';
import { holdOwner, ownerOf, pinnedOwner } from '../../src/lane/owners.ts';
import { packRequest } from '../../src/lane/sa-affinity.ts';
import { Mailbox } from '../../src/memory/mailbox.ts';
import { DELIVERED, PRODUCED, RingConsumer, RingProducer, ringWords } from '../../src/memory/ring.ts';
import { SaMoves } from '../../src/receiver/sa-moves.ts';

const LANES = 3;
const OWN = 4 * ringWords(128);

/** Three lanes; order group 0 belongs to lane 0. */
class Rig {
  readonly words: Int32Array;
  readonly rings: readonly RingProducer[];
  readonly mailboxes: readonly Mailbox[];
  readonly owners = new Int32Array(new SharedArrayBuffer(16));
  readonly tails = new Int32Array(4);
  readonly counters = Array.from({ length: LANES }, () => new Float64Array(LANE_COUNTERS));
  readonly moves: SaMoves;
  private readonly places: { at: number; slots: number; handed: number };

  constructor(inOrder = true) {
    const at = LANES * OWN;
    const handed = at + handoverBytes(LANES);
    const buffer = new SharedArrayBuffer(handed + 8 * LANES * LANES);
    this.words = new Int32Array(buffer);
    this.places = { at, slots: handoverSlots(LANES), handed };
    const bases = Array.from({ length: LANES }, (_, lane) => lane * OWN);
    this.rings = bases.map((base) => new RingProducer(this.words, base >> 2, 128));
    this.mailboxes = bases.map(() => new Mailbox(new SharedArrayBuffer(Mailbox.BYTES), 0));
    this.moves = new SaMoves({
      rings: this.rings,
      mailboxes: this.mailboxes,
      owners: this.owners,
      tails: this.tails,
      handover: new HandoverWatch(buffer, this.places, bases),
      counters: this.counters,
      inOrder,
    });
    for (const unit of [0, 1]) ownerOf(this.owners, unit, 0);
  }

  /** Packets of a group are put into a lane's ring. */
  put(unit: number, lane: number, n = 1): void {
    for (let i = 0; i < n; i++) this.rings[lane].claim();
    this.tails[unit] = this.rings[lane].head;
    this.rings[lane].publish();
  }

  /** A lane takes and delivers so many. */
  deliver(lane: number, n: number): void {
    // A new end: one that has been used knows only of what was there then.
    const end = new RingConsumer(this.words, (lane * OWN) >> 2, 128);
    expect(end.available()).toBeGreaterThanOrEqual(n);
    end.take(n);
    end.release();
  }

  /** Descriptors from one lane to another: published, delivered. */
  between(from: number, to: number, produced: number, delivered: number): void {
    const base = handoverRing(this.places, LANES, from, to);
    this.words[base + PRODUCED] = produced;
    this.words[base + DELIVERED] = delivered;
  }

  ask(from: number, unit: number, to: number): void {
    expect(this.mailboxes[from].send(packRequest(unit, to))).toBe(true);
  }

  /** Owners of the groups after a look at the requests. */
  settle(): number[] {
    this.moves.settle();
    return [0, 1, 2, 3].map((unit) => ownerOf(this.owners.slice(), unit, 9));
  }
}

describe('an SA that asks to move', () => {
  it('does so when its lane has delivered its last packet', () => {
    const rig = new Rig();
    rig.put(0, 0, 3);
    rig.put(1, 0, 2);
    rig.ask(0, 0, 2);
    expect([rig.settle()[0], rig.moves.waiting, rig.moves.moved]).toEqual([0, 1, 0]);
    rig.deliver(0, 2);
    expect(rig.settle()[0]).toBe(0);
    rig.deliver(0, 1);
    // What other groups have there does not matter.
    expect([rig.settle(), rig.moves.waiting, rig.moves.moved]).toEqual([[2, 0, 9, 9], 0, 1]);
  });

  it('waits anew for packets that come meanwhile', () => {
    const rig = new Rig();
    rig.put(0, 0);
    rig.ask(0, 0, 1);
    rig.settle();
    rig.put(0, 0);
    rig.deliver(0, 1);
    expect(rig.settle()[0]).toBe(0);
    rig.deliver(0, 1);
    expect(rig.settle()[0]).toBe(1);
  });

  it('waits until all other lanes have delivered what its lane has handed to them, but not the one where it goes', () => {
    const rig = new Rig();
    rig.ask(0, 0, 1);
    rig.between(0, 2, 5, 4);
    rig.between(0, 1, 7, 0);
    rig.between(1, 2, 9, 0);
    expect([rig.settle()[0], rig.moves.waiting]).toEqual([0, 1]);
    rig.between(0, 2, 5, 5);
    expect(rig.settle()[0]).toBe(1);
  });

  it('waits while its lane holds inner fragments', () => {
    const rig = new Rig();
    rig.ask(0, 0, 1);
    rig.counters[0][C_HELD] = 2;
    rig.counters[1][C_HELD] = 0;
    expect(rig.settle()[0]).toBe(0);
    rig.counters[0][C_HELD] = 0;
    rig.counters[1][C_HELD] = 1;
    expect(rig.settle()[0]).toBe(1);
  });

  it('does not when its lane has thought better of it', () => {
    const rig = new Rig();
    rig.put(0, 0);
    rig.ask(0, 0, 1);
    rig.settle();
    rig.ask(0, 0, 0);
    expect([rig.settle()[0], rig.moves.waiting]).toEqual([0, 0]);
    rig.deliver(0, 1);
    expect([rig.settle()[0], rig.moves.moved]).toEqual([0, 0]);
  });

  it('goes where it asked to go last', () => {
    const rig = new Rig();
    rig.put(0, 0);
    rig.ask(0, 0, 1);
    rig.settle();
    rig.ask(0, 0, 2);
    rig.deliver(0, 1);
    expect([rig.settle()[0], rig.moves.moved]).toEqual([2, 1]);
  });

  it('does not when it is pinned, or fixed since it was met inside other ESP', () => {
    const rig = new Rig();
    rig.owners[2] = pinnedOwner(0);
    holdOwner(rig.owners, 1, 0);
    rig.ask(0, 2, 1);
    rig.ask(0, 1, 1);
    expect([rig.settle(), rig.moves.moved, rig.moves.waiting]).toEqual([[0, 0, 0, 9], 0, 0]);
  });

  it('does not when it is another lane’s meanwhile, or nobody’s', () => {
    const rig = new Rig();
    rig.ask(1, 0, 2);
    rig.ask(1, 3, 2);
    expect([rig.settle(), rig.moves.moved, rig.moves.waiting]).toEqual([[0, 0, 9, 9], 0, 0]);
  });

  it('goes at once when order is not asked for', () => {
    const rig = new Rig(false);
    rig.put(0, 0);
    rig.between(0, 2, 5, 4);
    rig.ask(0, 0, 1);
    expect(rig.settle()[0]).toBe(1);
  });

  it('is one of many: each goes when it can', () => {
    const rig = new Rig();
    rig.put(1, 0, 4);
    rig.put(0, 0, 4);
    rig.ask(0, 0, 1);
    rig.ask(0, 1, 2);
    rig.deliver(0, 4);
    expect(rig.settle().slice(0, 2)).toEqual([0, 2]);
    rig.deliver(0, 4);
    expect([rig.settle().slice(0, 2), rig.moves.moved]).toEqual([[1, 2], 2]);
  });
});

it('a group waits while moves are held', () => {
  const rig = new Rig();
  rig.ask(0, 0, 2);
  rig.moves.hold();
  rig.moves.hold();
  const before = rig.settle();
  rig.moves.release();
  expect(rig.settle()).toEqual(before);
  rig.moves.release();
  expect(rig.settle()).not.toEqual(before);
});
