import type { HandoverWatch } from '../lane/handover-watch.ts';
import type { RingProducer } from '../memory/ring.ts';
import { hasPassed } from '../steer/flow-slots.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { SaStats } from './sa-stats.ts';
import type { SaEntry, SaStore } from './sa-store.ts';

export interface SaRetirementParts {
  readonly store: SaStore;
  readonly rings: readonly RingProducer[];
  readonly handover: HandoverWatch | undefined;
  readonly dispatcher: Dispatcher;
  /** Resolves when a lane may have moved on; rejects when none will. */
  progress(): Promise<void>;
  /** Has all lanes give up keys and contexts; resolves when they have. */
  forget(slots: Int32Array, units: Int32Array): Promise<void>;
}

interface Waiting {
  readonly entries: readonly SaEntry[];
  resolve(stats: SaStats[]): void;
}

/**
 * The end of SAs that packets do not find any more, while others flow:
 *
 *     all rings have passed what was dispatched by now       (a lane may have found the SA inside other ESP: so all of them)
 *     all rings between lanes have passed what they held then  (ESP inside ESP that is opened in another lane)
 *     every lane has given up keys and contexts              -> the slot is free, its counters are final
 *
 * Whatever is retired while one round lasts goes together in the next.
 */
export class SaRetirement {
  private readonly parts: SaRetirementParts;
  private readonly waiting: Waiting[] = [];
  private current: Waiting[] = [];
  private running = false;
  private ended = false;

  constructor(parts: SaRetirementParts) {
    this.parts = parts;
  }

  /** Resolves with the last statistics of the SAs, when nothing of them is left. */
  retire(entries: readonly SaEntry[]): Promise<SaStats[]> {
    return new Promise((resolve) => {
      this.waiting.push({ entries, resolve });
      if (this.ended) this.end();
      else if (!this.running) this.run();
    });
  }

  /** The lanes have ended: so has everything of the SAs. */
  end(): void {
    this.ended = true;
    this.finish(this.current.splice(0));
    this.finish(this.waiting.splice(0));
  }

  private async run(): Promise<void> {
    this.running = true;
    try {
      while (this.waiting.length > 0) {
        this.current = this.waiting.splice(0);
        await this.drained();
        await this.forgotten();
        this.finish(this.current.splice(0));
      }
    } catch {
      // The receiver ends; `end` says when it has.
    } finally {
      this.running = false;
    }
  }

  private async drained(): Promise<void> {
    const { rings, handover, dispatcher, progress } = this.parts;
    const heads = rings.map((ring) => ring.head);
    // A poll that waits for its end (deterministic) would hold what it has for as long as nothing comes.
    while (!dispatcher.mark() || !rings.every((ring, lane) => hasPassed(ring.refresh(), heads[lane]))) await progress();
    if (handover === undefined) return;
    const handed = handover.heads();
    while (!handover.passed(handed)) await progress();
  }

  private async forgotten(): Promise<void> {
    const entries = this.current.flatMap((waiting) => waiting.entries);
    await this.parts.forget(
      Int32Array.from(entries, ({ slot }) => slot),
      Int32Array.from(entries, ({ unit }) => unit),
    );
  }

  private finish(done: readonly Waiting[]): void {
    const { store, dispatcher } = this.parts;
    for (const { entries, resolve } of done) {
      resolve(
        entries.map((entry) => {
          const { stats, unitGone } = store.free(entry);
          if (unitGone) dispatcher.saMoves?.forget(entry.unit);
          return stats;
        }),
      );
    }
  }
}
