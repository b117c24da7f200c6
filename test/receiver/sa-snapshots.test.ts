/** Who copies an SA for a snapshot: its owner lane, whatever happens meanwhile. The test says what happens when. */
import { describe, expect, it } from 'vitest';
import { type SaCopy, sealTunnel } from '../../src/esp/index.ts';
import { ownerOf } from '../../src/lane/owners.ts';
import type { SaMoves } from '../../src/receiver/sa-moves.ts';
import { SaSnapshots } from '../../src/receiver/sa-snapshots.ts';
import { LaneGroup } from '../support/lane-group.ts';
import { ether, udp } from '../support/packets.ts';
import { sa } from '../support/sas.ts';

const pinned = [sa(1, { queue: 0 }), sa(2, { queue: 1 })];
const free = sa(3);

interface World {
  readonly group: LaneGroup;
  readonly snapshots: SaSnapshots;
  /** [lane, slots] of each copy that was asked for. */
  readonly asked: [number, number[]][];
  readonly held: number[];
}

/** @param before called before a lane copies; says `ends` when it shall have ended meanwhile */
function world(before: (group: LaneGroup, times: number) => unknown = () => {}, ended = false): World {
  const group = new LaneGroup({ queues: 2, sas: [...pinned, free] });
  const asked: [number, number[]][] = [];
  const held: number[] = [];
  const saMoves = { hold: () => held.push(1), release: () => held.push(-1) } as unknown as SaMoves;
  const copy = async (lane: number, slots: Int32Array): Promise<SaCopy | undefined> => {
    asked.push([lane, [...slots]]);
    return before(group, asked.length) === 'ends' ? undefined : group.lanes[lane].copySas(slots);
  };
  const { sas: store, owners } = group.core;
  const snapshots = new SaSnapshots({ store, owners, saMoves, deterministic: false, copy, isEnded: () => ended });
  return { group, snapshots, asked, held };
}

const send = (group: LaneGroup, one: typeof free, n: number): void => {
  group.push(ether(sealTunnel(one, n, udp(9))));
  group.run();
};

describe('a snapshot', () => {
  it('asks each lane for its own, and looks at those that are nobody’s itself; nothing moves meanwhile', async () => {
    const { group, snapshots, asked, held } = world();
    send(group, pinned[0], 4);
    send(group, pinned[1], 6);
    const { sas } = await snapshots.take(false, 1e9);
    expect(sas.map(({ spi, top }) => [Number(spi), Number(top)])).toEqual([
      [1, 4],
      [2, 6],
      [3, 0],
    ]);
    expect(asked).toEqual([
      [0, [0]],
      [1, [1]],
    ]);
    expect(held).toEqual([1, -1]);
  });

  it('a lane copies none that is not its own', () => {
    const { group } = world();
    expect([...group.lanes[0].copySas(Int32Array.of(0, 1, 2))!.slots]).toEqual([0]);
    expect([...group.lanes[1].copySas(Int32Array.of(0, 1, 2))!.slots]).toEqual([1]);
  });

  it('an SA that goes to another lane before it is asked is asked of that one', async () => {
    const { group, snapshots, asked } = world(({ core }, times) => {
      // A lane that ends for good gives its SAs up; the next packet has given this one to the other lane.
      if (times !== 1) return;
      core.owners[0] = 0;
      ownerOf(core.owners, 0, 1);
    });
    send(group, pinned[0], 4);
    const { sas } = await snapshots.take(false, 1e9);
    expect(sas.map(({ top }) => Number(top))).toEqual([4, 0, 0]);
    expect(asked.map(([lane, slots]) => [lane, slots])).toEqual([
      [0, [0]],
      [1, [1]],
      [1, [0]],
    ]);
  });

  it('a lane that ends is asked again when it is there again', async () => {
    const { snapshots, asked } = world((_, times) => (times <= 2 ? 'ends' : undefined));
    expect((await snapshots.take(false, 1e9)).sas).toHaveLength(3);
    expect(asked).toHaveLength(4);
  });

  it('what was removed or replaced meanwhile is none of it', async () => {
    const { snapshots } = world(({ core: { sas: store } }) => {
      const entry = store.get(`esp ${free.dst} 3`);
      if (entry !== undefined) store.remove(entry);
      if ([...store.values()].some(({ slot }) => slot === 1)) store.replace(pinned[1]);
    });
    const { sas } = await snapshots.take(false, 1e9);
    expect(sas.map(({ spi }) => Number(spi))).toEqual([1]);
  });

  it('of a receiver that has ended is taken without lanes', async () => {
    const { group, snapshots, asked } = world(() => 'ends', true);
    send(group, pinned[1], 6);
    expect((await snapshots.take(false, 1e9)).sas.map(({ top }) => Number(top))).toEqual([0, 6, 0]);
    expect(asked).toEqual([]);
  });

  it('moves may go on after one that fails', async () => {
    const { snapshots, held } = world(() => {
      throw new Error('of the lane');
    });
    await expect(snapshots.take(false, 1e9)).rejects.toThrow('of the lane');
    expect(held).toEqual([1, -1]);
  });
});
