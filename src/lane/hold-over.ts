/** A lane's arena has four times as much: what comes meanwhile finds room. */
const MOST_BYTES = 1 << 20;

/**
 * How long GRO may hold packets over the ends of polls: Linux's `gro_flush_timeout`. Polls that leave something held follow each other
 * without giving their frames back; that they all do together, when nothing is held any more, the time is over, or there is no room left.
 */
export class HoldOver {
  /** Milliseconds. */
  private readonly timeout: number;
  /** When something was first held over; -1: nothing is. */
  private since = -1;
  /** Of the frames that lie where they came, since nothing was held over. */
  bytes = 0;

  /** @param timeout milliseconds */
  constructor(timeout: number) {
    this.timeout = timeout;
  }

  /** Whether something is held over. */
  get isOpen(): boolean {
    return this.since >= 0;
  }

  /** Whether it has been for as long as it may. */
  get isDue(): boolean {
    return this.since >= 0 && performance.now() - this.since >= this.timeout;
  }

  /** Whether the next poll may take more before everything is given back. */
  get mayGoOn(): boolean {
    return !this.isDue && this.bytes < MOST_BYTES;
  }

  /** Something is held over, from now on or still. */
  open(): void {
    if (this.since < 0) this.since = performance.now();
  }

  close(): void {
    this.since = -1;
    this.bytes = 0;
  }
}
