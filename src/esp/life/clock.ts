import { NOT_BEGUN } from './life-state.ts';

/**
 * What time it is for the life of SAs, in milliseconds. Live, it is the system's monotonic clock, which all threads share, looked at
 * once a poll at most. With `deterministic` it is packet time, the latest so far: the same capture has the same life every time.
 */
export class LifeClock {
  private readonly isPacketTime: boolean;
  private readonly source: () => number;
  private time = 0;
  private isStale = true;
  /** The latest packet's time: numbers that are put together only when somebody asks. */
  private seconds = 0;
  private nanos = 0;

  /** @param source of the time when it is not packet time */
  constructor(isPacketTime: boolean, source: () => number = monotonic()) {
    this.isPacketTime = isPacketTime;
    this.source = source;
  }

  /** A packet of this time comes next: seconds (uint32) and nanoseconds. */
  packet(seconds: number, nanos: number): void {
    if (!this.isPacketTime) return;
    if (seconds >>> 0 < this.seconds >>> 0 || (seconds === this.seconds && nanos <= this.nanos)) return;
    this.seconds = seconds;
    this.nanos = nanos;
  }

  /** A poll is over: time may have passed. */
  tick(): void {
    this.isStale = true;
  }

  get now(): number {
    if (this.isPacketTime) return (this.seconds >>> 0) * 1000 + this.nanos / 1e6;
    if (this.isStale) {
      this.time = this.source();
      this.isStale = false;
    }
    return this.time;
  }

  /** When an SA begins that is there now. In packet time: with its first authentic packet, or `NOT_BEGUN`. */
  get start(): number {
    return this.isPacketTime ? NOT_BEGUN : this.source();
  }

  /** A time of this clock in milliseconds since 1970, and the other way round. */
  dateOf(time: number): number {
    return this.isPacketTime ? time : Date.now() - (this.source() - time);
  }

  startOf(date: number): number {
    return this.isPacketTime ? date : this.source() - (Date.now() - date);
  }

  /** Milliseconds since 1970, for an event. */
  get date(): number {
    return this.isPacketTime ? this.now : Date.now();
  }
}

/** Milliseconds of the monotonic clock, from the same zero in every thread. `performance.now` alone counts from the thread's start. */
function monotonic(): () => number {
  const zero = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  return () => performance.now() + zero;
}
