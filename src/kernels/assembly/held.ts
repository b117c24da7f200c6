/** The table of held packets: `gro/table.ts`, which says the same of it. */
import { BUCKETS, OUT, OUT_COUNT, PER_BUCKET, ROWS, T_COUNTS, T_HELD, T_HINTS, T_SEEN } from './coalesce-plan.ts';
import { G_HASH, G_PORTS, ROW_SHIFT } from './row.ts';

/** Row of the packet held with this hash and these ports that came last, or -1. */
export function find(plan: usize, table: usize, bucket: u32, hash: u32, ports: u32): i32 {
  const rows: usize = load<u32>(plan, ROWS);
  const hint = load<i32>(table + ((hash & 255) << 2), T_HINTS);
  if (hint >= 0) {
    const hb = rows + ((<usize>hint) << ROW_SHIFT);
    if (load<u32>(hb, G_HASH) === hash && load<u32>(hb, G_PORTS) === ports) return hint;
  }
  const list = bucketOf(plan, table, bucket);
  for (let at = load<i32>(table + T_COUNTS + (bucket << 2)) - 1; at >= 0; at--) {
    const held = load<u32>(list + (at << 2));
    const hb = rows + ((<usize>held) << ROW_SHIFT);
    if (load<u32>(hb, G_HASH) === hash && load<u32>(hb, G_PORTS) === ports) return held;
  }
  return -1;
}

/** Where the rows of a bucket stand, the oldest first. */
function bucketOf(plan: usize, table: usize, bucket: u32): usize {
  return table + T_COUNTS + ((load<u32>(plan, BUCKETS) + bucket * load<u32>(plan, PER_BUCKET)) << 2);
}

export function oldest(plan: usize, table: usize, bucket: u32): u32 {
  return load<u32>(bucketOf(plan, table, bucket));
}

/** Whether something of the same flow may be held elsewhere: in another bucket, or of another kind. */
export function mayOvertake(plan: usize, table: usize, mix: u32, ports: u32): bool {
  if (load<u32>(table, T_HELD) === 0) return false;
  if ((load<u32>(table + ((mix >> 29) << 2), T_SEEN) & (1 << ((mix >> 24) & 31))) === 0) return false;
  const rows: usize = load<u32>(plan, ROWS);
  const buckets = load<u32>(plan, BUCKETS);
  for (let bucket: u32 = 0; bucket < buckets; bucket++) {
    const list = bucketOf(plan, table, bucket);
    const stop = list + (load<u32>(table + T_COUNTS + (bucket << 2)) << 2);
    for (let at = list; at < stop; at += 4) {
      if (load<u32>(rows + ((<usize>load<u32>(at)) << ROW_SHIFT), G_PORTS) === ports) return true;
    }
  }
  return false;
}

/** Appends a row as the newest of a bucket that is not full. */
export function add(plan: usize, table: usize, bucket: u32, row: u32, hash: u32, mix: u32): void {
  const counts = table + T_COUNTS + (bucket << 2);
  const n = load<u32>(counts);
  store<u32>(table + ((hash & 255) << 2), row, T_HINTS);
  store<u32>(bucketOf(plan, table, bucket) + (n << 2), row);
  store<u32>(counts, n + 1);
  store<u32>(table, load<u32>(table, T_HELD) + 1, T_HELD);
  const seen = table + ((mix >> 29) << 2);
  store<u32>(seen, load<u32>(seen, T_SEEN) | (1 << ((mix >> 24) & 31)), T_SEEN);
}

/** Takes a row out of the table, and notes that it came out. */
export function complete(plan: usize, table: usize, bucket: u32, row: u32, reason: u32): void {
  const counts = table + T_COUNTS + (bucket << 2);
  const n = load<u32>(counts) - 1;
  store<u32>(counts, n);
  let at = bucketOf(plan, table, bucket);
  const last = at + (n << 2);
  while (load<u32>(at) !== row) at += 4;
  for (; at < last; at += 4) store<u32>(at, load<u32>(at, 4));
  const hint = table + ((load<u32>(load<u32>(plan, ROWS) + (row << ROW_SHIFT), G_HASH) & 255) << 2);
  if (load<u32>(hint, T_HINTS) === row) store<i32>(hint, -1, T_HINTS);
  const held = load<u32>(table, T_HELD) - 1;
  store<u32>(table, held, T_HELD);
  if (held === 0) forget(table);
  const count = load<u32>(plan, OUT_COUNT);
  const out: usize = load<u32>(plan, OUT) + (count << 3);
  store<u32>(out, row);
  store<u32>(out, reason, 4);
  store<u32>(plan, count + 1, OUT_COUNT);
}

/** Nothing is held: nothing has been seen, and nothing came out of tunnels. */
function forget(table: usize): void {
  for (let at = table + 4; at < table + T_HINTS; at += 4) store<u32>(at, 0);
}
