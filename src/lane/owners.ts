/**
 * Which lane uses an order group of SAs: words in shared memory, lane + 1 and a flag; 0 while the group has had no packet.
 *
 * A group that is fixed stays in its lane: it is pinned there, or it has been met inside other ESP, where the dispatcher does not
 * see how far a lane has come with it.
 */
const LANE = 0xffff;
const FIXED = 0x10000;

/** The word of a group that is pinned to a lane. */
export function pinnedOwner(lane: number): number {
  return (lane + 1) | FIXED;
}

/** The lane that owns a group, or -1. */
export function laneOf(owners: Int32Array, unit: number): number {
  return (Atomics.load(owners, unit) & LANE) - 1;
}

/** The lane that owns a group; its first packet makes it `first`. For the dispatcher. */
export function ownerOf(owners: Int32Array, unit: number, first: number): number {
  const owner = owners[unit];
  if (owner !== 0) return (owner & LANE) - 1;
  const before = Atomics.compareExchange(owners, unit, 0, first + 1);
  return before === 0 ? first : (before & LANE) - 1;
}

/** As `ownerOf`, and the group is fixed from now on. For a lane that meets it inside other ESP. */
export function holdOwner(owners: Int32Array, unit: number, first: number): number {
  let owner = Atomics.load(owners, unit);
  while ((owner & FIXED) === 0) {
    const held = (owner === 0 ? first + 1 : owner) | FIXED;
    const before = Atomics.compareExchange(owners, unit, owner, held);
    owner = before === owner ? held : before;
  }
  return (owner & LANE) - 1;
}

/** Gives a group to another lane. False: it is not `from`'s, or fixed. */
export function moveOwner(owners: Int32Array, unit: number, from: number, to: number): boolean {
  return Atomics.compareExchange(owners, unit, from + 1, to + 1) === from + 1;
}
