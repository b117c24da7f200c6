import { parseAddress } from '../../wire/address.ts';
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
import type { LifeClock } from './clock.ts';
import type { SaLifeState } from './life-state.ts';
import type { SaSnapshotEntry } from './snapshot.ts';
import { writeWindow } from './window-bits.ts';

/**
 * Goes on with an SA where a snapshot left it, and so much farther: whatever came after the snapshot, up to `jump` numbers above its top,
 * counts as seen. With 0 the very window goes on, which is right only if nothing came any more.
 *
 * @param slot that nobody uses yet
 */
export function restoreSa(
  state: SaState,
  lives: SaLifeState,
  clock: LifeClock,
  slot: number,
  entry: SaSnapshotEntry,
  jump: number,
): void {
  const last = entry.esn ? 0xffffffffffffffffn : 0xffffffffn;
  const ahead = BigInt(entry.top) + BigInt(jump);
  const top = ahead > last ? last : ahead;
  const window = state.windowOf(slot);
  writeWindow(window, 0, window.length - 3, entry.replayWindow, top, jump === 0 ? entry.seen : '');
  const { packets, opened, dummy, icv, replay, short, padding, expired, bytes } = entry.counters;
  const counters = state.counters.subarray(8 * slot, 8 * slot + 8);
  counters[SA_PACKETS] = packets;
  counters[SA_OPENED] = opened;
  counters[SA_DUMMY] = dummy;
  counters[SA_ICV] = icv;
  counters[SA_REPLAY] = replay;
  counters[SA_SHORT] = short;
  counters[SA_PADDING] = padding;
  counters[SA_BYTES] = bytes;
  const { life, peer } = entry;
  lives.restore(slot, {
    packets: life.packets,
    bytes: life.bytes,
    start: life.since === undefined ? clock.start : clock.startOf(life.since),
    refused: expired,
    isOver: life.isOver,
    ...(peer === undefined ? {} : { peer: { address: parseAddress(peer.address), port: peer.port } }),
  });
}
