import { optionError } from '../errors.ts';
import { Steerer } from '../steer/steerer.ts';
import type { Core } from './core.ts';
import type { Resolved, RssOptions } from './options.ts';

/** What `swap` changes; what it does not name stays. */
export type SteeringChange = Pick<RssOptions, 'key' | 'indirection' | 'rules'>;

const SWAPPABLE: ReadonlySet<string> = new Set(['key', 'indirection', 'rules']);

export interface SwapHooks {
  /** Wakes lanes that sleep. */
  wake(): void;
  /** Resolves when a lane may have moved on. */
  progress(): Promise<void>;
}

/** Changes of steering while packets flow: one after the other, each until everything goes by it. */
export class Swaps {
  /** Lanes that have gone for good. */
  readonly gone: Set<number> = new Set();
  private readonly core: Core;
  private readonly hooks: SwapHooks;
  /** Steering as asked for last, and the way there. */
  private steering: Resolved['steerer'];
  private last: Promise<void> = Promise.resolve();

  constructor(core: Core, hooks: SwapHooks) {
    this.core = core;
    this.hooks = hooks;
    this.steering = core.options.steerer;
  }

  /** The hash key asked for last. */
  get key(): Uint8Array {
    return this.steering.key;
  }

  /** @throws what the steerer throws, before anything is changed */
  async swap(change: SteeringChange): Promise<void> {
    if (typeof change !== 'object' || change === null) throw optionError('swap', 'an object', change);
    for (const name of Object.keys(change)) {
      if (!SWAPPABLE.has(name)) throw optionError(`swap: ${name}`, 'key, indirection or rules', name);
    }
    const given = Object.entries(change).filter(([, value]) => value !== undefined);
    const steering = this.withoutGone({ ...this.steering, ...Object.fromEntries(given) });
    const steerer = new Steerer(steering);
    const rehashed = !equal(steering.key, this.steering.key);
    this.steering = steering;
    this.last = this.last.catch(() => {}).then(() => this.goOver(steerer, steering.key, rehashed));
    await this.last;
  }

  /** A lane has gone for good: its claims and SAs are given up, and its buckets fall to the others. */
  leave(lane: number, closing: boolean): void {
    this.gone.add(lane);
    const { flows, sas } = this.core;
    flows?.leave(lane);
    sas.units.leaveLane(lane);
    if (!closing) this.swap({}).catch(() => {});
  }

  /** Steering whose table names no lane that has gone: its buckets fall to the others. */
  private withoutGone(steering: Resolved['steerer']): Resolved['steerer'] {
    const { gone } = this;
    const rest = Array.from({ length: this.core.options.queues }, (_, lane) => lane).filter((lane) => !gone.has(lane));
    if (gone.size === 0 || rest.length === 0) return steering;
    const { entries } = new Steerer(steering).indirection;
    const indirection = Array.from(entries, (queue, i) => (gone.has(queue) ? rest[i % rest.length] : queue));
    return { ...steering, indirection };
  }

  /** Makes a steerer the one in force, and waits until everything goes by it. */
  private async goOver(steerer: Steerer, key: Uint8Array, rehashed: boolean): Promise<void> {
    const { placement, control, dispatcher } = this.core;
    placement.swap(steerer, rehashed);
    if (rehashed) {
      control.key.write(key);
      this.hooks.wake();
    }
    const { generation } = control.key;
    // A poll that waits for its end (deterministic) would hold what it has for as long as nothing comes.
    while (!dispatcher.mark() || !placement.isSettled() || !this.haveSeen(generation)) await this.hooks.progress();
  }

  /** Whether all lanes have come to a generation of the key. */
  private haveSeen(generation: number): boolean {
    const { places, buffer } = this.core.control;
    return places.keySeen.every(
      (at, lane) => this.gone.has(lane) || Atomics.load(new Int32Array(buffer, at, 1), 0) === generation,
    );
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
