/**
 * SPIs that no SA was found for, in shared memory: one writer, read by `stats()` at any time. Bounded: what does not fit any
 * more is counted in the last entry, `others`.
 *
 *     entry: | packets (float64) | family, SPI | source 4 words | destination 4 words |   = 12 words
 */
const ENTRIES = 256;
const WORDS = 12;

export interface UnknownSpi {
  readonly spi: number;
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly packets: number;
}

export const UNKNOWN_SPIS_BYTES: number = (ENTRIES + 1) * WORDS * 4;

export class UnknownSpis {
  private readonly words: Int32Array;
  private readonly packets: Float64Array;

  constructor(buffer: ArrayBufferLike, offset: number) {
    this.words = new Int32Array(buffer, offset, (ENTRIES + 1) * WORDS);
    this.packets = new Float64Array(buffer, offset, ((ENTRIES + 1) * WORDS) / 2);
  }

  /** Counts a packet whose IP header is at `l3`. @returns the number of its entry; the last one is that of `others` */
  add(bytes: Uint8Array, l3: number, isV6: boolean, spi: number): number {
    const w = this.words;
    const family = isV6 ? 6 : 4;
    const at = l3 + (isV6 ? 8 : 12);
    const n = isV6 ? 4 : 1;
    let e = 0;
    for (; e < ENTRIES; e++) {
      const b = e * WORDS;
      if (w[b + 2] === 0) break;
      if (w[b + 2] !== family || w[b + 3] !== spi) continue;
      let same = true;
      for (let k = 0; k < n && same; k++) {
        same = w[b + 4 + k] === word(bytes, at + 4 * k) && w[b + 8 + k] === word(bytes, at + 4 * n + 4 * k);
      }
      if (same) break;
    }
    const b = e * WORDS;
    if (e < ENTRIES && w[b + 2] === 0) {
      w[b + 3] = spi;
      for (let k = 0; k < n; k++) {
        w[b + 4 + k] = word(bytes, at + 4 * k);
        w[b + 8 + k] = word(bytes, at + 4 * n + 4 * k);
      }
      w[b + 2] = family;
    }
    this.packets[b >> 1]++;
    return e;
  }

  /** Packets that an entry has counted. */
  packetsOf(entry: number): number {
    return this.packets[(entry * WORDS) >> 1];
  }

  /** Packets that came when the table was full already. */
  get others(): number {
    return this.packets[(ENTRIES * WORDS) >> 1];
  }

  list(): UnknownSpi[] {
    const list: UnknownSpi[] = [];
    for (let e = 0; e < ENTRIES && this.words[e * WORDS + 2] !== 0; e++) {
      const b = e * WORDS;
      const family = this.words[b + 2] === 6 ? 6 : 4;
      const n = family === 6 ? 4 : 1;
      list.push({
        spi: this.words[b + 3] >>> 0,
        family,
        source: address(this.words, b + 4, n),
        destination: address(this.words, b + 8, n),
        packets: this.packets[b >> 1],
      });
    }
    return list;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

function address(words: Int32Array, at: number, n: number): Uint8Array {
  const bytes = new Uint8Array(4 * n);
  for (let k = 0; k < n; k++) new DataView(bytes.buffer).setInt32(4 * k, words[at + k]);
  return bytes;
}
