/** What an SA is to a burst: expanded keys in a slot, and the part of its jobs that packets have no part in. */
import type { NativeMemory } from '../../../native/memory.ts';
import type { Sa } from '../../sa.ts';
import type { SaSecrets } from '../../sa-config.ts';
import type { ContextUnit } from '../contexts.ts';
import {
  CIPHER_CBC,
  CIPHER_CCM,
  CIPHER_CHACHA20_POLY1305,
  CIPHER_CTR,
  CIPHER_GCM,
  CIPHER_NULL,
  DIRECTION_DECRYPT,
  HASH_AES_GMAC,
  HASH_CCM,
  HASH_CHACHA20_POLY1305,
  HASHES,
  J_AAD_BYTES,
  J_AUTH_KEYS,
  J_CIPHER_MODE,
  J_CIPHER_OFFSET,
  J_DECRYPT_KEYS,
  J_DIRECTION,
  J_ENCRYPT_KEYS,
  J_HASH_ALGORITHM,
  J_IV_BYTES,
  J_KEY_BYTES,
  J_ORDER,
  J_TAG_BYTES,
  ORDER_CIPHER_HASH,
  ORDER_HASH_CIPHER,
} from './layout.ts';
import { type IpsecMbCalls, JobTemplate } from './library.ts';

/** A slot: keys to encrypt and to decrypt with; three parts for the authenticator; keys on their way. */
const DECRYPT_KEYS = 256;
const AUTH = [512, 768, 832];
const TEMPORARY = 1280;
export const BURST_SLOT_BYTES: number = TEMPORARY + 128;

const HEADER = 8;
const CIPHERS: Readonly<Record<string, number>> = {
  'aes-cbc': CIPHER_CBC,
  'aes-ctr': CIPHER_CTR,
  null: CIPHER_NULL,
  'aes-ccm': CIPHER_CCM,
  'aes-gcm': CIPHER_GCM,
  'chacha20-poly1305': CIPHER_CHACHA20_POLY1305,
};
/** So many packets of a kind before a burst is faster than OpenSSL, one by one (bench/esp.ts). */
const LEAST_CBC_MAC = 3;
const LEAST_HMAC = 6;
/**
 * GCM and ChaCha20-Poly1305 are no chains, and in a loop of their own gain nothing. In a lane they do (12 % at 64 to 1,400 bytes, bench/lane-esp.ts),
 * as the library's code and ours do not drive each other out of the cache; but not where the copy costs more: 9,000 bytes take 12 % longer.
 */
const LEAST_STREAM = 8;
const MOST_STREAM = 2048;

export class BurstUnit implements ContextUnit {
  /**
   * Whether bursts take an SA. 192-bit CCM is not there; with ESN a MAC's input is in two pieces, which no job takes.
   */
  static takes({ transform, esn }: Sa): boolean {
    const { cipher, auth, keyBits } = transform;
    if (cipher === 'aes-ccm') return keyBits !== 192;
    if (cipher === 'aes-gcm' || cipher === 'chacha20-poly1305') return true;
    return auth !== undefined && auth !== 'none' && !esn;
  }

  readonly kind: number;
  readonly least: number;
  readonly most: number;
  readonly isAead: boolean;
  readonly esn: boolean;
  readonly ivInPlace: boolean;
  /** The salt as the word that stands in front of the IV, its last byte last; and how much of it counts. */
  readonly salt: number;
  readonly saltBytes: number;
  /** Where a job's source begins in the packet, and how many bytes of it are hashed in front of the ciphertext. */
  readonly sourceOffset: number;
  readonly hashedBefore: number;
  readonly template: JobTemplate;
  private readonly sa: Sa;
  private readonly secrets: SaSecrets;
  private readonly calls: IpsecMbCalls;

  constructor(sa: Sa, secrets: SaSecrets, calls: IpsecMbCalls) {
    const { cipher, auth, ivBytes } = sa.transform;
    this.sa = sa;
    this.secrets = secrets;
    this.calls = calls;
    this.template = new JobTemplate(calls.manager.layout);
    this.isAead = auth === undefined;
    this.esn = sa.esn;
    const hash = this.hash();
    // They differ in their low bits.
    this.kind = hash & 15;
    const chained = cipher === 'aes-ccm' || auth === 'aes-xcbc' || auth === 'aes-cmac';
    const streams = cipher === 'aes-gcm' || cipher === 'chacha20-poly1305';
    this.least = streams ? LEAST_STREAM : chained ? LEAST_CBC_MAC : LEAST_HMAC;
    this.most = streams ? MOST_STREAM : Number.POSITIVE_INFINITY;
    this.ivInPlace = cipher === 'aes-cbc' || cipher === 'null';
    const { salt } = secrets;
    this.saltBytes = salt.length;
    const word = new Uint8Array(4);
    word.set(salt, 4 - salt.length);
    this.salt = new Int32Array(word.buffer)[0];
    this.sourceOffset = this.isAead ? HEADER + ivBytes : 0;
    this.hashedBefore = this.isAead ? 0 : HEADER + ivBytes;
  }

