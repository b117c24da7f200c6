import { C_HELD } from '../lane/counters.ts';
import type { HandoverWatch } from '../lane/handover-watch.ts';
import { moveOwner } from '../lane/owners.ts';
import { requestedLane, requestedUnit } from '../lane/sa-affinity.ts';
import type { Mailbox } from '../memory/mailbox.ts';
import type { RingProducer } from '../memory/ring.ts';
import { hasPassed } from '../steer/flow-slots.ts';

export interface SaMovesParts {
  readonly rings: readonly RingProducer[];
  readonly mailboxes: readonly Mailbox[];
  readonly owners: Int32Array;
  /** At order groups: where its lane's ring ended when its last packet was put there. */
  readonly tails: Int32Array;
  readonly handover: HandoverWatch | undefined;
  /** Of each lane: its counters. */
  readonly counters: readonly Float64Array[];
  /** False: groups move at once. */
  readonly inOrder: boolean;
}

/**
 * Moves SAs to the lanes that ask for them. Between two packets of the dispatcher a group goes over when its lane has delivered
 * all of its packets and other lanes all that they were handed; what was handed to the new lane itself that one takes before
 * anything that is dispatched to it from now on. A lane that holds inner fragments keeps its groups: another one could not
 * complete their datagrams.
 */
export class SaMoves {
  moved = 0;
  private held = 0;
  private readonly parts: SaMovesParts;
  /** At order groups that shall move: from where, to where. */
  private readonly wanted: Map<number, { from: number; to: number }> = new Map();

  constructor(parts: SaMovesParts) {
    this.parts = parts;
  }

  /** Groups that wait for their lane to have delivered their packets. */
  get waiting(): number {
    return this.wanted.size;
  }

  /** Takes requests and does what can be done of them. */
  settle(): void {
    this.take();
    if (this.wanted.size > 0 && this.held === 0) this.move();
  }

  /** No SA moves before `release` was called as often. */
  hold(): void {
    this.held++;
  }

  release(): void {
    this.held--;
  }

  private take(): void {
    const { mailboxes } = this.parts;
    for (let from = 0; from < mailboxes.length; from++) {
      for (let request = mailboxes[from].take(); request !== undefined; request = mailboxes[from].take()) {
        const to = requestedLane(request);
        if (to === from) this.wanted.delete(requestedUnit(request));
        else this.wanted.set(requestedUnit(request), { from, to });
      }
    }
  }

  /** The group has no SA any more, and no lane will ask for it. */
  forget(unit: number): void {
    this.take();
    this.wanted.delete(unit);
  }

  private move(): void {
    const { rings, owners, tails, handover, counters, inOrder } = this.parts;
    for (const [unit, { from, to }] of this.wanted) {
      if (inOrder) {
        if (!hasPassed(rings[from].refresh(), tails[unit])) continue;
        if (handover !== undefined && !handover.idle(from, to)) continue;
      }
      // Behind the tail: what its last poll has left waiting is counted by then.
      if (counters[from][C_HELD] > 0) continue;
      if (moveOwner(owners, unit, from, to)) this.moved++;
      this.wanted.delete(unit);
    }
  }
}
