/**
 * What may come by an SA: RFC 4301 section 5.2 has the packet that was opened compared with the selectors of its SA, so that a
 * peer cannot send in the name of another one. Those of an SA are a chain in shared memory, whose first one the SA's facts name.
 */
import { RxSteerError } from '../../errors.ts';
import { parseSelector, type Selector, type SelectorConfig } from './selector.ts';
import { matchesAddresses, matchesUpper, S_NEXT, SELECTOR_SHIFT, selectorWords } from './selector-words.ts';
import type { Traffic } from './traffic.ts';

export class SaSelectors {
  private readonly w: Int32Array;

  /** Bytes that so many selectors need. */
  static bytes(capacity: number): number {
    return (capacity << SELECTOR_SHIFT) * 4;
  }

  /** Attaches to room for so many selectors at `byteOffset`, a multiple of 4. */
  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number) {
    this.w = new Int32Array(buffer, byteOffset, capacity << SELECTOR_SHIFT);
  }

  /** Whether one of a chain is the packet's. What a fragment hides does not match. */
  allows(first: number, traffic: Traffic): boolean {
    const { w } = this;
    for (let i = first; i !== 0; ) {
      const b = (i - 1) << SELECTOR_SHIFT;
      if (matchesAddresses(w, b, traffic) && matchesUpper(w, b, traffic, false)) return true;
      i = w[b + S_NEXT];
    }
    return false;
  }
}

/** Writes chains of selectors, and takes them back: for the one thread that adds and removes SAs. */
export class SelectorRoom {
  /** Selectors that may still be put. */
  left: number;
  private readonly w: Int32Array;
  private readonly free: number[] = [];
  private fresh = 0;

  constructor(buffer: ArrayBufferLike, byteOffset: number, capacity: number) {
    this.w = new Int32Array(buffer, byteOffset, capacity << SELECTOR_SHIFT);
    this.left = capacity;
  }

  /** How many selectors an SA's descriptions stand for. */
  static count(configs: readonly SelectorConfig[] | undefined): number {
    return configs === undefined ? 0 : selectorsOf(configs).length;
  }

  /** Writes a chain; returns its first selector + 1, 0 for none. `left` must be enough. */
  put(configs: readonly SelectorConfig[] | undefined): number {
    if (configs === undefined) return 0;
    const selectors = selectorsOf(configs);
    const words = selectorWords(selectors);
    let first = 0;
    for (let i = selectors.length - 1; i >= 0; i--) {
      const place = this.free.pop() ?? this.fresh++;
      const b = place << SELECTOR_SHIFT;
      this.w.set(words.subarray(i << SELECTOR_SHIFT, (i + 1) << SELECTOR_SHIFT), b);
      this.w[b + S_NEXT] = first;
      first = place + 1;
    }
    this.left -= selectors.length;
    return first;
  }

  /** Gives a chain back that nobody reads any more. */
  give(first: number): void {
    for (let i = first; i !== 0; i = this.w[((i - 1) << SELECTOR_SHIFT) + S_NEXT]) {
      this.free.push(i - 1);
      this.left++;
    }
  }
}

function selectorsOf(configs: readonly SelectorConfig[]): Selector[] {
  return configs.flatMap((config) => parseSelector(config, unexpected));
}

/** SAs are checked when they are made. */
function unexpected(property: string, expected: string): Error {
  return new RxSteerError('ERR_RXSTEER_SA', `selectors: ${property}: expected ${expected}`);
}
