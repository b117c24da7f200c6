/**
 * How far the life of each SA has gone, in shared memory, so that it goes on where an SA moves or a thread ends. Access is plain, one
 * lane at a time uses an SA; but for the flags, which a timer of the receiver sets too.
 *
 *     an SA, 3 cache lines:  8 doubles: packets | bytes | start | refused | since: ICV | replays | inner | peer
 *                            16 words:  flags | failures: ICV | replays | peer: tag, 4 words of address | spare
 *                            8 doubles: limits, soft: packets | bytes | milliseconds | hard: the same | spare
 */
import { put32, u32 } from '../../wire/bytes.ts';
import type { SaFacts, SaLimits } from '../sa-config.ts';

export const L_PACKETS = 0;
export const L_BYTES = 1;
/** On the clock of the lanes, in milliseconds; `NOT_BEGUN`: it begins with the first authentic packet. */
export const L_START = 2;
/** Packets that came when the SA was expired. */
export const L_REFUSED = 3;
/** Begin of the second in which failures are counted; when an event of its kind was last told. */
export const L_ICV_SINCE = 4;
export const L_REPLAY_SINCE = 5;
export const L_BAD_SINCE = 6;
export const L_PEER_SINCE = 7;

/** Infinite where there is none. */
export const L_SOFT_PACKETS = 16;
export const L_SOFT_BYTES = 17;
const L_SOFT_MS = 18;
export const L_HARD_PACKETS = 19;
export const L_HARD_BYTES = 20;
const L_HARD_MS = 21;

/** Later than any time: no limit is reached. */
export const NOT_BEGUN: number = Number.POSITIVE_INFINITY;

const FLAGS = 16;
export const L_ICV_COUNT = 17;
export const L_REPLAY_COUNT = 18;
/** 0: none yet. Else IP version above 16 bits of UDP port, and the address behind it. */
export const L_PEER = 19;

/** What has been told of an SA, once. */
export const TOLD_SOFT = 1;
export const TOLD_HARD = 2;
export const TOLD_SEQUENCE = 4;

/** In the tag of a peer, above its port. */
export const PEER_V4: number = 4 << 16;
export const PEER_V6: number = 6 << 16;

const WORDS = 48;
const DOUBLES = 24;

/** An outer source: 4 or 16 bytes, and the UDP port, 0 without UDP. */
export interface PeerAddress {
  readonly address: Uint8Array;
  readonly port: number;
}

/** What an SA has behind it that goes on elsewhere. */
export interface LifeBefore {
  readonly packets: number;
  readonly bytes: number;
  readonly start: number;
  readonly refused: number;
  readonly isOver: boolean;
  readonly peer?: PeerAddress;
}

export class SaLifeState {
  readonly doubles: Float64Array;
  readonly words: Int32Array;

  /** Bytes for so many SAs. */
  static bytes(count: number): number {
    return count * WORDS * 4;
  }

  /** Makes state in shared memory of its own, with SAs that begin at `start`. */
  static create(sas: readonly Pick<SaFacts, 'limits'>[], start: number = NOT_BEGUN): SaLifeState {
    const state = new SaLifeState(new SharedArrayBuffer(SaLifeState.bytes(sas.length)), 0, sas.length);
    sas.forEach(({ limits }, i) => {
      state.begin(i, limits, start);
    });
    return state;
  }

  /** Attaches to the state of so many SAs at `byteOffset`, a multiple of 8. */
  constructor(buffer: ArrayBufferLike, byteOffset: number, count: number) {
    this.doubles = new Float64Array(buffer, byteOffset, count * DOUBLES);
    this.words = new Int32Array(buffer, byteOffset, count * WORDS);
  }

  /** An SA with these limits begins at `start`: nothing has come by it, and nothing has been told. */
  begin(sa: number, limits: SaLimits | undefined, start: number): void {
    const at = sa * DOUBLES;
    this.doubles.fill(Number.POSITIVE_INFINITY, at + L_SOFT_PACKETS, at + DOUBLES);
    for (const [to, limit] of [
      [at + L_SOFT_PACKETS, limits?.soft],
      [at + L_HARD_PACKETS, limits?.hard],
    ] as const) {
      const { packets = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY, seconds } = limit ?? {};
      this.doubles.set([packets, bytes, seconds === undefined ? Number.POSITIVE_INFINITY : 1000 * seconds], to);
    }
    this.restart(sa, start);
  }

