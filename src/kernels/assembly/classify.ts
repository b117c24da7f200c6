/** Class, hash, table, rules, SA and claim of the frames that `parse.ts` knows: a group of them at a time, step by step. */

import { be32 } from './bytes.ts';
import { parse } from './parse.ts';
import {
  APART,
  CLASS_ESP4,
  CLASS_NATT4,
  DROPS,
  FLOW_MASK,
  FLOW_SLOTS,
  FLOWS,
  HAS_SLOT,
  LANE_MASK,
  LIST,
  LIST_ENDS,
  LISTS,
  NIBBLES,
  OWNERS,
  R_CLASS,
  R_HASH,
  R_PLACES,
  R_QUEUE,
  R_SA,
  R_TAIL,
  R_TOUCHED,
  R_VLAN,
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
  WAY_V4,
  WAY_V4_L4,
  WAY_V6,
  WAY_V6_L4,
} from './plan.ts';
import { NO_RULE, RULE_DROPS, ruleOf } from './rules.ts';
import { hash4, hashList } from './toeplitz.ts';

const SLOTS_FLOWS: u32 = 2;
const GOLDEN_RATIO: u32 = 0x61c88647;

function finish(hash: u32): u32 {
  let x = (hash ^ (hash >> 16)) * 0x85ebca6b;
  x = (x ^ (x >> 13)) * 0xc2b2ae35;
  return x ^ (x >> 16);
}

/** SA index + 1 of the packet to the address at `to`, 0 for none. An empty entry, index 0, ends the search. */
function lookUp(sas: usize, to: usize, six: bool, spi: u32): u32 {
  const mask = load<u32>(sas);
  const entries = sas + 32;
  const a = be32(to);
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
  const b = be32(to + 4);
  const c = be32(to + 8);
  const d = be32(to + 12);
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
  const first = (<usize>from) << 2;
  const columns = to - from;
  let count = parse(
    plan,
    offsets + first,
    lengths + first,
    wires + first,
    seconds + first,
    nanos + first,
    columns,
    number,
  );
  hash(plan);
  findBuckets(plan, count);
  if (load<u32>(plan, RULES) !== 0) count = applyRules(plan, count);
  if (load<u32>(plan, SA_TABLE) !== 0) count = findOwners(plan, count);
  return from + count;
}

/** Hashes the records that are listed. */
function hash(plan: usize): void {
  const records: usize = load<u32>(plan, RECORDS);
  const toeplitz: usize = load<u32>(plan, TOEPLITZ);
  const nibbles: usize = load<u32>(plan, NIBBLES);
  hashList(records, WAY_V4, toeplitz, nibbles, 2);
  hashList(records, WAY_V4_L4, toeplitz, nibbles, 3);
  hashList(records, WAY_V6, toeplitz, nibbles, 8);
  hashList(records, WAY_V6_L4, toeplitz, nibbles, 9);
  const end: usize = load<u32>(records, LIST_ENDS + 4 * APART);
  for (let list = records + LISTS + LIST * APART; list < end; list += 8) {
    const record: usize = load<u32>(list, 4);
    const cls = load<u8>(record, R_CLASS);
    const position: usize = (cls & 1) !== 0 ? 32 : 8;
    store<u32>(record, load<u32>(record, R_HASH) ^ hash4(toeplitz + (position << 10), portsOf(record, cls)), R_HASH);
  }
}

/** Queues and slots by the table. */
function findBuckets(plan: usize, count: u32): void {
  const table: usize = load<u32>(plan, TABLE);
  const size = load<u32>(plan, TABLE_SIZE);
  const mask = (size & (size - 1)) === 0 ? size - 1 : 0;
  const slotMode = load<u32>(plan, SLOT_MODE);
  const hasSlot: u32 = slotMode !== 0 ? HAS_SLOT : 0;
  const bits: u32 = slotMode !== 0 ? -1 : 0;
  let record: usize = load<u32>(plan, RECORDS);
  for (let i: u32 = 0; i < count; i++, record += RECORD) {
    const hash = load<u32>(record, R_HASH);
    const bucket = mask !== 0 ? hash & mask : hash % size;
    store<u32>(record, load<u32>(table + ((<usize>bucket) << 2)) | hasSlot, R_QUEUE);
    store<u32>(record, bucket & bits, R_TAIL);
  }
}

/** @returns the first record whose rule the dispatcher has to follow; `count` when there is none */
function applyRules(plan: usize, count: u32): u32 {
  const rules: usize = load<u32>(plan, RULES);
  let record: usize = load<u32>(plan, RECORDS);
  for (let i: u32 = 0; i < count; i++, record += RECORD) {
    const cls = load<u8>(record, R_CLASS);
    const list: usize = load<u32>(rules + ((<usize>cls) << 2));
    if (list === 0) continue;
    const said = ruleOf(rules, list, l3Of(record), portsOf(record, cls), cls & 1, load<u32>(record, R_VLAN));
    if (said === NO_RULE) continue;
    if (said >= 0) store<u32>(record, said, R_QUEUE);
    else if (said === RULE_DROPS) store<u32>(record, (load<u32>(record, R_QUEUE) & 0xffff) | DROPS, R_QUEUE);
    else return i;
    store<u32>(record, 0, R_TAIL);
  }
  return count;
}

/** @returns the first record of ESP without an SA, or whose SA has no owner; `count` when there is none */
function findOwners(plan: usize, count: u32): u32 {
  const sas: usize = load<u32>(plan, SA_TABLE);
  const units: usize = load<u32>(plan, UNITS);
  const owners: usize = load<u32>(plan, OWNERS);
  const tails: usize = load<u32>(plan, UNIT_TAILS);
  let record: usize = load<u32>(plan, RECORDS);
  for (let i: u32 = 0; i < count; i++, record += RECORD) {
    const cls = load<u8>(record, R_CLASS);
    // What a rule drops goes nowhere.
    if ((cls & ~1) < CLASS_ESP4 || (load<u32>(record, R_QUEUE) & DROPS) !== 0) continue;
    const six = (cls & 1) !== 0;
    const sa = lookUp(sas, l3Of(record) + (six ? 24 : 16), six, be32(portsOf(record, cls)));
    if (sa === 0) return i;
    const unit: usize = (<usize>load<u32>(units + ((<usize>(sa - 1)) << 2))) << 2;
    const owner = load<u16>(owners + unit);
    // The first packet of an order group makes its owner: the dispatcher does.
    if (owner === 0) return i;
    store<u32>(record, sa, R_SA);
    store<u32>(record, owner - 1, R_QUEUE);
    store<u32>(record, <u32>(tails + unit), R_TAIL);
  }
  return count;
}

function l3Of(record: usize): usize {
  return <usize>load<u32>(record) + <usize>load<u16>(record, R_PLACES);
}

/** Where its ports, or its SPI, are. */
function portsOf(record: usize, cls: u32): usize {
  const l4 = <usize>load<u32>(record) + <usize>load<u16>(record, R_PLACES + 2);
  return (cls & ~1) === CLASS_NATT4 ? l4 + 8 : l4;
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
