import type { SaReporter } from '../lane/sa-reporter.ts';
import type { SaStore } from './sa-store.ts';

/** How often, in milliseconds: limits by time are in seconds. */
const EVERY_MS = 1000;

/**
 * Tells of limits by time that SAs reach by which nothing comes: no lane looks at those. A lane that looks at the same time tells
 * nothing twice, as both set the same flag.
 */
export class LifeTimer {
  private readonly store: SaStore;
  private readonly reporter: SaReporter;
  private readonly tell: () => void;
  private timer: NodeJS.Timeout | undefined;

  /** @param tell there are events in the reporter */
  constructor(store: SaStore, reporter: SaReporter, tell: () => void) {
    this.store = store;
    this.reporter = reporter;
    this.tell = tell;
  }

  start(): void {
    this.timer ??= setInterval(() => this.look(), EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    for (const { slot, isHard } of this.store.expire()) this.reporter.limit(slot, isHard, 'seconds');
    if (!this.reporter.isEmpty) this.tell();
  }
}
