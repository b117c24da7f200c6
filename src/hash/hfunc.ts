/** Hash functions by the names of `ethtool -X DEV hfunc`, and xxh32 beside them. Only toeplitz has a key. */
import { optionError } from '../errors.ts';
import { crc32 } from './crc32.ts';
import { xorHash } from './xor.ts';
import { xxh32 } from './xxh32.ts';

export type Hfunc = 'toeplitz' | 'xor' | 'crc32' | 'xxh32';
export const HFUNCS: readonly Hfunc[] = ['toeplitz', 'xor', 'crc32', 'xxh32'];

/** Numbers of the functions: their places in {@link HFUNCS}. */
export const HFUNC_TOEPLITZ = 0;
const HFUNC_XOR = 1;
const HFUNC_CRC32 = 2;

/**
 * The number of a function.
 *
 * @throws RxSteerError `ERR_RXSTEER_OPTION`
 */
export function hfuncNumber(hfunc: Hfunc): number {
  const number = HFUNCS.indexOf(hfunc);
  if (number < 0) throw optionError('hfunc', HFUNCS.join(', '), hfunc);
  return number;
}

/** Hash of `len` bytes at `off`, as an int32, by a function without a key. */
export function keylessHash(hfunc: number, bytes: Uint8Array, off: number, len: number): number {
  if (hfunc === HFUNC_XOR) return xorHash(bytes, off, len);
  return hfunc === HFUNC_CRC32 ? crc32(bytes, off, len) : xxh32(bytes, off, len);
}
