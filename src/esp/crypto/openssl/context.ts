import type { NativeMemory } from '../../../native/memory.ts';
import type { Sa } from '../../sa.ts';
import { type Frames, type NativeUnit, putEsnHeader, REFUSED } from '../native-cipher.ts';
import type { LibCrypto, Work } from './libcrypto.ts';

/** What the ciphers of a lane's OpenSSL have in common. */
export interface OpensslParts {
  readonly lib: LibCrypto;
  readonly work: Work;
  readonly frames: Frames;
  /** The EVP_CIPHER or EVP_MAC of a name, fetched once. */
  cipherOf(name: string): number;
  macOf(name: string): number;
}

/** Bytes of a slot: a nonce or counter block, and a key on its way into its context. */
export const SLOT_BYTES = 192;
const KEY = 64;

/** A unit that has an EVP_CIPHER_CTX of its own. */
export abstract class OpensslUnit implements NativeUnit {
  protected readonly sa: Sa;
  protected readonly parts: OpensslParts;
  protected readonly lib: LibCrypto;
  protected readonly work: Work;
  /** EVP_CIPHER_CTX *, 0 while there is none. */
  protected context = 0;

  protected readonly esn: boolean;
  /** Bytes of the additional data of an AEAD. */
  protected readonly aadBytes: number;

  constructor(sa: Sa, parts: OpensslParts) {
    this.sa = sa;
    this.parts = parts;
    this.lib = parts.lib;
    this.work = parts.work;
    this.esn = sa.esn;
    this.aadBytes = sa.esn ? 12 : 8;
  }

  abstract build(memory: NativeMemory, offset: number): void;
  abstract decrypt(view: DataView, base: number, esp: number, length: number, high: number, out: number): number;

  drop(): void {
    const { context } = this;
    this.context = 0;
    // Wipes the key schedule, too.
    if (context !== 0) this.lib.EVP_CIPHER_CTX_free(context);
  }

  /** Makes the context with its key. The copy of the key is wiped when this returns. */
  protected makeContext(name: string, key: Uint8Array, memory: NativeMemory, offset: number, parameters = 0): void {
    const { lib } = this;
    this.context = needed(lib, 'EVP_CIPHER_CTX_new', lib.EVP_CIPHER_CTX_new());
    const at = offset + KEY;
    memory.bytes.set(key, at);
    try {
      // Parameters first: CCM wants to know the lengths of nonce and tag before it sees a key.
      const evp = this.parts.cipherOf(name);
      needed(lib, `EVP_DecryptInit_ex2(${name})`, lib.EVP_DecryptInit_ex2(this.context, evp, 0, 0, parameters));
      needed(lib, `EVP_DecryptInit_ex2(${name})`, lib.EVP_DecryptInit_ex2(this.context, 0, memory.address + at, 0, 0));
    } finally {
      memory.wipe(at, at + key.length);
    }
  }

  /** Address of the additional data, SPI and sequence number. */
  protected additional(view: DataView, base: number, esp: number, high: number): number {
    if (!this.esn) return base + esp;
    putEsnHeader(this.work.memory, this.work.headerAt, view, esp, high);
    return this.work.header;
  }

  /**
   * The end of a packet that is not authentic. OpenSSL may have left an error in the queue of this thread, on which a TLS
   * connection of Node's would trip: so forged packets could break those.
   */
  protected refuse(out: number, length: number): number {
    this.lib.ERR_clear_error();
    this.lib.OPENSSL_cleanse(out, length);
    return REFUSED;
  }
}

/** Throws when a call that no packet has a part in failed: OpenSSL has no memory, or is not allowed to do it (FIPS). */
export function needed(lib: LibCrypto, what: string, result: number): number {
  if (result > 0) return result;
  lib.ERR_clear_error();
  throw new Error(`openssl: ${what} failed`);
}
