import type { Mailbox } from '../memory/mailbox.ts';

/**
 * An SA asks to move when so many claimed packets in a row were all of one lane's flows, over so many polls; and again after so
 * many polls, when nothing has come of it.
 */
const PACKETS = 64;
const POLLS = 4;
const AGAIN = 256;

/** Bits of the lane in a request; the order group stands above them. */
const LANE_BITS = 8;

/** What a lane asks the dispatcher: that an order group shall be another lane's. */
export function packRequest(unit: number, lane: number): number {
  return (unit << LANE_BITS) | lane;
}

export function requestedUnit(request: number): number {
  return request >>> LANE_BITS;
}

export function requestedLane(request: number): number {
  return request & ((1 << LANE_BITS) - 1);
}

/**
 * Learns which lane the inner flows of an SA belong to. When all of them that anybody has claimed are one other lane's, the SA
 * itself shall go there: then no hand-over remains. Flows that nobody has claimed do not count. When flows part, the SA stays
 * where it is.
 */
export class SaAffinity {
  private readonly lane: number;
  private readonly mailbox: Mailbox;
  /** At order groups: the lane of the packets so far + 1, how many those are, the poll of the first; poll of the request + 1. */
  private readonly lanes: Int32Array;
  private readonly counts: Int32Array;
  private readonly since: Int32Array;
  private readonly asked: Int32Array;

  constructor(units: number, lane: number, mailbox: Mailbox) {
    this.lane = lane;
    this.mailbox = mailbox;
    this.lanes = new Int32Array(units);
    this.counts = new Int32Array(units);
    this.since = new Int32Array(units);
    this.asked = new Int32Array(units);
  }

  /** A packet of order group `unit` is of a flow that `lane` has claimed. */
  note(unit: number, lane: number, poll: number): void {
    if (this.lanes[unit] !== lane + 1) {
      // A request that stands is taken back.
      if (this.asked[unit] !== 0) this.mailbox.send(packRequest(unit, this.lane));
      this.lanes[unit] = lane + 1;
      this.counts[unit] = 0;
      this.since[unit] = poll;
      this.asked[unit] = 0;
    }
    const asked = this.asked[unit];
    if (lane === this.lane || ++this.counts[unit] < PACKETS || poll - this.since[unit] < POLLS) return;
    if (asked !== 0 && poll - asked < AGAIN) return;
    if (this.mailbox.send(packRequest(unit, lane))) this.asked[unit] = poll + 1;
  }

  /** An SA of the order group has gone: it begins anew. */
  forget(unit: number): void {
    this.lanes[unit] = 0;
    this.counts[unit] = 0;
    this.asked[unit] = 0;
  }
}
