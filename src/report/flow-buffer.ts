/**
 * Hashes the bytes of a stream in order, whatever order they come in: what is early waits as a copy.
 * The pieces never overlap (the stream cuts off what it has seen), so bytes that came first win.
 */
import type { FlowDigest } from './flow-digest.ts';

/** What a waiting piece is charged for besides its bytes: object, view and buffer. */
const PIECE_COST = 256;

/** Bytes that may still wait, over all streams of an account. */
export interface Budget {
  left: number;
}

interface Piece {
  at: number;
  bytes: Uint8Array;
}

export class StreamBuffer {
  private readonly make: () => FlowDigest;
  private readonly budget: Budget;
  private readonly limit: number;
  private digest: FlowDigest | undefined;
  private pieces: Piece[] = [];
  private used = 0;
  /** Whether the start is known, and the position where hashing goes on. */
  private opened = false;
  private next = 0;

  constructor(make: () => FlowDigest, budget: Budget, limit: number) {
    this.make = make;
    this.budget = budget;
    this.limit = limit;
  }

  /** The stream begins at `start`: forgets what waits below, hashes what waits from there on. */
  open(start: number): void {
    this.opened = true;
    this.next = start;
    let below = 0;
    for (; below < this.pieces.length && this.pieces[below].at < start; below++) {
      const piece = this.pieces[below];
      const cut = start - piece.at;
      if (piece.bytes.length > cut) {
        this.refund(cut);
        piece.at = start;
        piece.bytes = piece.bytes.slice(cut);
        break;
      }
      this.refund(piece.bytes.length + PIECE_COST);
    }
    this.pieces.splice(0, below);
    this.drain();
  }

  /**
   * Takes new bytes at position `at`; false when they are not kept: they would have to wait, and may not or have no room.
   */
  take(at: number, bytes: Uint8Array, from: number, to: number, mayWait: boolean): boolean {
    if (this.opened && at === this.next) {
      this.hash(bytes.subarray(from, to));
      this.drain();
      return true;
    }
    const cost = to - from + PIECE_COST;
    if (!mayWait || this.used + cost > this.limit || cost > this.budget.left) return false;
    this.refund(-cost);
    let i = this.pieces.length;
    if (i > 0 && this.pieces[i - 1].at > at) i = this.behind(at);
    this.pieces.splice(i, 0, { at, bytes: bytes.slice(from, to) });
    return true;
  }

  /** Position up to which the stream from `start` is there, and the digest text up to it. */
  result(start: number): { end: number; text: string } {
    if (this.opened) return { end: this.next, text: (this.digest ?? this.make()).text() };
    // Not open: hash what waits, but keep it, for more may come.
    const digest = this.make();
    let end = start;
    for (const piece of this.pieces) {
      if (piece.at !== end) break;
      digest.update(piece.bytes);
      end += piece.bytes.length;
    }
    return { end, text: digest.text() };
  }

  private hash(bytes: Uint8Array): void {
    this.digest ??= this.make();
    this.digest.update(bytes);
    this.next += bytes.length;
  }

  private drain(): void {
    let n = 0;
    for (; n < this.pieces.length && this.pieces[n].at === this.next; n++) {
      this.hash(this.pieces[n].bytes);
      this.refund(this.pieces[n].bytes.length + PIECE_COST);
    }
    if (n > 0) this.pieces.splice(0, n);
  }

  private refund(cost: number): void {
    this.used -= cost;
    this.budget.left += cost;
  }

  /** Index of the first piece behind `at`. */
  private behind(at: number): number {
    let low = 0;
    let high = this.pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.pieces[middle].at < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
