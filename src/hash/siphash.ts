/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): https://github.com/veorq/SipHash
 *
 * What Linux hashes flows with in software since 2019, keyed by a secret of the boot. No NIC has it. 64-bit words are pairs of
 * int32, low half first.
 */
import { RxSteerError } from '../errors.ts';

export const SIPHASH_KEY = 16;

const INITIAL = Int32Array.of(
  0x70736575,
  0x736f6d65,
  0x6e646f6d,
  0x646f7261,
  0x6e657261,
  0x6c796765,
  0x79746573,
  0x74656462,
);

export class SipHash {
  /** The upper 32 bits of the last hash. */
  high = 0;
  private readonly start = Int32Array.from(INITIAL);
  private readonly state = new Int32Array(8);

  /**
   * @param key 16 bytes
   * @throws RxSteerError `ERR_RXSTEER_KEY`
   */
  constructor(key: Uint8Array) {
    if (!(key instanceof Uint8Array) || key.length !== SIPHASH_KEY) {
      throw new RxSteerError('ERR_RXSTEER_KEY', `key: expected ${SIPHASH_KEY} bytes for siphash, got ${key?.length}`);
    }
    for (let i = 0; i < 8; i++) this.start[i] ^= word(key, (i & 3) << 2);
  }

  /** The lower 32 bits of the hash of `len` bytes at `off`, as an int32. */
  hash(bytes: Uint8Array, off: number, len: number): number {
    const { state } = this;
    state.set(this.start);
    const whole = off + (len & ~7);
    for (let at = off; at < whole; at += 8) this.block(word(bytes, at), word(bytes, at + 4));
    let low = 0;
    let high = len << 24;
    for (let i = 0; i < (len & 7); i++) {
      if (i < 4) low |= bytes[whole + i] << (i << 3);
      else high |= bytes[whole + i] << ((i - 4) << 3);
    }
    this.block(low, high);
    state[4] ^= 0xff;
    for (let i = 0; i < 4; i++) round(state);
    this.high = state[1] ^ state[3] ^ state[5] ^ state[7];
    return state[0] ^ state[2] ^ state[4] ^ state[6];
  }

  private block(low: number, high: number): void {
    const { state } = this;
    state[6] ^= low;
    state[7] ^= high;
    round(state);
    round(state);
    state[0] ^= low;
    state[1] ^= high;
  }
}

function round(v: Int32Array): void {
  half(v, 0, 2, 13);
  swap(v, 0);
  half(v, 4, 6, 16);
  half(v, 0, 6, 21);
  half(v, 4, 2, 17);
  swap(v, 4);
}

/** `a += b; b = rotl(b, by) ^ a` */
function half(v: Int32Array, a: number, b: number, by: number): void {
  const low = v[b];
  const high = v[b + 1];
  const sum = (v[a] + low) | 0;
  v[a + 1] = v[a + 1] + high + (sum >>> 0 < low >>> 0 ? 1 : 0);
  v[a] = sum;
  v[b] = ((low << by) | (high >>> (32 - by))) ^ sum;
  v[b + 1] = ((high << by) | (low >>> (32 - by))) ^ v[a + 1];
}

/** Rotates by 32. */
function swap(v: Int32Array, at: number): void {
  const low = v[at];
  v[at] = v[at + 1];
  v[at + 1] = low;
}

/** Four bytes as a little-endian number. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}
