/**
 * The life of SAs as a lane keeps it: limits (RFC 4301 section 4.4.2.1), sequence numbers near their end, failures above a rate.
 *
 *     begin:   gate 0 -> refuses?                 hard limit reached: the SA is as if it were not there
 *     failed:  failures of this second            event when they reach the rate
 *     finish:  sequence >= gate -> accepts?       counts; soft limit: event; hard limit: event, and nothing more
 *
 * An SA costs one comparison with its gate (`F_GATE`) while it has no limits and its numbers are far from their end. With ESN it is the
 * high half of a number that is compared.
 */
import type { SaFacts } from '../sa-config.ts';
import { F_FLAGS, F_GATE, FACTS_SHIFT, FLAG_ESN, type SaState } from '../sa-state.ts';
import type { LifeClock } from './clock.ts';
import {
  L_BYTES,
  L_HARD_BYTES,
  L_HARD_PACKETS,
  L_ICV_COUNT,
  L_ICV_SINCE,
  L_PACKETS,
  L_REFUSED,
  L_REPLAY_COUNT,
  L_REPLAY_SINCE,
  L_SOFT_BYTES,
  L_SOFT_PACKETS,
  L_START,
  NOT_BEGUN,
  type SaLifeState,
  TOLD_HARD,
  TOLD_SEQUENCE,
  TOLD_SOFT,
} from './life-state.ts';

/** Failures are counted for so long, in milliseconds; an SA is told of once in that time. */
export const RATE_MS = 1000;

/** Kinds of failures. */
export const FAILED_ICV = 0;
export const FAILED_REPLAY = 1;

/** What can reach a limit. */
export type LimitUnit = 'packets' | 'bytes' | 'seconds';

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

/** The number, with ESN the high half of it, from which on sequence numbers are near their end. */
function nearEnd(part: number): number {
  return Math.min(NO_GATE, Math.ceil(part * 2 ** 32));
}

/** The gate of an SA: 0 when it has limits, so that each of its packets is looked at. */
export function gateOf({ limits }: Pick<SaFacts, 'limits'>, thresholds: Pick<LifeThresholds, 'sequence'>): number {
  return limits === undefined ? nearEnd(thresholds.sequence) : 0;
}

export class SaLife {
  private readonly facts: Int32Array;
  private readonly lives: SaLifeState;
  private readonly clock: LifeClock;
  private readonly sink: LifeSink;
  private readonly most: readonly number[];
  private readonly nearEnd: number;

  constructor(state: SaState, lives: SaLifeState, clock: LifeClock, sink: LifeSink, thresholds: LifeThresholds) {
    this.facts = state.facts;
    this.lives = lives;
    this.clock = clock;
    this.sink = sink;
    this.most = [thresholds.authenticationFailures, thresholds.replays];
    this.nearEnd = nearEnd(thresholds.sequence);
  }

  /** Whether a hard limit is reached, so that a packet of the SA must not even be looked at. Counts it then. For SAs with gate 0. */
  refuses(sa: number): boolean {
    const { lives } = this;
    if (!lives.has(sa, TOLD_HARD)) this.age(sa);
    if (!lives.has(sa, TOLD_HARD)) return false;
    lives.doubles[lives.at(sa) + L_REFUSED]++;
    return true;
  }

  /** Whether a hard limit is known to be reached. Counts and tells nothing. */
  isExpired(sa: number): boolean {
    return this.lives.has(sa, TOLD_HARD);
  }

  /**
   * Counts an authentic packet whose number is marked.
   *
   * @param low and `high`: halves of its sequence number
   * @param bytes to which the algorithm was applied
   * @returns false: with it the SA would be used beyond its hard limit of bytes, so it must not be delivered
   */
  accepts(sa: number, low: number, high: number, bytes: number): boolean {
    const { facts } = this;
    const f = sa << FACTS_SHIFT;
    const isLimited = facts[f + F_GATE] === 0;
    if (((facts[f + F_FLAGS] & FLAG_ESN) === 0 ? low : high) >>> 0 >= this.nearEnd) {
      if (this.lives.tell(sa, TOLD_SEQUENCE)) this.sink.sequence(sa);
      // Nothing more is to be told of its numbers.
      if (!isLimited) facts[f + F_GATE] = NO_GATE | 0;
    }
    return !isLimited || this.use(sa, bytes);
  }

  /** A packet was not authentic, or a replay. */
  failed(sa: number, kind: number): void {
    const { doubles, words } = this.lives;
    const since = this.lives.at(sa) + (kind === FAILED_ICV ? L_ICV_SINCE : L_REPLAY_SINCE);
    const count = this.lives.wordsAt(sa) + (kind === FAILED_ICV ? L_ICV_COUNT : L_REPLAY_COUNT);
    const { now } = this.clock;
    if (now - doubles[since] >= RATE_MS) {
      doubles[since] = now;
      words[count] = 0;
    }
    if (++words[count] === this.most[kind]) this.sink.failures(sa, kind, words[count]);
  }

  private use(sa: number, bytes: number): boolean {
    const { doubles: d } = this.lives;
    const at = this.lives.at(sa);
    if (d[at + L_START] === NOT_BEGUN) d[at + L_START] = this.clock.now;
    const all = d[at + L_BYTES] + bytes;
    if (all > d[at + L_HARD_BYTES]) {
      this.expire(sa, 'bytes');
      d[at + L_REFUSED]++;
      return false;
    }
    const packets = ++d[at + L_PACKETS];
    d[at + L_BYTES] = all;
    if (packets >= d[at + L_SOFT_PACKETS]) this.warn(sa, 'packets');
    else if (all >= d[at + L_SOFT_BYTES]) this.warn(sa, 'bytes');
    if (packets >= d[at + L_HARD_PACKETS]) this.expire(sa, 'packets');
    else if (all === d[at + L_HARD_BYTES]) this.expire(sa, 'bytes');
    return true;
  }

  private age(sa: number): void {
    const { lives } = this;
    if (!lives.isTimed(sa)) return;
    const reached = lives.reached(sa, this.clock.now);
    if ((reached & TOLD_SOFT) !== 0) this.warn(sa, 'seconds');
    if ((reached & TOLD_HARD) !== 0) this.expire(sa, 'seconds');
  }

  private warn(sa: number, unit: LimitUnit): void {
    if (this.lives.tell(sa, TOLD_SOFT)) this.sink.limit(sa, false, unit);
  }

  private expire(sa: number, unit: LimitUnit): void {
    if (this.lives.tell(sa, TOLD_HARD)) this.sink.limit(sa, true, unit);
  }
}
