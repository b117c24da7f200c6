import { statSync } from 'node:fs';
import { extname } from 'node:path';
import xxhash from 'xxhash-wasm';
import { PcapngWriter } from '../capture/index.ts';
import { optionError, RxSteerError } from '../errors.ts';
import { type CryptoName, formatSpi, type Sa } from '../esp/index.ts';
import { captureBatches } from '../io/capture-file.ts';
import { openSink } from '../io/sink.ts';
import type { Consumer } from '../lane/consumer.ts';
import { defaultMaxSas, type RssOptions } from '../receiver/options.ts';
import { createReceiver, type Receiver } from '../receiver/receiver.ts';
import type { FormerSas } from '../receiver/sa-stats.ts';
import type { ReceiverStats } from '../receiver/stats.ts';
import {
  accountBatch,
  accountDelivery,
  type Delivery,
  M_END,
  M_LINK,
  M_NSEC,
  M_SEC,
  META_WORDS,
  packDelivery,
} from './delivery.ts';
import { type DigestKind, FlowAccounts, type FlowReport } from './flows.ts';
import type { FromReplayConsumer, ReplayConsumerData } from './replay-consumer.ts';
import { ReplayEvents, type ReplayEventsReport } from './replay-events.ts';
import { type SaChanges, WatchedSas } from './watched-sas.ts';

export interface ReplayOptions {
  readonly files: readonly string[];
  readonly queues: number;
  readonly inline?: boolean;
  readonly rss: RssOptions;
  /** Absent: ESP is delivered as it came. */
  readonly sas?: readonly Sa[];
  /** The crypto backend that must be used; absent: the fastest there is. */
  readonly crypto?: CryptoName;
  readonly gro?: boolean;
  readonly digest: DigestKind;
  /** File for what was delivered. */
  readonly out?: string;
  readonly loop?: number;
  /** Starts to watch for other SAs, which it hands over as they come; returns what ends that. */
  readonly watch?: (apply: (sas: readonly Sa[]) => Promise<SaChanges>) => () => void;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytesRead: number, bytesTotal: number) => void;
}

/** What `replay --json` prints: schema `rxsteer.replay/1`. */
export interface ReplayReport {
  readonly schema: 'rxsteer.replay/1';
  readonly input: {
    readonly files: readonly string[];
    readonly packets: number;
    readonly bytes: number;
    readonly loop?: number;
  };
  /** A capture broke off: what lies before the damage is in the report. */
  readonly damage?: { readonly message: string; readonly offset: number | undefined };
  readonly classes: ReceiverStats['classes'];
  readonly malformed: ReceiverStats['malformed'];
  readonly queues: readonly {
    readonly queue: number;
    readonly packets: number;
    readonly bytes: number;
    readonly delivered: number;
    readonly segments: number;
  }[];
  readonly drops: ReceiverStats['drops'];
  readonly absorbed: ReceiverStats['absorbed'];
  readonly sas: readonly ReplaySa[];
  /** What SAs have done together that were replaced or removed meanwhile. */
  readonly formerSas?: FormerSas;
  readonly crypto: ReceiverStats['crypto'];
  readonly unknownSpis: readonly {
    readonly spi: string;
    readonly src: string;
    readonly dst: string;
    readonly packets: number;
  }[];
  readonly events: ReplayEventsReport;
  readonly gro: { readonly merged: number; readonly flushes: Readonly<Record<string, number>> };
  readonly flows: readonly FlowReport[];
  readonly invariants: { readonly conserved: boolean; readonly reordered: number };
  readonly acrossSas: { readonly reordered: number };
}

type ReplaySa = Omit<ReceiverStats['sas'][number], 'spi'> & { readonly spi: string };

/** What a replay was: its report, and how long lanes and dispatcher took for it, in milliseconds. */
export interface Replay {
  readonly report: ReplayReport;
  readonly milliseconds: number;
}

const NATT_PORT = 4500;

/**
 * Sends captures through a receiver and accounts for everything that comes out.
 *
 * A damaged capture ends the input: the report says so. Other errors are thrown.
 */
