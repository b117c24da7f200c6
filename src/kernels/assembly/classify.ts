/**
 * Dissection, hash, table, rules, SA and claim of frames, for the shapes that nearly all traffic has: Ethernet with at most one tag,
 * IPv4 without options or IPv6 without extension headers, whole, no fragment; TCP, UDP, ESP, or ESP in UDP.
 */

import {
  DROPS,
  FLOW_MASK,
  FLOW_SLOTS,
  FLOWS,
  HAS_SLOT,
  LANE_MASK,
  LIMIT,
  NATT_PORT,
  OWNERS,
  R_CLASS,
  R_HASH,
  R_LENGTH,
  R_QUEUE,
  R_TAIL,
  R_TOUCHED,
  RECORD,
  RECORDS,
  RULES,
  SA_TABLE,
  SLOT_MODE,
  SLOT_SHIFT,
  TABLE,
  TABLE_SIZE,
  TOEPLITZ,
  UNIT_TAILS,
  UNITS,
  WAYS,
} from './plan.ts';
import { NO_RULE, RULE_DROPS, ruleOf } from './rules.ts';

const SLOTS_FLOWS: u32 = 2;
const GOLDEN_RATIO: u32 = 0x61c88647;

// How a class is hashed: `hash/flow-hasher.ts`.
const WAY_V4 = 1;
const WAY_V4_L4 = 2;
const WAY_V6 = 3;
const WAY_V6_L4 = 4;

const CLASS_TCP4: u32 = 2;
const CLASS_UDP4: u32 = 4;
const CLASS_ESP4: u32 = 8;
const CLASS_NATT4: u32 = 12;

const HASH_VALID: u32 = 1 << 8;
const ETHERNET: u32 = 1 << 8;

function at(table: usize, position: usize, from: usize): u32 {
  return load<u32>(table + (position << 10) + ((<usize>load<u8>(from, 0)) << 2));
}

function hash4(table: usize, from: usize): u32 {
  return at(table, 0, from) ^ at(table, 1, from + 1) ^ at(table, 2, from + 2) ^ at(table, 3, from + 3);
}

function hash8(table: usize, from: usize): u32 {
  return hash4(table, from) ^ hash4(table + (4 << 10), from + 4);
}

function hash32(table: usize, from: usize): u32 {
  return (
    hash8(table, from) ^
    hash8(table + (8 << 10), from + 8) ^
    hash8(table + (16 << 10), from + 16) ^
    hash8(table + (24 << 10), from + 24)
  );
}

function big(from: usize): u32 {
  return bswap<u32>(load<u32>(from));
}

function finish(hash: u32): u32 {
  let x = (hash ^ (hash >> 16)) * 0x85ebca6b;
  x = (x ^ (x >> 13)) * 0xc2b2ae35;
  return x ^ (x >> 16);
}

/** SA index + 1 of the packet to the address at `to`, 0 for none. An empty entry, index 0, ends the search. */
function lookUp(sas: usize, to: usize, six: bool, spi: u32): u32 {
  const mask = load<u32>(sas);
  const entries = sas + 32;
  const a = big(to);
  let index: u32;
  if (!six) {
    let slot = finish((a * 0x9e3779b1) ^ (spi * 0x165667b1)) & mask;
    do {
      const entry = entries + ((<usize>slot) << 5);
      index = load<u32>(entry);
      if (load<u32>(entry, 4) === spi && load<u32>(entry, 12) === a && load<u32>(entry, 8) === 4) return index;
      slot = (slot + 1) & mask;
    } while (index !== 0);
    return 0;
  }
  const b = big(to + 4);
  const c = big(to + 8);
  const d = big(to + 12);
  const mixed = (a * 0x9e3779b1) ^ (b * 0x85ebca77) ^ (c * 0xc2b2ae3d) ^ (d * 0x27d4eb2f) ^ (spi * 0x165667b1);
  let slot = finish(mixed) & mask;
  do {
    const entry = entries + ((<usize>slot) << 5);
    index = load<u32>(entry);
    if (
      load<u32>(entry, 4) === spi &&
      load<u32>(entry, 12) === a &&
      load<u32>(entry, 16) === b &&
      load<u32>(entry, 20) === c &&
      load<u32>(entry, 24) === d &&
      load<u32>(entry, 8) === 6
    ) {
      return index;
    }
    slot = (slot + 1) & mask;
  } while (index !== 0);
  return 0;
}

