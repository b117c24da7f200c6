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
import { addOther, otherSum, sharedSum } from './checksum.ts';
import { finishHeaders } from './headers.ts';
import { G_FIXED_ID, G_LENGTH, G_MIX, G_MSS, G_PORTS, G_SEQ, G_SHARED, G_SUM } from './row.ts';
import { tcpLength, WORD_FIN, WORD_PSH } from './tcp.ts';

/** Bytes of the frame memory to copy headers to. */
export interface Scratch {
  /** Absolute offset of `length` fresh bytes, or -1 when there are none. */
  take(length: number): number;
}

const ETHERNET_HEADER = 14;

// Constants of this module, for speed: see plain.ts.
const LASTP: number = P_LASTP;
const SEGS: number = P_SEGS;
const LAST: number = P_LAST;
const NUMBER: number = P_NUMBER;
const L4: number = P_L4;
const MSS: number = G_MSS;
const SUM: number = G_SUM;
const SHARED: number = G_SHARED;
const ENDS: number = WORD_FIN | WORD_PSH;

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
  w[b + G_SEQ] = view.getInt32(l4 + 4);
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
  w[hb + G_SUM] = addOther(0, otherSum(view, l4, word, payload - l4 + mss, shared), false);
  const first = packets.piece(copy, headers);
  const second = packets.piece(payload, mss);
  packets.pieceNext[first] = second;
  w[hb + P_FIRST] = first;
  w[hb + P_LASTP] = second;
  w[hb + P_OFF] = copy;
  w[hb + P_LEN] = headers;
  w[hb + P_L3] = copy + (l3 - off);
  w[hb + P_L4] = copy + (l4 - off);
  w[hb + P_END] = copy + headers;
  return true;
}

/** Merges the segment of the row at word `b` onto the run at `hb`. What can wait is left to {@link completeRun}. */
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
  const segs = w[hb + SEGS];
  const odd = (segs & w[hb + MSS] & 1) !== 0;
  w[hb + SUM] = addOther(w[hb + SUM], otherSum(view, l4, word, header + length, w[hb + SHARED]), odd);
  const piece = packets.piece(l4 + header, length);
  packets.pieceNext[w[hb + LASTP]] = piece;
  w[hb + LASTP] = piece;
  w[hb + SEGS] = segs + 1;
  w[hb + LAST] = w[b + NUMBER];
  if ((word & ENDS) !== 0) {
    const at = w[hb + L4] + 12;
    view.setInt32(at, view.getInt32(at) | (word & ENDS));
  }
}

/** Finishes row and headers of a super-packet; a packet that stayed alone is left as it came. Returns how many were merged into it. */
export function completeRun(view: DataView, packets: PacketTable, hb: number): number {
  const w = packets.w;
  const merged = w[hb + P_SEGS] - 1;
  if (merged === 0) return 0;
  const mss = w[hb + G_MSS];
  const total = w[hb + P_LEN] + merged * mss + packets.pieceLen[w[hb + P_LASTP]];
  w[hb + P_GSO] = mss;
  w[hb + P_PIECES] = merged + 2;
  w[hb + P_TOTAL] = total;
  const l3 = w[hb + P_L3];
  const l3Length = total - (l3 - w[hb + P_OFF]);
  finishHeaders(view, l3, w[hb + P_L4], w[hb + P_CLS] === CLASS_TCP6, l3Length, w[hb + G_SHARED], w[hb + G_SUM]);
  return merged;
}
