/**
 * Copies of what changes about SAs. Whoever makes one must be the only one to use the SAs meanwhile, or a window would be torn; a lane
 * makes those of its own between two polls, so it must be quick: bytes are copied, and looked at elsewhere.
 */
import { addressText } from '../../wire/address.ts';
import { exportSas, formatSpi, type Sa } from '../sa.ts';
import {
  SA_BYTES,
  SA_DUMMY,
  SA_ICV,
  SA_OPENED,
  SA_PACKETS,
  SA_PADDING,
  SA_REPLAY,
  SA_SHORT,
  type SaState,
} from '../sa-state.ts';
import { formatSequence } from '../sequence.ts';
import type { LifeClock } from './clock.ts';
import { NOT_BEGUN, SaLifeState, TOLD_HARD } from './life-state.ts';
import type { SaSnapshotEntry } from './snapshot.ts';
import { topOf, windowText } from './window-bits.ts';

export interface SaCopy {
  readonly slots: Int32Array;
  /** Windows behind each other, and where each begins; the last number is their end. */
  readonly windows: Int32Array;
  readonly starts: Int32Array;
  /** Eight a slot, and the words of its life. */
  readonly counters: Float64Array;
  readonly lives: ArrayBuffer;
}

/** Copies the state of SAs. */
export function copySas(state: SaState, lives: SaLifeState, slots: Int32Array): SaCopy {
  const starts = new Int32Array(slots.length + 1);
  slots.forEach((slot, i) => {
    starts[i + 1] = starts[i] + state.windowOf(slot).length;
  });
  const windows = new Int32Array(starts[slots.length]);
  const counters = new Float64Array(8 * slots.length);
  const buffer = new ArrayBuffer(SaLifeState.bytes(slots.length));
  const copied = new SaLifeState(buffer, 0, slots.length);
  slots.forEach((slot, i) => {
    windows.set(state.windowOf(slot), starts[i]);
    counters.set(state.counters.subarray(8 * slot, 8 * slot + 8), 8 * i);
    copied.words.set(lives.wordsOf(slot), copied.wordsAt(i));
  });
  return { slots, windows, starts, counters, lives: buffer };
}

/** The SAs of a copy as data, in its order. @param keys with the descriptions of the SAs, keys and all */
export function entriesOf(copy: SaCopy, sas: readonly Sa[], clock: LifeClock, keys: boolean): SaSnapshotEntry[] {
  const lives = new SaLifeState(copy.lives, 0, copy.slots.length);
  return sas.map((sa, i) => entryOf(copy, lives, i, sa, clock, keys));
}

function entryOf(
  { windows, starts, counters: c }: SaCopy,
  lives: SaLifeState,
  i: number,
  sa: Sa,
  clock: LifeClock,
  keys: boolean,
): SaSnapshotEntry {
  const at = starts[i];
  const mask = starts[i + 1] - at - 3;
  const b = 8 * i;
  const start = lives.start(i);
  const peer = lives.peer(i);
  return {
    spi: formatSpi(sa.spi),
    proto: sa.proto,
    dst: sa.dst,
    esn: sa.esn,
    replayWindow: sa.replayWindow,
    top: formatSequence(topOf(windows, at)),
    seen: windowText(windows, at, mask, sa.replayWindow),
    counters: {
      packets: c[b + SA_PACKETS],
      opened: c[b + SA_OPENED],
      dummy: c[b + SA_DUMMY],
      icv: c[b + SA_ICV],
      replay: c[b + SA_REPLAY],
      short: c[b + SA_SHORT],
      padding: c[b + SA_PADDING],
      expired: lives.refused(i),
      bytes: c[b + SA_BYTES],
    },
    life: {
      ...lives.used(i),
      ...(start === NOT_BEGUN ? {} : { since: Math.round(clock.dateOf(start)) }),
      isOver: lives.has(i, TOLD_HARD),
    },
    ...(peer === undefined
      ? {}
      : { peer: { address: addressText(peer.address, 0, peer.address.length), port: peer.port } }),
    ...(keys ? { config: exportSas([sa])[0] } : {}),
  };
}
