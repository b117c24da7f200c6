/** GRO's rules for TCP: Linux's `tcp_gro_receive`. */
import { CWR_FIRST, CWR_NEVER } from './linux.ts';
import {
  FLUSH_TCP_ACK,
  FLUSH_TCP_CWR,
  FLUSH_TCP_FLAGS,
  FLUSH_TCP_OFFSET,
  FLUSH_TCP_OPTIONS,
  FLUSH_TCP_WINDOW,
} from './reasons.ts';

/** Bits of the word at offset 12: data offset and reserved bits, flags, window. */
export const WORD_FIN = 0x0001_0000;
export const WORD_PSH = 0x0008_0000;
/** FIN, SYN, RST, PSH, URG: a segment with one of them ends a run and begins none. */
export const WORD_ENDS = 0x002f_0000;
export const WORD_CWR = 0x0080_0000;
const WORD_FLAGS = 0x00ff_0000;
const WORD_WINDOW = 0x0000_ffff;
const WORD_FIN_PSH = WORD_FIN | WORD_PSH;

/** Bytes of the header, options included, from its word at offset 12. */
export function tcpLength(word: number): number {
  return (word >>> 28) << 2;
}

/**
 * 0 when the header at `l4` (its word at offset 12 is `word`) goes with the header of the packet held, at `held`; else the
 * flush reason. FIN and PSH may differ. The urgent pointer may differ. `cwr`: the rule for that flag, `CWR_*`.
 */
export function tcpFlush(view: DataView, l4: number, held: number, word: number, cwr: number): number {
  const first = view.getInt32(held + 12);
  let differ = (word ^ first) & ~WORD_FIN_PSH;
  if (cwr === CWR_FIRST) differ = (differ & ~WORD_CWR) | (word & WORD_CWR);
  else if (cwr === CWR_NEVER) differ |= word & WORD_CWR;
  if (differ !== 0) return wordReason(differ);
  if (view.getInt32(l4 + 8) !== view.getInt32(held + 8)) return FLUSH_TCP_ACK;
  // The data offsets are equal, so the options are of one length.
  const length = tcpLength(word);
  for (let i = 20; i < length; i += 4) {
    if (view.getInt32(l4 + i) !== view.getInt32(held + i)) return FLUSH_TCP_OPTIONS;
  }
  return 0;
}

function wordReason(differ: number): number {
  if ((differ & WORD_CWR) !== 0) return FLUSH_TCP_CWR;
  if ((differ & WORD_FLAGS) !== 0) return FLUSH_TCP_FLAGS;
  return (differ & WORD_WINDOW) !== 0 ? FLUSH_TCP_WINDOW : FLUSH_TCP_OFFSET;
}
