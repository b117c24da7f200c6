import type { Tuple } from '../wire/tuple.ts';
import type { Batch } from './batch.ts';
import type { SaEvent } from './sa-events.ts';

/** What takes delivered packets. */
export interface Consumer {
  /**
   * Called at the end of a poll with what it delivered, in order. The batch and all views of it are valid until the call
   * returns, or until the promise that it returns settles: a promise pauses the lane. What throws or rejects is reported as
   * an event, its packets count as `consumer-error`, and the lane goes on.
   */
  onPackets(batch: Batch): void | Promise<void>;
  /** Something about an SA that this lane uses, before the batch of its poll; the program is told too. What throws is reported as of a batch. */
  onEvent?(event: SaEvent): void;
  /** A message from the program: `receiver.post(lane, message)`. */
  onMessage?(message: unknown): void;
  /** The lane ends: all packets have been delivered. */
  close?(): void | Promise<void>;
}

/** What a consumer module gets. */
export interface ConsumerContext {
  /** The number of this lane, from 0, and how many there are. */
  readonly lane: number;
  readonly lanes: number;
  /** The option `data` of the receiver. */
  readonly data: unknown;
  /**
   * Says that the flow with this tuple (as it is received: of a flow that is only sent, the reply's) is wanted in a lane, this
   * one unless another is named. Needs the option `rfs`; see `batch.claim`.
   *
   * @returns false without RFS, or when the flow's type has no hash
   */
  claim(tuple: Tuple, lane?: number): boolean;
  /** Sends a message to the program: the receiver's event `message`. */
  post(message: unknown): void;
}

/** The default export of a consumer module. */
export type ConsumerFactory = (context: ConsumerContext) => Consumer | Promise<Consumer>;

/** Whether a value can serve as a consumer. */
export function isConsumer(value: unknown): value is Consumer {
  return typeof value === 'object' && value !== null && typeof (value as Consumer).onPackets === 'function';
}
