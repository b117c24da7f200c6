/**
 * Many packets in one call. Hashes and CBC-MACs are chains, in which a processor waits for itself; this library runs 8 or 16 of them
 * side by side, so 16 packets take hardly longer than one.
 */
import type { CFunction } from '../../../native/ffi.ts';
import { NativeMemory } from '../../../native/memory.ts';
import { type Sa, secretsOf } from '../../sa.ts';
import {
  BURST_NOT_DONE,
  BURST_OPENED,
  BURST_REFUSED,
  type Burst,
  type BurstKey,
  type BurstPackets,
} from '../backend.ts';
import type { ContextOwner, Contexts } from '../contexts.ts';
import { putEsnHeader, putIv } from '../native-cipher.ts';
import { BurstUnit } from './burst-unit.ts';
import {
  J_AAD,
  J_CIPHER_LENGTH,
  J_HASH_LENGTH,
  J_IV,
  J_SOURCE,
  J_STATUS,
  J_TAG,
  J_TARGET,
  STATUS_COMPLETED,
} from './layout.ts';
import type { IpsecMbCalls } from './library.ts';

/** Packets of a burst, at most. */
export const BURST = 32;
const HEADER = 8;

/** Scratch: pointers to jobs, then for each packet: nonce, header with ESN, computed tag. */
const POINTERS = 8 * BURST;
const PACKET = 128;
const NONCE = 4;
const HEAD = 32;
const TAG = 64;

export class IpsecMbBurst implements Burst {
  private readonly calls: IpsecMbCalls;
  private readonly contexts: Contexts;
  private readonly work: NativeMemory;
  private readonly nextBurst: CFunction;
  private readonly submitBurst: CFunction;
  private readonly flushBurst: CFunction;
  /** Addresses that are arguments: kept as objects. */
  private readonly fixed: { manager: number | undefined; pointers: number | undefined } = {
    manager: undefined,
    pointers: undefined,
  };
  /** Packets to do, and where their jobs lie. */
  private readonly todo = new Int32Array(BURST);
  private readonly jobs = new Int32Array(BURST);

  constructor(calls: IpsecMbCalls, contexts: Contexts) {
    const { manager, ffi } = calls;
    this.calls = calls;
    this.contexts = contexts;
    this.work = new NativeMemory(ffi, POINTERS + BURST * PACKET);
    const { nextBurst, submitBurst, flushBurst } = manager.layout;
    const burst = (at: number): CFunction => manager.function(at, 'int', ['long', 'int', 'long']);
    this.nextBurst = burst(nextBurst);
    this.submitBurst = burst(submitBurst);
    this.flushBurst = burst(flushBurst);
    this.fixed.manager = manager.memory.address;
    this.fixed.pointers = this.work.address;
  }

  takes(sa: Sa): boolean {
    return BurstUnit.takes(sa);
  }

  key(sa: Sa): BurstKey {
    return new Key(sa, new BurstUnit(sa, secretsOf(sa), this.calls), this.contexts);
  }

  run(packets: BurstPackets): void {
    const count = this.choose(packets);
    if (count === 0) return;
    const { manager, frames } = this.calls;
    const { fixed, work, jobs, todo } = this;
    frames.attach(packets.bytes);
    if (this.nextBurst(fixed.manager, count, fixed.pointers) !== count) {
      for (let k = 0; k < count; k++) packets.results[todo[k]] = BURST_NOT_DONE;
      return;
    }
    for (let k = 0; k < count; k++) {
      jobs[k] = work.long(8 * k) - manager.memory.address;
      this.fill(packets, todo[k], k);
    }
    let done = this.submitBurst(fixed.manager, count, fixed.pointers);
    while (done < count) {
      const more = this.flushBurst(fixed.manager, count - done, fixed.pointers);
      if (more === 0) break;
      done += more;
    }
    manager.forget();
    for (let k = 0; k < count; k++) this.judge(packets, todo[k], k);
  }

  wipe(): void {
    this.work.wipe();
  }

