/**
 * GRO of the segments that nearly all of a bulk transfer are: TCP over IPv4 without options or IPv6 without extension headers, right
 * in all lengths and sums. They are held, or merged into what is held of their flow. Everything else is left to
 * `gro/gro.ts`, which says the same of these, too: a property test holds both together.
 *
 * All addresses are bytes of the frame memory. The plan is laid out by `gro/gro-plan.ts`.
 */

import { be16 } from './bytes.ts';
import {
  ACROSS_SAS,
  BUCKETS,
  CLASS_TCP4,
  CLASS_TCP6,
  EVICTED,
  FIN,
  FLOW_ORDER,
  HELD,
  ID_NEEDS_DF,
  JUMBO,
  K_FIXED,
  K_IPV6,
  MAX_SIZE,
  MAX_SIZE4,
  PER_BUCKET,
  PIECE_LENGTHS,
  PIECE_NEXTS,
  PIECE_OFFSETS,
  PIECES,
  PUSH,
  ROOM,
  ROWS,
  SHORT,
  SIZE,
  SLOT,
  T_COUNTS,
  VERIFY,
  WAITING,
} from './coalesce-plan.ts';
import { add, complete, find, mayOvertake, oldest } from './held.ts';
import {
  F_CSUM_GOOD,
  G_HASH,
  G_KIND,
  G_LENGTH,
  G_MSS,
  G_PORTS,
  G_SEQ,
  G_SHARED,
  G_SUM,
  ORIGIN,
  P_CLS,
  P_END,
  P_FIRST,
  P_FLAGS,
  P_L3,
  P_L4,
  P_LAST,
  P_LASTP,
  P_LEN,
  P_NUMBER,
  P_OFF,
  P_PIECES,
  P_SA,
  P_SEGS,
  P_TOTAL,
  P_TUNNEL,
  P_VLAN,
  ROW_SHIFT,
} from './row.ts';
import { fold, isZero, sum16, swap16 } from './sum.ts';

const ETHERNET: usize = 14;
const TCP: u32 = 6;

// Of a TCP header, in the word at offset 12 as it lies in memory, and in the byte of the flags.
const OFFSET: u32 = 0xf0;
const FLAG_FIN: u32 = 0x01;
const FLAG_PSH: u32 = 0x08;
const ENDS: u32 = FLAG_FIN | FLAG_PSH;
/** SYN, RST, URG, CWR. */
const OTHERS: u32 = 0xa6;

/**
 * Takes in the rows that wait, `from` to `to` of them, in order. What came out meanwhile stands in the plan.
 *
 * @returns the first one that was left as it is, or `to`
 */
export function coalesce(plan: usize, from: u32, to: u32): u32 {
  const waiting: usize = load<u32>(plan, WAITING);
  for (let i = from; i < to; i++) {
    if (!take(plan, load<u32>(waiting + (i << 2)))) return i;
  }
  return to;
}

