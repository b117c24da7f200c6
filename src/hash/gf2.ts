/**
 * Linear algebra over GF(2), on words of 32 bits. Toeplitz is linear: the hash of an XOR is the XOR of the hashes. So what
 * a bit of the input does to the hash is one word, its *column*, and questions about a key are questions about columns: how
 * many hashes there can be is their rank, which input gives a hash is a system of equations.
 */

/** How many of the words are independent: they make 2^rank different sums. */
export function rank(words: ArrayLike<number>): number {
  const pivots = new Int32Array(32);
  let count = 0;
  for (let i = 0; i < words.length; i++) {
    let word = words[i];
    while (word !== 0) {
      const top = 31 - Math.clz32(word);
      if (pivots[top] === 0) {
        pivots[top] = word;
        count++;
        break;
      }
      word ^= pivots[top];
    }
  }
  return count;
}

/**
 * A linear map from up to 32 input bits to a word. Eliminated once, it gives the inputs of any word in ascending order:
 *
 *     columns are taken from bit 0 up; one that depends on lower ones gives a *kernel* word: that bit and the lower ones,
 *     a sum that changes nothing. Solutions are the one without any such top bit, plus sums of kernel words. The top bits
 *     are distinct and no other kernel word has them, so they count like a binary number: the k-th smallest solution is
 *     the least one plus the kernel words at the bits of k.
 */
export class LinearSystem {
  readonly rank: number;
  /** How many inputs every word that can be reached has: 2^(columns - rank). */
  readonly solutions: number;
  private readonly kernel: number[] = [];
  /** At the top bit of a word: the word, and the input that makes it. */
  private readonly words = new Int32Array(32);
  private readonly inputs = new Int32Array(32);

  /** @param columns what input bit i (of value 2^i) adds to the result; 32 at most */
  constructor(columns: ArrayLike<number>) {
    for (let i = 0; i < columns.length; i++) {
      let word = columns[i];
      let input = 1 << i;
      while (word !== 0) {
        const top = 31 - Math.clz32(word);
        if (this.words[top] === 0) {
          this.words[top] = word;
          this.inputs[top] = input;
          break;
        }
        word ^= this.words[top];
        input ^= this.inputs[top];
      }
      if (word === 0) this.kernel.push(input);
    }
    this.rank = columns.length - this.kernel.length;
    this.solutions = 2 ** this.kernel.length;
  }

  /**
   * The k-th smallest input (from 0) whose result is `word`, as an unsigned number; undefined when there is none, or k is
   * {@link solutions} or more.
   */
  solve(word: number, k: number = 0): number | undefined {
    if (k >= this.solutions) return undefined;
    let input = 0;
    let rest = word;
    while (rest !== 0) {
      const top = 31 - Math.clz32(rest);
      if (this.words[top] === 0) return undefined;
      rest ^= this.words[top];
      input ^= this.inputs[top];
    }
    for (let j = 0; j < this.kernel.length; j++) if (((k >>> j) & 1) !== 0) input ^= this.kernel[j];
    return input >>> 0;
  }
}
