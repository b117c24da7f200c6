import { once } from 'node:events';
import { extname } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { RxSteerError } from '../errors.ts';
import type { SaCopy } from '../esp/index.ts';
import type { LaneConfig } from '../lane/config.ts';
import type { RingProducer } from '../memory/ring.ts';
import type { FromLane, LaneFailure, LaneTask, ToLane } from './lane-task.ts';
import { type LaneEvents, type Lanes, PROGRESS_MS } from './lanes.ts';

export interface ThreadLanesOptions {
  readonly configs: readonly LaneConfig[];
  readonly rings: readonly RingProducer[];
  readonly consumer: string;
  readonly data: unknown;
  readonly idle: 'async' | 'block';
  readonly consumerTimeout: number;
  readonly events: LaneEvents;
}

/** One thread of a pool for each lane, in one endless task; a thread that ends is replaced. */
export class ThreadLanes implements Lanes {
  private readonly options: ThreadLanesOptions;
  private readonly pool: Piscina;
  private readonly stop: Int32Array;
  private readonly ports: MessagePort[] = [];
  /** Settled when the other end has closed its port, and all that it had sent has come. */
  private readonly hungUp: Promise<unknown>[] = [];
  private readonly tasks: Promise<void>[] = [];
  /** Why a lane could not be started again: what is placed there is lost. */
  private readonly dead: Map<number, unknown> = new Map();
  private readonly aborts: AbortController[] = [];
  /** What `progress` waits for, per lane, until it happens. */
  private readonly waits: (Promise<unknown> | undefined)[] = [];
  /** Messages that lanes have not all answered, by their numbers. */
  private readonly forgetting: Map<number, { readonly lanes: Set<number>; readonly resolve: () => void }> = new Map();
  private forgets = 0;
  /** Copies that were asked for, by the numbers of the messages. */
  private readonly copying: Map<number, { readonly lane: number; resolve(copy: SaCopy | undefined): void }> = new Map();
  private copies = 0;
  private ending = false;
  private readonly watchdog: NodeJS.Timeout | undefined;

