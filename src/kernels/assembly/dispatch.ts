/**
 * What `receiver/dispatcher.ts` does with a frame, for the frames that `classify.ts` knows. Everything else is left to the dispatcher,
 * whose code is the reference: a test holds the descriptors of both together, word by word.
 *
 * All addresses are bytes of the frame memory. The plan and the lanes are laid out by `receiver/plan.ts`, the ring by
 * `memory/ring.ts`, the descriptor by `memory/descriptor.ts`, the SA table by `esp/sa-table.ts`.
 */

import { classify, follow } from './classify.ts';
import {
  BACKLOG,
  BUDGET,
  CLASSES,
  DETERMINISTIC,
  DROPS,
  DUE,
  HAS_SLOT,
  IN_ORDER,
  MOVES,
  PLACED,
  POLL_BLOCKS,
  POLL_BYTES,
  POLL_PACKETS,
  QUEUE_BYTES,
  QUEUE_PACKETS,
  R_CLASS,
  R_LENGTH,
  R_QUEUE,
  R_TAIL,
  RECORD,
  RECORDS,
  RECORDS_MOST,
  RINGS,
  RULES,
  SLOT_MODE,
  SLOTS,
} from './plan.ts';
import { dropsOf } from './rules.ts';

// Of a ring.
const RING_DELIVERED = 64;
const RING_HEAD = 192;
const RING_SEEN = 196;
const RING_SLOTS = 256;

const POLL_END: u32 = 4 << 8;

function add(count: usize, more: u32): void {
  store<f64>(count, load<f64>(count) + <f64>more);
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
  const deterministic = load<u32>(plan, DETERMINISTIC);
  const mask = load<u32>(plan, SLOTS) - 1;
  const rings: usize = load<u32>(plan, RINGS);
  const due: usize = load<u32>(plan, DUE);
  const backlog = load<u32>(plan, BACKLOG);
  const inOrder = load<u32>(plan, IN_ORDER);
  const slotMode = load<u32>(plan, SLOT_MODE);

  for (let group = from; group < to; ) {
    const most = min<u32>(to, group + RECORDS_MOST);
    const known = classify(plan, offsets, lengths, wires, seconds, nanos, group, most, number + (group - from));
    if (slotMode !== 0) follow(plan, known - group);
    let record: usize = load<u32>(plan, RECORDS);
    let i = group;
    for (; i < known; i++, record += RECORD) {
      const facts = load<u32>(record, R_QUEUE);
      if ((facts & DROPS) !== 0) continue;
      let queue = facts & 0xffff;
      const tail: usize = load<u32>(record, R_TAIL);
      const hasSlot = (facts & HAS_SLOT) !== 0;
      if (hasSlot) {
        const lane = load<u32>(tail - 4) - 1;
        if (lane !== queue && lane !== 0xffffffff && inOrder !== 0) {
          const there: usize = load<u32>(rings + ((<usize>lane) << 2));
          const delivered = atomic.load<u32>(there, RING_DELIVERED);
          store<u32>(there, delivered, RING_SEEN);
          if (<i32>(delivered - load<u32>(tail)) < 0) {
            queue = lane;
            store<u32>(record, queue, R_QUEUE);
          }
        }
      }

      const word: usize = (<usize>queue) << 2;
      if (load<u32>(due + word) !== 0) break;
      const ring: usize = load<u32>(rings + word);
      const head = load<u32>(ring, RING_HEAD);
      if (head - load<u32>(ring, RING_SEEN) >= backlog) {
        store<u32>(ring, atomic.load<u32>(ring, RING_DELIVERED), RING_SEEN);
        if (head - load<u32>(ring, RING_SEEN) >= backlog) break;
      }
      store<u32>(ring, head + 1, RING_HEAD);
      if (tail !== 0) store<u32>(tail, head + 1);
      if (hasSlot) {
        const before = load<u32>(tail - 4);
        if (before !== queue + 1) {
          store<u32>(tail - 4, queue + 1);
          if (before !== 0) add(load<u32>(plan, MOVES), 1);
        }
      }

      const d = ring + RING_SLOTS + ((<usize>(head & mask)) << 6);
      v128.store(d, v128.load(record));
      v128.store(d, v128.load(record, 16), 16);
      v128.store(d, v128.load(record, 32), 32);
      v128.store(d, v128.load(record, 48), 48);
      if (deterministic !== 0) {
        const pollPackets: usize = load<u32>(plan, POLL_PACKETS);
        let polled = load<u32>(pollPackets + word) + 1;
        if (polled >= load<u32>(plan, BUDGET)) {
          store<u32>(d, load<u32>(d, R_CLASS) | POLL_END, R_CLASS);
          polled = 0;
          store<u32>(load<u32>(plan, POLL_BYTES) + word, 0);
          store<u32>(load<u32>(plan, POLL_BLOCKS) + word, 0);
        }
        store<u32>(pollPackets + word, polled);
      }
    }
    count(plan, i - group);
    if (i < most) return i;
    group = most;
  }
  return to;
}

/** Counts what was placed or dropped: its class, its lane, its bytes. */
function count(plan: usize, records: u32): void {
  const queuePackets: usize = load<u32>(plan, QUEUE_PACKETS);
  const queueBytes: usize = load<u32>(plan, QUEUE_BYTES);
  const placed: usize = load<u32>(plan, PLACED);
  const classes: usize = load<u32>(plan, CLASSES);
  let record: usize = load<u32>(plan, RECORDS);
  const end = record + ((<usize>records) << 6);
  for (; record < end; record += RECORD) {
    const facts = load<u32>(record, R_QUEUE);
    const lane: usize = (<usize>(facts & 0xffff)) << 3;
    add(queuePackets + lane, 1);
    add(queueBytes + lane, load<u32>(record, R_LENGTH));
    add(classes + ((<usize>load<u8>(record, R_CLASS)) << 3), 1);
    if ((facts & DROPS) === 0) add(placed + lane, 1);
    else add(dropsOf(load<u32>(plan, RULES)), 1);
  }
}
