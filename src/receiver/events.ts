import { type Channel, channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { EVENTS, type EventName } from '../events.ts';
import type {
  BadInnerEvent,
  FailuresEvent,
  LimitEvent,
  PeerMovedEvent,
  SequenceLimitEvent,
  UnknownSpiEvent,
} from '../lane/sa-events.ts';

/** Events of a receiver. None is per packet, none comes while a frame is pushed. `docs/events.md` says when. */
export interface ReceiverEvents {
  /** An SA has reached a soft limit: set up another one. */
  'soft-limit': [event: LimitEvent];
  /** An SA has reached a hard limit: what comes by it counts as `sa-expired`. */
  'hard-limit': [event: LimitEvent];
  /** The sequence numbers of an SA come to their end. */
  'sequence-limit': [event: SequenceLimitEvent];
  /** Many packets of an SA within a second were not authentic. */
  'authentication-failures': [event: FailuresEvent];
  /** Many packets of an SA within a second were replays. */
  'replay-storm': [event: FailuresEvent];
  /** An SA's authentic packets come from another outer address or port. */
  'peer-moved': [event: PeerMovedEvent];
  /** What was inside of an authentic packet makes no sense. */
  'bad-inner': [event: BadInnerEvent];
  /** A packet of ESP or AH had no SA. */
  'unknown-spi': [event: UnknownSpiEvent];
  /** A consumer threw, or its promise was rejected; its batch counts as `consumer-error`. */
  'consumer-error': [event: { lane: number; error: unknown }];
  /** The thread of a lane ended; another one took over. What it had in its hands counts as `lane-lost`. */
  'lane-lost': [event: { lane: number; lost: number; error: unknown }];
  /** A consumer called `context.post`. */
  message: [event: { lane: number; message: unknown }];
}

const channels: ReadonlyMap<EventName, Channel> = new Map(
  Object.entries(EVENTS).flatMap(([name, at]) => (at === undefined ? [] : [[name as EventName, channel(at)]])),
);

/** Tells listeners of a receiver, and subscribers of the diagnostics channels, which get `{ receiver, event }`. */
export class Events {
  private readonly receiver: object;
  private readonly emitter: EventEmitter<ReceiverEvents> = new EventEmitter();

  constructor(receiver: object) {
    this.receiver = receiver;
  }

  emit<Name extends keyof ReceiverEvents>(name: Name, ...args: ReceiverEvents[Name]): void {
    const [event] = args;
    const at = channels.get(name);
    if (at?.hasSubscribers) at.publish({ receiver: this.receiver, event });
    this.emitter.emit(name, ...(args as never));
  }

  /** Listens for an event; the returned function ends that. */
  on<Name extends keyof ReceiverEvents>(name: Name, listener: (...args: ReceiverEvents[Name]) => void): () => void {
    this.emitter.on(name, listener as never);
    return () => this.emitter.off(name, listener as never);
  }
}
