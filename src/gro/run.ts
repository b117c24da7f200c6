/** The life of a held packet: alone at first, a super-packet from the second segment on, complete at last. */
import type { Kernels } from '../kernels/kernels.ts';
import {
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
  P_PROTO,
  P_SEGS,
  P_TOTAL,
  P_VLAN,
  type PacketTable,
} from '../memory/packet-table.ts';
import { addOther, otherSum, otherUdpSum, sharedSum, sharedUdpSum } from './checksum.ts';
import { finishHeaders, finishTunnel, insertJumbo } from './headers.ts';
import {
  G_HASH,
  G_KIND,
  G_LENGTH,
  G_MSS,
  G_PORTS,
  G_SEQ,
  G_SHARED,
  G_SUM,
  K_OUTER6,
  K_TUNNEL,
  K_UDP,
  K_V6,
  kindL3,
  kindL4,
} from './row.ts';
import { tcpLength, WORD_FIN, WORD_PSH } from './tcp.ts';
import { UDP_HEADER } from './udp.ts';

/** Bytes of the frame memory to copy headers to. */
export interface Scratch {
  /** Absolute offset of `length` fresh bytes for the headers of so many rows, one if not said; or -1 when there are none. */
  take(length: number, rows?: number): number;
  /** Gives back what lies behind `end`, which is inside what was taken last. */
  trim(end: number): void;
}

const ETHERNET_HEADER = 14;
/** Above this the lengths in IP headers do not reach. */
const IP_MAX = 65_535;
const JUMBO = 8;

const ENDS: number = WORD_FIN | WORD_PSH;

/**
 * A segment becomes the held packet of its flow: row at word `b`, `length` bytes of payload behind the header at `l4`; `kind`: word of
 * row.ts.
 */
export function hold(
  view: DataView,
  w: Int32Array,
  b: number,
  l4: number,
  end: number,
  kind: number,
  length: number,
  hash: number,
): void {
  // Linux counts what follows the Ethernet header, VLAN tags left in the frame included. Other link headers have no tags.
  const start = w[b + P_VLAN] === 0 ? w[b + P_L3] : w[b + P_OFF] + ETHERNET_HEADER;
  w[b + G_SEQ] = (kind & K_UDP) !== 0 ? 0 : view.getInt32(l4 + 4);
  w[b + G_MSS] = length;
  w[b + G_LENGTH] = end - start;
  w[b + G_PORTS] = view.getInt32(l4);
  w[b + G_HASH] = hash;
  w[b + G_KIND] = kind;
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
): boolean {
  const w = packets.w;
  const off = w[hb + P_OFF];
  const kind = w[hb + G_KIND];
  const l4 = off + kindL4(kind);
  const v6 = (kind & K_V6) !== 0;
  const udp = (kind & K_UDP) !== 0;
  const l3 = off + kindL3(kind);
  const word = udp ? 0 : view.getInt32(l4 + 12);
  const payload = l4 + (udp ? UDP_HEADER : tcpLength(word));
  const headers = payload - off;
  // In front of it there is room for the jumbo option that may have to be put in.
  const room = scratch.take(JUMBO + headers);
  if (room < 0) return false;
  const copy = room + JUMBO;
  kernels.copy(copy, off, headers);
  const mss = w[hb + G_MSS];
  const shared = udp ? sharedUdpSum(view, l3, l4, v6) : sharedSum(view, l3, l4, v6);
  const other = udp ? otherUdpSum(view, l4, shared) : otherSum(view, l4, word, payload - l4 + mss, shared);
  w[hb + G_SHARED] = shared;
  w[hb + G_SUM] = addOther(0, other, false);
  const first = packets.piece(copy, headers);
  const second = packets.piece(payload, mss);
  packets.pieceNext[first] = second;
  w[hb + P_FIRST] = first;
  w[hb + P_LASTP] = second;
  w[hb + P_L3] += copy - off;
  w[hb + P_L4] += copy - off;
  w[hb + P_OFF] = copy;
  w[hb + P_LEN] = headers;
  w[hb + P_END] = copy + headers;
  return true;
}

/**
 * Merges the segment of the row at word `b` onto the run at `hb`: `length` bytes of payload `header` bytes behind `l4`. `word`: of TCP, at
 * offset 12; of UDP 0. What can wait is left to {@link completeRun}.
 */
export function extendRun(
  view: DataView,
  packets: PacketTable,
  hb: number,
  b: number,
  l4: number,
  word: number,
  header: number,
  length: number,
): void {
  const w = packets.w;
  const segs = w[hb + P_SEGS];
  const odd = (segs & w[hb + G_MSS] & 1) !== 0;
  const shared = w[hb + G_SHARED];
  const other = word === 0 ? otherUdpSum(view, l4, shared) : otherSum(view, l4, word, header + length, shared);
  w[hb + G_SUM] = addOther(w[hb + G_SUM], other, odd);
  const piece = packets.piece(l4 + header, length);
  packets.pieceNext[w[hb + P_LASTP]] = piece;
  w[hb + P_LASTP] = piece;
  w[hb + P_SEGS] = segs + 1;
  w[hb + P_LAST] = w[b + P_NUMBER];
  if ((word & ENDS) !== 0) {
    const at = w[hb + P_OFF] + kindL4(w[hb + G_KIND]) + 12;
    view.setInt32(at, view.getInt32(at) | (word & ENDS));
  }
}

/**
 * Finishes row and headers of a super-packet; a packet that stayed alone is left as it came. Returns how many were merged into it.
 *
 * @param jumboOption IPv6 above 64 KiB gets one
 */
export function completeRun(
  view: DataView,
  kernels: Kernels,
  packets: PacketTable,
  hb: number,
  jumboOption: boolean,
): number {
  const w = packets.w;
  const merged = w[hb + P_SEGS] - 1;
  if (merged === 0) return 0;
  const mss = w[hb + G_MSS];
  const headers = w[hb + P_LEN];
  const total = headers + merged * mss + packets.pieceLen[w[hb + P_LASTP]];
  w[hb + P_GSO] = mss;
  w[hb + P_PIECES] = merged + 2;
  w[hb + P_TOTAL] = total;
  const kind = w[hb + G_KIND];
  const off = w[hb + P_OFF];
  const l3 = kindL3(kind);
  const v6 = (kind & K_V6) !== 0;
  const l4 = off + kindL4(kind);
  finishHeaders(view, off + l3, l4, v6, (kind & K_UDP) !== 0, total - l3, w[hb + G_SHARED], w[hb + G_SUM]);
  const outer = w[hb + P_L3];
  if ((kind & K_TUNNEL) !== 0) {
    const outer6 = (kind & K_OUTER6) !== 0;
    const proto = w[hb + P_PROTO];
    const length = total - (outer - off);
    finishTunnel(view, kernels, outer, w[hb + P_L4], outer6, proto, off + headers, length, w[hb + G_SUM]);
  } else if (v6 && jumboOption && total - l3 - 40 > IP_MAX) {
    addJumbo(view, kernels, packets, hb, total - l3);
  }
  return merged;
}

function addJumbo(view: DataView, kernels: Kernels, packets: PacketTable, hb: number, length: number): void {
  const w = packets.w;
  const first = w[hb + P_FIRST];
  insertJumbo(view, kernels, w[hb + P_OFF], w[hb + P_L3], length);
  packets.pieceOff[first] = w[hb + P_OFF] -= JUMBO;
  packets.pieceLen[first] = w[hb + P_LEN] += JUMBO;
  w[hb + P_TOTAL] += JUMBO;
  w[hb + P_L3] -= JUMBO;
}
