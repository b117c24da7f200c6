/** The other thread of `line_there_and_back`: writes down what it reads, until it is told to stop. */

/** Words, each on a cache line of its own: what is asked, and what is answered. */
export const PING = 0;
export const PONG = 16;
/** A question that ends the thread. */
export const OVER = -1;

export interface PongTask {
  readonly buffer: SharedArrayBuffer;
}

export default function pong({ buffer }: PongTask): void {
  const words = new Int32Array(buffer);
  for (let last = 0; last !== OVER; ) {
    const now = Atomics.load(words, PING);
    if (now === last) continue;
    last = now;
    Atomics.store(words, PONG, now);
  }
}
