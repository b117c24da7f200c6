/**
 * What `receiver/dispatcher.ts` does with a frame, for the shapes that nearly all traffic has: Ethernet with at most one tag,
 * IPv4 without options or IPv6 without extension headers, whole, no fragment; TCP, UDP, ESP, or ESP in UDP. Everything else
 * is left to the dispatcher, whose code is the reference: a test holds the descriptors of both together, word by word.
 *
 * All addresses are bytes of the frame memory. The plan and the lanes are laid out by `receiver/plan.ts`, the ring by
 * `memory/ring.ts`, the descriptor by `memory/descriptor.ts`, the SA table by `esp/sa-table.ts`.
 */

import { dropsOf, NO_RULE, RULE_DROPS, ruleOf } from './rules.ts';

// Words of the plan.
const TOEPLITZ = 0;
const TABLE = 4;
const TABLE_SIZE = 8;
const WAYS = 12;
const NATT_PORT = 16;
const SA_TABLE = 20;
const UNITS = 24;
const OWNERS = 28;
const DETERMINISTIC = 32;
const BUDGET = 36;
const LIMIT = 40;
const SLOTS = 44;
// Arrays with an element for each lane, or each class.
const RINGS = 48;
const POLL_PACKETS = 52;
const POLL_BYTES = 56;
const POLL_BLOCKS = 60;
const DUE = 64;
const QUEUE_PACKETS = 68;
const QUEUE_BYTES = 72;
const PLACED = 76;
const CLASSES = 80;
const BACKLOG = 84;
const UNIT_TAILS = 88;
// Where flows are: `steer/flow-slots.ts`, `steer/flow-table.ts`.
const SLOT_MODE = 92;
const FLOW_SLOTS = 96;
const SLOT_SHIFT = 100;
const FLOWS = 104;
const FLOW_MASK = 108;
const LANE_MASK = 112;
const IN_ORDER = 116;
const MOVES = 120;
const RULES = 124;

const SLOTS_FLOWS: u32 = 2;
const GOLDEN_RATIO: u32 = 0x61c88647;
const NO_SLOT: usize = 0;

// Of a ring.
const RING_DELIVERED = 64;
const RING_HEAD = 192;
const RING_SEEN = 196;
const RING_SLOTS = 256;

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
const POLL_END: u32 = 4 << 8;
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

