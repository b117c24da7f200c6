/**
 * A packet in ESP whose plaintext is there already, as nearly all are: tunnel mode, an SA without limits and selectors, inside TCP or
 * UDP over IPv4 without options or IPv6 without extension headers. `esp/open.ts` and `lane/esp-stage.ts` are the reference. Everything
 * is looked at before anything is changed, so that any other packet is left to them as it came.
 */

import { be16, be32 } from './bytes.ts';
import {
  AHEAD_COUNT,
  AHEAD_ESPS,
  AHEAD_HIGHS,
  AHEAD_LENGTHS,
  AHEAD_NEXT,
  AHEAD_RESULTS,
  AHEAD_SAS,
  AHEAD_TEXTS,
  COUNTERS,
  D_CLASS,
  D_END,
  D_HEADERS,
  D_NSEC,
  D_PROTO,
  D_SA,
  D_SEC,
  F_FLAGS_AT,
  F_GATE,
  F_LENGTHS,
  F_RING_MASK,
  F_SELECTORS,
  F_WINDOW,
  FACTS,
  FLAG_ESN,
  FLAG_PLAIN,
  FLAG_TRUST_ICV,
  L_PEER,
  LIFE,
  LIMIT,
  LIVES,
  MODE_TUNNEL,
  NANOS,
  NATT_PORT,
  SA_BYTES,
  SA_OPENED,
  SCRATCH,
  SECONDS,
  STAYS,
  TOEPLITZ,
  UNITS,
  WAYS,
  WINDOWS,
} from './lane-plan.ts';
import { CLASS_ESP4, CLASS_NATT4, CLASS_TCP4, CLASS_UDP4, WAY_V4, WAY_V4_L4, WAY_V6_L4 } from './plan.ts';
import {
  F_CSUM_GOOD,
  F_FROM_ESP,
  F_HASH_VALID,
  P_CLS,
  P_END,
  P_FLAGS,
  P_HASH,
  P_L3,
  P_L4,
  P_LEN,
  P_PROTO,
  P_UNIT,
} from './row.ts';
import { hash4 } from './toeplitz.ts';

const ETHERNET: u32 = 1;
/** Of the link header, at most: room in front of what is opened ahead (`lane/lane-esp.ts`). */
const LINK_MOST: usize = 64;
const OPENED: i8 = 1;
const TRAILER: i32 = 2;
const IPV4: u32 = 4;
const IPV6: u32 = 41;
const TCP: u32 = 6;
const UDP: u32 = 17;
const CE: u32 = 3;
const PEER_V4: u32 = 4 << 16;
const PEER_V6: u32 = 6 << 16;
// EtherTypes as they lie in memory.
const TYPE_IPV4: u16 = 0x0008;
const TYPE_IPV6: u16 = 0xdd86;

/**
 * Opens the packet of descriptor `d`, and makes `row` describe what was inside. The row's other words are set.
 *
 * @param reserved bytes of scratch that packets before this one, and this one, may take later
 * @returns false: it is another kind of packet, and nothing has been changed
 */
