/**
 * One direction of a TCP connection as a stream of bytes: how much of it is there without a gap, and its digest.
 *
 * Positions are sequence numbers unwrapped to plain integers, each relative to the highest one before (so less than 2 GiB
 * apart), and 0 is where the first segment began. The stream starts
 * - at SYN + 1, once a SYN is seen; a SYN that comes before the start is settled counts, however late;
 * - else at the lowest position seen. It is settled when 1 MiB has come (or the memory for waiting bytes runs out): until
 *   then an earlier byte that comes late still counts, and the bytes wait; afterwards it does not.
 * A SYN with another number after the start is settled is another connection of the same addresses and ports: it is
 * counted in `restarts`, and its bytes are not part of the stream (unless they happen to go on where it ends). FIN takes a number but no byte.
 * Bytes with RST are text for people (RFC 9293 section 3.5.3), not stream; the caller leaves them out.
 */
import type { StreamBuffer } from './flow-buffer.ts';
import { Intervals } from './flow-intervals.ts';

/** Bytes after which a stream without a SYN settles where it starts. */
export const SETTLE: number = 1 << 20;

const UNSETTLED = 0;
const SETTLED = 1;
const SYN_SEEN = 2;

/** A stream as plain data, of an account without digests. */
export interface StreamState {
  /** Sequence number at position 0; start of the stream as position, and how sure it is. */
  sequence: number;
  start: number;
  settled: number;
  edges: number[];
  restarts: number;
  incomplete: boolean;
}

export class TcpStream {
  /** SYNs of other connections with the same addresses and ports. */
  restarts = 0;
  private readonly seen: Intervals = new Intervals();
  private readonly buffer: StreamBuffer | undefined;
  private begun = false;
  private settled = UNSETTLED;
  private start = 0;
  /** Highest position seen (end of data), and its sequence number. */
  private top = 0;
  private topSequence = 0;
  private bytes = 0;
  private incomplete = false;
  /** Where another connection began, above all else: what lies behind it does not wait. */
  private ceiling = Number.POSITIVE_INFINITY;

  constructor(buffer?: StreamBuffer) {
    this.buffer = buffer;
  }

  /** Takes a segment: its sequence number, whether it has SYN, and its payload at [from, to) of `bytes`. */
  add(sequence: number, syn: boolean, bytes: Uint8Array, from: number, to: number): void {
    if (from >= to && !syn) return;
    if (!this.begun) {
      this.begun = true;
      this.topSequence = sequence | 0;
    }
    let at = this.top + ((sequence - this.topSequence) | 0);
    if (syn) {
      at++;
      this.synchronize(at);
    }
    const end = at + to - from;
    if (end > this.top) {
      this.topSequence = (this.topSequence + (end - this.top)) | 0;
      this.top = end;
    }
    if (from >= to) return;
    if (this.buffer !== undefined) {
      const { seen } = this;
      for (let p = at; seen.gap(p, end); p = seen.gapTo) this.keep(at, bytes, from);
    }
    const added = this.seen.add(at, end);
    if (added < 0) this.incomplete = true;
    else if (this.settled === UNSETTLED) {
      this.bytes += added;
      if (this.bytes >= SETTLE) this.settle(this.seen.edges[0], SETTLED);
    }
  }

  /** Bytes from the start up to the first gap, and their digest when there is a buffer to make one. */
  result(): { payloadBytes: number; digest: string | undefined; incomplete: boolean } {
    const start = this.first();
    const end = this.seen.endOf(start);
    if (this.buffer === undefined) {
      return { payloadBytes: end - start, digest: undefined, incomplete: this.incomplete };
    }
    const kept = this.buffer.result(start);
    return {
      payloadBytes: kept.end - start,
      digest: kept.text,
      incomplete: this.incomplete || kept.end < end,
    };
  }

  export(): StreamState {
    return {
      sequence: (this.topSequence - this.top) | 0,
      start: this.start,
      settled: this.begun ? this.settled : -1,
      edges: this.seen.edges.slice(),
      restarts: this.restarts,
      incomplete: this.incomplete,
    };
  }

  /** Joins what another account, without digests like this one, saw of the same stream. */
  merge(other: StreamState): void {
    this.restarts += other.restarts;
    this.incomplete ||= other.incomplete;
    if (other.settled < 0) return;
    const { edges } = other;
    let shift = 0;
    if (!this.begun) {
      this.begun = true;
      this.topSequence = other.sequence;
    } else {
      // Where its positions lie in ours: by its low end from our top, or by its top from our low end, whichever is nearer.
      const low = edges.length > 0 ? edges[0] : other.start;
      const high = edges.length > 0 ? edges[edges.length - 1] : other.start;
      const ourLow = this.first();
      const behind = (other.sequence + low - this.topSequence) | 0;
      const before = (other.sequence + high - (this.topSequence - this.top + ourLow)) | 0;
      shift = Math.abs(behind) <= Math.abs(before) ? this.top + behind - low : ourLow + before - high;
    }
    for (let i = 0; i < edges.length; i += 2) {
      const added = this.seen.add(edges[i] + shift, edges[i + 1] + shift);
      if (added < 0) this.incomplete = true;
      else this.bytes += added;
    }
    const start = other.start + shift;
    if (other.settled > this.settled) this.settle(start, other.settled);
    else if (other.settled === SETTLED && this.settled === SETTLED) this.start = Math.min(this.start, start);
    else if (other.settled === SYN_SEEN && start !== this.start) this.restarts++;
    const top = Math.max(start, edges.length > 0 ? edges[edges.length - 1] + shift : start);
    if (top > this.top) {
      this.topSequence = (this.topSequence + (top - this.top)) | 0;
      this.top = top;
    }
  }

  private first(): number {
    return this.settled !== UNSETTLED || this.seen.edges.length === 0 ? this.start : this.seen.edges[0];
  }

  private synchronize(start: number): void {
    if (this.settled === UNSETTLED) this.settle(start, SYN_SEEN);
    else if (start !== this.start) {
      this.restarts++;
      this.ceiling = Math.min(this.ceiling, Math.max(start, this.top));
    } else this.settled = SYN_SEEN;
  }

  private settle(start: number, how: number): void {
    this.settled = how;
    this.start = start;
    this.buffer?.open(start);
  }

  /** Keeps the bytes of the last gap found; `at` is the position of byte `from`. */
  private keep(at: number, bytes: Uint8Array, from: number): void {
    const { gapTo } = this.seen;
    const buffer = this.buffer as StreamBuffer;
    let p = this.seen.gapFrom;
    if (this.settled !== UNSETTLED && p < this.start) p = Math.min(this.start, gapTo);
    if (p >= gapTo || buffer.take(p, bytes, from + p - at, from + gapTo - at, p < this.ceiling)) return;
    if (this.settled !== UNSETTLED) return;
    // No room to wait for an earlier start: settle it at the lowest so far, which frees what is in order.
    this.settle(Math.min(p, this.first()), SETTLED);
    buffer.take(p, bytes, from + p - at, from + gapTo - at, true);
  }
}
