/** The authenticators of ESP by OpenSSL. Input: bytes of the packet, followed by 4 bytes with ESN. */
import type { Argument } from '../../../native/ffi.ts';
import type { NativeMemory } from '../../../native/memory.ts';
import { put32 } from '../../../wire/bytes.ts';
import { fillBlock } from '../../transforms/aes-mac.ts';
import type { AuthName } from '../../transforms/transform.ts';
import { swap } from '../native-cipher.ts';
import { type AesMacKeys, aesMacKeys } from '../node-mac.ts';
import { needed, type OpensslParts } from './context.ts';
import { BLOCKS_AT, HEADER_AT, MAC_AT } from './libcrypto.ts';

export interface OpensslMac {
  /** Makes the context; a key passes through `memory` at `offset`. */
  make(memory: NativeMemory, offset: number): void;
  drop(): void;
  /**
   * @param at where the input begins in the memory that `Frames` has been told
   * @param high int32 that follows the input, when `withTail`
   * @returns address of the MAC in full length, or undefined: there is none, and so the packet is not authentic
   */
  compute(at: number, length: number, withTail: boolean, high: number): Argument;
}

export function opensslMac(name: AuthName, key: Uint8Array, parts: OpensslParts): OpensslMac | undefined {
  if (name === 'none') return undefined;
  return name === 'aes-xcbc' || name === 'aes-cmac' ? new AesMac(name, key, parts) : new Hmac(name, key, parts);
}

class Hmac implements OpensslMac {
  private readonly digest: string;
  private readonly key: Uint8Array;
  private readonly parts: OpensslParts;
  /** EVP_MAC_CTX *, undefined while there is none. */
  private context: Argument;

  constructor(name: AuthName, key: Uint8Array, parts: OpensslParts) {
    this.digest = name === 'hmac-sha1' ? 'SHA1' : name.slice(5).replace('sha', 'SHA2-').replace('md5', 'MD5');
    this.key = key;
    this.parts = parts;
  }

  make(memory: NativeMemory, offset: number): void {
    const { lib, work, macOf } = this.parts;
    const context = needed(lib, 'EVP_MAC_CTX_new', lib.EVP_MAC_CTX_new(macOf('HMAC')));
    this.context = context;
    memory.bytes.set(this.key, offset);
    try {
      const made = lib.EVP_MAC_init(context, memory.address + offset, this.key.length, work.digest(this.digest));
      needed(lib, `HMAC with ${this.digest}`, made);
    } finally {
      memory.wipe(offset, offset + this.key.length);
    }
  }

  drop(): void {
    const { context } = this;
    this.context = undefined;
    if (context !== undefined) this.parts.lib.EVP_MAC_CTX_free(context);
  }

  compute(at: number, length: number, withTail: boolean, high: number): Argument {
    const { lib, work, frames } = this.parts;
    const { context } = this;
    if (withTail) work.memory.words[HEADER_AT >> 2] = swap(high);
    const made =
      lib.EVP_MAC_init(context, 0, 0, 0) === 1 &&
      lib.EVP_MAC_update(context, frames.base + at, length) === 1 &&
      (!withTail || lib.EVP_MAC_update(context, work.header, 4) === 1) &&
      lib.EVP_MAC_final(context, work.mac, work.written, 64) === 1;
    return made ? work.mac : undefined;
  }
}

const BLOCK = 16;

/**
 * XCBC and CMAC as one AES-CBC encryption, as `../node-mac.ts` does it: whole blocks are read where they lie, and what is
 * encrypted of them goes to waste; the last one or two are put together first.
 */
class AesMac implements OpensslMac {
  private readonly keys: AesMacKeys;
  private readonly parts: OpensslParts;
  /** EVP_CIPHER_CTX *, undefined while there is none. */
  private context: Argument;
  private zeros: Argument;

  constructor(name: 'aes-xcbc' | 'aes-cmac', key: Uint8Array, parts: OpensslParts) {
    this.keys = aesMacKeys(name, key);
    this.parts = parts;
  }

  make(memory: NativeMemory, offset: number): void {
    const { lib, cipherOf } = this.parts;
    this.context = needed(lib, 'EVP_CIPHER_CTX_new', lib.EVP_CIPHER_CTX_new());
    memory.bytes.set(this.keys.chain, offset);
    this.zeros = memory.address + offset;
    try {
      const made = lib.EVP_EncryptInit_ex2(this.context, cipherOf('AES-128-CBC'), this.zeros, this.zeros, 0);
      needed(lib, 'EVP_EncryptInit_ex2(AES-128-CBC)', made);
      needed(lib, 'EVP_CIPHER_CTX_set_padding', lib.EVP_CIPHER_CTX_set_padding(this.context, 0));
    } finally {
      memory.wipe(offset, offset + BLOCK);
    }
  }

  drop(): void {
    const { context } = this;
    this.context = undefined;
    if (context !== undefined) this.parts.lib.EVP_CIPHER_CTX_free(context);
  }

  compute(at: number, length: number, withTail: boolean, high: number): Argument {
    const { lib, work, frames } = this.parts;
    const { context } = this;
    const total = length + (withTail ? 4 : 0);
    // All blocks but the last, but no more than the packet has.
    let direct = (total - 1) & -BLOCK;
    if (direct > length) direct -= BLOCK;
    const last = this.lastBlocks(at + direct, length - direct, withTail, high);
    const made =
      lib.EVP_EncryptInit_ex2(context, 0, 0, this.zeros, 0) === 1 &&
      (direct === 0 ||
        lib.EVP_EncryptUpdate(context, frames.spillFor(direct).address, work.written, frames.base + at, direct) ===
          1) &&
      lib.EVP_EncryptUpdate(context, work.mac, work.written, work.blocks, last) === 1 &&
      work.writtenBytes === last;
    return made ? work.memory.address + MAC_AT + last - BLOCK : undefined;
  }

  /** Puts the last blocks together, the subkey in the last one; returns their length. */
  private lastBlocks(at: number, length: number, withTail: boolean, high: number): number {
    const { work, frames } = this.parts;
    const blocks = work.memory.bytes;
    const begin = BLOCKS_AT;
    for (let i = 0; i < length; i++) blocks[begin + i] = frames.view.getUint8(at + i);
    if (withTail) put32(blocks, begin + length, high);
    const used = length + (withTail ? 4 : 0);
    const end = (used + BLOCK - 1) & -BLOCK;
    const last = begin + end - BLOCK;
    if (used < end) fillBlock(blocks.subarray(last, begin + end), used - end + BLOCK);
    const subkey = used === end ? this.keys.whole : this.keys.filled;
    for (let i = 0; i < BLOCK; i++) blocks[last + i] ^= subkey[i];
    return end;
  }
}
