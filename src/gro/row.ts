/**
 * The nine words of a row that are GRO's own, from `P_GRO` on: what is known of a held packet beyond its headers.
 * They mean something only while the row is held.
 */
import { P_GRO } from '../memory/packet-table.ts';

/** Sequence number that the next segment must have. */
export const G_NEXT: number = P_GRO;
/** Payload bytes of the first segment: no later one may have more. */
export const G_MSS: number = P_GRO + 1;
/** Bytes behind the Ethernet header, merged payload included: what the size limit counts. */
export const G_LENGTH: number = P_GRO + 2;
/** Both ports, as they stand in the header. */
export const G_PORTS: number = P_GRO + 3;
/** 1: the second segment had the IPv4 ID of the first, so all must. */
export const G_FIXED_ID: number = P_GRO + 4;
/** One's complement sum of the merged payloads, and of the header words that all segments share (see checksum.ts). */
export const G_SUM: number = P_GRO + 5;
export const G_SHARED: number = P_GRO + 6;
/** Mixed bits of addresses and ports; 0 with `order: 'linux'`. */
export const G_MIX: number = P_GRO + 7;
