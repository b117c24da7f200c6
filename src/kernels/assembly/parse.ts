/**
 * Dissection of frames, for the shapes that nearly all traffic has: Ethernet with at most one tag, IPv4 without options or IPv6
 * without extension headers, whole, no fragment; TCP, UDP, ESP, or ESP in UDP. `wire/dissect.ts` is the reference.
 */
import {
  APART,
  CLASS_ESP4,
  CLASS_NATT4,
  CLASS_TCP4,
  CLASS_UDP4,
  LIMIT,
  LIST,
  LIST_ENDS,
  LISTS,
  NATT_PORT,
  R_CLASS,
  R_LENGTH,
  R_NUMBERS,
  R_PLACES,
  R_PROTOCOL,
  R_STOP,
  R_VLAN,
  RECORD,
  RECORDS,
  WAY_V4,
  WAY_V6_L4,
  WAYS,
} from './plan.ts';
import { putTurned } from './toeplitz.ts';

const HASH_VALID: u32 = 1 << 8;
const ETHERNET: u32 = 1 << 8;

// EtherTypes as they lie in memory, bytes swapped.
const VLAN: u32 = 0x0081;
const SERVICE_VLAN: u32 = 0xa888;
const IPV4: u32 = 0x0008;
const IPV6: u32 = 0xdd86;

const TCP: u32 = 6;
const UDP: u32 = 17;
const ESP: u32 = 50;

/**
 * Makes records of `count` frames without hash, queue and tail, and lists them by the way in which they are hashed.
 *
 * @returns how many have one: fewer when the shape of the next frame is another one
 */
export function parse(
  plan: usize,
  offsets: usize,
  lengths: usize,
  wires: usize,
  seconds: usize,
  nanos: usize,
  count: u32,
  number: u32,
): u32 {
  const records: usize = load<u32>(plan, RECORDS);
  const lists = records + LIST_ENDS;
  for (let list: usize = 0; list <= APART; list++)
    store<u32>(lists + (list << 2), <u32>(records + LISTS + list * LIST));
  fill(records, offsets, lengths, wires, seconds, nanos, count, number);
  const within = countWithin(load<u32>(plan, LIMIT), offsets, lengths, count);
  return dissect(records, within, load<u32>(plan, WAYS), load<u32>(plan, NATT_PORT));
}

/** The words of records that are those of the batch, four records at a time; of the last four, some may be nobody's. */
function fill(
  records: usize,
  offsets: usize,
  lengths: usize,
  wires: usize,
  seconds: usize,
  nanos: usize,
  count: u32,
  number: u32,
): void {
  const none = i32x4.splat(0);
  let numbers = i32x4.add(i32x4.splat(number), i32x4(0, 1, 2, 3));
  const end = (<usize>count) << 2;
  for (let at: usize = 0, record = records; at < end; at += 16, record += 4 * RECORD) {
    putTurned(record, RECORD, v128.load(offsets + at), v128.load(lengths + at), v128.load(wires + at), none);
    putTurned(record + R_NUMBERS, RECORD, v128.load(seconds + at), v128.load(nanos + at), numbers, none);
    numbers = i32x4.add(numbers, i32x4.splat(4));
  }
}

/** How many frames there are before the first that is too short for any shape, or does not lie where frames may lie. */
function countWithin(limit: u32, offsets: usize, lengths: usize, count: u32): u32 {
  let good = i32x4.splat(-1);
  const end = (<usize>count) << 2;
  for (let at: usize = 0; at < end; at += 16) {
    const offset = v128.load(offsets + at);
    const length = v128.load(lengths + at);
    good = v128.and(good, i32x4.ge_u(length, i32x4.splat(34)));
    good = v128.and(good, i32x4.le_u(offset, i32x4.splat(limit)));
    good = v128.and(good, i32x4.le_u(length, i32x4.sub(i32x4.splat(limit), offset)));
  }
  // Those behind the end may be the bad ones.
  if (i32x4.all_true(good)) return count;
  for (let i: u32 = 0; i < count; i++) {
    const offset = load<u32>(offsets + ((<usize>i) << 2));
    const length = load<u32>(lengths + ((<usize>i) << 2));
    if (length < 34 || offset > limit || length > limit - offset) return i;
  }
  return count;
}