/**
 * Makes records of frames `from` to `to`, at most RECORDS_MOST.
 *
 * @returns the first frame that has none, because its shape is another one, or its SA has no owner; `to` when all have
 */
export function classify(
  plan: usize,
  offsets: usize,
  lengths: usize,
  wires: usize,
  seconds: usize,
  nanos: usize,
  from: u32,
  to: u32,
  number: u32,
): u32 {
  const toeplitz: usize = load<u32>(plan, TOEPLITZ);
  const table: usize = load<u32>(plan, TABLE);
  const size = load<u32>(plan, TABLE_SIZE);
  const powerOfTwo = (size & (size - 1)) === 0;
  const ways: usize = load<u32>(plan, WAYS);
  const nattPort = load<u32>(plan, NATT_PORT);
  const sas: usize = load<u32>(plan, SA_TABLE);
  const units: usize = load<u32>(plan, UNITS);
  const owners: usize = load<u32>(plan, OWNERS);
  const limit = load<u32>(plan, LIMIT);
  const slotMode = load<u32>(plan, SLOT_MODE);
  const rules: usize = load<u32>(plan, RULES);
  let record: usize = load<u32>(plan, RECORDS);

  for (let i = from; i < to; i++) {
    const offset = load<u32>(offsets + ((<usize>i) << 2));
    const length = load<u32>(lengths + ((<usize>i) << 2));
    if (length < 34 || offset > limit || length > limit - offset) return i;
    const off: usize = offset;
    const end = off + length;
    let l3 = off + 14;
    let type: u32 = load<u16>(off, 12);
    let vlan: u32 = 0;
    // EtherTypes as they lie in memory, bytes swapped.
    if (type === 0x0081 || type === 0xa888) {
      if (length < 38) return i;
      vlan = 0x10000 | bswap<u16>(load<u16>(off, 14));
      type = load<u16>(off, 16);
      l3 += 4;
    }
    let l4: usize;
    let stop: usize;
    let protocol: u32;
    let six: u32;
    if (type === 0x0008) {
      if (load<u8>(l3) !== 0x45 || (load<u16>(l3, 6) & 0xff3f) !== 0) return i;
      const total: usize = bswap<u16>(load<u16>(l3, 2));
      if (total < 20 || l3 + total > end) return i;
      l4 = l3 + 20;
      stop = l3 + total;
      protocol = load<u8>(l3, 9);
      six = 0;
    } else if (type === 0xdd86) {
      l4 = l3 + 40;
      if (l4 > end || load<u8>(l3) >> 4 !== 6) return i;
      stop = l4 + <usize>bswap<u16>(load<u16>(l3, 4));
      if (stop > end) return i;
      protocol = load<u8>(l3, 6);
      six = 1;
    } else return i;

    let cls: u32;
    // Where the ports, or the SPI, are.
    let ports = l4;
    if (protocol === 6) {
      if (stop - l4 < 20) return i;
      const header: usize = (load<u8>(l4, 12) >> 4) << 2;
      if (header < 20 || header > stop - l4) return i;
      cls = CLASS_TCP4;
    } else if (protocol === 17) {
      if (stop - l4 < 8) return i;
      const datagram: usize = bswap<u16>(load<u16>(l4, 4));
      if (datagram < 8 || datagram > stop - l4) return i;
      cls = CLASS_UDP4;
      if (load<u16>(l4) === nattPort || load<u16>(l4, 2) === nattPort) {
        // Keepalives, IKE and what is too short go the general way.
        if (datagram < 16 || load<u32>(l4, 8) === 0) return i;
        cls = CLASS_NATT4;
        ports = l4 + 8;
      }
    } else if (protocol === 50) {
      if (stop - l4 < 8) return i;
      cls = CLASS_ESP4;
    } else return i;
    cls |= six;

    const way = load<u8>(ways + cls);
    let hash: u32;
    if (way === WAY_V4_L4) hash = hash8(toeplitz, l3 + 12) ^ hash4(toeplitz + (8 << 10), ports);
    else if (way === WAY_V6_L4) hash = hash32(toeplitz, l3 + 8) ^ hash4(toeplitz + (32 << 10), ports);
    else if (way === WAY_V4) hash = hash8(toeplitz, l3 + 12);
    else if (way === WAY_V6) hash = hash32(toeplitz, l3 + 8);
    else return i;
    const bucket = powerOfTwo ? hash & (size - 1) : hash % size;
    let queue = load<u32>(table + ((<usize>bucket) << 2));

    let facts: u32 = 0;
    let ruled = false;
    if (rules !== 0) {
      const list: usize = load<u32>(rules + ((<usize>cls) << 2));
      const said = list === 0 ? NO_RULE : ruleOf(rules, list, l3, ports, six, vlan);
      if (said >= 0) {
        queue = said;
        ruled = true;
      } else if (said === RULE_DROPS) facts |= DROPS;
      else if (said !== NO_RULE) return i;
    }

    let sa: u32 = 0;
    // Where it is to be written down how far the lane's ring reaches: the tail of an SA's group, or of a slot.
    let tail: usize = 0;
    if ((facts & DROPS) !== 0) {
      // It goes nowhere.
    } else if (sas !== 0 && (cls & ~1) >= CLASS_ESP4) {
      sa = lookUp(sas, l3 + (six ? 24 : 16), six !== 0, big(ports));
      if (sa === 0) return i;
      const unit: usize = (<usize>load<u32>(units + ((<usize>(sa - 1)) << 2))) << 2;
      const owner = load<u16>(owners + unit);
      // The first packet of an order group makes its owner: the dispatcher does.
      if (owner === 0) return i;
      queue = owner - 1;
      tail = load<u32>(plan, UNIT_TAILS) + unit;
    } else if (slotMode !== 0 && !ruled) {
      tail = bucket;
      facts |= HAS_SLOT;
    }

    store<u32>(record, offset);
    store<u32>(record, length, R_LENGTH);
    store<u32>(record, load<u32>(wires + ((<usize>i) << 2)), 8);
    store<u32>(record, hash, R_HASH);
    store<u32>(record, cls | HASH_VALID, R_CLASS);
    store<u32>(record, <u32>(l3 - off) | ((<u32>(l4 - off)) << 16), 20);
    store<u32>(record, <u32>(stop - off), 24);
    store<u32>(record, protocol | ETHERNET, 28);
    store<u32>(record, load<u32>(seconds + ((<usize>i) << 2)), 32);
    store<u32>(record, load<u32>(nanos + ((<usize>i) << 2)), 36);
    store<u32>(record, number + (i - from), 40);
    store<u32>(record, sa, 44);
    store<u32>(record, vlan, 48);
    store<u32>(record, queue | facts, R_QUEUE);
    store<u32>(record, <u32>tail, R_TAIL);
    record += RECORD;
  }
  return to;
}

