/**
 * AES-GCM, AES-GMAC and ChaCha20-Poly1305 by intel-ipsec-mb, one packet a call. It computes tags and compares none: that is done
 * here, in constant time.
 */
import type { NativeMemory } from '../../../native/memory.ts';
import { type Sa, secretsOf } from '../../sa.ts';
import { DECRYPTED, IN_PLACE, type NativeUnit, putEsnHeader, putIv, REFUSED } from '../native-cipher.ts';
import type { IpsecMbCalls } from './index.ts';
import { GCM_KEY_BYTES } from './layout.ts';
import { type Manager, TAG } from './library.ts';

const HEADER = 8;
const IV = 8;

/** A slot: expanded key (or the key itself), nonce, and a key on its way to be expanded. */
const NONCE = (GCM_KEY_BYTES + 63) & ~63;
const KEY = NONCE + 16;
export const SLOT_BYTES: number = NONCE + 64;

abstract class AeadUnit implements NativeUnit {
  protected readonly sa: Sa;
  protected readonly manager: Manager;
  protected readonly icvBytes: number;
  protected readonly esn: boolean;
  protected readonly aadBytes: number;
  /** Addresses of the expanded key and the nonce in the slot. */
  protected key = 0;
  protected nonce = 0;
  private memory: NativeMemory | undefined;
  /** Where the IV goes in the slot's memory. */
  private ivAt = 0;

  constructor(sa: Sa, { manager }: IpsecMbCalls) {
    this.sa = sa;
    this.manager = manager;
    this.icvBytes = sa.transform.icvBytes;
    this.esn = sa.esn;
    this.aadBytes = sa.esn ? 12 : 8;
  }

  build(memory: NativeMemory, offset: number): void {
    const { key, salt } = secretsOf(this.sa);
    memory.bytes.set(salt, offset + NONCE);
    memory.bytes.set(key, offset + KEY);
    this.expand(memory.address + offset + KEY, memory.address + offset);
    this.key = memory.address + offset;
    this.nonce = memory.address + offset + NONCE;
    this.memory = memory;
    this.ivAt = offset + NONCE + salt.length;
  }

  /** Nothing lies outside of the slot. */
  drop(): void {
    this.memory = undefined;
    this.key = 0;
    this.nonce = 0;
  }

  abstract decrypt(view: DataView, base: number, esp: number, length: number, high: number, out: number): number;

  protected abstract expand(key: number, expanded: number): void;

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

  /** Address of the additional data, SPI and sequence number. */
  protected additional(view: DataView, base: number, esp: number, high: number): number {
    if (!this.esn) return base + esp;
    putEsnHeader(this.manager.work, this.manager.headerAt, view, esp, high);
    return this.manager.header;
  }

  protected refuse(out: number, length: number): number {
    this.manager.clear(out, length);
    return REFUSED;
  }
}

abstract class GcmUnit extends AeadUnit {
  private readonly calls: IpsecMbCalls;
  /** 0, 1, 2: 128, 192, 256 bits. */
  protected readonly size: number;
  protected readonly gcmDecrypt: IpsecMbCalls['gcmDecrypt'][number];

  constructor(sa: Sa, calls: IpsecMbCalls) {
    super(sa, calls);
    this.calls = calls;
    this.size = (sa.transform.keyBits - 128) / 64;
    this.gcmDecrypt = calls.gcmDecrypt[this.size];
  }

  protected expand(key: number, expanded: number): void {
    this.calls.gcmPrecompute[this.size](key, expanded);
  }
}

export class IpsecMbGcm extends GcmUnit {
  decrypt(view: DataView, base: number, esp: number, length: number, high: number, out: number): number {
    const { manager } = this;
    this.begin(view, esp, length);
    this.gcmDecrypt(
      this.key,
      manager.context,
      out,
      base + esp + HEADER + IV,
      length,
      this.nonce,
      this.additional(view, base, esp, high),
      this.aadBytes,
      manager.tag,
      this.icvBytes,
    );
    return this.authentic(view, esp, length) ? DECRYPTED : this.refuse(out, length);
  }
}

/** All of the packet up to the ICV is additional data (RFC 4543 section 3.3); the payload stays where it is. */
export class IpsecMbGmac extends GcmUnit {
  private readonly init: IpsecMbCalls['gmacInit'][number];
  private readonly update: IpsecMbCalls['gmacUpdate'][number];
  private readonly finalize: IpsecMbCalls['gmacFinalize'][number];

  constructor(sa: Sa, calls: IpsecMbCalls) {
    super(sa, calls);
    this.init = calls.gmacInit[this.size];
    this.update = calls.gmacUpdate[this.size];
    this.finalize = calls.gmacFinalize[this.size];
  }

  decrypt(view: DataView, base: number, esp: number, length: number, high: number): number {
    const { key, manager } = this;
    const { context, tag } = manager;
    this.begin(view, esp, length);
    this.init(key, context, this.nonce, 12);
    if (this.esn) {
      this.update(key, context, this.additional(view, base, esp, high), 12);
      this.update(key, context, base + esp + HEADER, IV + length);
    } else {
      this.update(key, context, base + esp, HEADER + IV + length);
    }
    this.finalize(key, context, tag, this.icvBytes);
    return this.authentic(view, esp, length) ? IN_PLACE : REFUSED;
  }
}

export class IpsecMbChaCha extends AeadUnit {
  private readonly calls: IpsecMbCalls;
  private rawKey = 0;

  constructor(sa: Sa, calls: IpsecMbCalls) {
    super(sa, calls);
    this.calls = calls;
  }

  /** The key is used as it is, where it lies. */
  protected expand(key: number): void {
    this.rawKey = key;
  }

  decrypt(view: DataView, base: number, esp: number, length: number, high: number, out: number): number {
    const { calls, manager, rawKey } = this;
    const { context } = manager;
    this.begin(view, esp, length);
    calls.chachaInit(rawKey, context, this.nonce, this.additional(view, base, esp, high), this.aadBytes);
    calls.chachaDecryptUpdate(rawKey, context, out, base + esp + HEADER + IV, length);
    calls.chachaFinalize(context, manager.tag, this.icvBytes);
    return this.authentic(view, esp, length) ? DECRYPTED : this.refuse(out, length);
  }
}
