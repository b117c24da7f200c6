import { RxSteerError } from '../../errors.ts';
import type { Ffi } from '../../native/ffi.ts';
import { NativeMemory } from '../../native/memory.ts';

/** Slots whose memory is reserved together. */
const CHUNK = 32;

/** Context and expanded keys of a cipher, which can be taken away and made anew. */
export interface ContextUnit {
  /** Makes them; keys that are put into the slot are wiped with it. May throw, after which `drop` is called, too. */
  build(memory: NativeMemory, offset: number): void;
  /** Frees what lies outside of the slot, once. */
  drop(): void;
}

export interface ContextOwner {
  /** Its slot, or -1 while it has none. Only `Contexts` writes it. */
  slot: number;
  readonly unit: ContextUnit;
}

/**
 * The native parts of the ciphers of a lane: made on first use, at most `capacity` at a time, each in a slot of memory that has one
 * length. When all are taken, the second-chance clock picks one that was not used since the hand came by last: that costs a
 * packet one store, where a list in order of use would cost six.
 */
export class Contexts {
  /** 1: used since the hand came by. Written with each packet. */
  readonly used: Uint8Array;
  private readonly ffi: Ffi;
  private readonly capacity: number;
  private readonly slotBytes: number;
  private readonly chunks: NativeMemory[] = [];
  private readonly owners: (ContextOwner | undefined)[] = [];
  /** Slots whose cipher was dropped. */
  private readonly vacant: number[] = [];
  private hand = 0;
  private closed = false;

  constructor(ffi: Ffi, capacity: number, slotBytes: number) {
    this.ffi = ffi;
    this.capacity = capacity;
    this.slotBytes = (slotBytes + 63) & ~63;
    this.used = new Uint8Array(capacity);
  }

  /** Native parts at this moment. */
  get size(): number {
    return this.owners.reduce((n, owner) => n + (owner === undefined ? 0 : 1), 0);
  }

  /** Gives a cipher its slot and has it build its native part. */
  admit(owner: ContextOwner): void {
    if (this.closed) throw new RxSteerError('ERR_RXSTEER_CLOSED', 'crypto: the backend of this lane is closed');
    const slot = this.vacant.pop() ?? (this.owners.length < this.capacity ? this.owners.length : this.evict());
    const chunk = Math.floor(slot / CHUNK);
    this.chunks[chunk] ??= new NativeMemory(this.ffi, CHUNK * this.slotBytes);
    const at = (slot % CHUNK) * this.slotBytes;
    try {
      owner.unit.build(this.chunks[chunk], at);
    } catch (error) {
      owner.unit.drop();
      this.chunks[chunk].wipe(at, at + this.slotBytes);
      if (slot < this.owners.length) this.vacant.push(slot);
      throw error;
    }
    this.owners[slot] = owner;
    owner.slot = slot;
    this.used[slot] = 1;
  }

  /** Frees the native part of a cipher, if it has one; its slot is the next one that is given. */
  drop(owner: ContextOwner): void {
    const { slot } = owner;
    if (slot < 0) return;
    this.take(slot);
    this.vacant.push(slot);
  }

  /** Frees everything and wipes it. */
  close(): void {
    this.closed = true;
    for (let slot = 0; slot < this.owners.length; slot++) this.take(slot);
    this.chunks.length = 0;
  }

  private evict(): number {
    for (;;) {
      const slot = this.hand;
      this.hand = (slot + 1) % this.capacity;
      if (this.used[slot] === 0) {
        this.take(slot);
        return slot;
      }
      this.used[slot] = 0;
    }
  }

  private take(slot: number): void {
    const owner = this.owners[slot];
    if (owner === undefined) return;
    this.owners[slot] = undefined;
    owner.slot = -1;
    owner.unit.drop();
    const at = (slot % CHUNK) * this.slotBytes;
    this.chunks[Math.floor(slot / CHUNK)].wipe(at, at + this.slotBytes);
  }
}
