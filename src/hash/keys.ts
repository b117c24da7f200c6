/** RSS hash keys: known ones, made ones, and their text. No text here ever holds bytes of a key. */
import { checkInteger, RxSteerError } from '../errors.ts';

export const KEY_MIN = 16;
export const KEY_MAX = 64;
/** What most NICs take; ice and i40e take 52. */
export const KEY_LENGTH = 40;

/** The key of Microsoft's verification suite, and the default of the command line. */
const MICROSOFT = '6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa';

/**
 * @throws RxSteerError `ERR_RXSTEER_KEY` when the key is no Uint8Array of 16 to 64 bytes
 */
export function checkKey(key: Uint8Array): void {
  if (!(key instanceof Uint8Array)) {
    throw new RxSteerError(
      'ERR_RXSTEER_KEY',
      `key: expected a Uint8Array of ${KEY_MIN} to ${KEY_MAX} bytes, got ${key === null ? 'null' : `a value of type ${typeof key}`}`,
    );
  }
  if (key.length < KEY_MIN || key.length > KEY_MAX) {
    throw new RxSteerError('ERR_RXSTEER_KEY', `key: expected ${KEY_MIN} to ${KEY_MAX} bytes, got ${key.length}`);
  }
}

/** Microsoft's key: 40 bytes. A longer one ends in zeros, and hashes the same; a shorter one is its beginning. */
export function microsoftKey(length: number = KEY_LENGTH): Uint8Array {
  checkInteger('key length', length, KEY_MIN, KEY_MAX);
  const key = new Uint8Array(length);
  key.set(hexKey(MICROSOFT).subarray(0, length));
  return key;
}

/**
 * 6d5a repeated: both directions of a flow hash to the same value (Woo and Park, 2012). Its period of 16 bits leaves at most
 * 65536 different hashes and makes SPIs with equal halves invisible.
 */
export function symmetricKey(length: number = KEY_LENGTH): Uint8Array {
  checkInteger('key length', length, KEY_MIN, KEY_MAX);
  return Uint8Array.from({ length }, (_, i) => ((i & 1) === 0 ? 0x6d : 0x5a));
}

/**
 * The key of a seed, the same on every machine: for experiments that must repeat. Whoever knows the seed knows the key. A
 * longer key of the same seed starts with the shorter one.
 */
export function seededKey(seed: string, length: number = KEY_LENGTH): Uint8Array {
  checkInteger('key length', length, KEY_MIN, KEY_MAX);
  // FNV-1a makes a state of the text, splitmix32 makes words of the state
  let state = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(seed)) state = Math.imul(state ^ byte, 0x01000193);
  const key = new Uint8Array(length);
  for (let i = 0; i < length; i += 4) {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    z ^= z >>> 15;
    for (let j = 0; j < 4 && i + j < length; j++) key[i + j] = z >>> (24 - 8 * j);
  }
  return key;
}

/**
 * A key from text: `microsoft`, `symmetric`, `random:SEED`, or 16 to 64 bytes in hexadecimal, with colons between all bytes
 * (as `ethtool -x` prints them) or none.
 *
 * @param length bytes of a key that has a name
 * @throws RxSteerError `ERR_RXSTEER_KEY`
 */
export function parseKey(text: string, length: number = KEY_LENGTH): Uint8Array {
  if (text === 'microsoft') return microsoftKey(length);
  if (text === 'symmetric') return symmetricKey(length);
  if (text.startsWith('random:')) {
    if (text.length === 7) throw new RxSteerError('ERR_RXSTEER_KEY', 'key: expected a seed behind "random:", got none');
    return seededKey(text.slice(7), length);
  }
  const key = hexKey(text);
  checkKey(key);
  return key;
}

function hexKey(text: string): Uint8Array {
  if (!/^(?:(?:[0-9a-f]{2})+|[0-9a-f]{2}(?::[0-9a-f]{2})+)$/i.test(text)) {
    throw new RxSteerError(
      'ERR_RXSTEER_KEY',
      `key: expected microsoft, symmetric, random:SEED, or bytes as two hexadecimal digits each, with colons between all or none, got ${text.length} characters`,
    );
  }
  const pairs = text.match(/[0-9a-f]{2}/gi) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}
