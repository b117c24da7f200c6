import { D_CLASS, D_OFF, DF_NESTED } from '../memory/descriptor.ts';
import { P_FIRST, P_LASTP, P_PIECES, P_SEGS, P_TOTAL, type PacketTable, ROW_SHIFT } from '../memory/packet-table.ts';
import { ARMED, RingConsumer } from '../memory/ring.ts';
import { type HandoverPlaces, handoverRing } from './handover-rings.ts';

/** Takes over what other lanes hand to this one. */
export class Intake {
  /** Whether the row that `next` made last is ESP, to be opened. */
  nested = false;
  /** Packets taken over. */
  packets = 0;
  /** Descriptors that are due, in all rings. */
  left = 0;
  private readonly words: Int32Array;
  private readonly table: PacketTable;
  private readonly rings: readonly RingConsumer[];
  /** At rings: how many descriptors are to be taken before this lane's own ring has its turn again. */
  private readonly due: Int32Array;
  private at = 0;

  constructor(
    lane: number,
    buffer: ArrayBufferLike,
    places: HandoverPlaces,
    rings: readonly number[],
    table: PacketTable,
  ) {
    this.words = new Int32Array(buffer);
    this.table = table;
    this.rings = rings.flatMap((bell, from) => {
      if (from === lane) return [];
      const base = handoverRing(places, rings.length, from, lane);
      return [new RingConsumer(this.words, base, places.slots, (bell >> 2) + ARMED)];
    });
    this.due = new Int32Array(this.rings.length);
  }

  /**
   * What there is now is due: it goes before all that the lane's own ring holds by now. An SA that has moved to this lane has its
   * older packets here and its newer ones there. Nothing may be due any more: a ring that has some left is not looked at anew.
   *
   * @returns whether there is something
   */
  look(): boolean {
    this.left = 0;
    for (let i = 0; i < this.rings.length; i++) {
      this.due[i] = this.rings[i].available();
      this.left += this.due[i];
    }
    return this.left > 0;
  }

  /** Whether something has come. */
  available(): boolean {
    for (let i = 0; i < this.rings.length; i++) if (this.rings[i].available() > 0) return true;
    return false;
  }

  /**
   * Makes a row of the next parcel that is due. -1: none is, or the table has no room for its pieces, or it is nested and
   * `mayOpen` says no.
   */
  next(mayOpen: boolean): number {
    const { rings, due, words, table } = this;
    for (let n = 0; n < rings.length; n++, this.at = this.at + 1 === rings.length ? 0 : this.at + 1) {
      if (due[this.at] === 0) continue;
      const ring = rings[this.at];
      const s = ring.slot(0);
      const parcel = words[s + D_OFF] >> 2;
      const count = words[parcel + P_PIECES];
      this.nested = (words[s + D_CLASS] & (DF_NESTED << 8)) !== 0;
      if (!table.fits(count) || (this.nested && !mayOpen)) return -1;
      ring.take(1);
      due[this.at]--;
      this.left--;
      const row = table.row();
      const { w } = table;
      const b = row << ROW_SHIFT;
      for (let i = 0; i < 1 << ROW_SHIFT; i++) w[b + i] = words[parcel + i];
      this.packets += w[b + P_SEGS];
      let at = parcel + (1 << ROW_SHIFT);
      if (count > 0) {
        const piece = table.piece(words[at], words[at + 1]);
        w[b + P_FIRST] = piece;
        w[b + P_LASTP] = piece;
        w[b + P_PIECES] = 1;
        // What the parcel says of its whole length holds: `append` adds to it.
        const total = w[b + P_TOTAL];
        for (let i = 1; i < count; i++) {
          at += 2;
          table.append(row, words[at], words[at + 1]);
        }
        w[b + P_TOTAL] = total;
      }
      return row;
    }
    return -1;
  }

  /** What was taken is delivered: its scratch is free. */
  release(): void {
    for (let i = 0; i < this.rings.length; i++) this.rings[i].release();
  }
}
