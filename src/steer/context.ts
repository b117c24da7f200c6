/**
 * An RSS context as `ethtool -X DEV context N ..` makes it (https://man7.org/linux/man-pages/man8/ethtool.8.html):
 * `context 1 equal 2 start 4`, `context new weight 1 0 3 hkey 6d:5a:.. hfunc toeplitz xfrm none`.
 */
import { optionError, RxSteerError, shown } from '../errors.ts';
import { XFRMS, type Xfrm } from '../hash/fields.ts';
import { HFUNCS, type Hfunc } from '../hash/hfunc.ts';
import { KEY_LENGTH, parseKey } from '../hash/keys.ts';
import type { RssContextOptions } from './options.ts';

const WORDS = ['equal', 'weight', 'start', 'default', 'hkey', 'hfunc', 'xfrm'];

/**
 * Takes such a text, with the word `context` in front or without it, and adds it to `contexts`: `new` gets the lowest number
 * that is free; of a number that is there, only what the text says changes.
 *
 * @param keyLength bytes of a key that has a name
 * @returns the number
 * @throws RxSteerError `ERR_RXSTEER_OPTION`, `ERR_RXSTEER_KEY`: names the context, what was expected and what came
 */
export function addContext(
  contexts: Record<number, RssContextOptions>,
  text: string,
  keyLength: number = KEY_LENGTH,
): number {
  const words = text.trim().split(/\s+/);
  if (words[0] === 'context') words.shift();
  const first = words.shift() ?? '';
  let number = 1;
  if (first === 'new') while (contexts[number] !== undefined) number++;
  else number = /^[1-9]\d{0,9}$/.test(first) ? Number(first) : 0;
  if (number < 1 || number > 0xfffffffe) throw optionError('context', 'a number from 1 on, or new, first', safe(first));
  contexts[number] = { ...contexts[number], ...new ContextReader(`context ${first}`, words).read(keyLength) };
  return number;
}

class ContextReader {
  private readonly name: string;
  private readonly words: string[];
  private readonly seen = new Set<string>();

  constructor(name: string, words: string[]) {
    this.name = name;
    this.words = words;
  }

  read(keyLength: number): RssContextOptions {
    const options: RssContextOptions = {};
    let equal: number | undefined;
    let weight: number[] | undefined;
    let start: number | undefined;
    for (let word = this.words.shift(); word !== undefined; word = this.words.shift()) {
      if (this.seen.has(word)) throw this.error(`${word} only once`, 'another');
      this.seen.add(word);
      if (word === 'equal') equal = this.number(word);
      else if (word === 'start') start = this.number(word);
      else if (word === 'weight') weight = this.weights();
      else if (word === 'hkey') options.key = parseKey(this.value(word), keyLength);
      else if (word === 'hfunc') options.hfunc = this.oneOf<Hfunc>(word, HFUNCS);
      else if (word === 'xfrm') options.xfrm = this.oneOf<Xfrm>(word, XFRMS);
      else if (word !== 'default') throw this.error(WORDS.join(', '), safe(word));
    }
    if (['equal', 'weight', 'default'].filter((word) => this.seen.has(word)).length > 1) {
      throw this.error('one of equal, weight and default', 'more');
    }
    if (equal !== undefined) options.indirection = { equal, ...(start === undefined ? {} : { start }) };
    else if (weight !== undefined) options.indirection = { weight, ...(start === undefined ? {} : { start }) };
    else if (start !== undefined) throw this.error('equal or weight with start', 'neither');
    return options;
  }

  private value(word: string): string {
    const value = this.words.shift();
    if (value === undefined) throw this.error(`a value behind ${word}`, 'the end');
    return value;
  }

  private number(word: string): number {
    const value = this.value(word);
    if (!/^\d{1,9}$/.test(value)) throw this.error(`a whole number behind ${word}`, safe(value));
    return Number(value);
  }

  private weights(): number[] {
    const weights: number[] = [];
    while (/^\d{1,9}$/.test(this.words[0] ?? '')) weights.push(Number(this.words.shift()));
    if (weights.length === 0) throw this.error('whole numbers behind weight', safe(this.words[0] ?? 'the end'));
    return weights;
  }

  private oneOf<T extends string>(word: string, known: readonly T[]): T {
    const value = this.value(word);
    const found = known.find((candidate) => candidate === value);
    if (found === undefined) throw this.error(`${known.join(' or ')} behind ${word}`, safe(value));
    return found;
  }

  private error(expected: string, got: string): RxSteerError {
    return new RxSteerError('ERR_RXSTEER_OPTION', `${this.name}: expected ${expected}, got ${shown(got)}`);
  }
}

/** What may be a key, in the wrong place, is not shown. */
function safe(word: string): string {
  return /^[0-9a-f:]{12,}$/i.test(word) ? `${word.length} characters` : word;
}
