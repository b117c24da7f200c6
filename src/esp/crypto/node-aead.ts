/** AES-GCM, AES-CCM and ChaCha20-Poly1305 by node:crypto: 8 bytes of IV behind the ESP header, then ciphertext, then ICV. */
import {
  type CipherCCMTypes,
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
} from 'node:crypto';
import { type Sa, secretsOf } from '../sa.ts';
import { NO_PLAIN, type SealingCipher, writeEsnHeader } from './backend.ts';

const HEADER = 8;
const IV = 8;

export class NodeAead implements SealingCipher {
  plain: Uint8Array = NO_PLAIN;
  at = 0;
  length = 0;
  readonly staysInMemory = false;
  // CCM's name stands for all three: it is the strictest of node's types, and the calls are the same.
  private readonly algorithm: CipherCCMTypes;
  private readonly key: KeyObject;
  private readonly saltBytes: number;
  private readonly nonce: Uint8Array;
  private readonly icvBytes: number;
  private readonly options: { authTagLength: number };
  private readonly esn: boolean;
  private readonly esnHeader = new Uint8Array(12);

  constructor(sa: Sa) {
    const { key, salt } = secretsOf(sa);
    this.algorithm = algorithmOf(sa) as CipherCCMTypes;
    this.key = createSecretKey(key);
    this.saltBytes = salt.length;
    this.nonce = new Uint8Array(salt.length + IV);
    this.nonce.set(salt);
    this.icvBytes = sa.transform.icvBytes;
    this.options = { authTagLength: this.icvBytes };
    this.esn = sa.esn;
  }

  open(bytes: Uint8Array, esp: number, end: number, high: number): boolean {
    const text = esp + HEADER + IV;
    const icv = end - this.icvBytes;
    const decipher = createDecipheriv(this.algorithm, this.key, this.nonceOf(bytes, esp), this.options);
    decipher.setAuthTag(bytes.subarray(icv, end));
    decipher.setAAD(this.additional(bytes, esp, high), { plaintextLength: icv - text });
    try {
      const plain = decipher.update(bytes.subarray(text, icv));
      decipher.final();
      this.plain = plain;
      this.at = 0;
      this.length = plain.length;
      return true;
    } catch {
      return false;
    }
  }

  seal(packet: Uint8Array, high: number): void {
    const text = HEADER + IV;
    const icv = packet.length - this.icvBytes;
    const cipher = createCipheriv(this.algorithm, this.key, this.nonceOf(packet, 0), this.options);
    cipher.setAAD(this.additional(packet, 0, high), { plaintextLength: icv - text });
    packet.set(cipher.update(packet.subarray(text, icv)), text);
    cipher.final();
    packet.set(cipher.getAuthTag(), icv);
  }

  private nonceOf(bytes: Uint8Array, esp: number): Uint8Array {
    const nonce = this.nonce;
    const salt = this.saltBytes;
    for (let i = 0; i < IV; i++) nonce[salt + i] = bytes[esp + HEADER + i];
    return nonce;
  }

  private additional(bytes: Uint8Array, esp: number, high: number): Uint8Array {
    if (!this.esn) return bytes.subarray(esp, esp + HEADER);
    writeEsnHeader(this.esnHeader, bytes, esp, high);
    return this.esnHeader;
  }
}

/** AES-GMAC by node:crypto: GCM without plaintext, everything from the SPI to the ICV as additional data. */
export class NodeGmac implements SealingCipher {
  plain: Uint8Array = NO_PLAIN;
  at = 0;
  length = 0;
  readonly staysInMemory = false;
  private readonly algorithm: CipherGCMTypes;
  private readonly key: KeyObject;
  private readonly nonce = new Uint8Array(12);
  private readonly icvBytes: number;
  private readonly options: { authTagLength: number };
  private readonly esn: boolean;
  private readonly esnHeader = new Uint8Array(12);

  constructor(sa: Sa) {
    const { key, salt } = secretsOf(sa);
    this.algorithm = `aes-${key.length * 8}-gcm` as CipherGCMTypes;
    this.key = createSecretKey(key);
    this.nonce.set(salt);
    this.icvBytes = sa.transform.icvBytes;
    this.options = { authTagLength: this.icvBytes };
    this.esn = sa.esn;
  }

  open(bytes: Uint8Array, esp: number, end: number, high: number): boolean {
    const icv = end - this.icvBytes;
    for (let i = 0; i < IV; i++) this.nonce[4 + i] = bytes[esp + HEADER + i];
    const decipher = createDecipheriv(this.algorithm, this.key, this.nonce, this.options);
    decipher.setAuthTag(bytes.subarray(icv, end));
    if (this.esn) {
      writeEsnHeader(this.esnHeader, bytes, esp, high);
      decipher.setAAD(this.esnHeader);
      decipher.setAAD(bytes.subarray(esp + HEADER, icv));
    } else {
      decipher.setAAD(bytes.subarray(esp, icv));
    }
    try {
      decipher.final();
    } catch {
      return false;
    }
    this.plain = bytes;
    this.at = esp + HEADER + IV;
    this.length = icv - this.at;
    return true;
  }

  seal(packet: Uint8Array, high: number): void {
    const icv = packet.length - this.icvBytes;
    for (let i = 0; i < IV; i++) this.nonce[4 + i] = packet[HEADER + i];
    const cipher = createCipheriv(this.algorithm, this.key, this.nonce, this.options);
    if (this.esn) {
      writeEsnHeader(this.esnHeader, packet, 0, high);
      cipher.setAAD(this.esnHeader);
      cipher.setAAD(packet.subarray(HEADER, icv));
    } else {
      cipher.setAAD(packet.subarray(0, icv));
    }
    cipher.final();
    packet.set(cipher.getAuthTag(), icv);
  }
}

function algorithmOf(sa: Sa): string {
  const { cipher, keyBits } = sa.transform;
  return cipher === 'chacha20-poly1305' ? cipher : `aes-${keyBits}-${cipher.slice(4)}`;
}
