import type { FrameBatch } from '../capture/frame-batch.ts';
import { optionError, RxSteerError } from '../errors.ts';
import { Claims } from '../lane/claims.ts';
import type { Consumer } from '../lane/consumer.ts';
import { C_TAKEN, LANE_COUNTERS } from '../lane/counters.ts';
import type { SaEvent } from '../lane/sa-events.ts';
import type { RingProducer } from '../memory/ring.ts';
import type { Tuple } from '../wire/tuple.ts';
import type { Control } from './control.ts';
import { type Core, makeCore } from './core.ts';
import type { Dispatcher } from './dispatcher.ts';
import { Events, type ReceiverEvents } from './events.ts';
import { InlineLanes } from './inline-lanes.ts';
import { type LaneEvents, type Lanes, PROGRESS_MS, turn } from './lanes.ts';
import { LifeTimer } from './life-timer.ts';
import { loadConsumer } from './load-consumer.ts';
import { type ReceiverOptions, type Resolved, resolveOptions } from './options.ts';
import { SaRetirement } from './sa-retirement.ts';
import { SaSnapshots } from './sa-snapshots.ts';
import { ReceiverSas } from './sas.ts';
import { collectStats, type ReceiverStats } from './stats.ts';
import { type SteeringChange, Swaps } from './swaps.ts';
import { ThreadLanes } from './thread-lanes.ts';
import { Windows } from './windows.ts';

/** A frame that `push` takes beside its bytes. */
export interface PushOptions {
  /** Link type as in pcap: 1 Ethernet (default), 101 raw IP, 113 and 276 Linux cooked, 0 and 108 loopback. */
  readonly linkType?: number;
  /** Seconds since 1970. Default: now. */
  readonly time?: number;
}

/** How often the event loop gets a turn while a source is pushed, in milliseconds. */
const TURN_MS = 1;

/**
 * Makes a receiver: a dispatcher in this thread, and a lane for each queue.
 *
 * @example
 * ```ts
 * import { createReceiver } from 'rxsteer';
 *
 * const seen: string[] = [];
 * const rx = await createReceiver({
 *   inline: true,
 *   queues: 2,
 *   consumer: {
 *     onPackets(batch) {
 *       for (let i = 0; i < batch.length; i++) seen.push(batch.className(i));
 *     },
 *   },
 * });
 * rx.push(new Uint8Array(60));
 * await rx.close();
 * console.log(seen);
 * ```
 *
 * @throws RxSteerError with a code of `docs/errors.md`: a wrong option, a consumer that cannot be loaded, memory that cannot
 * be had
 */
export async function createReceiver(options: ReceiverOptions): Promise<Receiver> {
  const receiver = new Receiver(makeCore(resolveOptions(options)));
  await receiver.start();
  return receiver;
}

export class Receiver {
  private readonly core: Core;
  private readonly options: Resolved;
  private readonly control: Control;
  private readonly dispatcher: Dispatcher;
  private readonly rings: readonly RingProducer[];
  private readonly counters: readonly Float64Array[];
  /** Packets that lanes lost with their threads; of these, what came by their own rings. */
  private readonly lost: Float64Array;
  private readonly lostOwn: Float64Array;
  private sweeper: NodeJS.Timeout | undefined;
  private readonly claims: Claims;
  private readonly swaps: Swaps;
  private readonly closedPackets: Float64Array;
  private readonly events: Events = new Events(this);
  private lanes: Lanes | undefined;
  private closing: Promise<ReceiverStats> | undefined;
  private scheduled = false;
  private aborted = false;
  /** The lanes have ended: nothing moves any more. */
  private ended = false;
  private readonly onAbort: () => void = () => this.abort();
  private readonly retirement: SaRetirement;
  private readonly lifeTimer: LifeTimer | undefined;
  /** Security associations, which can be added, replaced and removed while packets flow. */
  readonly sas: ReceiverSas;
  /** The windows of the frame memory, for a reader that fills them: `captureBatches(paths, receiver.windows)`. */
  readonly windows: Windows;

