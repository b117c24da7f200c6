/** AES-GCM, AES-GMAC, AES-CCM and ChaCha20-Poly1305 by OpenSSL: only a tag that it has checked counts as success. */
import type { Argument } from '../../../native/ffi.ts';
import type { NativeMemory } from '../../../native/memory.ts';
import { type Sa, secretsOf } from '../../sa.ts';
import { DECRYPTED, IN_PLACE, putIv, REFUSED } from '../native-cipher.ts';
import { needed, type OpensslParts, OpensslUnit } from './context.ts';

const HEADER = 8;
const IV = 8;
const EVP_CTRL_GCM_SET_IV_FIXED = 0x12;

/**
 * GCM as TLS uses it: the salt is the fixed part of the nonce, set once; of a packet, IV and ICV are read where they lie. Four calls:
 * { tag, tlsivinv }, additional data, data, verdict. With an IV given the usual way it takes the same calls and 65 ns more.
 */
abstract class GcmContext extends OpensslUnit {
  private readonly parameters: number;
  private readonly list: Argument;

  constructor(sa: Sa, parts: OpensslParts) {
    super(sa, parts);
    this.parameters = this.work.tagAndIv(sa.transform.icvBytes);
    this.list = this.work.memory.address + this.parameters;
  }

  build(memory: NativeMemory, offset: number): void {
    const { lib } = this;
    const { key, salt } = secretsOf(this.sa);
    this.makeContext(`AES-${key.length * 8}-GCM`, key, memory, offset);
    memory.bytes.set(salt, offset);
    const fixed = lib.EVP_CIPHER_CTX_ctrl(
      this.context,
      EVP_CTRL_GCM_SET_IV_FIXED,
      salt.length,
      memory.address + offset,
    );
    needed(lib, 'the fixed part of the nonce', fixed);
  }

  /** Gives the context IV and ICV of a packet. */
  protected begin(esp: number, length: number): boolean {
    const { work, parameters } = this;
    const iv = this.frames.base + esp + HEADER;
    work.pointTo(parameters, 0, iv + IV + length);
    work.pointTo(parameters, 1, iv);
    return this.lib.EVP_CIPHER_CTX_set_params(this.context, this.list) === 1;
  }
}

export class OpensslGcm extends GcmContext {
  decrypt(esp: number, length: number, high: number): number {
    const { lib, context, frames } = this;
    const { written, header, blocks } = this.work;
    this.putAdditional(esp, high);
    const authentic =
      this.begin(esp, length) &&
      lib.EVP_DecryptUpdate(context, 0, written, header, this.aadBytes) === 1 &&
      lib.EVP_DecryptUpdate(context, frames.out, written, frames.base + esp + HEADER + IV, length) === 1 &&
      lib.EVP_DecryptFinal_ex(context, blocks, written) === 1;
    return authentic ? DECRYPTED : this.refuse(length);
  }
}

/** All of the packet up to the ICV is additional data (RFC 4543 section 3.3); the payload stays where it is. */
export class OpensslGmac extends GcmContext {
  decrypt(esp: number, length: number, high: number): number {
    const { lib, context, frames, esn } = this;
    const { written, header, blocks } = this.work;
    this.putAdditional(esp, high);
    const from = esn ? HEADER : 0;
    const authentic =
      this.begin(esp, length) &&
      (!esn || lib.EVP_DecryptUpdate(context, 0, written, header, 12) === 1) &&
      lib.EVP_DecryptUpdate(context, 0, written, frames.base + esp + from, HEADER + IV + length - from) === 1 &&
      lib.EVP_DecryptFinal_ex(context, blocks, written) === 1;
    if (authentic) return IN_PLACE;
    lib.ERR_clear_error();
    return REFUSED;
  }
}

/** A nonce of salt and IV that is put together in the slot, the IV at a multiple of 4. */
abstract class NonceContext extends OpensslUnit {
  private readonly tag: number;
  private readonly list: Argument;
  /** The slot's memory, where in it the IV goes, and the address of the nonce. */
  private memory: NativeMemory | undefined;
  private ivAt = 0;
  private nonce: Argument;

  constructor(sa: Sa, parts: OpensslParts) {
    super(sa, parts);
    this.tag = this.work.tag(sa.transform.icvBytes);
    this.list = this.work.memory.address + this.tag;
  }

  override drop(): void {
    super.drop();
    this.memory = undefined;
  }

  protected keep(memory: NativeMemory, offset: number): void {
    const { salt } = secretsOf(this.sa);
    this.memory = memory;
    this.ivAt = offset + 4;
    const at = this.ivAt - salt.length;
    memory.bytes.set(salt, at);
    this.nonce = memory.address + at;
  }

  /** Starts a packet: nonce, and what its tag should be. */
  protected begin(esp: number, length: number): boolean {
    const { base, view } = this.frames;
    putIv(this.memory!, this.ivAt, view, esp + HEADER);
    this.work.pointTo(this.tag, 0, base + esp + HEADER + IV + length);
    return this.lib.EVP_DecryptInit_ex2(this.context, 0, 0, this.nonce, this.list) === 1;
  }
}

/** CCM must know the length first; and its data call is the verdict, there is no other. */
export class OpensslCcm extends NonceContext {
  build(memory: NativeMemory, offset: number): void {
    const { key, salt } = secretsOf(this.sa);
    const parameters = this.work.nonceAndTagLength(salt.length + IV, this.sa.transform.icvBytes);
    this.makeContext(`AES-${key.length * 8}-CCM`, key, memory, offset, parameters);
    this.keep(memory, offset);
  }

  decrypt(esp: number, length: number, high: number): number {
    const { lib, context, frames } = this;
    const { written, header } = this.work;
    this.putAdditional(esp, high);
    const authentic =
      this.begin(esp, length) &&
      lib.EVP_DecryptUpdate(context, 0, written, 0, length) === 1 &&
      lib.EVP_DecryptUpdate(context, 0, written, header, this.aadBytes) === 1 &&
      lib.EVP_DecryptUpdate(context, frames.out, written, frames.base + esp + HEADER + IV, length) === 1;
    return authentic ? DECRYPTED : this.refuse(length);
  }
}

/**
 * The calls of GCM, once more: as one method of a common base they take about 4 % longer, and where it is not optimised for one of the two
 * alone, 96 to 112 bytes a packet are allocated instead of 32 (bench/esp.ts, Node 20).
 */
export class OpensslChaCha extends NonceContext {
  build(memory: NativeMemory, offset: number): void {
    this.makeContext('ChaCha20-Poly1305', secretsOf(this.sa).key, memory, offset);
    this.keep(memory, offset);
  }

  decrypt(esp: number, length: number, high: number): number {
    const { lib, context, frames } = this;
    const { written, header, blocks } = this.work;
    this.putAdditional(esp, high);
    const authentic =
      this.begin(esp, length) &&
      lib.EVP_DecryptUpdate(context, 0, written, header, this.aadBytes) === 1 &&
      lib.EVP_DecryptUpdate(context, frames.out, written, frames.base + esp + HEADER + IV, length) === 1 &&
      lib.EVP_DecryptFinal_ex(context, blocks, written) === 1;
    return authentic ? DECRYPTED : this.refuse(length);
  }
}
