import { DROP_INNER_MALFORMED, DROP_IPCOMP, DROP_MODE, DROP_REASONS, DROP_SELECTOR } from '../counters.ts';
import {
  FAILED_ICV,
  formatSequence,
  type LifeClock,
  type LifeSink,
  type LimitUnit,
  type PeerAddress,
  type PeerSink,
  RATE_MS,
  type Sa,
  type SaLifeState,
  type SaSource,
  type SaState,
} from '../esp/index.ts';
import { addressText } from '../wire/address.ts';
import { EventGate } from './event-gate.ts';
import type { PeerPlace, SaEvent, SaEventBase, SaOfEvent } from './sa-events.ts';

/** Drop reasons of authentic packets whose inside makes no sense. */
const BAD_INNER: readonly number[] = [DROP_MODE, DROP_IPCOMP, DROP_SELECTOR, DROP_INNER_MALFORMED];

export interface SaReporterParts {
  /** Absent: none. */
  readonly lane?: number;
  readonly sas: SaSource;
  readonly state: SaState;
  readonly life: SaLifeState;
  readonly clock: LifeClock;
  /** Events of a kind that pass in a second, but for those of which an SA has one only. */
  readonly perSecond: number;
}

/** Makes events of what a lane meets in its SAs, and keeps them until the end of the poll. */
export class SaReporter implements LifeSink, PeerSink {
  private readonly parts: SaReporterParts;
  private readonly gates: readonly EventGate[];
  private readonly peers: EventGate;
  private readonly inner: EventGate;
  private events: SaEvent[] = [];

  constructor(parts: SaReporterParts) {
    const { perSecond } = parts;
    this.parts = parts;
    this.gates = [new EventGate(perSecond), new EventGate(perSecond)];
    this.peers = new EventGate(perSecond);
    this.inner = new EventGate(perSecond);
  }

  get isEmpty(): boolean {
    return this.events.length === 0;
  }

  /** The events since it was last asked. */
  take(): readonly SaEvent[] {
    const { events } = this;
    this.events = [];
    return events;
  }

  add(event: SaEvent): void {
    this.events.push(event);
  }

  limit(sa: number, isHard: boolean, unit: LimitUnit): void {
    const { life } = this.parts;
    this.add({ kind: isHard ? 'hard-limit' : 'soft-limit', ...this.of(sa), unit, ...life.used(sa) });
  }

  sequence(sa: number): void {
    const { state, sas } = this.parts;
    const last = sas.at(sa)!.esn ? 0xffffffffffffffffn : 0xffffffffn;
    this.add({
      kind: 'sequence-limit',
      ...this.of(sa),
      sequence: formatSequence(state.top(sa)),
      last: formatSequence(last),
    });
  }

  failures(sa: number, kind: number, failures: number): void {
    const gate = this.gates[kind];
    if (!gate.passes(this.parts.clock.now)) return;
    const { icv, replay } = this.parts.state.counts(sa).failed;
    this.add({
      kind: kind === FAILED_ICV ? 'authentication-failures' : 'replay-storm',
      ...this.of(sa),
      failures,
      total: kind === FAILED_ICV ? icv : replay,
      suppressed: gate.suppressed(),
    });
  }

  moved(sa: number, from: PeerAddress, to: PeerAddress): boolean {
    if (!this.peers.passes(this.parts.clock.now)) return false;
    const suppressed = this.peers.suppressed();
    this.add({ kind: 'peer-moved', ...this.of(sa), from: placeOf(from), to: placeOf(to), suppressed });
    return true;
  }

  /** An authentic packet of the SA was dropped. */
  dropped(sa: number, reason: number): void {
    if (!BAD_INNER.includes(reason)) return;
    const { clock, life } = this.parts;
    if (!life.isDue(sa, clock.now, RATE_MS)) this.inner.hold();
    else if (this.inner.passes(clock.now)) {
      const suppressed = this.inner.suppressed();
      this.add({ kind: 'bad-inner', ...this.of(sa), reason: DROP_REASONS[reason], suppressed });
    }
  }

  private of(sa: number): SaEventBase {
    const { lane, sas, clock } = this.parts;
    return { sa: saOfEvent(sas.at(sa)!, sa), ...(lane === undefined ? {} : { lane }), time: clock.date };
  }
}

/** What an event says of its SA. */
export function saOfEvent({ spi, proto, src, dst }: Sa, slot: number): SaOfEvent {
  return {
    id: slot + 1,
    spi,
    proto,
    ...(src === undefined ? {} : { src }),
    dst,
  };
}

function placeOf({ address, port }: PeerAddress): PeerPlace {
  const text = addressText(address, 0, address.length);
  return port === 0 ? { address: text } : { address: text, port };
}