  /** Finds the packets to do, all of whose keys are there at the same time. */
  private choose({ count, results, keys }: BurstPackets): number {
    for (let i = 0; i < count; i++) {
      const key = keys[i] as Key;
      if (results[i] !== BURST_REFUSED) continue;
      if (key.slot < 0) this.contexts.admit(key);
      this.contexts.used[key.slot] = 1;
    }
    let n = 0;
    for (let i = 0; i < count; i++) {
      if (results[i] !== BURST_REFUSED) continue;
      // A key that came later may have taken the place of an earlier one.
      if ((keys[i] as Key).slot < 0) results[i] = BURST_NOT_DONE;
      else this.todo[n++] = i;
    }
    return n;
  }

  private fill(packets: BurstPackets, i: number, k: number): void {
    const { manager, frames } = this.calls;
    const { base, view } = frames;
    const { memory } = manager;
    const { work } = this;
    const key = packets.keys[i] as Key;
    const { unit } = key;
    const job = this.jobs[k];
    const esp = packets.esps[i];
    const length = packets.lengths[i];
    const own = POINTERS + k * PACKET;
    const icv = esp + key.headBytes + length;
    memory.words.set(unit.template.words, job >> 2);
    memory.words[(job + J_STATUS) >> 2] = 0;
    memory.putLong(job + J_SOURCE, base + esp + unit.sourceOffset);
    memory.putLong(job + J_TARGET, base + packets.targets[i]);
    memory.words[(job + J_CIPHER_LENGTH) >> 2] = length;
    memory.words[(job + J_HASH_LENGTH) >> 2] = length + unit.hashedBefore;
    if (unit.ivInPlace) memory.putLong(job + J_IV, base + esp + HEADER);
    else {
      const { salt } = unit;
      work.words[own >> 2] = salt;
      putIv(work, own + NONCE, view, esp + HEADER);
      memory.putLong(job + J_IV, work.address + own + NONCE - unit.saltBytes);
    }
    if (unit.isAead) {
      if (unit.esn) {
        putEsnHeader(work, own + HEAD, view, esp, packets.highs[i]);
        memory.putLong(job + J_AAD, work.address + own + HEAD);
      } else memory.putLong(job + J_AAD, base + esp);
    }
    memory.putLong(job + J_TAG, work.address + own + TAG);
    // As with single packets: what a job that was not done leaves must not look like the right tag.
    for (let at = 0; at < key.icvBytes; at += 4) work.words[(own + TAG + at) >> 2] = ~view.getInt32(icv + at, true);
  }

  /** Compares the tag of a packet, in constant time. */
  private judge(packets: BurstPackets, i: number, k: number): void {
    const { manager, frames } = this.calls;
    const { view, base } = frames;
    const key = packets.keys[i] as Key;
    const icv = packets.esps[i] + key.headBytes + packets.lengths[i];
    const tag = POINTERS + k * PACKET + TAG;
    let different = manager.memory.words[(this.jobs[k] + J_STATUS) >> 2] ^ STATUS_COMPLETED;
    for (let at = 0; at < key.icvBytes; at += 4) {
      different |= this.work.words[(tag + at) >> 2] ^ view.getInt32(icv + at, true);
    }
    if (different === 0) packets.results[i] = BURST_OPENED;
    else if (!key.inPlace) manager.clear(base + packets.targets[i], packets.lengths[i]);
  }
}

/** An SA's key; its expanded form can be taken away and made anew. */
class Key implements BurstKey, ContextOwner {
  slot = -1;
  readonly unit: BurstUnit;
  readonly kind: number;
  readonly least: number;
  readonly most: number;
  readonly inPlace: boolean;
  readonly headBytes: number;
  readonly icvBytes: number;
  private readonly contexts: Contexts;

  constructor({ transform }: Sa, unit: BurstUnit, contexts: Contexts) {
    this.unit = unit;
    this.contexts = contexts;
    this.kind = unit.kind;
    this.least = unit.least;
    this.most = unit.most;
    this.inPlace = transform.cipher === 'null';
    this.headBytes = HEADER + transform.ivBytes;
    this.icvBytes = transform.icvBytes;
  }

  close(): void {
    this.contexts.drop(this);
  }
}
