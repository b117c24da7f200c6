/** From descriptors to rows: `PacketPath.row`, and what `unwrap.ts` knows of ESP. */
import {
  D_CLASS,
  D_END,
  D_HASH,
  D_HEADERS,
  D_LEN,
  D_NUMBER,
  D_PROTO,
  D_SA,
  D_SEC,
  D_VLAN,
  D_WIRE,
  DF_HASH_VALID,
  DF_MARK,
  DF_POLL_END,
  DF_TRUNCATED,
  ENDS,
  FACTS,
  LIMIT,
  NEED,
  ROWS,
  SCRATCH,
  SLOT_MASK,
  SLOTS,
  STATES,
} from './lane-plan.ts';
import {
  P_CLS,
  P_END,
  P_FLAGS,
  P_HASH,
  P_L3,
  P_L4,
  P_LAST,
  P_LEN,
  P_NUMBER,
  P_PROTO,
  P_SA,
  P_SEC,
  P_SEGS,
  P_VLAN,
  P_WIRE,
  ROW,
} from './row.ts';
import { unwrap } from './unwrap.ts';

const CLEAR: u8 = 0;
const OPENED: u8 = 1;

/**
 * Makes rows of the packets in at most `count` slots of a ring.
 *
 * @param next number of the first slot, as the ring counts
 * @param row number of the first row
 * @returns how many: up to the end of a poll, a packet that is not the kernel's, or the end of the scratch
 */
export function take(plan: usize, next: u32, count: u32, row: u32): u32 {
  const slots: usize = load<u32>(plan, SLOTS);
  const mask = load<u32>(plan, SLOT_MASK);
  const states: usize = load<u32>(plan, STATES);
  const need: usize = load<u32>(plan, NEED);
  const limit: usize = load<u32>(plan, LIMIT);
  const opens = load<u32>(plan, FACTS) !== 0;
  let to = <usize>load<u32>(plan, ROWS) + <usize>row * ROW;
  let reserved: usize = 0;
  store<u32>(plan, 0, ENDS);
  for (let i: u32 = 0; i < count; i++, to += ROW) {
    const d = slots + ((<usize>((next + i) & mask)) << 6);
    const flags = load<u32>(d, D_CLASS) >> 8;
    reserved += need;
    if ((flags & DF_MARK) !== 0 || <usize>load<u32>(plan, SCRATCH) + reserved > limit) return i;
    fill(d, to, flags);
    let state = CLEAR;
    if (opens && load<u32>(d, D_SA) !== 0) {
      if (!unwrap(plan, d, to, reserved)) return i;
      state = OPENED;
    }
    store<u8>(states + <usize>i, state);
    if ((flags & DF_POLL_END) !== 0) {
      store<u32>(plan, 1, ENDS);
      return i + 1;
    }
  }
  return count;
}

function fill(d: usize, row: usize, flags: u32): void {
  const off = load<u32>(d);
  const headers = load<u32>(d, D_HEADERS);
  const protocol = load<u32>(d, D_PROTO);
  const number = load<u32>(d, D_NUMBER);
  store<u32>(row, off);
  store<u32>(row, load<u32>(d, D_LEN), P_LEN);
  store<u32>(row, off + (headers & 0xffff), P_L3);
  store<u32>(row, off + (headers >> 16), P_L4);
  store<u32>(row, off + load<u32>(d, D_END), P_END);
  store<u32>(row, load<u8>(d, D_CLASS), P_CLS);
  store<u32>(row, protocol & 0xff, P_PROTO);
  store<u32>(row, load<u32>(d, D_HASH), P_HASH);
  store<u32>(row, ((protocol >> 8) << 8) | (flags & DF_HASH_VALID) | ((flags & DF_TRUNCATED) << 1), P_FLAGS);
  store<u32>(row, load<u32>(d, D_SA), P_SA);
  store<u32>(row, number, P_NUMBER);
  store<u32>(row, number, P_LAST);
  store<u64>(row, load<u64>(d, D_SEC), P_SEC);
  store<u32>(row, load<u32>(d, D_WIRE), P_WIRE);
  store<u32>(row, load<u32>(d, D_VLAN), P_VLAN);
  // One segment, not merged, in no pieces; no unit and no tunnel.
  v128.store(row, i32x4(1, 0, 0, 0), P_SEGS);
  v128.store(row, i32x4(0, 0, 0, 0), P_SEGS + 16);
}