  private constructor(options: ThreadLanesOptions) {
    this.options = options;
    const { memory, places } = options.configs[0];
    this.stop = new Int32Array(memory.buffer, places.stop, 1);
    const threads = options.configs.length;
    this.pool = new Piscina({
      filename: new URL(`../../workers/lane-worker${extname(import.meta.url)}`, import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
    });
    // Errors of a worker outside its task come here too; the task's own rejection tells of them.
    this.pool.on('error', () => {});
    if (options.consumerTimeout > 0) this.watchdog = this.watch(options.consumerTimeout);
  }

  /** Starts the threads; resolves when all consumers are there, rejects with the first that failed. */
  static async start(options: ThreadLanesOptions): Promise<ThreadLanes> {
    const lanes = new ThreadLanes(options);
    try {
      await Promise.all(options.configs.map((_, lane) => lanes.run(lane)));
    } catch (error) {
      await lanes.kill();
      throw error;
    }
    return lanes;
  }

  kick(): void {}

  wake(): void {
    for (const ring of this.options.rings) ring.wake();
  }

  async progress(): Promise<void> {
    const moved: Promise<unknown>[] = [];
    let limit = PROGRESS_MS;
    this.options.rings.forEach((ring, lane) => {
      if (this.waits[lane] === undefined && !ring.idle()) {
        this.waits[lane] = ring.progress()?.finally(() => {
          this.waits[lane] = undefined;
        });
        // It has moved on meanwhile.
        if (this.waits[lane] === undefined) limit = 0;
      }
      const wait = this.waits[lane];
      if (wait !== undefined) moved.push(wait);
    });
    if (moved.length === 0) limit = 0;
    // What waitAsync returns keeps no process alive; the timer does, and bounds a wake-up that never comes (a lane that died).
    let timer: NodeJS.Timeout | undefined;
    moved.push(
      new Promise((resolve) => {
        timer = setTimeout(resolve, limit);
      }),
    );
    await Promise.race(moved);
    clearTimeout(timer);
  }

  sweep(): void {
    for (const lane of this.dead.keys()) this.discard(lane);
  }

  post(lane: number, message: unknown): void {
    this.ports[lane].postMessage({ kind: 'message', message } satisfies ToLane);
  }

  forgetSas(slots: Int32Array, units: Int32Array): Promise<void> {
    const number = ++this.forgets;
    const lanes = new Set(this.ports.keys());
    for (const lane of this.dead.keys()) lanes.delete(lane);
    for (const lane of lanes) {
      this.ports[lane].postMessage({ kind: 'forget', number, slots, units } satisfies ToLane);
    }
    return new Promise((resolve) => {
      if (lanes.size === 0) resolve();
      else this.forgetting.set(number, { lanes, resolve });
    });
  }

  copySas(lane: number, slots: Int32Array): Promise<SaCopy | undefined> {
    if (this.ending || this.dead.has(lane)) return Promise.resolve(undefined);
    const number = ++this.copies;
    this.ports[lane].postMessage({ kind: 'copy', number, slots } satisfies ToLane);
    return new Promise((resolve) => {
      this.copying.set(number, { lane, resolve });
    });
  }

  /** What a lane was asked to copy will not come, as its thread has ended; without a lane, of all. */
  private copiesLost(lane?: number): void {
    for (const [number, asked] of this.copying) {
      if (lane !== undefined && asked.lane !== lane) continue;
      this.copying.delete(number);
      asked.resolve(undefined);
    }
  }

  /** A lane has forgotten what message `number` says, or everything, with its thread. */
  private forgotten(lane: number, number?: number): void {
    for (const [each, { lanes, resolve }] of this.forgetting) {
      if (number !== undefined && number !== each) continue;
      lanes.delete(lane);
      if (lanes.size > 0) continue;
      this.forgetting.delete(each);
      resolve();
    }
  }

  async end(): Promise<void> {
    this.ending = true;
    Atomics.store(this.stop, 0, 1);
    this.wake();
    await Promise.all(this.tasks);
    for (const port of this.ports) port.ref();
    await Promise.all(this.hungUp);
    await this.kill();
  }

  async kill(): Promise<void> {
    this.ending = true;
    clearInterval(this.watchdog);
    Atomics.store(this.stop, 0, 1);
    await this.pool.destroy();
    this.copiesLost();
    for (const port of this.ports) port.close();
  }

  /** Runs a lane's task; resolves when its consumer is there. */
  private run(lane: number): Promise<void> {
    const { configs, consumer, data, idle, events } = this.options;
    const { port1, port2 } = new MessageChannel();
    const abort = new AbortController();
    this.ports[lane] = port1;
    this.aborts[lane] = abort;
    return new Promise((resolve, reject) => {
      let ready = false;
      port1.on('message', (from: FromLane) => {
        if (from.kind === 'ready') {
          ready = true;
          resolve();
        } else if (from.kind === 'sa') events.sa(from.event);
        else if (from.kind === 'message') events.message(lane, from.message);
        else if (from.kind === 'copied') {
          this.copying.get(from.number)?.resolve(from.copy);
          this.copying.delete(from.number);
        } else if (from.kind === 'forgotten') this.forgotten(lane, from.number);
        else events.consumerError(lane, from.error);
      });
      port1.unref();
      this.hungUp[lane] = once(port1, 'close');
      const task: LaneTask = { config: configs[lane], consumer, data, idle, port: port2 };
      const failed = (message: string, cause?: unknown): void =>
        reject(new RxSteerError('ERR_RXSTEER_CONSUMER', message, { cause }));
      this.tasks[lane] = this.pool.run(task, { transferList: [port2], signal: abort.signal }).then(
        (failure: LaneFailure | undefined) => {
          this.forgotten(lane);
          if (failure !== undefined) failed(failure.message);
        },
        (error: unknown) => {
          port1.close();
          this.forgotten(lane);
          this.copiesLost(lane);
          failed(`consumer: the thread of lane ${lane} ended before ${consumer} was there: ${error}`, error);
          if (ready && !this.ending) this.restart(lane, error);
        },
      );
    });
  }

  private restart(lane: number, error: unknown): void {
    const left = this.options.rings[lane].abandon();
    this.options.events.laneLost(lane, left, error);
    this.run(lane).catch((failure: unknown) => {
      this.dead.set(lane, failure);
      this.discard(lane);
      this.options.events.laneGone(lane);
      this.options.events.consumerError(lane, failure);
    });
  }

  /** Gives up what was placed in a lane that is dead. */
  private discard(lane: number): void {
    const ring = this.options.rings[lane];
    if (ring.idle()) return;
    ring.discard();
    this.options.events.laneLost(lane, 0, this.dead.get(lane));
  }

  /** Ends threads whose consumer has been in the same call for `ms`. */
  private watch(ms: number): NodeJS.Timeout {
    const seen = this.options.rings.map((ring) => ring.calls());
    const timer = setInterval(() => {
      this.options.rings.forEach((ring, lane) => {
        const calls = ring.calls();
        if ((calls & 1) === 1 && calls === seen[lane]) this.aborts[lane].abort();
        seen[lane] = calls;
      });
    }, ms);
    return timer.unref();
  }
}
