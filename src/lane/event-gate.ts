/**
 * Lets so many events of a kind a second pass, as many at once after a pause, and counts the others: a flood of packets must not become
 * a flood of events.
 */
export class EventGate {
  private readonly perSecond: number;
  private room: number;
  private last = Number.NEGATIVE_INFINITY;
  private held = 0;

  constructor(perSecond: number) {
    this.perSecond = perSecond;
    this.room = perSecond;
  }

  /** @param now milliseconds @returns whether an event may pass; if not, it is counted */
  passes(now: number): boolean {
    const elapsed = Math.max(0, now - this.last);
    this.room = Math.min(this.perSecond, this.room + (elapsed * this.perSecond) / 1000);
    this.last = now;
    if (this.room >= 1) {
      this.room--;
      return true;
    }
    this.held++;
    return false;
  }

  /** Counts an event that is held back for another reason. */
  hold(): void {
    this.held++;
  }

  /** Events held back since it was last asked. */
  suppressed(): number {
    const { held } = this;
    this.held = 0;
    return held;
  }
}
