/**
 * A cipher with a separate authenticator by OpenSSL: AES-CBC, AES-CTR or NULL, with an HMAC, an AES MAC or none.
 * Authentication comes first; nothing is decrypted when it fails.
 */
import type { NativeMemory } from '../../../native/memory.ts';
import { type Sa, secretsOf } from '../../sa.ts';
import { DECRYPTED, IN_PLACE, putIv, REFUSED } from '../native-cipher.ts';
import { needed, type OpensslParts, OpensslUnit } from './context.ts';
import { type OpensslMac, opensslMac } from './mac.ts';

const HEADER = 8;
const MAC_KEY = 64;

export class OpensslCombined extends OpensslUnit {
  private readonly mac: OpensslMac | undefined;
  /** CBC: the IV is read where it lies. CTR: a counter block of nonce, IV and 1 in the slot (RFC 3686 section 4). */
  private readonly mode: 'aes-cbc' | 'aes-ctr' | 'null';
  private readonly blockMask: number;
  private readonly headBytes: number;
  private readonly icvBytes: number;
  private memory: NativeMemory | undefined;
  private offset = 0;

  constructor(sa: Sa, parts: OpensslParts) {
    super(sa, parts);
    const { cipher, auth, blockBytes, ivBytes, icvBytes } = sa.transform;
    this.mode = cipher === 'aes-cbc' || cipher === 'aes-ctr' ? cipher : 'null';
    this.blockMask = blockBytes - 1;
    this.headBytes = HEADER + ivBytes;
    this.icvBytes = icvBytes;
    this.mac = opensslMac(auth ?? 'none', secretsOf(sa).authKey, parts);
  }

  build(memory: NativeMemory, offset: number): void {
    const { lib, mode } = this;
    const { key, salt } = secretsOf(this.sa);
    this.mac?.make(memory, offset + MAC_KEY);
    if (mode === 'null') return;
    this.makeContext(`AES-${key.length * 8}-${mode.slice(4).toUpperCase()}`, key, memory, offset);
    needed(lib, 'EVP_CIPHER_CTX_set_padding', lib.EVP_CIPHER_CTX_set_padding(this.context, 0));
    memory.bytes.set(salt, offset);
    memory.bytes[offset + 15] = 1;
    this.memory = memory;
    this.offset = offset;
  }

  override drop(): void {
    super.drop();
    this.mac?.drop();
    this.memory = undefined;
  }

  decrypt(esp: number, length: number, high: number): number {
    if ((length & this.blockMask) !== 0) return REFUSED;
    const { lib, work, mac, mode, frames } = this;
    const text = esp + this.headBytes;
    if (mac !== undefined) {
      const computed = mac.compute(esp, text + length - esp, this.esn, high);
      if (computed === undefined || lib.CRYPTO_memcmp(computed, frames.base + text + length, this.icvBytes) !== 0) {
        if (computed === undefined) lib.ERR_clear_error();
        return REFUSED;
      }
    }
    if (mode === 'null') return IN_PLACE;
    const iv = mode === 'aes-cbc' ? frames.base + esp + HEADER : this.counterBlock(esp);
    const decrypted =
      lib.EVP_DecryptInit_ex2(this.context, 0, 0, iv, 0) === 1 &&
      lib.EVP_DecryptUpdate(this.context, frames.out, work.written, frames.base + text, length) === 1 &&
      work.writtenBytes === length;
    return decrypted ? DECRYPTED : this.refuse(length);
  }

  private counterBlock(esp: number): number {
    const { memory, offset } = this;
    putIv(memory!, offset + 4, this.frames.view, esp + HEADER);
    return memory!.address + offset;
  }
}
