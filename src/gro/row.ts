/**
 * The nine words of a row that are GRO's own, from `P_GRO` on: what is known of a held packet beyond its headers.
 * They mean something only while the row is held.
 *
 * All segments of a run but the last have `G_MSS` bytes, and a shorter one ends the run: so what is held is always
 * `P_SEGS * G_MSS` bytes of payload, and the next sequence number and the length need no words of their own.
 */
import { P_GRO } from '../memory/packet-table.ts';

/** Sequence number of the first segment. */
export const G_SEQ: number = P_GRO;
/** Payload bytes of the first segment: no later one may have more. */
export const G_MSS: number = P_GRO + 1;
/** Bytes of the first segment behind the Ethernet header: what the size limit counts. */
export const G_LENGTH: number = P_GRO + 2;
/** Both ports, as they stand in the header. */
export const G_PORTS: number = P_GRO + 3;
/** 1: the second segment had the IPv4 ID of the first, so all must. */
export const G_FIXED_ID: number = P_GRO + 4;
/** Sum of what is not payload in the segments so far, and of the header words that all of them share (see checksum.ts). */
export const G_SUM: number = P_GRO + 5;
export const G_SHARED: number = P_GRO + 6;
/** Mixed bits of addresses and ports; 0 with `order: 'linux'`. */
export const G_MIX: number = P_GRO + 7;
