/**
 * AES-GCM, AES-GMAC and ChaCha20-Poly1305 by intel-ipsec-mb, one packet a call. It computes tags and compares none: that is done
 * here, in constant time.
 *
 * Packets are given as jobs, which are filled in through a view: that allocates nothing, and costs less than a call with ten
 * arguments, each of which becomes an object on its way (AES-GCM of 64 bytes: 112 instead of 150 ns).
 */
import type { CFunction } from '../../../native/ffi.ts';
import type { NativeMemory } from '../../../native/memory.ts';
import { type Sa, secretsOf } from '../../sa.ts';
import { DECRYPTED, type Frames, IN_PLACE, type NativeUnit, putEsnHeader, putIv, REFUSED } from '../native-cipher.ts';
import {
  CIPHER_CHACHA20_POLY1305,
  CIPHER_GCM,
  DIRECTION_DECRYPT,
  GCM_KEY_BYTES,
  HASH_AES_GMAC,
  HASH_CHACHA20_POLY1305,
  J_AAD,
  J_AAD_BYTES,
  J_CIPHER_LENGTH,
  J_CIPHER_MODE,
  J_DECRYPT_KEYS,
  J_DIRECTION,
  J_ENCRYPT_KEYS,
  J_HASH_ALGORITHM,
  J_HASH_LENGTH,
  J_IV,
  J_IV_BYTES,
  J_KEY_BYTES,
  J_ORDER,
  J_SOURCE,
  J_TAG,
  J_TAG_BYTES,
  J_TARGET,
  ORDER_HASH_CIPHER,
} from './layout.ts';
import { HEADER_AT, type IpsecMbCalls, JobTemplate, type Manager, TAG } from './library.ts';

const HEADER = 8;
const IV = 8;
const NONCE_BYTES = 12;

/** A slot: expanded key (or the key itself), nonce, and a key on its way to be expanded. */
const NONCE = (GCM_KEY_BYTES + 63) & ~63;
const KEY = NONCE + 16;
export const SLOT_BYTES: number = NONCE + 64;

abstract class AeadUnit implements NativeUnit {
  protected readonly sa: Sa;
  protected readonly manager: Manager;
  protected readonly frames: Frames;
  protected readonly icvBytes: number;
  protected readonly esn: boolean;
  protected readonly aadBytes: number;
  /** Addresses of the expanded key and the nonce in the slot. */
  protected key = 0;
  protected nonce = 0;
  private memory: NativeMemory | undefined;
  /** Where the IV goes in the slot's memory. */
  private ivAt = 0;

  constructor(sa: Sa, { manager, frames }: IpsecMbCalls) {
    this.sa = sa;
    this.manager = manager;
    this.frames = frames;
    this.icvBytes = sa.transform.icvBytes;
    this.esn = sa.esn;
    this.aadBytes = sa.esn ? 12 : 8;
  }

  build(memory: NativeMemory, offset: number): void {
    const { key, salt } = secretsOf(this.sa);
    memory.bytes.set(salt, offset + NONCE);
    memory.bytes.set(key, offset + KEY);
    this.nonce = memory.address + offset + NONCE;
    this.key = this.expand(memory.address + offset + KEY, memory.address + offset);
    this.memory = memory;
    this.ivAt = offset + NONCE + salt.length;
  }

  /** Nothing lies outside of the slot. */
  drop(): void {
    this.manager.forget();
    this.memory = undefined;
    this.key = 0;
    this.nonce = 0;
  }

  /** A job's part that packets have no part in. */
  protected template(cipherMode: number, hash: number): JobTemplate {
    const job = new JobTemplate(this.manager.layout);
    job.putLong(J_ENCRYPT_KEYS, this.key);
    job.putLong(J_DECRYPT_KEYS, this.key);
    job.putLong(J_KEY_BYTES, this.sa.transform.keyBits / 8);
    job.putLong(J_IV, this.nonce);
    job.putLong(J_IV_BYTES, NONCE_BYTES);
    job.putLong(J_TAG, this.manager.tag);
    job.putLong(J_TAG_BYTES, this.icvBytes);
    job.putLong(J_AAD, this.manager.header);
    job.putLong(J_AAD_BYTES, this.aadBytes);
    job.putWord(J_CIPHER_MODE, cipherMode);
    job.putWord(J_DIRECTION, DIRECTION_DECRYPT);
    job.putWord(J_HASH_ALGORITHM, hash);
    job.putWord(J_ORDER, ORDER_HASH_CIPHER);
    return job;
  }

