import type { Argument } from '../../../native/ffi.ts';
import type { NativeMemory } from '../../../native/memory.ts';
import type { Sa } from '../../sa.ts';
import { type Frames, type NativeUnit, putEsnHeader, putIv, REFUSED } from '../native-cipher.ts';
import { HEADER_AT, type LibCrypto, type Work } from './libcrypto.ts';

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
  protected readonly frames: Frames;
  /** EVP_CIPHER_CTX *, undefined while there is none. */
  protected context: Argument;

  protected readonly esn: boolean;
  /** Bytes of the additional data of an AEAD. */
  protected readonly aadBytes: number;

  constructor(sa: Sa, parts: OpensslParts) {
    this.sa = sa;
    this.parts = parts;
    this.lib = parts.lib;
    this.work = parts.work;
    this.frames = parts.frames;
    this.esn = sa.esn;
    this.aadBytes = sa.esn ? 12 : 8;
  }

  abstract build(memory: NativeMemory, offset: number): void;
  abstract decrypt(esp: number, length: number, high: number): number;

  drop(): void {
    const { context } = this;
    this.context = undefined;
    // Wipes the key schedule, too.
    if (context !== undefined) this.lib.EVP_CIPHER_CTX_free(context);
  }

  /** Makes the context with its key. The copy of the key is wiped when this returns. */
  protected makeContext(name: string, key: Uint8Array, memory: NativeMemory, offset: number, parameters = 0): void {
    const { lib } = this;
    const context = needed(lib, 'EVP_CIPHER_CTX_new', lib.EVP_CIPHER_CTX_new());
    this.context = context;
    const at = offset + KEY;
    memory.bytes.set(key, at);
    try {
      // Parameters first: CCM wants to know the lengths of nonce and tag before it sees a key.
      const evp = this.parts.cipherOf(name);
      needed(lib, `EVP_DecryptInit_ex2(${name})`, lib.EVP_DecryptInit_ex2(context, evp, 0, 0, parameters));
      needed(lib, `EVP_DecryptInit_ex2(${name})`, lib.EVP_DecryptInit_ex2(context, 0, memory.address + at, 0, 0));
    } finally {
      memory.wipe(at, at + key.length);
    }
  }

  /** Copies the additional data, SPI and sequence number, to `Work.header`, an address that never changes. */
  protected putAdditional(esp: number, high: number): void {
    if (this.esn) putEsnHeader(this.work.memory, HEADER_AT, this.frames.view, esp, high);
    else putIv(this.work.memory, HEADER_AT, this.frames.view, esp);
  }

  /**
   * The end of a packet that is not authentic. OpenSSL may have left an error in the queue of this thread, on which a TLS
   * connection of Node's would trip: so forged packets could break those.
   */
  protected refuse(length: number): number {
    this.lib.ERR_clear_error();
    this.lib.OPENSSL_cleanse(this.frames.out, length);
    return REFUSED;
  }
}

/** Throws when a call that no packet has a part in failed: OpenSSL has no memory, or is not allowed to do it (FIPS). */
export function needed(lib: LibCrypto, what: string, result: number): number {
  if (result > 0) return result;
  lib.ERR_clear_error();
  throw new Error(`openssl: ${what} failed`);
}
