/**
 * IPComp, RFC 3173: | next header | flags | CPI (2) | compressed payload |
 * CPI 2 is DEFLATE (RFC 2394). Key exchange also gives CPIs from 256 on, which name no algorithm; DEFLATE is tried for them,
 * the only one in use. Anything that is not DEFLATE, or expands past the bound, is a verdict.
 */
import { inflateRawSync } from 'node:zlib';
import { u16 } from '../wire/bytes.ts';

export const IPCOMP_HEADER = 4;
const CPI_DEFLATE = 2;
const CPI_NEGOTIATED = 256;
/** No IP payload is longer. */
const MAX_PAYLOAD = 65535;

const options = { maxOutputLength: MAX_PAYLOAD };

/**
 * Expands an IPComp payload. The protocol of what comes out is the first byte of the header, `bytes[at]`.
 * @param bytes the frame memory; offsets are absolute in it
 * @param at offset of the IPComp header
 * @param end end of the payload
 * @param target where the expanded payload goes; may overlap
 * @param room bytes there
 * @returns length of the expanded payload, or -1: drop it as `ipcomp`
 */
export function expandIpComp(bytes: Uint8Array, at: number, end: number, target: number, room: number): number {
  if (end - at <= IPCOMP_HEADER || end > bytes.length || target < 0) return -1;
  const cpi = u16(bytes, at + 2);
  if (cpi !== CPI_DEFLATE && cpi < CPI_NEGOTIATED) return -1;
  const bound = Math.min(room, MAX_PAYLOAD, bytes.length - target);
  if (bound < 1) return -1;
  options.maxOutputLength = bound;
  try {
    const plain = inflateRawSync(bytes.subarray(at + IPCOMP_HEADER, end), options);
    bytes.set(plain, target);
    return plain.length;
  } catch {
    return -1;
  }
}