  /** Opens a packet by a job. */
  protected run(template: JobTemplate, esp: number, length: number, high: number): number {
    const { manager } = this;
    const { base, view } = this.frames;
    this.begin(view, esp, length);
    const job = manager.job(template);
    const { memory } = manager;
    memory.putLong(job + J_SOURCE, base + esp + HEADER + IV);
    memory.putLong(job + J_TARGET, this.frames.out);
    memory.words[(job + J_CIPHER_LENGTH) >> 2] = length;
    memory.words[(job + J_HASH_LENGTH) >> 2] = length;
    if (this.esn) putEsnHeader(manager.work, HEADER_AT, view, esp, high);
    else memory.putLong(job + J_AAD, base + esp);
    return manager.submit(job) && this.authentic(view, esp, length) ? DECRYPTED : this.refuse(length);
  }

  abstract decrypt(esp: number, length: number, high: number): number;

  /** Expands a key; returns the address of what jobs want of it. */
  protected abstract expand(key: number, expanded: number): number;

  /**
   * Before a packet: its IV into the nonce, and where the computed tag will lie, the opposite of the packet's tag. A call that does
   * nothing, as the library's calls do when they do not like a parameter, so leaves what cannot be taken for the right one.
   */
  protected begin(view: DataView, esp: number, length: number): void {
    putIv(this.memory!, this.ivAt, view, esp + HEADER);
    const { words } = this.manager.work;
    const icv = esp + HEADER + IV + length;
    for (let i = 0; i < this.icvBytes; i += 4) words[(TAG + i) >> 2] = ~view.getInt32(icv + i, true);
  }

  /** Whether the computed tag is the packet's; looks at all of it. */
  protected authentic(view: DataView, esp: number, length: number): boolean {
    const { words } = this.manager.work;
    const icv = esp + HEADER + IV + length;
    let different = 0;
    for (let i = 0; i < this.icvBytes; i += 4) different |= words[(TAG + i) >> 2] ^ view.getInt32(icv + i, true);
    return different === 0;
  }

  protected refuse(length: number): number {
    this.manager.clear(this.frames.out, length);
    return REFUSED;
  }
}

/** AES-GCM's key. */
abstract class GcmUnit extends AeadUnit {
  protected readonly calls: IpsecMbCalls;
  /** 0, 1, 2: 128, 192, 256 bits. */
  protected readonly size: number;

  constructor(sa: Sa, calls: IpsecMbCalls) {
    super(sa, calls);
    this.calls = calls;
    this.size = (sa.transform.keyBits - 128) / 64;
  }

  protected expand(key: number, expanded: number): number {
    this.calls.gcmPrecompute[this.size](key, expanded);
    return expanded;
  }
}

export class IpsecMbGcm extends GcmUnit {
  private job: JobTemplate | undefined;

  override build(memory: NativeMemory, offset: number): void {
    super.build(memory, offset);
    this.job = this.template(CIPHER_GCM, HASH_AES_GMAC);
  }

  decrypt(esp: number, length: number, high: number): number {
    return this.run(this.job!, esp, length, high);
  }
}

export class IpsecMbChaCha extends AeadUnit {
  private job: JobTemplate | undefined;

  override build(memory: NativeMemory, offset: number): void {
    super.build(memory, offset);
    this.job = this.template(CIPHER_CHACHA20_POLY1305, HASH_CHACHA20_POLY1305);
  }

  decrypt(esp: number, length: number, high: number): number {
    return this.run(this.job!, esp, length, high);
  }

  /** The key is used as it is, where it lies. */
  protected expand(key: number): number {
    return key;
  }
}

/**
 * All of the packet up to the ICV is additional data (RFC 4543 section 3.3); the payload stays where it is. By calls: with ESN the
 * data is in two pieces, which no job takes.
 */
export class IpsecMbGmac extends GcmUnit {
  private readonly init: CFunction;
  private readonly update: CFunction;
  private readonly finalize: CFunction;

  constructor(sa: Sa, calls: IpsecMbCalls) {
    super(sa, calls);
    this.init = calls.gmacInit[this.size];
    this.update = calls.gmacUpdate[this.size];
    this.finalize = calls.gmacFinalize[this.size];
  }

  decrypt(esp: number, length: number, high: number): number {
    const { key, manager } = this;
    const { context, tag } = manager;
    const { base, view } = this.frames;
    this.begin(view, esp, length);
    this.init(key, context, this.nonce, NONCE_BYTES);
    if (this.esn) {
      putEsnHeader(manager.work, HEADER_AT, view, esp, high);
      this.update(key, context, manager.header, this.aadBytes);
      this.update(key, context, base + esp + HEADER, IV + length);
    } else {
      this.update(key, context, base + esp, HEADER + IV + length);
    }
    this.finalize(key, context, tag, this.icvBytes);
    return this.authentic(view, esp, length) ? IN_PLACE : REFUSED;
  }
}
