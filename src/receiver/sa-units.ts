import type { Sa } from '../esp/index.ts';
import { moveOwner, pinnedOwner } from '../lane/owners.ts';

/**
 * Order groups of SAs: what has one owner lane. SAs of the same `group` are one when they are pinned to the same queue, or none of
 * them to any; any other SA is one of its own. So the SAs that RFC 9611 has for each queue can share a group with the one that is
 * there for whatever has no SA of its own yet, and each of them stays in order with those that replace it.
 */
export class SaUnits {
  private readonly owners: Int32Array;
  private readonly byName: Map<string, number> = new Map();
  /** At units: their names, undefined for an SA's own; how many SAs they have. */
  private readonly names: (string | undefined)[] = [];
  private readonly counts: number[] = [];
  private readonly free: number[] = [];

  /** @param owners of units, in shared memory */
  constructor(owners: Int32Array) {
    this.owners = owners;
  }

  /** An SA comes: returns its unit. */
  join({ group, queue }: Pick<Sa, 'group' | 'queue'>): number {
    const name = group === undefined ? undefined : `${queue ?? ''} ${group}`;
    const known = name === undefined ? undefined : this.byName.get(name);
    if (known !== undefined) {
      this.counts[known]++;
      return known;
    }
    const unit = this.free.pop() ?? this.counts.length;
    this.counts[unit] = 1;
    this.names[unit] = name;
    if (name !== undefined) this.byName.set(name, unit);
    if (queue !== undefined) Atomics.store(this.owners, unit, pinnedOwner(queue));
    return unit;
  }

  /** One more SA comes to a unit: it takes the place of one that is there. */
  stay(unit: number): void {
    this.counts[unit]++;
  }

  /** An SA has gone, with all of its packets delivered. True: so has its unit. */
  leave(unit: number): boolean {
    if (--this.counts[unit] > 0) return false;
    const name = this.names[unit];
    if (name !== undefined) this.byName.delete(name);
    Atomics.store(this.owners, unit, 0);
    this.free.push(unit);
    return true;
  }

  /** A lane has gone for good: its units that are not fixed there are for whichever lane their next packet falls to. */
  leaveLane(lane: number): void {
    for (let unit = 0; unit < this.counts.length; unit++) moveOwner(this.owners, unit, lane, -1);
  }
}
