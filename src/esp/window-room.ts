/**
 * Room for replay windows of any size, for SAs that come and go: for each of a few sizes, as many places as there are slots. So there
 * is always room, whatever came before, without moving or joining anything. All of that is address space: memory is what was used.
 *
 *     | 16 words: up to 224 packets, one cache line | 48: 992 | 144: 4,064 | 528: 8,192 |
 */
const SIZES: readonly { readonly words: number; readonly packets: number }[] = [
  { words: 16, packets: 7 * 32 },
  { words: 48, packets: 31 * 32 },
  { words: 144, packets: 127 * 32 },
  { words: 528, packets: 8192 },
];

export class WindowRoom {
  private readonly capacity: number;
  /** At sizes: places that were given back, and how many were ever taken. */
  private readonly free: readonly number[][];
  private readonly taken: Int32Array;

  /** Words that windows of so many SAs need. */
  static words(capacity: number): number {
    return capacity * SIZES.reduce((sum, { words }) => sum + words, 0);
  }

  constructor(capacity: number) {
    this.capacity = capacity;
    this.free = SIZES.map(() => []);
    this.taken = new Int32Array(SIZES.length);
  }

  /** First word of a place for a window of so many packets. There are as many as the capacity says. */
  take(packets: number): number {
    const size = sizeOf(packets);
    const place = this.free[size].pop() ?? this.taken[size]++;
    return this.start(size) + place * SIZES[size].words;
  }

  /** Gives back what `take` gave for so many packets. */
  give(packets: number, base: number): void {
    const size = sizeOf(packets);
    this.free[size].push((base - this.start(size)) / SIZES[size].words);
  }

  private start(size: number): number {
    let words = 0;
    for (let i = 0; i < size; i++) words += this.capacity * SIZES[i].words;
    return words;
  }
}

function sizeOf(packets: number): number {
  return SIZES.findIndex((size) => packets <= size.packets);
}
