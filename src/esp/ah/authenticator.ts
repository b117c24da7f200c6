/**
 * The integrity check of AH by node:crypto. The ICV field holds the MAC, cut to its length; with AES-GMAC (RFC 4543 section 4) an IV of 8
 * bytes and a MAC of 16, whose nonce is a salt of 4 bytes (the end of the key) and the IV. All of the field counts as zero, as RFC 4302
 * has it; what pads it to whole words counts as it is. With ESN the high half of the number follows the packet.
 */
import { createCipheriv, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { AH_HEADER } from '../../wire/ah.ts';
import { put32 } from '../../wire/bytes.ts';
import { type Mac, nodeMac } from '../crypto/node-mac.ts';
import { type Sa, secretsOf } from '../sa.ts';
import type { AuthName } from '../transforms/transform.ts';
import { zeroMutable } from './mutable.ts';

const SALT = 4;
const IV = 8;

/** Bytes of the ICV field without padding. */
export function icvField(sa: Sa): number {
  return sa.transform.ivBytes + sa.transform.icvBytes;
}

export class AhAuthenticator {
  private readonly mac: Mac | undefined;
  private readonly gmac: { readonly algorithm: 'aes-128-gcm'; readonly key: KeyObject } | undefined;
  private readonly nonce: Uint8Array = new Uint8Array(SALT + IV);
  private readonly field: number;
  private readonly given: Uint8Array;
  private readonly high: Uint8Array | undefined;

  constructor(sa: Sa) {
    const { authKey } = secretsOf(sa);
    const { auth, icvBytes } = sa.transform;
    if (auth === 'aes-gmac') {
      const key = authKey.length - SALT;
      // The name of all three; the types of node:crypto know it as literals.
      const algorithm = `aes-${key * 8}-gcm` as 'aes-128-gcm';
      this.gmac = { algorithm, key: createSecretKey(authKey.subarray(0, key)) };
      this.nonce.set(authKey.subarray(key));
    } else this.mac = nodeMac(auth as AuthName, authKey);
    this.field = icvField(sa);
    this.given = new Uint8Array(icvBytes);
    this.high = sa.esn ? new Uint8Array(4) : undefined;
  }

  /**
   * Whether the ICV of a packet is right.
   *
   * @param packet a copy of it, from the IP header to the end, which is changed
   * @param ah where AH begins
   * @param high high half of the sequence number
   * @returns undefined when a header in front of AH contradicts itself
   */
  verify(packet: Uint8Array, ah: number, high: number): boolean | undefined {
    const { given } = this;
    const at = ah + AH_HEADER + this.field - given.length;
    given.set(packet.subarray(at, at + given.length));
    const mac = this.compute(packet, ah, high);
    return mac === undefined ? undefined : timingSafeEqual(mac, given);
  }

  /** The MAC of a packet, whose copy is changed. With GMAC the IV is there already. */
  compute(packet: Uint8Array, ah: number, high: number): Uint8Array | undefined {
    const field = ah + AH_HEADER;
    if (this.gmac !== undefined) this.nonce.set(packet.subarray(field, field + IV), SALT);
    if (!zeroMutable(packet, ah)) return undefined;
    packet.fill(0, field, field + this.field);
    const tail = this.high;
    if (tail !== undefined) put32(tail, 0, high);
    if (this.gmac === undefined) {
      return this.mac!.compute(packet, 0, packet.length, tail).subarray(0, this.given.length);
    }
    const cipher = createCipheriv(this.gmac.algorithm, this.gmac.key, this.nonce);
    cipher.setAAD(tail === undefined ? packet : Buffer.concat([packet, tail]));
    cipher.final();
    return cipher.getAuthTag();
  }
}
