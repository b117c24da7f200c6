import {
  BURST_NOT_DONE,
  BURST_OPENED,
  BURST_REFUSED,
  type Burst,
  type BurstKey,
  type BurstPackets,
} from './crypto/backend.ts';

/** Packets that are looked at together, and bytes for the plaintext of each. */
export const AHEAD_PACKETS = 32;
const PLACE = 16 << 10;

/** What is known of a packet: six words and a byte each, side by side, so that a kernel finds them. */
export const AHEAD_WORDS_BYTES: number = 6 * 4 * AHEAD_PACKETS + AHEAD_PACKETS;
/** Bytes that an `Ahead` needs in the frame memory, when it is to put plaintexts there too. */
export const AHEAD_BYTES: number = AHEAD_PACKETS * PLACE + AHEAD_WORDS_BYTES;

/**
 * Packets that will be opened soon are opened together first, where a backend does that faster than one by one. What comes out is
 * kept until each one's turn comes: so order, windows, counters and verdicts are those of packets opened one by one, and a packet
 * of which nothing is known here is just opened then.
 *
 *     look ahead: up to 32 descriptors -> lengths, replay check (nothing is marked) -> one call -> plaintexts | refused
 *     then, packet by packet:  begin -> find -> mark, trailer, payload to the target
 *
 * Whoever looks ahead must clear before a frame that it has looked at can be another one.
 */
export class Ahead implements BurstPackets {
  readonly bytes: Uint8Array;
  count = 0;
  readonly keys: (BurstKey | undefined)[] = new Array<undefined>(AHEAD_PACKETS).fill(undefined);
  readonly esps: Int32Array;
  readonly lengths: Int32Array;
  readonly highs: Int32Array;
  readonly targets: Int32Array;
  readonly results: Int8Array;
  /** Where the plaintext is, of a packet that was opened. */
  readonly texts: Int32Array;
  readonly sas: Int32Array;
  /** Where the search for the next packet begins: packets come in the order in which they were added. */
  next = 0;
  /** After `find` returned BURST_OPENED. */
  plain: Uint8Array;
  at = 0;
  length = 0;
  private readonly burst: Burst | undefined;
  private readonly place: ((length: number) => number) | undefined;
  private readonly kinds = new Int32Array(16);

  /**
   * @param offset where its `AHEAD_BYTES` begin in `bytes`, a multiple of 4; they are its own. With `place`: its `AHEAD_WORDS_BYTES`
   * @param burst absent: only packets of keys that open one by one are taken
   * @param place finds bytes for a plaintext that are its own for as long as it is of use, or -1
   */
  constructor(bytes: Uint8Array, offset: number, burst?: Burst, place?: (length: number) => number) {
    this.bytes = bytes;
    this.plain = bytes;
    this.burst = burst;
    this.place = place;
    let at = bytes.byteOffset + offset;
    const words = (): Int32Array => {
      const array = new Int32Array(bytes.buffer, at, AHEAD_PACKETS);
      at += array.byteLength;
      return array;
    };
    this.esps = words();
    this.lengths = words();
    this.highs = words();
    this.targets = words();
    this.texts = words();
    this.sas = words();
    this.results = new Int8Array(bytes.buffer, at, AHEAD_PACKETS);
    const places = offset + AHEAD_WORDS_BYTES;
    if (place === undefined) for (let i = 0; i < AHEAD_PACKETS; i++) this.targets[i] = places + i * PLACE;
  }

  /** Forgets everything. */
  clear(): void {
    this.count = 0;
    this.next = 0;
  }

  /** A packet whose lengths are right. One that finds no room is left out. */
  add(sa: number, key: BurstKey, esp: number, end: number, high: number): void {
    const i = this.count;
    const length = end - key.icvBytes - key.headBytes - esp;
    if (i === AHEAD_PACKETS || length > PLACE || length > key.most) return;
    if (this.place !== undefined && !key.inPlace) {
      const target = this.place(length);
      if (target < 0) return;
      this.targets[i] = target;
    }
    this.count = i + 1;
    this.sas[i] = sa;
    this.keys[i] = key;
    this.esps[i] = esp;
    this.lengths[i] = length;
    this.highs[i] = high;
    this.texts[i] = key.inPlace ? esp + key.headBytes : this.targets[i];
    this.kinds[key.kind]++;
  }

  /** Opens what was added, as far as enough of a kind came together. */
  run(): void {
    const { count, results, keys, kinds } = this;
    let some = false;
    for (let i = 0; i < count; i++) {
      const { kind, least, open } = keys[i]!;
      const pays = open === undefined && kinds[kind] >= least;
      results[i] = pays ? BURST_REFUSED : BURST_NOT_DONE;
      some ||= pays;
    }
    kinds.fill(0);
    if (some) this.burst!.run(this);
    for (let i = 0; i < count; i++) {
      const key = keys[i]!;
      if (key.open !== undefined) results[i] = key.open(this, i);
    }
  }

  /** What became of a packet: BURST_OPENED, BURST_REFUSED, or BURST_NOT_DONE. Each is found once. */
  find(sa: number, esp: number, end: number, high: number): number {
    const { count, esps } = this;
    for (let i = this.next; i < count; i++) {
      if (esps[i] !== esp || this.sas[i] !== sa || this.highs[i] !== high) continue;
      const key = this.keys[i]!;
      const length = this.lengths[i];
      if (esp + key.headBytes + length + key.icvBytes !== end) continue;
      this.next = i + 1;
      const result = this.results[i];
      if (result === BURST_OPENED) {
        this.at = this.texts[i];
        this.length = length;
      }
      return result;
    }
    return BURST_NOT_DONE;
  }
}