  /** Use {@link createReceiver}. */
  constructor(core: Core) {
    this.core = core;
    const { options, control } = core;
    this.options = options;
    this.control = control;
    this.rings = core.rings;
    this.dispatcher = core.dispatcher;
    const { places, buffer } = control;
    this.counters = places.counters.map((at) => new Float64Array(buffer, at, LANE_COUNTERS));
    this.lost = new Float64Array(options.queues);
    this.lostOwn = new Float64Array(options.queues);
    this.claims = new Claims(core.laneConfig(0));
    this.swaps = new Swaps(core, { wake: () => this.lanes!.wake(), progress: () => this.progress() });
    this.closedPackets = new Float64Array(options.queues);
    this.retirement = new SaRetirement({
      store: core.sas,
      rings: this.rings,
      handover: core.handover,
      dispatcher: this.dispatcher,
      progress: () => this.progress(),
      forget: (slots, units) => this.lanes!.forgetSas(slots, units),
    });
    this.sas = new ReceiverSas({
      store: core.sas,
      retirement: this.retirement,
      snapshots: new SaSnapshots({
        store: core.sas,
        owners: core.owners,
        saMoves: this.dispatcher.saMoves,
        deterministic: options.deterministic,
        copy: (lane, slots) => this.lanes!.copySas(lane, slots),
        isEnded: () => this.ended,
      }),
      queues: options.queues,
      check: () => this.checkOpen(),
    });
    // Packet time does not go on by itself.
    if (options.esp !== undefined && !options.deterministic) {
      const reporter = core.sas.reporter(options.esp.events.perSecond);
      this.lifeTimer = new LifeTimer(core.sas, reporter, () => {
        for (const event of reporter.take()) this.tellOfSa(event);
      });
    }
    this.windows = new Windows(
      core.bytes,
      options.layout.windows,
      this.rings,
      () => this.progress(),
      () => this.dispatcher.blockDone(),
      control.plan.lent,
    );
  }

  /** Starts the lanes. `createReceiver` does. */
  async start(): Promise<void> {
    const { options, core } = this;
    const events: LaneEvents = {
      consumerError: (lane, error) => this.events.emit('consumer-error', { lane, error }),
      laneLost: (lane, left, error) => {
        // By its counters: they say to the packet what it was done with when its thread ended.
        const lost = this.dispatcher.placed[lane] - left - this.counters[lane][C_TAKEN] - this.lostOwn[lane];
        const lostForeign = core.handover?.abandon(lane) ?? 0;
        this.lostOwn[lane] += lost;
        this.lost[lane] += lost + lostForeign;
        this.events.emit('lane-lost', { lane, lost: lost + lostForeign, error });
      },
      laneGone: (lane) => {
        // A program that only pushes never asks for progress.
        this.sweeper ??= setInterval(() => this.sweep(), PROGRESS_MS).unref();
        this.swaps.leave(lane, this.closing !== undefined);
      },
      message: (lane, message) => this.events.emit('message', { lane, message }),
      sa: (event) => this.tellOfSa(event),
    };
    core.onUnknownSpi = (event) => queueMicrotask(() => this.tellOfSa(event));
    const configs = this.rings.map((_, lane) => this.core.laneConfig(lane));
    this.lanes = options.inline
      ? new InlineLanes(configs, await inlineConsumers(options, this.claims, events), events)
      : await ThreadLanes.start({
          configs,
          rings: this.rings,
          consumer: options.consumer as string,
          data: options.data,
          idle: options.idle,
          consumerTimeout: options.consumerTimeout,
          events,
        });
    if (options.inline) {
      this.dispatcher.relieve = () => {
        this.dispatcher.publish();
        this.lanes!.kick();
      };
    }
    this.lifeTimer?.start();
    const { signal } = options;
    if (signal !== undefined) {
      if (signal.aborted) this.abort();
      else signal.addEventListener('abort', this.onAbort, { once: true });
    }
  }

  /**
   * Gives a frame to the receiver, which copies it. A malformed frame is taken too, and counted.
   *
   * @returns true: taken. False: its lane is full, or its flow over the limit; with `full: 'drop'` it was counted as a drop, with
   * `full: 'wait'` it was not, and the caller may try again after `await receiver.writable()`
   * @throws RxSteerError `ERR_RXSTEER_CLOSED`
   */
  push(frame: Uint8Array, options?: PushOptions): boolean {
    this.checkOpen();
    const time = options?.time ?? Date.now() / 1000;
    let seconds = Math.floor(time);
    let nanos = Math.round((time - seconds) * 1e9);
    if (nanos === 1e9) {
      seconds++;
      nanos = 0;
    }
    const linkType = options?.linkType ?? 1;
    const refused = this.dispatcher.refused;
    const taken = this.dispatcher.push(frame, linkType, seconds, nanos);
    this.schedule();
    return taken && this.dispatcher.refused === refused;
  }