export async function runReplay(options: ReplayOptions): Promise<Replay> {
  const { queues, inline = false, digest, sas = [], loop = 1 } = options;
  const send = digest !== 'none' || options.out !== undefined;
  const accounts = new FlowAccounts({
    digest,
    nattPort: NATT_PORT,
    ...(digest === 'xxh64' ? { xxhash: await xxhash() } : {}),
  });
  checkOut(options);
  let writer: FrameWriter | undefined;
  const maxSas = defaultMaxSas(sas.length);
  const spis = new Int32Array(new SharedArrayBuffer(4 * maxSas));
  const take = (delivery: Delivery, lane: number): void => {
    accountDelivery(accounts, delivery, lane, spis);
    writer?.write(delivery);
  };
  const consumer: Consumer = {
    onPackets: (batch) =>
      writer === undefined ? accountBatch(accounts, batch, spis) : take(packDelivery(batch), batch.lane),
  };
  const data: ReplayConsumerData = { send, spis, nattPort: NATT_PORT };
  const rx = await createReceiver({
    queues,
    inline,
    full: 'wait',
    deterministic: true,
    nattPort: NATT_PORT,
    rss: options.rss,
    esp:
      options.sas === undefined
        ? false
        : { sas, maxSas, ...(options.crypto === undefined ? {} : { crypto: options.crypto }) },
    gro: options.gro === false ? false : {},
    consumer: inline ? consumer : new URL(`./replay-consumer${extname(import.meta.url)}`, import.meta.url),
    data,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const events = new ReplayEvents(rx);
  const watched = new WatchedSas(rx.sas, sas, spis);
  const unwatch = options.watch?.((now) => watched.apply(now));
  rx.on('message', ({ lane, message }) => {
    const from = message as FromReplayConsumer;
    if (from.kind === 'accounts') accounts.merge(from.state);
    else {
      try {
        take(from, lane);
      } catch (error) {
        failure ??= error;
      }
      rx.post(lane, 'taken');
    }
  });
  rx.on('consumer-error', ({ error }) => {
    failure ??= error;
  });
  let failure: unknown;
  let damage: ReplayReport['damage'];
  const started = performance.now();
  try {
    if (options.out !== undefined) writer = new FrameWriter(options.out);
    damage = await pushRounds(rx, options, loop);
    unwatch?.();
    await watched.idle();
    await rx.drain();
  } finally {
    unwatch?.();
    await rx.close();
    writer?.close();
  }
  if (failure !== undefined) throw failure;
  const milliseconds = performance.now() - started;
  return { report: makeReport(options, rx.stats(), accounts, events, damage), milliseconds };
}

/** Writing over a capture that is still to be read would destroy it. */
function checkOut({ out, files }: ReplayOptions): void {
  const at = out === undefined ? undefined : statSync(out, { throwIfNoEntry: false });
  if (at === undefined || !at.isFile()) return;
  for (const file of files) {
    const from = statSync(file, { throwIfNoEntry: false });
    if (from?.ino === at.ino && from.dev === at.dev)
      throw optionError('out', 'a file that is none of the captures', out);
  }
}

/** Pushes the files as often as asked. Returns what is damaged about them. */
async function pushRounds(rx: Receiver, options: ReplayOptions, loop: number): Promise<ReplayReport['damage']> {
  const { files, signal, onProgress } = options;
  let before = 0;
  for (let round = 0; round < loop; round++) {
    let read = 0;
    try {
      await rx.pushAll(
        captureBatches(files, rx.windows, {
          ...(signal === undefined ? {} : { signal }),
          onProgress: (bytes, total) => {
            read = bytes;
            onProgress?.(before + bytes, total * loop);
          },
        }),
      );
    } catch (error) {
      if (error instanceof RxSteerError && error.code === 'ERR_RXSTEER_CAPTURE_DAMAGED') {
        return { message: error.message, offset: error.offset };
      }
      throw error;
    }
    before += read;
    if (round + 1 < loop) {
      await rx.drain();
      rx.restartWindows();
    }
  }
  return undefined;
}

function makeReport(
  { files, loop = 1 }: ReplayOptions,
  stats: ReceiverStats,
  accounts: FlowAccounts,
  events: ReplayEvents,
  damage: ReplayReport['damage'],
): ReplayReport {
  const flushes: Record<string, number> = {};
  for (const queue of stats.queues) {
    for (const [reason, n] of Object.entries(queue.flushes)) flushes[reason] = (flushes[reason] ?? 0) + n;
  }
  return {
    schema: 'rxsteer.replay/1',
    input: { files, packets: stats.packets, bytes: stats.bytes, ...(loop > 1 ? { loop } : {}) },
    ...(damage === undefined ? {} : { damage }),
    classes: stats.classes,
    malformed: stats.malformed,
    queues: stats.queues.map(({ queue, packets, bytes, delivered, segments }) => ({
      queue,
      packets,
      bytes,
      delivered,
      segments,
    })),
    drops: stats.drops,
    absorbed: stats.absorbed,
    sas: stats.sas.map((sa) => ({ ...sa, spi: formatSpi(sa.spi) })),
    ...(stats.formerSas.sas === 0 ? {} : { formerSas: stats.formerSas }),
    crypto: stats.crypto,
    unknownSpis: stats.unknownSpis.map((unknown) => ({ ...unknown, spi: formatSpi(unknown.spi) })),
    events: events.report(),
    gro: { merged: stats.queues.reduce((sum, queue) => sum + queue.merged, 0), flushes },
    flows: accounts.report(),
    invariants: { conserved: stats.conserved && stats.held === 0, reordered: accounts.reordered },
    acrossSas: { reordered: accounts.acrossSasReordered },
  };
}

/** Writes deliveries to a pcapng file. */
class FrameWriter {
  private readonly sink: ReturnType<typeof openSink>;
  private readonly writer = new PcapngWriter();

  constructor(path: string) {
    this.sink = openSink(path);
  }

  write({ count, meta, frames }: Delivery): void {
    let at = 0;
    for (let m = 0; m < count * META_WORDS; m += META_WORDS) {
      const linkType = meta[m + M_LINK];
      const frame = frames.subarray(at, meta[m + M_END]);
      at = meta[m + M_END];
      this.sink.append(this.writer.start(linkType));
      this.sink.append(this.writer.frame(linkType, meta[m + M_SEC] >>> 0, meta[m + M_NSEC], frame));
    }
  }

  close(): void {
    // An empty file is no capture: one without packets has a section and an interface all the same.
    this.sink.append(this.sink.size === 0 ? this.writer.start(1) : new Uint8Array(0));
    this.sink.close();
  }
}
