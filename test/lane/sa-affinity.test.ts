import { describe, expect, it } from 'vitest';
import { packRequest, requestedLane, requestedUnit, SaAffinity } from '../../src/lane/sa-affinity.ts';
import { Mailbox } from '../../src/memory/mailbox.ts';

/** Lane 0 of some, with 4 order groups. `asked` takes its requests out of the box. */
function affinity(): { notes: SaAffinity; box: Mailbox; asked: () => [unit: number, lane: number][] } {
  const box = new Mailbox(new SharedArrayBuffer(Mailbox.BYTES), 0);
  const asked = (): [number, number][] => {
    const out: [number, number][] = [];
    for (let request = box.take(); request !== undefined; request = box.take()) {
      out.push([requestedUnit(request), requestedLane(request)]);
    }
    return out;
  };
  return { notes: new SaAffinity(4, 0, box), box, asked };
}

const note = (notes: SaAffinity, times: number, unit: number, lane: number, poll: number): void => {
  for (let n = 0; n < times; n++) notes.note(unit, lane, poll);
};

describe('an SA asks for the lane of its flows', () => {
  it('when 64 packets in a row were of that lane, over 4 polls', () => {
    const { notes, asked } = affinity();
    note(notes, 63, 2, 1, 10);
    notes.note(2, 1, 13);
    expect(asked()).toEqual([]);
    notes.note(2, 1, 14);
    expect(asked()).toEqual([[2, 1]]);
    const other = affinity();
    for (let poll = 0; poll < 63; poll++) other.notes.note(0, 255, poll);
    expect(other.asked()).toEqual([]);
    other.notes.note(0, 255, 63);
    expect(other.asked()).toEqual([[0, 255]]);
  });

  it('once, and again after 256 polls when nothing has come of it', () => {
    const { notes, asked } = affinity();
    note(notes, 64, 0, 3, 0);
    notes.note(0, 3, 4);
    expect(asked()).toEqual([[0, 3]]);
    for (let poll = 5; poll < 5 + 256; poll++) note(notes, 9, 0, 3, poll);
    expect(asked()).toEqual([]);
    note(notes, 2, 0, 3, 5 + 256);
    expect(asked()).toEqual([[0, 3]]);
  });

  it('never for its own lane', () => {
    const { notes, asked } = affinity();
    for (let poll = 0; poll < 1000; poll++) notes.note(1, 0, poll);
    expect(asked()).toEqual([]);
  });

  it('not while flows of several lanes take turns', () => {
    const { notes, asked } = affinity();
    for (let poll = 0; poll < 100; poll++) {
      note(notes, 63, 0, 1, poll);
      notes.note(0, 2, poll);
    }
    expect(asked()).toEqual([]);
  });

  it('and takes the request back when a packet of another lane comes, its own included', () => {
    for (const other of [2, 0]) {
      const { notes, asked } = affinity();
      note(notes, 64, 3, 1, 0);
      notes.note(3, 1, 4);
      notes.note(3, other, 5);
      // Lane 0 asks for itself: the request is off.
      expect(asked()).toEqual([
        [3, 1],
        [3, 0],
      ]);
      // Counting begins anew, and there is nothing to take back twice.
      note(notes, 64, 3, 1, 6);
      notes.note(3, 2, 6);
      expect(asked()).toEqual([]);
      note(notes, 64, 3, 1, 7);
      notes.note(3, 1, 11);
      expect(asked()).toEqual([[3, 1]]);
    }
  });

  it('by itself: other SAs are counted apart', () => {
    const { notes, asked } = affinity();
    for (let n = 0; n < 64; n++) {
      notes.note(0, 1, n);
      notes.note(1, 2, n);
      notes.note(2, n & 1, n);
    }
    expect(asked()).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });

  it('with its next packet when the box was full', () => {
    const { notes, box, asked } = affinity();
    while (box.send(0));
    note(notes, 70, 1, 2, 0);
    note(notes, 3, 1, 2, 9);
    expect(asked().length).toBe(64);
    notes.note(1, 2, 9);
    expect(asked()).toEqual([[1, 2]]);
  });
});

it('a request names an order group and a lane', () => {
  for (const unit of [0, 1, 99_999, (1 << 23) - 1]) {
    for (const lane of [0, 1, 255]) {
      const request = packRequest(unit, lane);
      expect([requestedUnit(request), requestedLane(request)]).toEqual([unit, lane]);
    }
  }
});