  /**
   * Gives frames of a batch that lie in this receiver's {@link windows}, from number `from` on, without copying them. They are the
   * receiver's then: a lane may write over headers that it takes off.
   *
   * @returns how many were taken; fewer than there are only with `full: 'wait'`: see `push`
   * @throws RxSteerError `ERR_RXSTEER_CLOSED`
   */
  pushBatch(batch: FrameBatch, from = 0): number {
    this.checkOpen();
    const taken = this.dispatcher.pushBatch(batch, from);
    this.lanes!.kick();
    return taken;
  }

  /**
   * Pushes all batches of a source, waiting for lanes without blocking the event loop. With `full: 'drop'` it does not wait.
   *
   * @throws what the source throws; `ERR_RXSTEER_CLOSED`, or the signal's reason, when the receiver ends before the source
   */
  async pushAll(source: AsyncIterable<FrameBatch> | Iterable<FrameBatch>): Promise<void> {
    let lastTurn = performance.now();
    for await (const batch of source) {
      for (let from = 0; ; ) {
        from += this.pushBatch(batch, from);
        if (from >= batch.count) break;
        await this.progress();
      }
      if (performance.now() - lastTurn >= TURN_MS) {
        await turn();
        lastTurn = performance.now();
      }
    }
  }

  /** Resolves when a lane may have room again after `push` returned false. */
  writable(): Promise<void> {
    return this.progress();
  }

  /**
   * Says that the flow with this tuple (as it is received) is wanted in a lane: RFS brings its next packets there, as soon as
   * nothing is overtaken. Consumers can say so too: `batch.claim`, `context.claim`.
   *
   * @returns false without the option `rfs`, or when the flow's type has no hash
   * @throws RxSteerError `ERR_RXSTEER_OPTION`: there is no such lane
   */
  claim(tuple: Tuple, lane: number): boolean {
    return this.claims.claim(tuple, lane);
  }

  /**
   * Changes key, indirection table or rules while packets flow. A bucket of the table (with RFS: a flow; with another key or other
   * rules: whatever the old steering kept together) goes to its new lane when its old one has delivered what it has of it, so
   * nothing is lost and nothing overtakes. A new key gives up all claims of RFS. Swaps are done one after the other.
   *
   * @returns resolves when everything goes where the new steering says; a flow that never pauses while its lane is behind can delay
   *   that for as long
   * @throws RxSteerError what `createReceiver` throws about `rss`, before anything is changed; `ERR_RXSTEER_CLOSED`
   */
  async swap(change: SteeringChange): Promise<void> {
    this.checkOpen();
    await this.swaps.swap(change);
  }

  /**
   * Resolves when everything that was pushed is delivered, dropped or absorbed. Fragments that wait for the rest of their
   * datagram still wait (`stats().held`); `close` gives them up.
   *
   * @throws RxSteerError `ERR_RXSTEER_TIMEOUT` after `timeout` milliseconds
   */
  async drain({ timeout = Number.POSITIVE_INFINITY }: { timeout?: number } = {}): Promise<void> {
    const until = performance.now() + timeout;
    while (!this.dispatcher.mark() || !this.idle()) {
      if (this.aborted || this.ended) return;
      if (performance.now() > until) {
        throw new RxSteerError('ERR_RXSTEER_TIMEOUT', `drain: lanes were still busy after ${timeout} ms`);
      }
      this.lanes!.kick();
      if (!this.idle()) await this.progress();
    }
  }

