/** The authenticators of ESP by node:crypto. Input: bytes of the packet, followed by 4 bytes with ESN. */
import { createCipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { double, fillBlock } from '../transforms/aes-mac.ts';
import type { AuthName } from '../transforms/transform.ts';

export interface Mac {
  /**
   * @param tail what follows `bytes[from..to)` in the input, or undefined
   * @returns the MAC in full length
   */
  compute(bytes: Uint8Array, from: number, to: number, tail: Uint8Array | undefined): Uint8Array;
}

export function nodeMac(name: AuthName, key: Uint8Array): Mac | undefined {
  if (name === 'none') return undefined;
  return name === 'aes-xcbc' || name === 'aes-cmac' ? new AesMac(name, key) : new Hmac(name.slice(5), key);
}

class Hmac implements Mac {
  private readonly hash: string;
  private readonly key: KeyObject;

  constructor(hash: string, key: Uint8Array) {
    this.hash = hash;
    this.key = createSecretKey(key);
  }

  compute(bytes: Uint8Array, from: number, to: number, tail: Uint8Array | undefined): Uint8Array {
    const hmac = createHmac(this.hash, this.key).update(bytes.subarray(from, to));
    if (tail !== undefined) hmac.update(tail);
    return hmac.digest();
  }
}

const BLOCK = 16;
const ZERO_IV = new Uint8Array(BLOCK);

/** Key of the chain, and what the last block is mixed with when it is whole, and when it was filled up. */
export interface AesMacKeys {
  readonly chain: Uint8Array;
  readonly whole: Uint8Array;
  readonly filled: Uint8Array;
}

export function aesMacKeys(name: 'aes-xcbc' | 'aes-cmac', key: Uint8Array): AesMacKeys {
  const encrypt = (block: Uint8Array): Uint8Array =>
    createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(block);
  const blockOf = (value: number): Uint8Array => encrypt(new Uint8Array(BLOCK).fill(value));
  if (name === 'aes-xcbc') return { chain: blockOf(1), whole: blockOf(2), filled: blockOf(3) };
  const whole = double(encrypt(ZERO_IV));
  return { chain: key, whole, filled: double(whole) };
}

/**
 * XCBC and CMAC as one AES-CBC encryption: of the whole input with its last block mixed with a subkey, whose last block of
 * ciphertext is the MAC. So OpenSSL runs the chain, not JavaScript: one native call a packet.
 */
class AesMac implements Mac {
  private readonly key: KeyObject;
  /** Subkeys for a last block that is whole, and for one that was filled up. */
  private readonly whole: Uint8Array;
  private readonly filled: Uint8Array;
  private input = new Uint8Array(2048);

  constructor(name: 'aes-xcbc' | 'aes-cmac', key: Uint8Array) {
    const keys = aesMacKeys(name, key);
    this.key = createSecretKey(keys.chain);
    this.whole = keys.whole;
    this.filled = keys.filled;
  }

  compute(bytes: Uint8Array, from: number, to: number, tail: Uint8Array | undefined): Uint8Array {
    const length = to - from + (tail === undefined ? 0 : tail.length);
    const size = Math.max(BLOCK, (length + BLOCK - 1) & -BLOCK);
    if (size > this.input.length) this.input = new Uint8Array(size * 2);
    const input = this.input;
    input.set(bytes.subarray(from, to));
    if (tail !== undefined) input.set(tail, to - from);
    const last = size - BLOCK;
    if (length < size) fillBlock(input.subarray(last, size), length - last);
    const subkey = length === size ? this.whole : this.filled;
    for (let i = 0; i < BLOCK; i++) input[last + i] ^= subkey[i];
    const cipher = createCipheriv('aes-128-cbc', this.key, ZERO_IV).setAutoPadding(false);
    return cipher.update(input.subarray(0, size)).subarray(last);
  }
}