function dissect(records: usize, count: u32, ways: usize, nattPort: u32): u32 {
  const lists = records + LIST_ENDS;
  const end = records + ((<usize>count) << 6);
  const tcpWay: u32 = load<u8>(ways, CLASS_TCP4);
  let record = records;
  for (; record < end; record += RECORD) {
    const off: usize = load<u32>(record);
    const length = load<u32>(record, R_LENGTH);
    // TCP over IPv4 without tag or options, at constant places: half the work.
    if ((load<u32>(off, 12) & 0xffffff) === 0x450008 && load<u8>(off, 23) === TCP) {
      if ((load<u16>(off, 20) & 0xff3f) !== 0) break;
      const total: u32 = ((<u32>load<u8>(off, 16)) << 8) | <u32>load<u8>(off, 17);
      if (total < 40) break;
      if (total + 14 > length) break;
      if (tcpHeader(off + 34) - 20 > total - 40) break;
      if (tcpWay - WAY_V4 > WAY_V6_L4 - WAY_V4) break;
      append(lists, tcpWay, off + 26, record);
      store<u32>(record, CLASS_TCP4 | HASH_VALID, R_CLASS);
      store<u32>(record, 14 | (34 << 16), R_PLACES);
      store<u32>(record, total + 14, R_STOP);
      store<u32>(record, TCP | ETHERNET, R_PROTOCOL);
      store<u32>(record, 0, R_VLAN);
      continue;
    }
    let l3 = off + 14;
    let type: u32 = load<u16>(off, 12);
    let vlan: u32 = 0;
    if (type === VLAN || type === SERVICE_VLAN) {
      vlan = 0x10000 | bswap<u16>(load<u16>(off, 14));
      type = load<u16>(off, 16);
      l3 += 4;
    }
    let l4: usize;
    // Bytes behind the IP header, of an IPv4 header that has too few of its own less than none.
    let room: i32;
    let protocol: u32;
    let six: u32;
    if (type === IPV4) {
      if (load<u8>(l3) !== 0x45) break;
      if ((load<u16>(l3, 6) & 0xff3f) !== 0) break;
      l4 = l3 + 20;
      room = <i32>bswap<u16>(load<u16>(l3, 2)) - 20;
      protocol = load<u8>(l3, 9);
      six = 0;
    } else {
      if (type !== IPV6) break;
      if (load<u8>(l3) >> 4 !== 6) break;
      l4 = l3 + 40;
      room = bswap<u16>(load<u16>(l3, 4));
      protocol = load<u8>(l3, 6);
      six = 1;
    }
    // Whatever was read lies in the frame if all that the header speaks of does.
    if (room < 8) break;
    const depth = <u32>(l4 - off);
    if (depth + room > length) break;

    let cls: u32;
    let apart = false;
    if (protocol === TCP) {
      if (room < 20) break;
      if (tcpHeader(l4) - 20 > <u32>room - 20) break;
      cls = CLASS_TCP4;
    } else if (protocol === UDP) {
      const datagram: u32 = bswap<u16>(load<u16>(l4, 4));
      if (datagram - 8 > <u32>room - 8) break;
      cls = CLASS_UDP4;
      const ports = load<u32>(l4);
      if ((ports & 0xffff) === nattPort || ports >> 16 === nattPort) {
        // Keepalives, IKE and what is too short go the general way.
        if (datagram < 16) break;
        if (load<u32>(l4, 8) === 0) break;
        cls = CLASS_NATT4;
        apart = true;
      }
    } else {
      if (protocol !== ESP) break;
      cls = CLASS_ESP4;
    }
    cls |= six;
    let way: u32 = load<u8>(ways + cls);
    if (way - WAY_V4 > WAY_V6_L4 - WAY_V4) break;
    const addresses = l3 + (six !== 0 ? 8 : 12);
    if (apart && (way & 1) === 0) {
      // Its addresses, like those of other packets, and then its SPI.
      append(lists, APART, addresses, record);
      way--;
    }
    append(lists, way, addresses, record);
    store<u32>(record, cls | HASH_VALID, R_CLASS);
    store<u32>(record, <u32>(l3 - off) | (depth << 16), R_PLACES);
    store<u32>(record, depth + room, R_STOP);
    store<u32>(record, protocol | ETHERNET, R_PROTOCOL);
    store<u32>(record, vlan, R_VLAN);
  }
  return <u32>((record - records) >> 6);
}

function tcpHeader(l4: usize): u32 {
  return (<u32>load<u8>(l4, 12) >> 4) << 2;
}

function append(lists: usize, list: u32, from: usize, record: usize): void {
  const place = lists + ((<usize>list) << 2);
  const end: usize = load<u32>(place);
  store<u32>(end, <u32>from);
  store<u32>(end, <u32>record, 4);
  store<u32>(place, <u32>end + 8);
}
