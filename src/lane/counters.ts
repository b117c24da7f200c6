import { DROP_REASONS } from '../counters.ts';
import { FLUSH_REASONS } from '../gro/index.ts';

/**
 * A lane's counters: float64 words that the lane keeps for itself while it works and copies to shared memory at the end of
 * each poll, where `stats()` reads them. Packets are counted as the input had them (a super-packet of 40 segments is 40).
 */

/** Descriptors of packets taken from the ring and done with. */
export const C_TAKEN = 0;
/** Packets handed to the consumer, the input segments in them, and their bytes. */
export const C_DELIVERED = 1;
export const C_SEGMENTS = 2;
export const C_BYTES = 3;
/** Absorbed: inner fragments joined less datagrams made; dummies. */
export const C_JOINED = 4;
export const C_DUMMY = 5;
/** Inner fragments that wait now. */
export const C_HELD = 6;
export const C_POLLS = 7;
/** Calls of the consumer that threw or were rejected. */
export const C_THROWS = 8;
/** Segments that GRO merged into another one. */
export const C_MERGED = 9;
/** Handed over to other lanes, a super-packet as one. Taken over from other lanes, as input packets. */
export const C_HANDOVERS = 10;
export const C_RECEIVED = 11;
/** How often a flow was handed to another lane than before. */
export const C_MOVES = 12;
/** Drops, by reason number. */
export const C_DROPS = 13;
/** Flushes of GRO, by reason number. */
export const C_FLUSHES: number = C_DROPS + DROP_REASONS.length;

export const LANE_COUNTERS: number = C_FLUSHES + FLUSH_REASONS.length;
