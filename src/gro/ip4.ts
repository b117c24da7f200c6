/** GRO's rules for IPv4: Linux's `inet_gro_receive` and `inet_gro_flush`. */
import { P_SEGS } from '../memory/packet-table.ts';
import type { LinuxRules } from './linux.ts';
import {
  FLUSH_IP_DF,
  FLUSH_IP_ID,
  FLUSH_IP_TOS,
  FLUSH_IP_TTL,
  PASS_IP_CHECKSUM,
  PASS_IP_OPTIONS,
  PASS_NONE,
} from './reasons.ts';
import { G_KIND, K_FIXED, K_FIXED_INNER, K_FIXED_OUTER } from './row.ts';

/** Reserved ("evil") flag and DF, in the word of ID and fragment facts. */
const RESERVED = 0x8000;
const DF = 0x4000;

/** `PASS_NONE` when the header at `l3` (20 bytes are there) may be looked at, else why the packet is passed at once. */
export function ip4Pass(view: DataView, l3: number): number {
  const a = view.getInt32(l3);
  // Version 4 without options, or nothing: this also refuses every other version.
  if (a >>> 24 !== 0x45) return PASS_IP_OPTIONS;
  const b = view.getInt32(l3 + 4);
  const c = view.getInt32(l3 + 8);
  const d = view.getInt32(l3 + 12);
  const e = view.getInt32(l3 + 16);
  const sum =
    (a >>> 16) +
    (b >>> 16) +
    (c >>> 16) +
    (d >>> 16) +
    (e >>> 16) +
    ((a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff) + (e & 0xffff));
  // Ten words carry at most 9 into the upper half: one fold is enough to tell.
  return (sum & 0xffff) + (sum >>> 16) === 0xffff ? PASS_NONE : PASS_IP_CHECKSUM;
}

/** Whether the total length is not `present`, the bytes from the IP header to the end of the frame. */
export function ip4LengthDiffers(view: DataView, l3: number, present: number): boolean {
  return view.getUint16(l3 + 2) !== present;
}

export function ip4Reserved(view: DataView, l3: number): boolean {
  return (view.getUint16(l3 + 6) & RESERVED) !== 0;
}

export function ip4SameAddresses(view: DataView, l3: number, held: number): boolean {
  return view.getInt32(l3 + 12) === view.getInt32(held + 12) && view.getInt32(l3 + 16) === view.getInt32(held + 16);
}

/** Which of the two headers of a tunnel: bits of `G_KIND`. Without a tunnel there is the outer one alone. */
export const HEADER_OUTER: number = K_FIXED_OUTER;
export const HEADER_INNER: number = K_FIXED_INNER;

/**
 * 0 when the header at `l3` continues the run of the held packet, whose header is at `held` and whose row starts at word `hb`;
 * else the flush reason. The second segment decides whether the ID of the run is fixed or counts.
 *
 * @param header HEADER_OUTER or HEADER_INNER
 * @param isTunnel whether the packet has both
 */
export function ip4Flush(
  view: DataView,
  l3: number,
  held: number,
  w: Int32Array,
  hb: number,
  header: number,
  isTunnel: boolean,
  rules: LinuxRules,
): number {
  const ttl = view.getUint8(l3 + 8) ^ view.getUint8(held + 8);
  const tos = view.getUint8(l3 + 1) ^ view.getUint8(held + 1);
  const word = view.getInt32(l3 + 4);
  const first = view.getInt32(held + 4);
  const df = (word ^ first) & DF;
  if ((ttl | tos | df) !== 0) return ttl !== 0 ? FLUSH_IP_TTL : tos !== 0 ? FLUSH_IP_TOS : FLUSH_IP_DF;
  const step = ((word >>> 16) - (first >>> 16)) & 0xffff;
  const count = w[hb + P_SEGS];
  if (!rules.idNeedsDf) {
    if (count === 1 && step === 0) w[hb + G_KIND] |= header;
    return step === ((w[hb + G_KIND] & header) !== 0 ? 0 : count & 0xffff) ? 0 : FLUSH_IP_ID;
  }
  // One bit for both headers, which only a header with DF sets.
  const fixable = (word & DF) !== 0;
  const isOuter = isTunnel && header === HEADER_OUTER;
  if (isOuter && fixable) return 0;
  if (count === 1 && step === 0 && fixable) w[hb + G_KIND] |= K_FIXED;
  const fixed = (w[hb + G_KIND] & K_FIXED) !== 0 && !(isOuter && rules.outerIdCounts);
  return step === (fixed ? 0 : count & 0xffff) ? 0 : FLUSH_IP_ID;
}