function add(count: usize, more: u32): void {
  store<f64>(count, load<f64>(count) + <f64>more);
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
 * Places frames `from` to `to` of a batch: a descriptor each, and the counts.
 *
 * @param offsets and so on: the arrays of the batch
 * @param number of the packet at `from`
 * @returns the first frame that was not placed, because its shape is another one, its lane is full or the end of its lane's
 *   poll is due; `to` when all were
 */
export function dispatch(
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
  const deterministic = load<u32>(plan, DETERMINISTIC);
  const budget = load<u32>(plan, BUDGET);
  const limit = load<u32>(plan, LIMIT);
  const mask = load<u32>(plan, SLOTS) - 1;
  const rings: usize = load<u32>(plan, RINGS);
  const pollPackets: usize = load<u32>(plan, POLL_PACKETS);
  const due: usize = load<u32>(plan, DUE);
  const queuePackets: usize = load<u32>(plan, QUEUE_PACKETS);
  const queueBytes: usize = load<u32>(plan, QUEUE_BYTES);
  const placed: usize = load<u32>(plan, PLACED);
  const classes: usize = load<u32>(plan, CLASSES);
  const backlog = load<u32>(plan, BACKLOG);
  const slotMode = load<u32>(plan, SLOT_MODE);
  const slots: usize = load<u32>(plan, FLOW_SLOTS);
  const slotShift = load<u32>(plan, SLOT_SHIFT);
  const flows: usize = load<u32>(plan, FLOWS);
  const flowMask = load<u32>(plan, FLOW_MASK);
  const laneMask = load<u32>(plan, LANE_MASK);
  const rules: usize = load<u32>(plan, RULES);

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

    let ruled = false;
    if (rules !== 0) {
      const list: usize = load<u32>(rules + ((<usize>cls) << 2));
      const said = list === 0 ? NO_RULE : ruleOf(rules, list, l3, ports, six, vlan);
      if (said >= 0) {
        queue = said;
        ruled = true;
      } else if (said === RULE_DROPS) {
        add(dropsOf(rules), 1);
        add(queuePackets + ((<usize>queue) << 3), 1);
        add(queueBytes + ((<usize>queue) << 3), length);
        add(classes + ((<usize>cls) << 3), 1);
        continue;
      } else if (said !== NO_RULE) return i;
    }

    let sa: u32 = 0;
    // Where it is to be written down how far the lane's ring reaches: the tail of an SA's group, or of a slot.
    let tail: usize = 0;
    let slot: usize = NO_SLOT;
    if (sas !== 0 && (cls & ~1) >= CLASS_ESP4) {
      sa = lookUp(sas, l3 + (six ? 24 : 16), six !== 0, big(ports));
      if (sa === 0) return i;
      const unit: usize = (<usize>load<u32>(units + ((<usize>(sa - 1)) << 2))) << 2;
      const owner = load<u16>(owners + unit);
      // The first packet of an order group makes its owner: the dispatcher does.
      if (owner === 0) return i;
      queue = owner - 1;
      tail = load<u32>(plan, UNIT_TAILS) + unit;
    } else if (slotMode !== 0 && !ruled) {
      let index = bucket;
      if (slotMode === SLOTS_FLOWS) {
        const entry = load<u32>(flows + ((<usize>(hash & flowMask)) << 2));
        if (((entry ^ hash) & ~laneMask) === 0 && (entry & laneMask) !== 0) queue = (entry & laneMask) - 1;
        index = (hash * GOLDEN_RATIO) >> slotShift;
      }
      slot = slots + ((<usize>index) << 3);
      tail = slot + 4;
      const lane = load<u32>(slot) - 1;
      if (lane !== queue && lane !== 0xffffffff && load<u32>(plan, IN_ORDER) !== 0) {
        const there: usize = load<u32>(rings + ((<usize>lane) << 2));
        const delivered = atomic.load<u32>(there, RING_DELIVERED);
        store<u32>(there, delivered, RING_SEEN);
        if (<i32>(delivered - load<u32>(tail)) < 0) queue = lane;
      }
    }

    // Of the lane, in arrays of words and of doubles.
    const word: usize = (<usize>queue) << 2;
    const double: usize = (<usize>queue) << 3;
    if (load<u32>(due + word) !== 0) return i;
    const ring: usize = load<u32>(rings + word);
    const head = load<u32>(ring, RING_HEAD);
    if (head - load<u32>(ring, RING_SEEN) >= backlog) {
      store<u32>(ring, atomic.load<u32>(ring, RING_DELIVERED), RING_SEEN);
      if (head - load<u32>(ring, RING_SEEN) >= backlog) return i;
    }
    store<u32>(ring, head + 1, RING_HEAD);
    if (tail !== 0) store<u32>(tail, head + 1);
    if (slot !== NO_SLOT) {
      const before = load<u32>(slot);
      if (before !== queue + 1) {
        store<u32>(slot, queue + 1);
        if (before !== 0) add(load<u32>(plan, MOVES), 1);
      }
    }

    let flags: u32 = HASH_VALID;
    if (deterministic !== 0) {
      let polled = load<u32>(pollPackets + word) + 1;
      if (polled >= budget) {
        flags |= POLL_END;
        polled = 0;
        store<u32>(load<u32>(plan, POLL_BYTES) + word, 0);
        store<u32>(load<u32>(plan, POLL_BLOCKS) + word, 0);
      }
      store<u32>(pollPackets + word, polled);
    }
    const d = ring + RING_SLOTS + ((<usize>(head & mask)) << 6);
    store<u32>(d, offset);
    store<u32>(d, length, 4);
    store<u32>(d, load<u32>(wires + ((<usize>i) << 2)), 8);
    store<u32>(d, hash, 12);
    store<u32>(d, cls | flags, 16);
    store<u32>(d, <u32>(l3 - off) | ((<u32>(l4 - off)) << 16), 20);
    store<u32>(d, <u32>(stop - off), 24);
    store<u32>(d, protocol | ETHERNET, 28);
    store<u32>(d, load<u32>(seconds + ((<usize>i) << 2)), 32);
    store<u32>(d, load<u32>(nanos + ((<usize>i) << 2)), 36);
    store<u32>(d, number + (i - from), 40);
    store<u32>(d, sa, 44);
    store<u32>(d, vlan, 48);

    add(queuePackets + double, 1);
    add(queueBytes + double, length);
    add(placed + double, 1);
    add(classes + ((<usize>cls) << 3), 1);
  }
  return to;
}
