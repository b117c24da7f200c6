/** Puts bursts into a receiver: at fixed times, whatever becomes of them, or as fast as they are taken. */
import { SaState } from '../../src/esp/sa-state.ts';
import type { RingProducer } from '../../src/memory/ring.ts';
import type { Core } from '../../src/receiver/core.ts';
import type { Receiver } from '../../src/receiver/receiver.ts';
import { hasPassed } from '../../src/steer/flow-slots.ts';
import { type SharedClock, Waiter } from './clock.ts';
import { LatencyHistogram } from './latency.ts';
import { BURST, type SteadyFrames } from './traffic.ts';

/** The event loop gets a turn so often, in nanoseconds, as in `pushAll`. */
const TURN_NS = 1e6;
/** Packets on their way while capacity is measured: the lane never waits, and its ring never overflows. */
const OUTSTANDING = 512;
const WINDOW_NS = 25e6;

export class Offer {
  /** How much later than intended bursts were begun. */
  readonly lateness: LatencyHistogram = new LatencyHistogram();
  readonly waiter: Waiter;
  private readonly rx: Receiver;
  private readonly ring: RingProducer;
  private readonly clock: SharedClock;
  private readonly traffic: SteadyFrames;
  private readonly state: SaState;
  /** One for all packets: an object each would be what is measured. */
  private readonly options = { time: 0 };
  private at = 0;
  /** Where the ring was when each half of the frames had been pushed. */
  private readonly ends: number[] = [];

  constructor(rx: Receiver, core: Core, clock: SharedClock, traffic: SteadyFrames) {
    const { control, options } = core;
    this.rx = rx;
    this.ring = core.rings[0];
    this.clock = clock;
    this.traffic = traffic;
    this.state = new SaState(control.buffer, control.places.saState, options.esp?.maxSas ?? 0);
    this.waiter = new Waiter(clock);
  }

  /**
   * Open loop: a burst every `BURST / rate` seconds, for so many seconds. One that could not begin in time, because the ones before took
   * long or the thread had no processor, keeps its intended time, and the times of its packets count from that.
   *
   * @returns packets offered
   */
  async atRate(rate: number, seconds: number): Promise<number> {
    const { clock, waiter, lateness } = this;
    const interval = (BURST * 1e9) / rate;
    const bursts = Math.max(1, Math.round((seconds * 1e9) / interval));
    const start = clock.now() + interval;
    let turnEnd = start + TURN_NS;
    for (let i = 0; i < bursts; i++) {
      const due = start + i * interval;
      const now = waiter.until(due);
      lateness.add(now - due, BURST);
      this.burst(due);
      if (now < turnEnd) continue;
      await new Promise<void>(setImmediate);
      turnEnd = now + TURN_NS;
    }
    return bursts * BURST;
  }

  /** Closed loop, for so many seconds: packets a second that were delivered, the median of windows of 25 ms. */
  async capacity(seconds: number): Promise<number> {
    const { clock, ring } = this;
    const rates: number[] = [];
    const end = clock.now() + 1e9 * seconds;
    let now: number;
    do {
      const from = clock.now();
      const before = ring.refresh();
      do {
        for (let turn = 0; turn < 8; turn++) {
          if (((ring.head - ring.refresh()) | 0) + BURST <= OUTSTANDING) this.burst(clock.now());
        }
        now = clock.now();
      } while (now - from < WINDOW_NS);
      rates.push((((ring.refresh() - before) | 0) * 1e9) / (now - from));
      await new Promise<void>(setImmediate);
    } while (now < end);
    rates.sort((a, b) => a - b);
    return rates[rates.length >> 1];
  }

  private burst(due: number): void {
    const { rx, options } = this;
    const { frames } = this.traffic;
    options.time = due / 1e9;
    for (let i = 0; i < BURST; i++) rx.push(frames[this.at + i], options);
    this.at += BURST;
    if (this.at % (frames.length >> 1) === 0) this.halfDone();
  }

  /**
   * The other half comes next, once more: the window of its SA is started again, which nobody uses, as all of its packets are
   * delivered. (They are unless the lane has stood still for half of all frames, and then it is waited for.)
   */
  private halfDone(): void {
    const { ring, traffic, ends } = this;
    const done = this.at === traffic.frames.length ? 1 : 0;
    if (done === 1) this.at = 0;
    ends[done] = ring.head;
    const next = 1 - done;
    if (traffic.sas.length === 0 || ends[next] === undefined) return;
    while (!hasPassed(ring.refresh(), ends[next]));
    this.state.restartWindow(next, traffic.sas[next].initialSeq);
  }
}