  /**
   * Delivers what was pushed, gives up fragments that wait, ends the lanes and closes the consumers. Afterwards nothing can be
   * pushed; calling it again returns the same.
   *
   * @param options `timeout`: milliseconds after which what is not delivered counts as `closed` and the lanes are ended
   * @returns the last statistics
   */
  close({ timeout = Number.POSITIVE_INFINITY }: { timeout?: number } = {}): Promise<ReceiverStats> {
    this.closing ??= this.finish(timeout);
    return this.closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What has been done so far. Counters of a lane are those of its last finished poll. */
  stats(): ReceiverStats {
    const { options, control } = this;
    return collectStats({
      dispatcher: this.dispatcher,
      counters: this.counters,
      lost: this.lost,
      closed: this.closedPackets,
      handover: this.core.handover,
      rfs: options.rfs && { entries: options.rfs.entries, moves: control.plan.moves[0] },
      unknown: this.core.unknown,
      sas: this.core.sas,
      hkey: Buffer.from(this.swaps.key).toString('hex'),
    });
  }

  /**
   * Starts the replay windows of all SAs again, so that the same capture can be pushed once more. For measuring: it gives up
   * replay protection. Call it after `drain` only.
   */
  restartWindows(): void {
    this.checkOpen();
    this.core.sas.restartWindows();
  }

  /** Listens for an event; the returned function ends that. */
  on<Name extends keyof ReceiverEvents>(event: Name, listener: (...args: ReceiverEvents[Name]) => void): () => void {
    return this.events.on(event, listener);
  }

  /** Sends a message to the consumer of a lane: its `onMessage`. Once the lanes have ended it goes nowhere. */
  post(lane: number, message: unknown): void {
    if (!(lane in this.rings)) throw optionError('lane', `a lane from 0 to ${this.rings.length - 1}`, lane);
    this.lanes!.post(lane, message);
  }

  private async finish(timeout: number): Promise<ReceiverStats> {
    const until = performance.now() + timeout;
    let drained = true;
    try {
      await this.drain({ timeout });
    } catch {
      drained = false;
    }
    this.dispatcher.end();
    if (!drained || this.aborted || !(await within(this.lanes!.end(), until - performance.now()))) {
      await this.lanes!.kill();
    }
    this.ended = true;
    this.sas.end();
    this.retirement.end();
    this.core.sas.wipe();
    clearInterval(this.sweeper);
    this.lifeTimer?.stop();
    this.options.signal?.removeEventListener('abort', this.onAbort);
    const { queues } = this.stats();
    for (const { queue, held } of queues) this.closedPackets[queue] += held;
    return this.stats();
  }

  private tellOfSa(event: SaEvent): void {
    this.events.emit(event.kind, event as never);
  }

  private abort(): void {
    this.aborted = true;
    this.closing = this.finish(0);
    this.closing.catch(() => {});
  }

  /** A lane's own ring goes first: what it hands over can be seen before that has passed it. */
  private idle(): boolean {
    return this.rings.every((ring) => ring.idle()) && (this.core.handover?.allIdle() ?? true);
  }

  /** Gives up what came for lanes that have gone: whoever handed it over waits for room. */
  private sweep(): void {
    this.lanes!.sweep();
    for (const lane of this.swaps.gone) this.lost[lane] += this.core.handover?.discard(lane) ?? 0;
  }

  private async progress(): Promise<void> {
    this.dispatcher.settle();
    this.sweep();
    await this.lanes!.progress();
    if (this.aborted) throw this.options.signal!.reason;
    if (this.ended) throw closedError();
  }

  private checkOpen(): void {
    if (this.closing !== undefined) throw closedError();
  }

  /** Inline lanes poll soon after a push, and not once per frame. */
  private schedule(): void {
    if (!this.options.inline || this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.lanes!.kick();
    });
  }
}

function closedError(): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_CLOSED', 'the receiver is closed');
}

/** Whether a promise is fulfilled within so many milliseconds. */
async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    // Longer than a timer can be set for is as good as forever.
    if (ms < 2 ** 31) timer = setTimeout(resolve, Math.max(0, ms), false);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One consumer for each inline lane: the object itself, closed once, or what the module makes. */
async function inlineConsumers(options: Resolved, claims: Claims, events: LaneEvents): Promise<Consumer[]> {
  const { consumer, queues, data } = options;
  if (typeof consumer !== 'string') {
    const shared: Consumer = {
      onPackets: (batch) => consumer.onPackets(batch),
      onMessage: (m) => consumer.onMessage?.(m),
      onEvent: (event) => consumer.onEvent?.(event),
    };
    return Array.from({ length: queues }, (_, lane) =>
      lane + 1 < queues ? shared : { ...shared, close: () => consumer.close?.() },
    );
  }
  return Promise.all(
    Array.from({ length: queues }, (_, lane) =>
      loadConsumer(consumer, {
        lane,
        lanes: queues,
        data,
        claim: (tuple, to = lane) => claims.claim(tuple, to),
        post: (message) => events.message(lane, message),
      }),
    ),
  );
}
