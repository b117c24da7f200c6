/** Receivers whose consumer keeps what it was given. */
import { FrameBatch } from '../../src/capture/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import type { Consumer } from '../../src/lane/consumer.ts';
import type { ReceiverOptions } from '../../src/receiver/options.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import type { ReceiverStats } from '../../src/receiver/stats.ts';
import { type Delivered, deliveredOf } from './lane-bench.ts';

export interface Inline {
  readonly rx: Receiver;
  readonly delivered: Delivered[];
  /** How often the consumer was called, and closed. */
  readonly calls: { packets: number; closed: number };
}

export async function inlineReceiver({
  onPackets,
  ...options
}: Omit<ReceiverOptions, 'consumer'> & { readonly onPackets?: Consumer['onPackets'] } = {}): Promise<Inline> {
  const delivered: Delivered[] = [];
  const calls = { packets: 0, closed: 0 };
  const rx = await createReceiver({
    inline: true,
    // Where packets fall must not change from run to run.
    rss: { key: microsoftKey() },
    consumer: {
      onPackets(batch) {
        calls.packets++;
        delivered.push(...deliveredOf(batch));
        return onPackets?.(batch);
      },
      close() {
        calls.closed++;
      },
    },
    ...options,
  });
  return { rx, delivered, calls };
}

/** What must hold when a receiver is closed: everything is in exactly one count, and nothing is held. */
export function closingFault(stats: ReceiverStats): string | undefined {
  const sum = (counts: Readonly<Record<string, number | undefined>>): number =>
    Object.values(counts).reduce<number>((a, n) => a + (n ?? 0), 0);
  const segments = stats.queues.reduce((a, queue) => a + queue.segments, 0);
  if (!stats.conserved) return 'not conserved';
  if (stats.held !== 0 || stats.queues.some((queue) => queue.held !== 0)) return `held ${stats.held}`;
  if (sum(stats.classes) !== stats.packets) return 'classes do not add up';
  if (stats.queues.reduce((a, queue) => a + queue.packets, 0) !== stats.packets) return 'queues do not add up';
  const out = segments + sum(stats.drops) + sum(stats.absorbed);
  return out === stats.packets ? undefined : `${stats.packets} in, ${out} out`;
}

/** Puts frames into a block of a receiver's windows and describes them as a reader would. The caller gives the block back. */
export async function batchOf(rx: Receiver, frames: readonly Uint8Array[], linkType = 1): Promise<FrameBatch> {
  const { windows } = rx;
  const batch = new FrameBatch(Math.max(1, frames.length));
  batch.block = await windows.take();
  batch.linkType = linkType;
  let at = windows.offset(batch.block);
  for (const frame of frames) {
    windows.bytes.set(frame, at);
    batch.offsets[batch.count] = at;
    batch.lengths[batch.count] = frame.length;
    batch.wireLengths[batch.count] = frame.length;
    batch.seconds[batch.count] = 1000 + batch.count;
    batch.nanos[batch.count] = 0;
    batch.count++;
    at += frame.length;
  }
  if (at > windows.offset(batch.block) + windows.blockSize) throw new Error('the frames do not fit a block');
  return batch;
}
