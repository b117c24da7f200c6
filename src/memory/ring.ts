/**
 * The ring that carries descriptors from the dispatcher to a lane: single producer, single consumer.
 *
 *     producer (dispatcher)                         consumer (lane)
 *     claim() -> word index of a free slot          available() -> how many are there
 *     ... fills the slot's 16 words ...             slot(k) -> word index of the k-th
 *     publish(): all claimed become visible         take(n): they are being worked on
 *     wake(): only when the lane is armed           release(n): delivered; slots and frames may be reused
 *
 * Memory map, in 32-bit words; every line is a cache line of its own:
 *
 *     base + 0    PRODUCED     written by the producer                     | line 0
 *     base + 16   DELIVERED    the low-water mark, written by the consumer | line 1
 *     base + 17   TAKEN        how far the consumer has begun to work      |
 *     base + 32   ARMED        1: the lane sleeps, and on this very word   | line 2
 *     base + 33   WAITING      1: the producer sleeps and wants a notify   |
 *     base + 34   CALLS        odd while the consumer's code runs          |
 *     base + 35   WANTED       where DELIVERED must be for that            |
 *     base + 48   HEAD         what the producer has claimed: its own  | line 3
 *     base + 49   SEEN         the low-water mark as it last read it   |
 *     base + 64   slots, 16 words each
 *
 * Cursors count descriptors and wrap as 32-bit integers; their difference is taken as one. A slot's words are visible to the
 * lane once PRODUCED (a sequentially consistent store) has passed it. DELIVERED <= TAKEN <= PRODUCED, always:
 *
 *     free -> claimed -> published -> taken -> released (= free)
 *
 * The lane sleeps on ARMED and not on PRODUCED, because it is also woken when nothing was published: to end. Whoever wakes it
 * clears ARMED first, so a wake-up between its last look and its going to sleep is seen.
 *
 * A slot never goes back from taken to published: when a lane dies, what lies between DELIVERED and TAKEN is lost (and
 * counted by the supervisor), what is published stays for the next thread of that lane.
 * DELIVERED moves only past descriptors that are delivered, dropped or absorbed: so a frame, its arena bytes and its block
 * may be reused when DELIVERED has passed its descriptor, and RFS may compare it with a flow's tail.
 */
import { D_CLASS, DESCRIPTOR_SHIFT, DESCRIPTOR_WORDS, DF_MARK } from './descriptor.ts';

export const PRODUCED = 0;
export const DELIVERED = 16;
export const TAKEN = 17;
/** Where a lane sleeps, from the first word of its ring. */
export const ARMED = 32;
export const WAITING = 33;
const CALLS = 34;
const WANTED = 35;
export const HEAD = 48;
const SEEN = 49;
export const SLOTS = 64;

/** Words that a ring of `slots` slots takes. */
export function ringWords(slots: number): number {
  return SLOTS + slots * DESCRIPTOR_WORDS;
}

export class RingProducer {
  readonly words: Int32Array;
  readonly slots: number;
  private readonly base: number;
  private readonly mask: number;
  private readonly bell: number;
  private published: number;

  /** @param bell word that the consumer sleeps on: that of this ring, or of another one of its lane */
  constructor(words: Int32Array, base: number, slots: number, bell: number = base + ARMED) {
    this.words = words;
    this.base = base;
    this.slots = slots;
    this.mask = slots - 1;
    this.bell = bell;
    this.published = Atomics.load(words, base + PRODUCED);
    words[base + HEAD] = this.published;
    this.refresh();
  }

  /** Descriptors claimed so far, as a wrapping 32-bit count. It lies in the memory, for the kernel that claims slots too. */
  get head(): number {
    return this.words[this.base + HEAD];
  }

  /** The low-water mark as last read. */
  get delivered(): number {
    return this.words[this.base + SEEN];
  }

  /** Word index of the next free slot, or -1 when the ring is full. The slot is the producer's until `publish`. */
  claim(): number {
    const head = this.head;
    if (((head - this.delivered) | 0) >= this.slots && ((head - this.refresh()) | 0) >= this.slots) return -1;
    this.words[this.base + HEAD] = head + 1;
    return this.base + SLOTS + ((head & this.mask) << DESCRIPTOR_SHIFT);
  }

  /** Reads the low-water mark anew and returns it. */
  refresh(): number {
    const delivered = Atomics.load(this.words, this.base + DELIVERED);
    this.words[this.base + SEEN] = delivered;
    return delivered;
  }

  /** Makes everything claimed visible to the lane, and wakes it when it sleeps. */
  publish(): void {
    const head = this.head;
    if (this.published === head) return;
    this.published = head;
    Atomics.store(this.words, this.base + PRODUCED, head);
    this.wake();
  }

  /** Wakes the lane when it sleeps. */
  wake(): void {
    if (Atomics.load(this.words, this.bell) === 1) {
      Atomics.store(this.words, this.bell, 0);
      Atomics.notify(this.words, this.bell);
    }
  }

  /** True when every published descriptor is delivered. */
  idle(): boolean {
    return this.refresh() === this.published;
  }

  /**
   * Resolves when the low-water mark has moved on from what `refresh` last returned, of a full ring by half of its slots; undefined when
   * it has already. Each wake-up costs both sides some microseconds: one for every poll of the lane was ten times what dispatch costs.
   *
   * The flag is the word that is waited for, as the lane's ARMED is. Waiting for DELIVERED with a flag beside it loses
   * wake-ups: the lane may clear the flag of an earlier wait when the next one is armed already.
   */
  progress(): Promise<unknown> | undefined {
    const isFull = ((this.head - this.delivered) | 0) >= this.slots;
    if (this.arm(isFull ? this.slots >> 1 : 1)) return undefined;
    const wait = Atomics.waitAsync(this.words, this.base + WAITING, 1);
    return wait.async ? wait.value : undefined;
  }

