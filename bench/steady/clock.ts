/**
 * One clock for all threads: nanoseconds since a moment that the first thread names. `performance.now()` counts from each thread's own
 * start; how far that lies from the system's monotonic clock is measured once in each.
 */
const TRIES = 100;

export class SharedClock {
  /** Of `process.hrtime.bigint()`; what another thread needs to make the same clock. */
  readonly epoch: bigint;
  private readonly offset: number;

  constructor(epoch: bigint = process.hrtime.bigint()) {
    this.epoch = epoch;
    let narrowest = Number.POSITIVE_INFINITY;
    let offset = 0;
    for (let i = 0; i < TRIES; i++) {
      const before = performance.now();
      const at = Number(process.hrtime.bigint() - epoch);
      const after = performance.now();
      if (after - before >= narrowest) continue;
      narrowest = after - before;
      offset = at - 1e6 * ((before + after) / 2);
    }
    this.offset = offset;
  }

  /** Each call allocates 16 bytes, as every clock of Node does. */
  now(): number {
    return 1e6 * performance.now() + this.offset;
  }
}

/** Waits until a moment without sleeping, and looks at the clock as seldom as it can: half of what is left at a time. */
export class Waiter {
  /** How often the clock was looked at. */
  looks = 0;
  private readonly clock: SharedClock;
  private readonly stepsPerNs: number;
  private mixed = 1;

  constructor(clock: SharedClock) {
    this.clock = clock;
    let fastest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 200; i++) {
      const from = clock.now();
      this.spin(10_000);
      fastest = Math.min(fastest, clock.now() - from);
    }
    this.stepsPerNs = 10_000 / fastest;
  }

  /** Returns the time: `moment` or later. */
  until(moment: number): number {
    for (;;) {
      const now = this.clock.now();
      this.looks++;
      if (now >= moment) return now;
      this.spin(Math.ceil((moment - now) * 0.5 * this.stepsPerNs));
    }
  }

  private spin(steps: number): void {
    let x = this.mixed;
    for (let i = 0; i < steps; i++) x = (Math.imul(x, 0x01000193) ^ i) | 0;
    this.mixed = x;
  }
}
