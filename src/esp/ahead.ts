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

/** Bytes that an `Ahead` needs in the frame memory. */
export const AHEAD_BYTES: number = AHEAD_PACKETS * PLACE;

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
  readonly esps: Int32Array = new Int32Array(AHEAD_PACKETS);
  readonly lengths: Int32Array = new Int32Array(AHEAD_PACKETS);
  readonly highs: Int32Array = new Int32Array(AHEAD_PACKETS);
  readonly targets: Int32Array = new Int32Array(AHEAD_PACKETS);
  readonly results: Int8Array = new Int8Array(AHEAD_PACKETS);
  /** After `find` returned BURST_OPENED. */
  plain: Uint8Array;
  at = 0;
  length = 0;
  private readonly burst: Burst;
  private readonly sas = new Int32Array(AHEAD_PACKETS);
  private readonly kinds = new Int32Array(16);
  private cursor = 0;

  /** @param offset where its `AHEAD_BYTES` begin in `bytes`; they are its own */
  constructor(bytes: Uint8Array, offset: number, burst: Burst) {
    this.bytes = bytes;
    this.plain = bytes;
    this.burst = burst;
    for (let i = 0; i < AHEAD_PACKETS; i++) this.targets[i] = offset + i * PLACE;
  }

  /** Forgets everything. */
  clear(): void {
    this.count = 0;
    this.cursor = 0;
  }

  /** A packet whose lengths are right. One that finds no room is left out. */
  add(sa: number, key: BurstKey, esp: number, end: number, high: number): void {
    const i = this.count;
    const length = end - key.icvBytes - key.headBytes - esp;
    if (i === AHEAD_PACKETS || length > PLACE || length > key.most) return;
    this.count = i + 1;
    this.sas[i] = sa;
    this.keys[i] = key;
    this.esps[i] = esp;
    this.lengths[i] = length;
    this.highs[i] = high;
    this.kinds[key.kind]++;
  }

  /** Opens what was added, as far as enough of a kind came together. */
  run(): void {
    const { count, results, keys, kinds } = this;
    let some = false;
    for (let i = 0; i < count; i++) {
      const { kind, least } = keys[i]!;
      const pays = kinds[kind] >= least;
      results[i] = pays ? BURST_REFUSED : BURST_NOT_DONE;
      some ||= pays;
    }
    kinds.fill(0);
    if (some) this.burst.run(this);
  }

  /** What became of a packet: BURST_OPENED, BURST_REFUSED, or BURST_NOT_DONE. Each is found once. */
  find(sa: number, esp: number, end: number, high: number): number {
    const { count, esps } = this;
    for (let i = this.cursor; i < count; i++) {
      if (esps[i] !== esp || this.sas[i] !== sa || this.highs[i] !== high) continue;
      const key = this.keys[i]!;
      const length = this.lengths[i];
      if (esp + key.headBytes + length + key.icvBytes !== end) continue;
      this.cursor = i + 1;
      const result = this.results[i];
      if (result === BURST_OPENED) {
        this.at = key.inPlace ? esp + key.headBytes : this.targets[i];
        this.length = length;
      }
      return result;
    }
    return BURST_NOT_DONE;
  }
}