  /** The SA begins again, with the limits that it has. */
  restart(sa: number, start: number): void {
    const at = sa * DOUBLES;
    this.words.fill(0, sa * WORDS, sa * WORDS + 2 * L_SOFT_PACKETS);
    this.doubles.fill(Number.NEGATIVE_INFINITY, at + L_ICV_SINCE, at + L_PEER_SINCE + 1);
    this.doubles[at + L_START] = start;
  }

  /** The state of an SA goes on elsewhere. What it was told of is told again, but that it is over. */
  restore(sa: number, before: LifeBefore): void {
    this.restart(sa, before.start);
    const at = sa * DOUBLES;
    this.doubles[at + L_PACKETS] = before.packets;
    this.doubles[at + L_BYTES] = before.bytes;
    this.doubles[at + L_REFUSED] = before.refused;
    if (before.isOver) this.tell(sa, TOLD_HARD);
    if (before.peer !== undefined)
      this.setPeer(sa, before.peer.address, 0, before.peer.address.length, before.peer.port);
  }

  /** All words of an SA. */
  wordsOf(sa: number): Int32Array {
    return this.words.subarray(sa * WORDS, (sa + 1) * WORDS);
  }

  /** When the SA began, on the clock of the lanes, or NOT_BEGUN. */
  start(sa: number): number {
    return this.doubles[sa * DOUBLES + L_START];
  }

  /** Where authentic packets came from, as it was told last; undefined: none came. */
  peer(sa: number): PeerAddress | undefined {
    const p = sa * WORDS + L_PEER;
    const w = this.words;
    if (w[p] === 0) return undefined;
    const address = new Uint8Array(w[p] >> 16 === 4 ? 4 : 16);
    for (let i = 0; i < address.length; i += 4) put32(address, i, w[p + 1 + (i >> 2)]);
    return { address, port: w[p] & 0xffff };
  }

  /** @param length 4 or 16 bytes, from `at` on */
  setPeer(sa: number, bytes: Uint8Array, at: number, length: number, port: number): void {
    const p = sa * WORDS + L_PEER;
    this.words[p] = (length === 4 ? PEER_V4 : PEER_V6) + port;
    for (let i = 0; i < length; i += 4) this.words[p + 1 + (i >> 2)] = u32(bytes, at + i);
  }

  /** First double of an SA, and first word. */
  at(sa: number): number {
    return sa * DOUBLES;
  }

  wordsAt(sa: number): number {
    return sa * WORDS;
  }

  has(sa: number, flag: number): boolean {
    return (this.words[sa * WORDS + FLAGS] & flag) !== 0;
  }

  /** Sets a flag. True: nobody had before. */
  tell(sa: number, flag: number): boolean {
    return (Atomics.or(this.words, sa * WORDS + FLAGS, flag) & flag) === 0;
  }

  /** Authentic packets and their bytes, as limits count them. */
  used(sa: number): { packets: number; bytes: number } {
    const at = sa * DOUBLES;
    return { packets: this.doubles[at + L_PACKETS], bytes: this.doubles[at + L_BYTES] };
  }

  /** Whether it is `interval` since something bad came out of the SA's packets; begins that anew then. */
  isDue(sa: number, now: number, interval: number): boolean {
    const at = sa * DOUBLES + L_BAD_SINCE;
    if (now - this.doubles[at] < interval) return false;
    this.doubles[at] = now;
    return true;
  }

  /** Whether an SA has a limit by time. */
  isTimed(sa: number): boolean {
    const at = sa * DOUBLES;
    return (
      this.doubles[at + L_SOFT_MS] !== Number.POSITIVE_INFINITY ||
      this.doubles[at + L_HARD_MS] !== Number.POSITIVE_INFINITY
    );
  }

  /** The limits by time that an SA has reached: TOLD_SOFT, TOLD_HARD. */
  reached(sa: number, now: number): number {
    const { doubles: d } = this;
    const at = sa * DOUBLES;
    const start = d[at + L_START];
    return (now - start >= d[at + L_SOFT_MS] ? TOLD_SOFT : 0) | (now - start >= d[at + L_HARD_MS] ? TOLD_HARD : 0);
  }

  /** Packets that were refused because the SA is expired. */
  refused(sa: number): number {
    return this.doubles[sa * DOUBLES + L_REFUSED];
  }

  /** `mature`, after a soft limit `dying`, after a hard one `dead`: the words of RFC 2367. */
  stage(sa: number): SaStage {
    if (this.has(sa, TOLD_HARD)) return 'dead';
    return this.has(sa, TOLD_SOFT) ? 'dying' : 'mature';
  }
}

export type SaStage = 'mature' | 'dying' | 'dead';
