import { AHEAD_PACKETS } from '../esp/index.ts';
import { D_CLASS, DF_MARK, DF_POLL_END } from '../memory/descriptor.ts';
import type { RingConsumer } from '../memory/ring.ts';
import type { EspStage } from './esp-stage.ts';

/**
 * Has the ESP packets among the next descriptors of a ring opened together, before each one's turn comes; within a poll, whose frames
 * are in use until its end.
 */
export class LookAhead {
  private readonly stage: EspStage;
  private readonly ring: RingConsumer;
  /** Descriptors from the ring's cursor on that were looked at. */
  private looked = 0;

  constructor(stage: EspStage, ring: RingConsumer) {
    this.stage = stage;
    this.ring = ring;
  }

  /** @returns how many of the next `most` descriptors have been looked at */
  upTo(most: number): number {
    if (this.looked === 0 && most > 0) this.look(Math.min(most, AHEAD_PACKETS));
    return Math.min(most, this.looked);
  }

  /** The next `n` descriptors, at most those that were looked at, are taken. */
  passed(n: number): void {
    this.looked -= n;
  }

  /** The poll is over. */
  clear(): void {
    this.looked = 0;
    this.stage.opener.forgetAhead();
  }

  private look(most: number): void {
    const { stage, ring } = this;
    const { words } = ring;
    stage.opener.forgetAhead();
    let n = 0;
    while (n < most) {
      const s = ring.slot(n++);
      const flags = words[s + D_CLASS] >> 8;
      if ((flags & DF_MARK) === 0) stage.lookAhead(words, s);
      if ((flags & (DF_MARK | DF_POLL_END)) !== 0) break;
    }
    this.looked = n;
    stage.opener.runAhead();
  }
}
