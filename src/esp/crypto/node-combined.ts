/**
 * A cipher with a separate authenticator by node:crypto: AES-CBC, AES-CTR or NULL, with an HMAC, an AES MAC or none.
 * Authentication comes first; nothing is decrypted when it fails.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { put32 } from '../../wire/bytes.ts';
import { type Sa, secretsOf } from '../sa.ts';
import { NO_PLAIN, type SealingCipher } from './backend.ts';
import { type Mac, nodeMac } from './node-mac.ts';

const HEADER = 8;

export class NodeCombined implements SealingCipher {
  plain: Uint8Array = NO_PLAIN;
  at = 0;
  length = 0;
  readonly staysInMemory: boolean;
  private readonly algorithm: string;
  private readonly key: KeyObject | undefined;
  /** CTR: nonce, IV, and a counter that starts at 1 (RFC 3686 section 4). */
  private readonly counterBlock: Uint8Array | undefined;
  private readonly ivBytes: number;
  private readonly mac: Mac | undefined;
  private readonly icvBytes: number;
  private readonly high: Uint8Array | undefined;

  constructor(sa: Sa) {
    const { key, salt, authKey } = secretsOf(sa);
    const { cipher, auth, keyBits, ivBytes, icvBytes } = sa.transform;
    this.algorithm = `aes-${keyBits}-${cipher.slice(4)}`;
    this.staysInMemory = cipher === 'null';
    this.key = cipher === 'null' ? undefined : createSecretKey(key);
    if (cipher === 'aes-ctr') {
      this.counterBlock = new Uint8Array(16);
      this.counterBlock.set(salt);
      this.counterBlock[15] = 1;
    }
    this.ivBytes = ivBytes;
    this.mac = nodeMac(auth ?? 'none', authKey);
    this.icvBytes = icvBytes;
    this.high = sa.esn ? new Uint8Array(4) : undefined;
  }

  open(bytes: Uint8Array, esp: number, end: number, high: number): boolean {
    const icv = end - this.icvBytes;
    if (this.mac !== undefined) {
      const computed = this.mac.compute(bytes, esp, icv, this.tail(high));
      if (!timingSafeEqual(computed.subarray(0, this.icvBytes), bytes.subarray(icv, end))) return false;
    }
    const text = esp + HEADER + this.ivBytes;
    if (this.key === undefined) {
      this.plain = bytes;
      this.at = text;
      this.length = icv - text;
      return true;
    }
    const decipher = createDecipheriv(this.algorithm, this.key, this.iv(bytes, esp)).setAutoPadding(false);
    this.plain = decipher.update(bytes.subarray(text, icv));
    this.at = 0;
    this.length = icv - text;
    return true;
  }

  seal(packet: Uint8Array, high: number): void {
    const icv = packet.length - this.icvBytes;
    const text = HEADER + this.ivBytes;
    if (this.key !== undefined) {
      const cipher = createCipheriv(this.algorithm, this.key, this.iv(packet, 0)).setAutoPadding(false);
      packet.set(cipher.update(packet.subarray(text, icv)), text);
    }
    if (this.mac !== undefined) {
      packet.set(this.mac.compute(packet, 0, icv, this.tail(high)).subarray(0, this.icvBytes), icv);
    }
  }

  private iv(bytes: Uint8Array, esp: number): Uint8Array {
    const block = this.counterBlock;
    if (block === undefined) return bytes.subarray(esp + HEADER, esp + HEADER + this.ivBytes);
    for (let i = 0; i < 8; i++) block[4 + i] = bytes[esp + HEADER + i];
    return block;
  }

  private tail(high: number): Uint8Array | undefined {
    const out = this.high;
    if (out === undefined) return undefined;
    put32(out, 0, high);
    return out;
  }
}
