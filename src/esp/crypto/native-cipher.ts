/** What ciphers in C have in common: where packets and plaintexts lie, and that nobody sees a plaintext that is not authentic. */
import type { Ffi } from '../../native/ffi.ts';
import { NativeMemory } from '../../native/memory.ts';
import type { Sa } from '../sa.ts';
import { NO_PLAIN, type PacketCipher } from './backend.ts';
import type { ContextOwner, Contexts, ContextUnit } from './contexts.ts';

const HEADER = 8;

const NO_VIEW = new DataView(NO_PLAIN.buffer);
const FIRST_SPILL = 1 << 17;
/** A MAC runs over header and IV, too: it never needs more than the plaintext's memory has. */
const MORE = 256;

/** What all ciphers of a backend use: they are called one after the other. */
export class Frames {
  private readonly ffi: Ffi;
  /** The memory of `attach`, for reading numbers that lie anywhere. Four times as fast as byte by byte. */
  view: DataView = NO_VIEW;
  /** Its address, and the address for the plaintext of a packet: here and no arguments, which would become objects. */
  base = 0.5;
  out = 0.5;
  private memory: Uint8Array = NO_PLAIN;
  private spill: NativeMemory | undefined;

  constructor(ffi: Ffi) {
    this.ffi = ffi;
  }

  /** Sets `base` and `view` to a memory with packets, which is kept alive until another one is. */
  attach(bytes: Uint8Array): void {
    if (bytes === this.memory) return;
    this.base = this.ffi.addressOf(bytes);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.memory = bytes;
  }

  /** Memory for what cannot be put where it belongs. */
  spillFor(length: number): NativeMemory {
    if (this.spill === undefined || this.spill.bytes.length < length) {
      this.spill = new NativeMemory(this.ffi, Math.max(FIRST_SPILL, (length + MORE + 63) & ~63));
    }
    return this.spill;
  }

  close(): void {
    this.spill?.wipe();
    this.spill = undefined;
    this.memory = NO_PLAIN;
    this.view = NO_VIEW;
  }
}

/** Results of `NativeUnit.decrypt`: the ICV is wrong; the plaintext was put where it should go; it stays where it is. */
export const REFUSED = 0;
export const DECRYPTED = 1;
export const IN_PLACE = 2;

/** The part of a cipher that a transform and a library make different. */
export interface NativeUnit extends ContextUnit {
  /**
   * Opens a packet whose lengths are right, of the memory that `Frames` has been told.
   * @param length bytes of ciphertext; there are as many at the address `Frames.out`
   * @returns REFUSED: then the memory there is as if nothing had been written there, or zero; DECRYPTED or IN_PLACE
   */
  decrypt(esp: number, length: number, high: number): number;
}

/** SPI, high and low half of the sequence number: the 12 bytes of additional data with ESN. At a multiple of 4. */
export function putEsnHeader(out: NativeMemory, at: number, view: DataView, esp: number, high: number): void {
  const { words } = out;
  words[at >> 2] = view.getInt32(esp, true);
  words[(at >> 2) + 1] = swap(high);
  words[(at >> 2) + 2] = view.getInt32(esp + 4, true);
}

/** Copies 8 bytes, an IV or an ESP header, to a multiple of 4. */
export function putIv(out: NativeMemory, at: number, view: DataView, iv: number): void {
  const { words } = out;
  words[at >> 2] = view.getInt32(iv, true);
  words[(at >> 2) + 1] = view.getInt32(iv + 4, true);
}

/** A number as it lies in a packet, for a word of this little-endian machine. */
export function swap(x: number): number {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24);
}

/**
 * A cipher in C. One class for all transforms, with what differs behind one call: with a subclass each, the optimiser sees as many
 * shapes as there are transforms at every field that it reads here, which costs 50 ns a packet (measured).
 */
export class NativeCipher implements PacketCipher, ContextOwner {
  plain: Uint8Array = NO_PLAIN;
  at = 0;
  length = 0;
  slot = -1;
  readonly staysInMemory = true;
  readonly unit: NativeUnit;
  private readonly frames: Frames;
  private readonly contexts: Contexts;
  private readonly icvBytes: number;
  /** ESP header and IV. */
  private readonly headBytes: number;

  constructor({ transform }: Sa, unit: NativeUnit, frames: Frames, contexts: Contexts) {
    this.unit = unit;
    this.frames = frames;
    this.contexts = contexts;
    this.icvBytes = transform.icvBytes;
    this.headBytes = HEADER + transform.ivBytes;
  }

  open(bytes: Uint8Array, esp: number, end: number, high: number, target: number, room: number): boolean {
    const text = esp + this.headBytes;
    const length = end - this.icvBytes - text;
    // Also of a caller that erred: C must not be given what lies outside of the memory, of a detached buffer, or NaN.
    if (!(esp >= 0 && length > 0 && end <= bytes.length)) return this.none();
    if (this.slot < 0) this.contexts.admit(this);
    this.contexts.used[this.slot] = 1;
    const { frames } = this;
    frames.attach(bytes);
    // Straight to the target, if the plaintext (which is longer than the payload) fits there.
    const fits =
      room >= length && target >= 0 && target + length <= bytes.length && (target + length <= esp || target >= end);
    const spill = fits ? undefined : frames.spillFor(length);
    frames.out = spill === undefined ? frames.base + target : spill.address;
    const result = this.unit.decrypt(esp, length, high);
    if (result === REFUSED) return this.none();
    this.length = length;
    if (result === DECRYPTED) {
      this.plain = spill === undefined ? bytes : spill.bytes;
      this.at = spill === undefined ? target : 0;
    } else {
      this.plain = bytes;
      this.at = text;
    }
    return true;
  }

  close(): void {
    this.contexts.drop(this);
  }

  private none(): boolean {
    this.plain = NO_PLAIN;
    this.at = 0;
    this.length = 0;
    return false;
  }
}
