/** The lanes of a receiver, wherever they run. */
export interface Lanes {
  /** Something was published. */
  kick(): void;
  /** Resolves when a lane may have moved on. */
  progress(): Promise<void>;
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
  /** The thread of a lane ended and was started anew; `lost` packets went with it. */
  laneLost(lane: number, lost: number, error: unknown): void;
  message(lane: number, message: unknown): void;
}

/** A turn of the event loop: timers, sockets and messages get theirs. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