function take(plan: usize, row: u32): bool {
  const b: usize = load<u32>(plan, ROWS) + (row << ROW_SHIFT);
  const cls = load<u32>(b, P_CLS);
  if ((cls & ~1) !== CLASS_TCP4 || load<u32>(b, P_PIECES) !== 0) return false;
  const off: usize = load<u32>(b, P_OFF);
  const l3: usize = load<u32>(b, P_L3);
  const l4: usize = load<u32>(b, P_L4);
  const end: usize = off + load<u32>(b, P_LEN);
  if (end - l4 < 20 || !(cls === CLASS_TCP6 ? isPlain6(l3, l4, end) : isPlain4(l3, l4, end))) return false;
  const word = load<u32>(l4, 12);
  const header: usize = (word & OFFSET) >> 2;
  const flags = (word >> 8) & 0xff;
  const length: usize = end - l4 - header;
  if (header < 20 || <isize>length <= 0 || (flags & OTHERS) !== 0) return false;

  const table: usize = load<u32>(plan, HELD);
  const ports = bswap<u32>(load<u32>(l4));
  const hash = load<u32>(b, G_HASH);
  const bucket = hash & (load<u32>(plan, BUCKETS) - 1);
  const held = find(plan, table, bucket, hash, ports);
  if (held >= 0) {
    const hb: usize = load<u32>(plan, ROWS) + (held << ROW_SHIFT);
    if (!follows(plan, b, hb, word, header, length) || !verifies(plan, b, l3, l4, end, cls)) return false;
    const mss: usize = load<u32>(hb, G_MSS);
    const segments: usize = load<u32>(hb, P_SEGS);
    const size = load<u32>(hb, G_LENGTH) + (segments - 1) * mss + length;
    // By the EtherType, as in gro.ts: with VLAN tags in the frame that is not the one of IPv6.
    const byV6 = cls === CLASS_TCP6 && (load<u32>(b, P_VLAN) === 0 || l3 - off === ETHERNET);
    if (size < <usize>(byV6 ? load<u32>(plan, MAX_SIZE) : load<u32>(plan, MAX_SIZE4))) {
      if (segments === 1 && !begin(plan, hb, l3 - off, header)) return false;
      extend(plan, b, hb, l4, word, header, length);
      if (length < mss) complete(plan, table, bucket, held, SHORT);
      else if ((flags & FLAG_FIN) !== 0) complete(plan, table, bucket, held, FIN);
      else if ((flags & FLAG_PSH) !== 0) complete(plan, table, bucket, held, PUSH);
      return true;
    }
    if ((flags & ENDS) !== 0) return false;
    complete(plan, table, bucket, held, SIZE);
  } else if ((flags & ENDS) !== 0) return false;
  const mix = load<u32>(plan, FLOW_ORDER) !== 0 ? mixOf(l3, cls, ports) : 0;
  if (held < 0) {
    if (load<u32>(plan, FLOW_ORDER) !== 0 && mayOvertake(plan, table, mix, ports)) return false;
    if (!verifies(plan, b, l3, l4, end, cls)) return false;
  }
  const counts = table + T_COUNTS;
  const most = load<u32>(plan, PER_BUCKET);
  if (load<u32>(counts + (bucket << 2)) === most) complete(plan, table, bucket, oldest(plan, table, bucket), EVICTED);
  hold(b, off, l3, l4, end, cls, ports, length);
  add(plan, table, bucket, row, hash, mix);
  return true;
}

/** IPv4 without options and fragments, as long as it says, with a right checksum; TCP behind it. */
function isPlain4(l3: usize, l4: usize, end: usize): bool {
  if (l4 - l3 !== 20 || load<u8>(l3) !== 0x45 || load<u8>(l3, 9) !== TCP) return false;
  // Of the fragment word nothing but DF.
  if ((load<u16>(l3, 6) & 0xffbf) !== 0 || be16(l3 + 2) !== end - l3) return false;
  const sum: u64 = load<u64>(l3) & 0xffffffff;
  return (
    fold(
      sum +
        (load<u64>(l3) >> 32) +
        <u64>load<u32>(l3, 8) +
        (load<u64>(l3, 12) & 0xffffffff) +
        (load<u64>(l3, 12) >> 32),
    ) === 0xffff
  );
}

/** IPv6 without extension headers, as long as it says; TCP behind it. */
function isPlain6(l3: usize, l4: usize, end: usize): bool {
  return l4 - l3 === 40 && load<u8>(l3) >> 4 === 6 && load<u8>(l3, 6) === TCP && be16(l3 + 4) === end - l4;
}

/** Whether the segment is the next one of the packet held at `hb`: nothing in its headers changed but what must. */
function follows(plan: usize, b: usize, hb: usize, word: u32, header: usize, length: usize): bool {
  const off: usize = load<u32>(b, P_OFF);
  const l3: usize = load<u32>(b, P_L3);
  const l4: usize = load<u32>(b, P_L4);
  const heldOff: usize = load<u32>(hb, P_OFF);
  const held3: usize = load<u32>(hb, P_L3);
  const held4: usize = load<u32>(hb, P_L4);
  const mss: usize = load<u32>(hb, G_MSS);
  const segments = load<u32>(hb, P_SEGS);
  const cls = load<u32>(b, P_CLS);
  const differ =
    (bswap<u32>(load<u32>(l4, 4)) - load<u32>(hb, G_SEQ) - segments * <u32>mss) |
    ((word ^ load<u32>(held4, 12)) & ~(ENDS << 8)) |
    (load<u32>(l4, 8) ^ load<u32>(held4, 8)) |
    <u32>(l4 - l3 - (held4 - held3)) |
    <u32>(l3 - off - (held3 - heldOff)) |
    (cls ^ load<u32>(hb, P_CLS)) |
    (load<u32>(b, P_VLAN) ^ load<u32>(hb, P_VLAN)) |
    ((load<u32>(b, P_FLAGS) ^ load<u32>(hb, P_FLAGS)) & ORIGIN) |
    (load<u32>(b, P_TUNNEL) ^ load<u32>(hb, P_TUNNEL));
  if (differ !== 0 || length > mss) return false;
  if (load<u32>(plan, ACROSS_SAS) === 0 && load<u32>(b, P_SA) !== load<u32>(hb, P_SA)) return false;
  if (!same(l4 + 20, held4 + 20, header - 20) || !sameLink(off, heldOff, l3 - off)) return false;
  return cls === CLASS_TCP6 ? follows6(l3, held3) : follows4(plan, l3, held3, hb, segments);
}