  build(memory: NativeMemory, offset: number): void {
    const { template: job, sa, isAead } = this;
    const { cipher, ivBytes, icvBytes, keyBits } = sa.transform;
    const at = memory.address + offset;
    const temporary = offset + TEMPORARY;
    try {
      this.expandCipher(memory, offset);
      if (!isAead) this.expandAuth(memory, offset);
    } finally {
      memory.wipe(temporary, offset + BURST_SLOT_BYTES);
    }
    job.putLong(J_ENCRYPT_KEYS, at);
    job.putLong(J_DECRYPT_KEYS, cipher === 'aes-cbc' ? at + DECRYPT_KEYS : at);
    job.putLong(J_KEY_BYTES, keyBits / 8);
    job.putLong(J_CIPHER_OFFSET, isAead ? 0 : HEADER + ivBytes);
    job.putLong(J_IV_BYTES, this.ivInPlace ? 16 : this.saltBytes + ivBytes);
    job.putLong(J_TAG_BYTES, Math.max(icvBytes, sa.transform.auth === 'hmac-sha256' ? 16 : 0));
    if (isAead) job.putLong(J_AAD_BYTES, this.esn ? 12 : 8);
    else for (let i = 0; i < AUTH.length; i++) job.putLong(J_AUTH_KEYS[i], at + AUTH[i]);
    job.putWord(J_CIPHER_MODE, CIPHERS[cipher]);
    job.putWord(J_DIRECTION, DIRECTION_DECRYPT);
    job.putWord(J_HASH_ALGORITHM, this.hash());
    job.putWord(J_ORDER, cipher === 'aes-ccm' ? ORDER_CIPHER_HASH : ORDER_HASH_CIPHER);
    this.calls.manager.prepareForBursts(job);
  }

  /** Nothing lies outside of the slot. */
  drop(): void {
    this.template.words.fill(0);
  }

  private hash(): number {
    const { auth, cipher } = this.sa.transform;
    if (cipher === 'aes-gcm') return HASH_AES_GMAC;
    if (cipher === 'chacha20-poly1305') return HASH_CHACHA20_POLY1305;
    return auth === undefined ? HASH_CCM : HASHES[auth];
  }

  private expandCipher(memory: NativeMemory, offset: number): void {
    const { key } = this.secrets;
    const { cipher, keyBits } = this.sa.transform;
    const { keyExpand, gcmPrecompute } = this.calls;
    const at = memory.address + offset;
    if (cipher === 'null') return;
    memory.bytes.set(key, offset + TEMPORARY);
    // The key of ChaCha20 is used as it is.
    if (cipher === 'chacha20-poly1305') memory.bytes.set(key, offset);
    else if (cipher === 'aes-gcm') gcmPrecompute[(keyBits - 128) / 64](at + TEMPORARY, at);
    else keyExpand[(keyBits - 128) / 64](at + TEMPORARY, at, at + DECRYPT_KEYS);
  }

  private expandAuth(memory: NativeMemory, offset: number): void {
    const { authKey } = this.secrets;
    const { keyExpand, xcbcExpand, cmacSubkeys, oneBlock } = this.calls;
    const name = this.sa.transform.auth ?? 'none';
    const temporary = offset + TEMPORARY;
    const from = memory.address + temporary;
    const [first, second, third] = AUTH.map((at) => memory.address + offset + at);
    if (name === 'aes-xcbc' || name === 'aes-cmac') {
      memory.bytes.set(authKey, temporary);
      if (name === 'aes-xcbc') {
        xcbcExpand(from, first, second, third);
        return;
      }
      // CMAC has no use for keys to decrypt with; they are wiped with the rest.
      const unused = memory.address + offset + AUTH[1];
      keyExpand[0](from, first, unused);
      memory.wipe(offset + AUTH[1], offset + TEMPORARY);
      cmacSubkeys(first, second, third);
      return;
    }
    const block = name === 'hmac-sha384' || name === 'hmac-sha512' ? 128 : 64;
    for (const [pad, state] of [
      [0x36, first],
      [0x5c, second],
    ]) {
      for (let i = 0; i < block; i++) memory.bytes[temporary + i] = (i < authKey.length ? authKey[i] : 0) ^ pad;
      oneBlock[name](from, state);
    }
  }
}
