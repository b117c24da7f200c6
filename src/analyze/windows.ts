/**
 * Time in windows of one width, of which there are never more than {@link MOST_WINDOWS}: when a packet lies behind the last one,
 * pairs of windows become one and the width doubles. Packets may come in any order of time (files of a rotated capture).
 *
 *     | 0 | 1 | 2 | .. | used | .. MOST_WINDOWS |      each: one row of queues in every `WindowCounts`
 */

export const MOST_WINDOWS = 512;
/** Width at the beginning, in nanoseconds: 1 ms. */
const FIRST_WIDTH = 1e6;

/** Packets and bytes of one scenario: at window * queues + queue. */
export class WindowCounts {
  readonly queues: number;
  readonly packets: Float64Array;
  readonly bytes: Float64Array;

  constructor(queues: number) {
    this.queues = queues;
    this.packets = new Float64Array(MOST_WINDOWS * queues);
    this.bytes = new Float64Array(MOST_WINDOWS * queues);
  }
}

export class Windows {
  /** Nanoseconds. */
  width: number = FIRST_WIDTH;
  /** Windows up to the last one with a packet. */
  used = 0;
  private readonly counts: readonly WindowCounts[];
  /** The first packet's time; and where the windows begin, in nanoseconds from there. */
  private seconds = 0;
  private nanos = 0;
  private start = 0;
  /** The window of the last packet, in the same nanoseconds. */
  private from = 0;
  private to = 0;

  constructor(counts: readonly WindowCounts[]) {
    this.counts = counts;
  }

  /** Whether a time lies in the window that {@link at} gave last. */
  same(seconds: number, nanos: number): boolean {
    const time = this.relative(seconds, nanos);
    return time >= this.from && time < this.to;
  }

  /** Window of a time. What was counted before may have another index afterwards. */
  at(seconds: number, nanos: number): number {
    if (this.used === 0) {
      this.seconds = seconds;
      this.nanos = nanos;
    }
    const time = this.relative(seconds, nanos);
    while (time < this.start) {
      const before = Math.ceil((this.start - time) / this.width);
      if (this.used + before > MOST_WINDOWS) this.fold();
      else this.shift(before);
    }
    let index = Math.floor((time - this.start) / this.width);
    while (index >= MOST_WINDOWS) {
      this.fold();
      index = Math.floor((time - this.start) / this.width);
    }
    if (index >= this.used) this.used = index + 1;
    this.from = this.start + index * this.width;
    this.to = this.from + this.width;
    return index;
  }

  /** Nanoseconds from the first packet's time: exact for 104 days. */
  private relative(seconds: number, nanos: number): number {
    return (seconds - this.seconds) * 1e9 + (nanos - this.nanos);
  }

  private fold(): void {
    for (const { queues, packets, bytes } of this.counts) {
      for (const array of [packets, bytes]) {
        const half = (MOST_WINDOWS / 2) * queues;
        for (let window = 0, at = 0; window < MOST_WINDOWS / 2; window++) {
          const pair = 2 * window * queues;
          for (let queue = 0; queue < queues; queue++) array[at++] = array[pair + queue] + array[pair + queues + queue];
        }
        array.fill(0, half);
      }
    }
    this.width *= 2;
    this.used = (this.used + 1) >> 1;
  }

  private shift(by: number): void {
    for (const { queues, packets, bytes } of this.counts) {
      for (const array of [packets, bytes]) {
        array.copyWithin(by * queues, 0, this.used * queues);
        array.fill(0, 0, by * queues);
      }
    }
    this.start -= by * this.width;
    this.used += by;
  }
}
