import { D_LEN, DESCRIPTOR_SHIFT } from '../memory/descriptor.ts';
import { ARMED, DELIVERED, HEAD, PRODUCED, SLOTS, TAKEN, WAITING } from '../memory/ring.ts';
import { hasPassed } from '../steer/flow-slots.ts';
import { type HandoverPlaces, handoverRing } from './handover-rings.ts';

/** The rings between lanes as the receiver sees them, which neither fills nor empties them. */
export class HandoverWatch {
  private readonly words: Int32Array;
  private readonly places: HandoverPlaces;
  /** First words of the lanes' own rings. */
  private readonly rings: readonly number[];
  private readonly handed: Float64Array;

  constructor(buffer: ArrayBufferLike, places: HandoverPlaces, rings: readonly number[]) {
    this.words = new Int32Array(buffer);
    this.places = places;
    this.rings = rings;
    this.handed = new Float64Array(buffer, places.handed, rings.length * rings.length);
  }

  /** Whether all that lanes have handed over is delivered. */
  allIdle(): boolean {
    for (let from = 0; from < this.rings.length; from++) if (!this.idle(from)) return false;
    return true;
  }

  /** Whether all that a lane has handed over is delivered; to all lanes but `except`. */
  idle(from: number, except = -1): boolean {
    for (let to = 0; to < this.rings.length; to++) {
      if (to === from || to === except) continue;
      const base = this.base(from, to);
      // In this order: what is published in between makes it busy.
      const delivered = Atomics.load(this.words, base + DELIVERED);
      if (Atomics.load(this.words, base + PRODUCED) !== delivered) return false;
    }
    return true;
  }

  /** How far the rings between lanes are filled, for `passed`. */
  heads(): Int32Array {
    const heads = new Int32Array(this.rings.length ** 2);
    this.each((base, at) => {
      heads[at] = Atomics.load(this.words, base + PRODUCED);
      return true;
    });
    return heads;
  }

  /** Whether all that there was at `heads` is delivered. */
  passed(heads: Int32Array): boolean {
    return this.each((base, at) => hasPassed(Atomics.load(this.words, base + DELIVERED), heads[at]));
  }

  /** Packets that lanes have handed over to one. */
  handedTo(to: number): number {
    let packets = 0;
    for (let from = 0; from < this.rings.length; from++) packets += this.handed[from * this.rings.length + to];
    return packets;
  }

  /** Packets that a lane has handed over. */
  handedBy(from: number): number {
    let packets = 0;
    for (let to = 0; to < this.rings.length; to++) packets += this.handed[from * this.rings.length + to];
    return packets;
  }

  /**
   * After the thread of a lane has ended: gives up what it had taken over, and what it was about to hand over.
   *
   * @returns how many packets of other lanes it had in its hands
   */
  abandon(lane: number): number {
    for (let to = 0; to < this.rings.length; to++) {
      const base = this.base(lane, to);
      this.words[base + HEAD] = Atomics.load(this.words, base + PRODUCED);
    }
    return this.giveUp(lane, TAKEN);
  }

  /** As `abandon` when no thread will come: gives up all that was handed to the lane. Returns the packets in it. */
  discard(lane: number): number {
    return this.giveUp(lane, PRODUCED);
  }

  private giveUp(lane: number, upTo: number): number {
    const { words, rings, places } = this;
    let packets = 0;
    for (let from = 0; from < rings.length; from++) {
      if (from === lane) continue;
      const base = this.base(from, lane);
      const end = Atomics.load(words, base + upTo);
      for (let at = Atomics.load(words, base + DELIVERED); at !== end; at = (at + 1) | 0) {
        packets += words[base + SLOTS + ((at & (places.slots - 1)) << DESCRIPTOR_SHIFT) + D_LEN];
      }
      Atomics.store(words, base + TAKEN, end);
      Atomics.store(words, base + DELIVERED, end);
      Atomics.store(words, base + WAITING, 0);
      const bell = (rings[from] >> 2) + ARMED;
      Atomics.store(words, bell, 0);
      Atomics.notify(words, bell);
    }
    return packets;
  }

  /** Looks at all rings, by their first words and numbers, as long as that says true. */
  private each(look: (base: number, at: number) => boolean): boolean {
    const lanes = this.rings.length;
    for (let at = 0; at < lanes * lanes; at++) {
      const from = Math.floor(at / lanes);
      const to = at % lanes;
      if (from !== to && !look(this.base(from, to), at)) return false;
    }
    return true;
  }

  private base(from: number, to: number): number {
    return handoverRing(this.places, this.rings.length, from, to);
  }
}
