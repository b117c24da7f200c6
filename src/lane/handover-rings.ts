import { ringWords } from '../memory/ring.ts';

/**
 * The rings between lanes, one for each ordered pair. A descriptor of theirs names a parcel: a row of the sender's packet table
 * and the pieces of its packet, in the sender's scratch, which keeps all of that until the ring has passed it.
 *
 *     descriptor:  | D_OFF: parcel | D_LEN: input packets in it | D_CLASS: flags |
 *     parcel:      | 32 words of the row | offset, length of each piece ... |
 */
export interface HandoverPlaces {
  /** Address of the first ring, and slots of each. */
  readonly at: number;
  readonly slots: number;
  /** Address of doubles: packets handed over, by sender and receiver. */
  readonly handed: number;
}

/** Slots of a ring between two of so many lanes: memory grows with their square. */
export function handoverSlots(lanes: number): number {
  return lanes <= 16 ? 128 : lanes <= 64 ? 64 : 32;
}

/** Bytes of all rings between so many lanes. */
export function handoverBytes(lanes: number): number {
  return 4 * lanes * lanes * ringWords(handoverSlots(lanes));
}

/** First word of the ring from one lane to another. */
export function handoverRing({ at, slots }: HandoverPlaces, lanes: number, from: number, to: number): number {
  return (at >> 2) + (from * lanes + to) * ringWords(slots);
}