export function unwrap(plan: usize, d: usize, row: usize, reserved: usize): bool {
  const cls = load<u8>(d, D_CLASS);
  const isUdp = (cls & ~1) === CLASS_NATT4;
  if (!isUdp && (cls & ~1) !== CLASS_ESP4) return false;
  const off: usize = load<u32>(d);
  const headers = load<u32>(d, D_HEADERS);
  const l3 = off + <usize>(headers & 0xffff);
  const l4 = off + <usize>(headers >> 16);
  const link = l3 - off;
  if (load<u32>(d, D_PROTO) >> 8 !== ETHERNET || link < 14 || link > LINK_MOST) return false;
  let end = off + <usize>load<u32>(d, D_END);
  let esp = l4;
  if (isUdp) {
    const datagram: usize = be16(l4 + 4);
    if (datagram >= 8 && datagram <= end - l4) end = l4 + datagram;
    esp = l4 + 8;
  }

  // The facts of its SA.
  const sa: usize = load<u32>(d, D_SA) - 1;
  const facts = <usize>load<u32>(plan, FACTS) + (sa << 5);
  const flags = load<u32>(facts, F_FLAGS_AT);
  const gate = load<u32>(facts, F_GATE);
  if (flags >> 8 !== MODE_TUNNEL || load<u32>(facts, F_SELECTORS) !== 0 || gate === 0) return false;
  const lengths = load<u32>(facts, F_LENGTHS);
  const headBytes: usize = 8 + (lengths & 0xff);

  let text = esp + headBytes;
  const length = <i32>(end - text) - <i32>((lengths >> 8) & 0xff);
  if (length < 30 || (length & (lengths >> 16)) !== 0) return false;
  let high: u32 = 0;
  let entry: u32 = 0;
  const isPlain = (flags & FLAG_PLAIN) !== 0;
  if (isPlain) {
    if ((flags & FLAG_ESN) !== 0) return false;
  } else {
    // What was opened ahead.
    const count = load<u32>(plan, AHEAD_COUNT);
    const esps: usize = load<u32>(plan, AHEAD_ESPS);
    entry = load<u32>(plan, AHEAD_NEXT);
    while (entry < count && load<u32>(esps + ((<usize>entry) << 2)) !== <u32>esp) entry++;
    if (entry === count) return false;
    const word: usize = (<usize>entry) << 2;
    if (load<i8>(<usize>load<u32>(plan, AHEAD_RESULTS) + <usize>entry) !== OPENED) return false;
    if (load<u32>(<usize>load<u32>(plan, AHEAD_SAS) + word) !== <u32>sa) return false;
    if (load<u32>(<usize>load<u32>(plan, AHEAD_LENGTHS) + word) !== length) return false;
    high = load<u32>(<usize>load<u32>(plan, AHEAD_HIGHS) + word);
    text = load<u32>(<usize>load<u32>(plan, AHEAD_TEXTS) + word);
    entry++;
  }

  // Trailer and headers inside.
  const padding: u32 = load<u8>(text + <usize>length - 2);
  const next: u32 = load<u8>(text + <usize>length - 1);
  const payload = length - TRAILER - <i32>padding;
  if (payload < 28 || !isPadding(text + <usize>payload, padding)) return false;
  const outerTos = load<u16>(l3);
  if ((cls & 1) === 0 ? ((outerTos >> 8) & CE) === CE : ((outerTos >> 12) & CE) === CE) return false;
  let six: u32;
  let depth: u32;
  let room: i32;
  let protocol: u32;
  if (next === IPV4) {
    if (load<u8>(text) !== 0x45 || (load<u16>(text, 6) & 0xff3f) !== 0) return false;
    depth = 20;
    room = <i32>be16(text + 2) - 20;
    protocol = load<u8>(text, 9);
    six = 0;
  } else {
    if (next !== IPV6 || payload < 48 || load<u8>(text) >> 4 !== 6) return false;
    depth = 40;
    room = be16(text + 4);
    protocol = load<u8>(text, 6);
    six = 1;
  }
  if (room < 8 || <i32>depth + room > payload) return false;
  let inner: u32;
  if (protocol === TCP) {
    if (room < 20) return false;
    const header = (<u32>load<u8>(text + <usize>depth, 12) >> 4) << 2;
    if (header - 20 > <u32>room - 20) return false;
    inner = CLASS_TCP4 | six;
  } else {
    if (protocol !== UDP) return false;
    const datagram = be16(text + <usize>depth + 4);
    if (datagram - 8 > <u32>room - 8) return false;
    const ports = load<u32>(text + <usize>depth);
    const natt = load<u32>(plan, NATT_PORT);
    if ((ports & 0xffff) === natt || ports >> 16 === natt) return false;
    inner = CLASS_UDP4 | six;
  }
  const way: u32 = load<u8>(<usize>load<u32>(plan, WAYS) + <usize>inner);
  if (way - WAY_V4 > WAY_V6_L4 - WAY_V4) return false;
  if (!isPeer(<usize>load<u32>(plan, LIVES) + sa * LIFE + L_PEER, l3, cls & 1, isUdp ? be16(l4) : 0)) return false;

  // The link header has to stand in front of what was inside. What a MAC vouches for is copied before anything is written there: two
  // descriptors might name the same bytes. So is what may be handed over, as frames live no longer than their poll.
  let frame = text - link;
  const stays = isPlain && load<u32>(plan, STAYS) !== 0 && off + link <= text - link;
  const isInFrame = text === esp + headBytes && !stays;
  let scratch: usize = load<u32>(plan, SCRATCH);
  if (isInFrame) {
    frame = scratch + ((0 - link) & 7);
    scratch = (frame + link + <usize>payload + 7) & ~7;
    if (scratch + reserved > <usize>load<u32>(plan, LIMIT)) return false;
  }
  const low = be32(esp + 4);
  const esn = (flags & FLAG_ESN) !== 0;
  if ((esn ? high : low) >= gate || !mark(plan, facts, esn, low, high)) return false;

  // Nothing can go wrong any more.
  if (!isPlain) store<u32>(plan, entry, AHEAD_NEXT);
  const counters = <usize>load<u32>(plan, COUNTERS) + (sa << 6);
  store<f64>(counters, load<f64>(counters) + 1);
  store<f64>(counters, load<f64>(counters, SA_OPENED) + 1, SA_OPENED);
  store<f64>(counters, load<f64>(counters, SA_BYTES) + <f64>payload, SA_BYTES);
  latest(plan, load<u32>(d, D_SEC), load<u32>(d, D_NSEC));
  if (isInFrame) {
    store<u32>(plan, <u32>scratch, SCRATCH);
    memory.copy(frame + link, text, <usize>payload);
    text = frame + link;
  }
  for (let at: usize = 0; at + 8 < link; at += 8) store<u64>(frame + at, load<u64>(off + at));
  store<u64>(text - 8, load<u64>(l3 - 8));
  store<u16>(text - 2, six !== 0 ? TYPE_IPV6 : TYPE_IPV4);
  store<u32>(row, <u32>frame);
  store<u32>(row, <u32>link + depth + room, P_LEN);
  store<u32>(row, <u32>text, P_L3);
  store<u32>(row, <u32>text + depth, P_L4);
  store<u32>(row, <u32>text + depth + room, P_END);
  store<u32>(row, inner, P_CLS);
  store<u32>(row, protocol, P_PROTO);
  store<u32>(row, hash(<usize>load<u32>(plan, TOEPLITZ), text, way), P_HASH);
  const trusted: u32 = (flags & FLAG_TRUST_ICV) !== 0 ? F_CSUM_GOOD : 0;
  store<u32>(row, (ETHERNET << 8) | F_FROM_ESP | F_HASH_VALID | trusted, P_FLAGS);
  store<u32>(row, load<u32>(<usize>load<u32>(plan, UNITS) + (sa << 2)) + 1, P_UNIT);
  return true;
}