function sameLink(off: usize, held: usize, length: usize): bool {
  if (length !== ETHERNET) return same(off, held, length);
  return ((load<u64>(off) ^ load<u64>(held)) | (load<u64>(off, 6) ^ load<u64>(held, 6))) === 0;
}

function same(a: usize, b: usize, length: usize): bool {
  let at: usize = 0;
  for (; at + 8 <= length; at += 8) if (load<u64>(a + at) !== load<u64>(b + at)) return false;
  if ((length & 4) !== 0) {
    if (load<u32>(a + at) !== load<u32>(b + at)) return false;
    at += 4;
  }
  for (; at < length; at++) if (load<u8>(a + at) !== load<u8>(b + at)) return false;
  return true;
}

/** Version, class, flow label, next header, hop limit and addresses. */
function follows6(l3: usize, held: usize): bool {
  const differ = v128.or(
    v128.xor(v128.load(l3, 8), v128.load(held, 8)),
    v128.xor(v128.load(l3, 24), v128.load(held, 24)),
  );
  const first = (load<u32>(l3) ^ load<u32>(held)) | (load<u16>(l3, 6) ^ load<u16>(held, 6));
  return first === 0 && !v128.any_true(differ);
}

/** TOS, fragment word, TTL and addresses; the ID as that of the second segment demands. */
function follows4(plan: usize, l3: usize, held: usize, hb: usize, segments: u32): bool {
  const differ =
    (load<u64>(l3, 12) ^ load<u64>(held, 12)) |
    (load<u16>(l3) ^ load<u16>(held)) |
    (load<u16>(l3, 6) ^ load<u16>(held, 6)) |
    (load<u16>(l3, 8) ^ load<u16>(held, 8));
  if (differ !== 0) return false;
  const step = (be16(l3 + 4) - be16(held + 4)) & 0xffff;
  const isFixed =
    segments === 1
      ? step === 0 && (load<u32>(plan, ID_NEEDS_DF) === 0 || (load<u8>(l3, 6) & 0x40) !== 0)
      : (load<u32>(hb, G_KIND) & K_FIXED) !== 0;
  return step === (isFixed ? 0 : segments & 0xffff);
}

/** Whether the checksum holds, or need not be looked at. */
function verifies(plan: usize, b: usize, l3: usize, l4: usize, end: usize, cls: u32): bool {
  const flags = load<u32>(b, P_FLAGS);
  if ((flags & F_CSUM_GOOD) !== 0 || load<u32>(plan, VERIFY) === 0) return true;
  const length = end - l4;
  if (!isZero(<u64>sum16(l4, length) + pseudo(l3, cls) + swap16(<u32>length))) return false;
  store<u32>(b, flags | F_CSUM_GOOD, P_FLAGS);
  return true;
}

/** Sum of addresses and protocol number as little-endian words, not folded. */
function pseudo(l3: usize, cls: u32): u64 {
  let sum: u64 = swap16(TCP);
  if (cls === CLASS_TCP4) return sum + load<u32>(l3, 12) + load<u32>(l3, 16);
  for (let at = l3 + 8; at < l3 + 40; at += 4) sum += load<u32>(at);
  return sum;
}

/** 32 bits that addresses and ports decide: `tupleMix` of `gro/order.ts`. */
function mixOf(l3: usize, cls: u32, ports: u32): u32 {
  let mix = ports * 0x9e3779b1;
  const end = l3 + (cls === CLASS_TCP6 ? 40 : 20);
  for (let at = cls === CLASS_TCP6 ? l3 + 8 : l3 + 12; at < end; at += 4) {
    mix = (mix ^ bswap<u32>(load<u32>(at))) * 0x85ebca6b;
  }
  return mix;
}

/** The segment becomes the held packet of its flow. */
function hold(b: usize, off: usize, l3: usize, l4: usize, end: usize, cls: u32, ports: u32, length: usize): void {
  const start = load<u32>(b, P_VLAN) === 0 ? l3 : off + ETHERNET;
  store<u32>(b, <u32>(end - off), P_TOTAL);
  store<u32>(b, bswap<u32>(load<u32>(l4, 4)), G_SEQ);
  store<u32>(b, <u32>length, G_MSS);
  store<u32>(b, <u32>(end - start), G_LENGTH);
  store<u32>(b, ports, G_PORTS);
  store<u32>(b, <u32>(((l3 - off) << 12) | (l4 - off)) | (cls === CLASS_TCP6 ? K_IPV6 : 0), G_KIND);
}

