/** The hash of the kernels alone, for `../hash.ts`: no part of the module that the package has. */
import { LIST, LIST_ENDS, LISTS, R_HASH, RECORD, RECORDS_MOST, WAY_V4 } from '../../src/kernels/assembly/plan.ts';
import { hashList } from '../../src/kernels/assembly/toeplitz.ts';

/**
 * Hashes `count` packed tuples of so many words each, as many together as the dispatcher classifies, and stores the hashes.
 *
 * @param records room as the dispatcher's records have
 * @returns the hash of the last one
 */
export function hashTuples(
  tuples: usize,
  count: u32,
  words: usize,
  records: usize,
  toeplitz: usize,
  nibbles: usize,
  hashes: usize,
): u32 {
  const list = records + LISTS + <usize>WAY_V4 * LIST;
  let from = tuples;
  let to = hashes;
  let left = count;
  while (left > 0) {
    const most = min<u32>(left, RECORDS_MOST);
    let entry = list;
    let record = records;
    for (let i: u32 = 0; i < most; i++, entry += 8, record += RECORD, from += words << 2) {
      store<u32>(entry, <u32>from);
      store<u32>(entry, <u32>record, 4);
    }
    store<u32>(records + LIST_ENDS + 4 * <usize>WAY_V4, <u32>entry);
    hashList(records, WAY_V4, toeplitz, nibbles, words);
    record = records;
    for (let i: u32 = 0; i < most; i++, record += RECORD, to += 4) store<u32>(to, load<u32>(record, R_HASH));
    left -= most;
  }
  return load<u32>(to - 4);
}
