/**
 * What may come by an SA: RFC 4301 section 5.2 has the packet that was opened compared with the selectors of its SA, so that a
 * peer cannot send in the name of another one.
 */
import { RxSteerError } from '../../errors.ts';
import type { Sa } from '../sa.ts';
import { parseSelector, type Selector } from './selector.ts';
import { matchesAddresses, matchesUpper, SELECTOR_SHIFT, selectorWords } from './selector-words.ts';
import type { Traffic } from './traffic.ts';

export class SaSelectors {
  private readonly w: Int32Array;
  /** Of each SA: its first selector, and behind the last one's end that of the next SA. */
  private readonly first: Int32Array;

  /** Undefined when no SA has any. */
  static of(sas: readonly Sa[]): SaSelectors | undefined {
    return sas.some((sa) => sa.selectors !== undefined) ? new SaSelectors(sas) : undefined;
  }

  private constructor(sas: readonly Sa[]) {
    const all: Selector[] = [];
    this.first = new Int32Array(sas.length + 1);
    sas.forEach((sa, i) => {
      for (const config of sa.selectors ?? []) all.push(...parseSelector(config, unexpected));
      this.first[i + 1] = all.length;
    });
    this.w = selectorWords(all);
  }

  /** Whether the SA checks what comes by it. */
  has(sa: number): boolean {
    return this.first[sa] !== this.first[sa + 1];
  }

  /** Whether the packet may come by the SA: by one without selectors, any. What a fragment hides does not match. */
  allows(sa: number, traffic: Traffic): boolean {
    const { w, first } = this;
    const end = first[sa + 1];
    let i = first[sa];
    if (i === end) return true;
    for (; i < end; i++) {
      const b = i << SELECTOR_SHIFT;
      if (matchesAddresses(w, b, traffic) && matchesUpper(w, b, traffic, false)) return true;
    }
    return false;
  }
}

/** SAs are checked when they are made. */
function unexpected(property: string, expected: string): Error {
  return new RxSteerError('ERR_RXSTEER_SA', `selectors: ${property}: expected ${expected}`);
}
