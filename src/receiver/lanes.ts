import type { SaCopy } from '../esp/index.ts';
import type { SaEvent } from '../lane/sa-events.ts';

/** The lanes of a receiver, wherever they run. */
export interface Lanes {
  /** Something was published. */
  kick(): void;
  /** Wakes lanes that sleep: there is something else to look at than packets. */
  wake(): void;
  /** Resolves when a lane may have moved on, after {@link PROGRESS_MS} at the latest. */
  progress(): Promise<void>;
  /** Gives up what was placed in lanes that have gone. */
  sweep(): void;
  /** Has all lanes forget SAs; resolves when they have. See `Lane.forgetSas`. */
  forgetSas(slots: Int32Array, units: Int32Array): Promise<void>;
  /** Has a lane copy those of these SAs that are its own; undefined: its thread ended meanwhile. See `Lane.copySas`. */
  copySas(lane: number, slots: Int32Array): Promise<SaCopy | undefined>;
  /** Sends a message to the consumer of a lane. */
  post(lane: number, message: unknown): void;
  /** Ends lanes whose rings are empty, and their consumers. */
  end(): Promise<void>;
  /** Ends lanes at once. */
  kill(): Promise<void>;
}

/** What happens in lanes. */
export interface LaneEvents {
  consumerError(lane: number, error: unknown): void;
  /** The thread of a lane ended; `left` packets wait for the one that takes over. */
  laneLost(lane: number, left: number, error: unknown): void;
  /** A lane has ended for good: its thread could not be started again. */
  laneGone(lane: number): void;
  message(lane: number, message: unknown): void;
  /** A lane tells of an SA. */
  sa(event: SaEvent): void;
}

/** How long `progress` waits at most, in milliseconds. */
export const PROGRESS_MS = 50;

/** A turn of the event loop: timers, sockets and messages get theirs. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
