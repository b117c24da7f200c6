/**
 * The life of SAs as a lane keeps it: limits (RFC 4301 section 4.4.2.1), sequence numbers near their end, failures above a rate.
 *
 *     begin:   gate 0 -> refuses?                 hard limit reached: the SA is as if it were not there
 *     failed:  failures of this second            event when they reach the rate
 *     finish:  sequence >= gate -> accepts?       counts; soft limit: event; hard limit: event, and nothing more
 *
 * An SA costs one comparison with its gate while it has no limits and its numbers are far from their end.
 */
import type { SaFacts } from '../sa-config.ts';
import type { LifeClock } from './clock.ts';
import {
  L_BYTES,
  L_ICV_COUNT,
  L_ICV_SINCE,
  L_PACKETS,
  L_REFUSED,
  L_REPLAY_COUNT,
  L_REPLAY_SINCE,
  L_START,
  type SaLifeState,
  TOLD_HARD,
  TOLD_SEQUENCE,
  TOLD_SOFT,
} from './life-state.ts';
import { type Limits, type LimitUnit, limitsOf } from './limits.ts';

/** Failures are counted for so long, in milliseconds; an SA is told of once in that time. */
export const RATE_MS = 1000;

/** Kinds of failures. */
export const FAILED_ICV = 0;
export const FAILED_REPLAY = 1;

/** Who is told. */
export interface LifeSink {
  /** A soft or hard limit is reached. Once for each SA. */
  limit(sa: number, isHard: boolean, unit: LimitUnit): void;
  /** Sequence numbers are near their end. Once for each SA. */
  sequence(sa: number): void;
  /** `count` failures of a kind within a second. */
  failures(sa: number, kind: number, count: number): void;
}

/** When failures and sequence numbers are told of. */
export interface LifeThresholds {
  /** Failures of an SA within a second. */
  readonly authenticationFailures: number;
  readonly replays: number;
  /** The part of all sequence numbers that may be used up, above 0 and up to 1. */
  readonly sequence: number;
}

const NO_GATE = 0xffffffff;

export class SaLife {
  /**
   * Of each SA, what its sequence number, with ESN the high half of it, is compared with: from there on `accepts` must be asked.
   * 0: it must be asked always, and `refuses` too.
   */
  readonly gates: Uint32Array;
  private readonly state: SaLifeState;
  private readonly clock: LifeClock;
  private readonly sink: LifeSink;
  private readonly limits: (Limits | undefined)[];
  private readonly esn: Uint8Array;
  private readonly most: readonly number[];
  private readonly nearEnd: number;

  constructor(
    state: SaLifeState,
    sas: readonly Pick<SaFacts, 'limits' | 'esn'>[],
    clock: LifeClock,
    sink: LifeSink,
    thresholds: LifeThresholds,
  ) {
    this.state = state;
    this.clock = clock;
    this.sink = sink;
    this.most = [thresholds.authenticationFailures, thresholds.replays];
    this.nearEnd = Math.min(NO_GATE, Math.ceil(thresholds.sequence * 2 ** 32));
    this.limits = sas.map((sa) => limitsOf(sa.limits));
    this.esn = Uint8Array.from(sas, (sa) => (sa.esn ? 1 : 0));
    this.gates = Uint32Array.from(this.limits, (limits) => (limits === undefined ? this.nearEnd : 0));
  }

  /** Whether a hard limit is reached, so that a packet of the SA must not even be looked at. Counts it then. For SAs with gate 0. */
  refuses(sa: number): boolean {
    const { state } = this;
    const limits = this.limits[sa];
    if (limits === undefined) return false;
    if (!state.has(sa, TOLD_HARD)) this.age(sa, limits);
    if (!state.has(sa, TOLD_HARD)) return false;
    state.doubles[state.at(sa) + L_REFUSED]++;
    return true;
  }

  /** Whether a hard limit is known to be reached. Counts and tells nothing. */
  isExpired(sa: number): boolean {
    return this.state.has(sa, TOLD_HARD);
  }

  /**
   * Counts an authentic packet whose number is marked.
   *
   * @param low and `high`: halves of its sequence number
   * @param bytes to which the algorithm was applied
   * @returns false: with it the SA would be used beyond its hard limit of bytes, so it must not be delivered
   */
  accepts(sa: number, low: number, high: number, bytes: number): boolean {
    const limits = this.limits[sa];
    if ((this.esn[sa] === 0 ? low : high) >>> 0 >= this.nearEnd) {
      if (this.state.tell(sa, TOLD_SEQUENCE)) this.sink.sequence(sa);
      // Nothing more is to be told of its numbers.
      if (limits === undefined) this.gates[sa] = NO_GATE;
    }
    return limits === undefined || this.use(sa, limits, bytes);
  }

  /** A packet was not authentic, or a replay. */
  failed(sa: number, kind: number): void {
    const { doubles, words } = this.state;
    const since = this.state.at(sa) + (kind === FAILED_ICV ? L_ICV_SINCE : L_REPLAY_SINCE);
    const count = this.state.wordsAt(sa) + (kind === FAILED_ICV ? L_ICV_COUNT : L_REPLAY_COUNT);
    const { now } = this.clock;
    if (now - doubles[since] >= RATE_MS) {
      doubles[since] = now;
      words[count] = 0;
    }
    if (++words[count] === this.most[kind]) this.sink.failures(sa, kind, words[count]);
  }

  private use(sa: number, limits: Limits, bytes: number): boolean {
    const { doubles } = this.state;
    const at = this.state.at(sa);
    if (doubles[at + L_START] < 0) doubles[at + L_START] = this.clock.now;
    const all = doubles[at + L_BYTES] + bytes;
    if (all > limits.hardBytes) {
      this.expire(sa, 'bytes');
      doubles[at + L_REFUSED]++;
      return false;
    }
    const packets = ++doubles[at + L_PACKETS];
    doubles[at + L_BYTES] = all;
    if (packets >= limits.softPackets) this.warn(sa, 'packets');
    else if (all >= limits.softBytes) this.warn(sa, 'bytes');
    if (packets >= limits.hardPackets) this.expire(sa, 'packets');
    else if (all === limits.hardBytes) this.expire(sa, 'bytes');
    return true;
  }

  private age(sa: number, { softMs, hardMs }: Limits): void {
    if (softMs === Number.POSITIVE_INFINITY && hardMs === Number.POSITIVE_INFINITY) return;
    const start = this.state.doubles[this.state.at(sa) + L_START];
    if (start < 0) return;
    const age = this.clock.now - start;
    if (age >= softMs) this.warn(sa, 'seconds');
    if (age >= hardMs) this.expire(sa, 'seconds');
  }

  private warn(sa: number, unit: LimitUnit): void {
    if (this.state.tell(sa, TOLD_SOFT)) this.sink.limit(sa, false, unit);
  }

  private expire(sa: number, unit: LimitUnit): void {
    if (this.state.tell(sa, TOLD_HARD)) this.sink.limit(sa, true, unit);
  }
}
