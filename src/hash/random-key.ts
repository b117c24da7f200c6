/** Keys for those who face strangers: secret, and yet none of the unlucky ones. */
import { checkInteger } from '../errors.ts';
import { rank } from './gf2.ts';
import { keyWindow } from './key-map.ts';
import { KEY_LENGTH, KEY_MAX, KEY_MIN } from './keys.ts';

/** Last bits of SPIs and ports in the input: behind the addresses of IPv4 and IPv6, an SPI alone too. */
const ENDS: readonly number[] = [32, 80, 96, 272, 288];
/** Bits of the index of the largest table. */
const INDEX_BITS = 11;
/** Values in a row for each table entry or queue. Two bits: 116 keys are drawn on average, 2.5 ms; one: 134,000; none: never. */
const SLACK = 2;

/**
 * A key from the system's secure random numbers: what a receiver that faces strangers should have.
 *
 * Of all keys every fifth puts 16 ports in a row on two queues of four, and one of 250 on one. So keys are drawn until SPIs
 * and ports that are given out in a row spread: 4n of them, from a multiple of 4n on, reach all of n table entries, or queues
 * of an equal table, for every power of two n up to 2048. That leaves an attacker 7 bits less to guess, of 320.
 *
 * @param length 16 to 64 bytes
 */
export function randomKey(length: number = KEY_LENGTH): Uint8Array {
  checkInteger('key length', length, KEY_MIN, KEY_MAX);
  const ends = ENDS.filter((end) => end + 31 <= length * 8);
  for (;;) {
    const key = drawnKey(length);
    if (ends.every((end) => spreads(key, end))) return key;
  }
}

/** Nothing but random bytes. */
export function drawnKey(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Whether the low bits of the field that ends at bit `end` reach all values of the low bits of the hash, two bits fewer. */
function spreads(key: Uint8Array, end: number): boolean {
  for (let bits = 1; bits <= INDEX_BITS; bits++) {
    const mask = (1 << bits) - 1;
    const columns = Array.from({ length: bits + SLACK }, (_, i) => keyWindow(key, end - 1 - i) & mask);
    if (rank(columns) < bits) return false;
  }
  return true;
}