/** RFC 4303 section 2.4: 1, 2, 3, ... */
function isPadding(at: usize, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) if (load<u8>(at + <usize>i) !== <u8>(i + 1)) return false;
  return true;
}

/** Whether the outer source is the one that was seen last. */
function isPeer(peer: usize, l3: usize, six: u32, port: u32): bool {
  if (six === 0) return load<u32>(peer) === PEER_V4 + port && load<u32>(peer, 4) === be32(l3 + 12);
  return (
    load<u32>(peer) === PEER_V6 + port &&
    load<u32>(peer, 4) === be32(l3 + 8) &&
    load<u32>(peer, 8) === be32(l3 + 12) &&
    load<u32>(peer, 12) === be32(l3 + 16) &&
    load<u32>(peer, 16) === be32(l3 + 20)
  );
}

/** Replay check and mark of numbers whose high half is the window's; false, and nothing changed: a replay, or another half. */
function mark(plan: usize, facts: usize, esn: bool, low: u32, high: u32): bool {
  const window = <usize>load<u32>(plan, WINDOWS) + ((<usize>load<u32>(facts)) << 2);
  const top = load<u32>(window);
  if (high !== load<u32>(window, 4)) return false;
  const mask = load<u32>(facts, F_RING_MASK);
  const ring = window + 8;
  const word = ring + ((<usize>((low >> 5) & mask)) << 2);
  const bit: u32 = (<u32>1) << (low & 31);
  if (low > top) {
    const from = top >> 5;
    const steps = (low >> 5) - from;
    const clear = steps <= mask ? steps : mask + 1;
    for (let i: u32 = 1; i <= clear; i++) store<u32>(ring + ((<usize>((from + i) & mask)) << 2), 0);
    store<u32>(word, load<u32>(word) | bit);
    store<u32>(window, low);
    return true;
  }
  // With ESN a lower number may be of another half: that is for the reference to tell.
  if (esn || top - low >= load<u32>(facts, F_WINDOW) || (load<u32>(word) & bit) !== 0) return false;
  store<u32>(word, load<u32>(word) | bit);
  return true;
}

function latest(plan: usize, seconds: u32, nanos: u32): void {
  const before = load<u32>(plan, SECONDS);
  if (seconds < before || (seconds === before && nanos <= load<u32>(plan, NANOS))) return;
  store<u32>(plan, seconds, SECONDS);
  store<u32>(plan, nanos, NANOS);
}

/** Addresses, and ports behind them where the way says so. */
function hash(table: usize, l3: usize, way: u32): u32 {
  const words: usize = way <= WAY_V4_L4 ? <usize>way + 1 : <usize>way + 5;
  const from = l3 + (way <= WAY_V4_L4 ? 12 : 8);
  let h: u32 = 0;
  for (let word: usize = 0; word < words; word++) h ^= hash4(table + (word << 12), from + (word << 2));
  return h;
}