  /** Asks for a wake-up when the low-water mark has moved on by `steps`. True: it has since `refresh` last read it. */
  arm(steps = 1): boolean {
    const wanted = (this.delivered + steps) | 0;
    Atomics.store(this.words, this.base + WANTED, wanted);
    Atomics.store(this.words, this.base + WAITING, 1);
    return ((Atomics.load(this.words, this.base + DELIVERED) - wanted) | 0) >= 0;
  }

  /** Odd while the consumer's code runs: the same odd value for long is a call that hangs. */
  calls(): number {
    return Atomics.load(this.words, this.base + CALLS);
  }

  /**
   * After the lane's thread has ended: gives up what it had taken. The next thread goes on with what is published.
   *
   * @returns packets that are left for it
   */
  abandon(): number {
    const { words, base } = this;
    const taken = Atomics.load(words, base + TAKEN);
    Atomics.store(words, base + ARMED, 0);
    // It may have died inside the consumer's code: the next thread begins outside.
    Atomics.store(words, base + CALLS, (this.calls() + 1) & ~1);
    this.giveUp(taken);
    let left = 0;
    for (let cursor = taken; cursor !== this.published; cursor = (cursor + 1) | 0) {
      const slot = base + SLOTS + ((cursor & this.mask) << DESCRIPTOR_SHIFT);
      if (((words[slot + D_CLASS] >> 8) & DF_MARK) === 0) left++;
    }
    return left;
  }

  /** As `abandon` when no thread will come: gives up what is published too. */
  discard(): void {
    Atomics.store(this.words, this.base + TAKEN, this.published);
    this.giveUp(this.published);
  }

  private giveUp(cursor: number): void {
    Atomics.store(this.words, this.base + DELIVERED, cursor);
    Atomics.store(this.words, this.base + WAITING, 0);
    Atomics.notify(this.words, this.base + WAITING);
  }
}

export class RingConsumer {
  readonly words: Int32Array;
  private readonly base: number;
  private readonly mask: number;
  private readonly bell: number;
  /** Next descriptor to take, and the low-water mark: wrapping counts. */
  private next: number;
  private delivered: number;
  private produced: number;

  /** @param bell word that the producer sleeps on: this ring's WAITING, or the one where the lane sleeps that produces */
  constructor(words: Int32Array, base: number, slots: number, bell: number = base + WAITING) {
    this.words = words;
    this.base = base;
    this.mask = slots - 1;
    this.bell = bell;
    this.next = Atomics.load(words, base + DELIVERED);
    this.delivered = this.next;
    this.produced = this.next;
  }

  /** Descriptors that are published and not yet taken. */
  available(): number {
    if (this.produced === this.next) this.produced = Atomics.load(this.words, this.base + PRODUCED);
    return (this.produced - this.next) | 0;
  }

  /** As `available`, of what was published when that looked last. */
  get seen(): number {
    return (this.produced - this.next) | 0;
  }

  /** Number of the next descriptor to take, a wrapping count, and word index of slot 0: for a kernel. */
  get cursor(): number {
    return this.next;
  }

  get slots(): number {
    return this.base + SLOTS;
  }

  /** Word index of the `k`-th available descriptor. */
  slot(k: number): number {
    return this.base + SLOTS + (((this.next + k) & this.mask) << DESCRIPTOR_SHIFT);
  }

  /** Begins to work on the next `n`. */
  take(n: number): void {
    this.next = (this.next + n) | 0;
    Atomics.store(this.words, this.base + TAKEN, this.next);
  }

  /** All that was taken is delivered, dropped or absorbed: slots and frames are free. */
  release(): void {
    if (this.delivered === this.next) return;
    this.delivered = this.next;
    Atomics.store(this.words, this.base + DELIVERED, this.next);
    if (Atomics.load(this.words, this.base + WAITING) !== 1) return;
    if (((this.next - Atomics.load(this.words, this.base + WANTED)) | 0) >= 0) {
      Atomics.store(this.words, this.base + WAITING, 0);
      Atomics.store(this.words, this.bell, 0);
      Atomics.notify(this.words, this.bell);
    }
  }

  /** Marks the beginning and the end of the consumer's code. */
  called(): void {
    Atomics.add(this.words, this.base + CALLS, 1);
  }

  /**
   * Arms the lane and resolves when something is published or `wake` was called; undefined when `ready()` says that there is
   * something to do already. It is asked when the flag is up, so nothing can be missed.
   */
  sleep(ready: () => boolean): Promise<unknown> | undefined {
    Atomics.store(this.words, this.base + ARMED, 1);
    if (ready()) return this.disarm();
    const wait = Atomics.waitAsync(this.words, this.base + ARMED, 1);
    return wait.async ? wait.value : this.disarm();
  }

  /** As `sleep`, blocking the thread for at most `ms`; false when the time ran out. */
  block(ms: number, ready: () => boolean): boolean {
    Atomics.store(this.words, this.base + ARMED, 1);
    const woken = ready() || Atomics.wait(this.words, this.base + ARMED, 1, ms) !== 'timed-out';
    this.disarm();
    return woken;
  }

  private disarm(): undefined {
    Atomics.store(this.words, this.base + ARMED, 0);
    return undefined;
  }
}