/** Looks up which lane has claimed the flows of `count` records, and where their slots are. In a loop of its own, so that many reads are on their way at a time. */
export function follow(plan: usize, count: u32): void {
  const flowing = load<u32>(plan, SLOT_MODE) === SLOTS_FLOWS;
  const slots: usize = load<u32>(plan, FLOW_SLOTS);
  const slotShift = load<u32>(plan, SLOT_SHIFT);
  const flows: usize = load<u32>(plan, FLOWS);
  const flowMask = load<u32>(plan, FLOW_MASK);
  const laneMask = load<u32>(plan, LANE_MASK);
  let record: usize = load<u32>(plan, RECORDS);
  for (let i: u32 = 0; i < count; i++, record += RECORD) {
    const queue = load<u32>(record, R_QUEUE);
    if ((queue & HAS_SLOT) === 0) continue;
    const hash = load<u32>(record, R_HASH);
    let index = load<u32>(record, R_TAIL);
    if (flowing) {
      const entry = load<u32>(flows + ((<usize>(hash & flowMask)) << 2));
      const claimed = ((entry ^ hash) & ~laneMask) === 0 && (entry & laneMask) !== 0;
      store<u32>(record, select<u32>(((entry & laneMask) - 1) | HAS_SLOT, queue, claimed), R_QUEUE);
      index = (hash * GOLDEN_RATIO) >> slotShift;
    }
    const slot = slots + ((<usize>index) << 3);
    // Brings it into the cache.
    store<u32>(record, load<u32>(slot), R_TOUCHED);
    store<u32>(record, <u32>(slot + 4), R_TAIL);
  }
}
