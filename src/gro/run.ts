/** The life of a held packet: alone at first, a super-packet from the second segment on, complete at last. */

import { CLASS_TCP6 } from '../counters.ts';
import type { Kernels } from '../kernels/kernels.ts';
import {
  P_CLS,
  P_END,
  P_FIRST,
  P_GSO,
  P_L3,
  P_L4,
  P_LAST,
  P_LASTP,
  P_LEN,
  P_NUMBER,
  P_OFF,
  P_PIECES,
  P_SEGS,
  P_TOTAL,
  P_VLAN,
  type PacketTable,
} from '../memory/packet-table.ts';
import { addPayload, payloadSum, sharedSum } from './checksum.ts';
import { finishHeaders } from './headers.ts';
import { G_FIXED_ID, G_LENGTH, G_MIX, G_MSS, G_NEXT, G_PORTS, G_SHARED, G_SUM } from './row.ts';
import { tcpLength, WORD_FIN, WORD_PSH } from './tcp.ts';

/** Bytes of the frame memory to copy headers to. */
export interface Scratch {
  /** Absolute offset of `length` fresh bytes, or -1 when there are none. */
  take(length: number): number;
}

const ETHERNET_HEADER = 14;

/** A segment becomes the held packet of its flow: row at word `b`, `length` bytes of payload. */
export function hold(
  view: DataView,
  w: Int32Array,
  b: number,
  l3: number,
  l4: number,
  end: number,
  ports: number,
  length: number,
  mix: number,
): void {
  // Linux counts what follows the Ethernet header, VLAN tags left in the frame included. Other link headers have no tags.
  const start = w[b + P_VLAN] === 0 ? l3 : w[b + P_OFF] + ETHERNET_HEADER;
  w[b + G_NEXT] = view.getInt32(l4 + 4) + length;
  w[b + G_MSS] = length;
  w[b + G_LENGTH] = end - start;
  w[b + G_PORTS] = ports;
  w[b + G_FIXED_ID] = 0;
  w[b + G_MIX] = mix;
}

/**
 * A second segment is about to be merged: copies the headers out of the frame and lets the row point at the copy. False when
 * there is no scratch left; nothing has changed then.
 */
export function beginRun(
  view: DataView,
  kernels: Kernels,
  packets: PacketTable,
  scratch: Scratch,
  hb: number,
  v6: boolean,
): boolean {
  const w = packets.w;
  const off = w[hb + P_OFF];
  const l3 = w[hb + P_L3];
  const l4 = w[hb + P_L4];
  const word = view.getInt32(l4 + 12);
  const payload = l4 + tcpLength(word);
  const headers = payload - off;
  const copy = scratch.take(headers);
  if (copy < 0) return false;
  kernels.copy(copy, off, headers);
  const mss = w[hb + G_MSS];
  const shared = sharedSum(view, l3, l4, v6);
  w[hb + G_SHARED] = shared;
  w[hb + G_SUM] = payloadSum(view, l4, word, payload - l4 + mss, shared);
  const first = packets.piece(copy, headers);
  w[hb + P_FIRST] = first;
  w[hb + P_LASTP] = first;
  w[hb + P_PIECES] = 1;
  w[hb + P_TOTAL] = headers;
  packets.append(hb >> 5, payload, mss);
  w[hb + P_GSO] = mss;
  w[hb + P_OFF] = copy;
  w[hb + P_LEN] = headers;
  w[hb + P_L3] = copy + (l3 - off);
  w[hb + P_L4] = copy + (l4 - off);
  w[hb + P_END] = copy + headers;
  return true;
}

/** Merges the segment of the row at word `b` onto the run at `hb`. */
export function extendRun(
  view: DataView,
  packets: PacketTable,
  hb: number,
  b: number,
  l4: number,
  word: number,
  length: number,
): void {
  const w = packets.w;
  const header = tcpLength(word);
  const before = w[hb + P_TOTAL] - w[hb + P_LEN];
  const sum = payloadSum(view, l4, word, header + length, w[hb + G_SHARED]);
  w[hb + G_SUM] = addPayload(w[hb + G_SUM], sum, before);
  packets.append(hb >> 5, l4 + header, length);
  w[hb + G_NEXT] += length;
  w[hb + G_LENGTH] += length;
  w[hb + P_SEGS]++;
  w[hb + P_LAST] = w[b + P_NUMBER];
  const ends = word & (WORD_FIN | WORD_PSH);
  if (ends !== 0) {
    const at = w[hb + P_L4] + 12;
    view.setInt32(at, view.getInt32(at) | ends);
  }
}

/** Finishes the headers of a super-packet; a packet that stayed alone is left as it came. */
export function completeRun(view: DataView, w: Int32Array, hb: number): void {
  if (w[hb + P_SEGS] === 1) return;
  const l3 = w[hb + P_L3];
  const l3Length = w[hb + P_TOTAL] - (l3 - w[hb + P_OFF]);
  finishHeaders(view, l3, w[hb + P_L4], w[hb + P_CLS] === CLASS_TCP6, l3Length, w[hb + G_SHARED], w[hb + G_SUM]);
}
