/**
 * How delivered packets get from lanes to the report, when their bytes are needed (digests, an output file): each lane sends
 * its batches to the program and waits when too many are on the way.
 *
 *     meta, 12 words a packet: | end | l3 | class | SA | unit | segments | first, last number | seconds | nanos | link type | wire |
 *     frames lie one behind the other: the frame of packet i begins where that of i - 1 ends
 */
import { CLASS_TCP4 } from '../counters.ts';
import type { Batch } from '../lane/batch.ts';
import type { FlowAccounts } from './flows.ts';

export const META_WORDS = 12;
export const M_END = 0;
export const M_L3 = 1;
export const M_CLASS = 2;
export const M_SA = 3;
export const M_UNIT = 4;
export const M_SEGMENTS = 5;
export const M_FIRST = 6;
export const M_LAST = 7;
export const M_SEC = 8;
export const M_NSEC = 9;
export const M_LINK = 10;
export const M_WIRE = 11;

export interface Delivery {
  readonly kind: 'delivery';
  readonly count: number;
  readonly meta: Int32Array;
  readonly frames: Uint8Array;
}

/** Copies a batch out of the frame memory. */
export function packDelivery(batch: Batch): Delivery {
  const count = batch.length;
  const meta = new Int32Array(count * META_WORDS);
  const frames = new Uint8Array(batch.totalBytes());
  let at = 0;
  for (let i = 0; i < count; i++) {
    const m = i * META_WORDS;
    const length = batch.byteLength(i);
    frames.set(batch.view(i), at);
    meta[m + M_END] = at + length;
    meta[m + M_L3] = at + batch.linkLength(i);
    meta[m + M_CLASS] = batch.class(i);
    meta[m + M_SA] = batch.sa(i);
    meta[m + M_UNIT] = batch.unit(i);
    meta[m + M_SEGMENTS] = batch.segments(i);
    meta[m + M_FIRST] = batch.number(i);
    meta[m + M_LAST] = batch.lastNumber(i);
    meta[m + M_SEC] = batch.seconds(i);
    meta[m + M_NSEC] = batch.nanos(i);
    meta[m + M_LINK] = batch.linkType(i);
    meta[m + M_WIRE] = batch.wireLength(i);
    at += length;
  }
  return { kind: 'delivery', count, meta, frames };
}

/** Accounts what a lane sent. `spis`: SPI of each SA. */
export function accountDelivery(
  accounts: FlowAccounts,
  { count, meta, frames }: Delivery,
  lane: number,
  spis: ArrayLike<number>,
): void {
  let start = 0;
  for (let m = 0; m < count * META_WORDS; m += META_WORDS) {
    const sa = meta[m + M_SA];
    accounts.add(
      frames,
      meta[m + M_END],
      meta[m + M_L3],
      meta[m + M_CLASS],
      sa,
      sa === 0 ? 0 : spis[sa - 1],
      meta[m + M_UNIT],
      lane,
      meta[m + M_SEGMENTS],
      meta[m + M_FIRST],
      meta[m + M_LAST],
      start,
      meta[m + M_LINK],
    );
    start = meta[m + M_END];
  }
}

/**
 * Accounts a batch where it lies. Without digests nobody reads payloads, and the first piece of a TCP super-packet has all of its headers:
 * then it is not put together (a tenth of the time that ESP without cryptography takes).
 */
export function accountBatch(accounts: FlowAccounts, batch: Batch, spis: ArrayLike<number>): void {
  for (let i = 0; i < batch.length; i++) {
    const sa = batch.sa(i);
    const headersDo = !accounts.readsPayload && (batch.class(i) & ~1) === CLASS_TCP4;
    const offset = headersDo ? batch.offset(i) : batch.contiguous(i);
    accounts.add(
      batch.bytes,
      offset + batch.byteLength(i),
      offset + batch.linkLength(i),
      batch.class(i),
      sa,
      sa === 0 ? 0 : spis[sa - 1],
      batch.unit(i),
      batch.lane,
      batch.segments(i),
      batch.number(i),
      batch.lastNumber(i),
      offset,
      batch.linkType(i),
    );
  }
}