/** A second segment is about to be merged: headers are copied out of the frame. False, and nothing has changed, when they are too long. */
function begin(plan: usize, hb: usize, link: usize, header: usize): bool {
  const off: usize = load<u32>(hb, P_OFF);
  const l3 = off + link;
  const l4: usize = load<u32>(hb, P_L4);
  const payload = l4 + header;
  const headers = payload - off;
  if (headers > SLOT - JUMBO) return false;
  const cls = load<u32>(hb, P_CLS);
  const copy: usize = load<u32>(plan, ROOM) + JUMBO;
  store<u32>(plan, <u32>((copy + headers + 7) & ~7), ROOM);
  for (let at: usize = 0; at < headers; at += 8) store<u64>(copy + at, load<u64>(off + at));
  const mss = load<u32>(hb, G_MSS);
  let shared = pseudo(l3, cls) + <u64>load<u32>(l4) + <u64>load<u32>(l4, 8);
  for (let at = l4 + 20; at < payload; at += 4) shared += load<u32>(at);
  const folded = swap16(fold(shared));
  store<u32>(hb, folded, G_SHARED);
  store<u32>(hb, other(l4, load<u32>(l4, 12), <u32>header + mss, folded), G_SUM);
  const first = piece(plan, copy, <u32>headers);
  const second = piece(plan, payload, mss);
  store<u32>(<usize>load<u32>(plan, PIECE_NEXTS) + (first << 2), second);
  store<u32>(hb, first, P_FIRST);
  store<u32>(hb, second, P_LASTP);
  store<u32>(hb, <u32>(l3 - off + copy), P_L3);
  store<u32>(hb, <u32>(l4 - off + copy), P_L4);
  store<u32>(hb, <u32>copy, P_OFF);
  store<u32>(hb, <u32>headers, P_LEN);
  store<u32>(hb, <u32>(copy + headers), P_END);
  return true;
}

/** Merges a segment onto the run at `hb`. */
function extend(plan: usize, b: usize, hb: usize, l4: usize, word: u32, header: usize, length: usize): void {
  const segments = load<u32>(hb, P_SEGS);
  const shared = load<u32>(hb, G_SHARED);
  let own = other(l4, word, <u32>(header + length), shared);
  if ((segments & load<u32>(hb, G_MSS) & 1) !== 0) own = swap16(fold(own));
  own += load<u32>(hb, G_SUM);
  store<u32>(hb, (own & 0xffff) + (own >> 16), G_SUM);
  const at = piece(plan, l4 + header, <u32>length);
  store<u32>(<usize>load<u32>(plan, PIECE_NEXTS) + (load<u32>(hb, P_LASTP) << 2), at);
  store<u32>(hb, at, P_LASTP);
  if (segments === 1) {
    const l3: usize = load<u32>(b, P_L3);
    const isFixed = load<u32>(b, P_CLS) === CLASS_TCP4 && load<u16>(l3, 4) === load<u16>(load<u32>(hb, P_L3), 4);
    if (isFixed) store<u32>(hb, load<u32>(hb, G_KIND) | K_FIXED, G_KIND);
  }
  store<u32>(hb, segments + 1, P_SEGS);
  store<u32>(hb, load<u32>(b, P_NUMBER), P_LAST);
  if ((word & (ENDS << 8)) !== 0) {
    const held: usize = load<u32>(hb, P_L4);
    store<u32>(held, load<u32>(held, 12) | (word & (ENDS << 8)), 12);
  }
}

/** Sum of all that is not payload in a segment, as big-endian words: `otherSum` of `gro/checksum.ts`. */
function other(l4: usize, word: u32, length: u32, shared: u32): u32 {
  return shared + length + swap16(fold(<u64>load<u32>(l4, 4) + word + load<u32>(l4, 16)));
}

function piece(plan: usize, offset: usize, length: u32): u32 {
  const count: usize = load<u32>(plan, PIECES);
  const p = load<u32>(count);
  store<u32>(count, p + 1);
  store<u32>(<usize>load<u32>(plan, PIECE_OFFSETS) + (p << 2), <u32>offset);
  store<u32>(<usize>load<u32>(plan, PIECE_LENGTHS) + (p << 2), length);
  store<i32>(<usize>load<u32>(plan, PIECE_NEXTS) + (p << 2), -1);
  return p;
}
