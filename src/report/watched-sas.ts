/** Brings the SAs of a receiver that is at work to those of a file that has changed. */
import { exportSas, type Sa } from '../esp/index.ts';
import type { ReceiverSas } from '../receiver/sas.ts';

/** How many SAs a change was about. */
export interface SaChanges {
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
}

export class WatchedSas {
  /** SPIs by what batches call the SAs, less 1; shared with lanes. */
  readonly spis: Int32Array;
  private readonly sas: ReceiverSas;
  private known: Map<string, Sa>;
  private last: Promise<unknown> = Promise.resolve();

  constructor(sas: ReceiverSas, given: readonly Sa[], spis: Int32Array) {
    this.sas = sas;
    this.spis = spis;
    this.known = byName(given);
    this.note(given);
  }

  /**
   * Adds SAs that appear, replaces those that have changed, and removes those that are gone; one after the other.
   *
   * @throws what `ReceiverSas` throws; then nothing, or not all of it, was changed, and the next file is held against what there is
   */
  apply(wanted: readonly Sa[]): Promise<SaChanges> {
    const done = this.last.then(() => this.bring(wanted));
    this.last = done.catch(() => {});
    return done;
  }

  /** Resolves when all changes are made. */
  async idle(): Promise<void> {
    await this.last;
  }

  private async bring(wanted: readonly Sa[]): Promise<SaChanges> {
    const { known } = this;
    const names = byName(wanted);
    const changed = wanted.filter((sa) => known.has(nameOf(sa)) && !same(sa, known.get(nameOf(sa))!));
    // A group or queue cannot be replaced.
    const moved = changed.filter((sa) => !staysAt(sa, known.get(nameOf(sa))!));
    const replaced = changed.filter((sa) => staysAt(sa, known.get(nameOf(sa))!));
    const gone = [...known.values()].filter((sa) => !names.has(nameOf(sa)));
    const added = wanted.filter((sa) => !known.has(nameOf(sa)));
    const add = (some: readonly Sa[]): Promise<void> => this.put(some, (sas) => this.sas.add(sas));
    // The new SA of a rekey has packets while the old one is on its way out.
    const isRoom = added.length <= this.sas.capacity - this.sas.size;
    if (isRoom) await add(added);
    await this.remove([...gone, ...moved]);
    for (let from = 0; from < replaced.length; ) {
      // The old ones count until they are gone.
      const some = replaced.slice(from, from + Math.max(1, this.sas.capacity - this.sas.size));
      await this.put(some, (sas) => this.sas.replace(sas));
      from += some.length;
    }
    await add(isRoom ? moved : [...added, ...moved]);
    return { added: added.length, replaced: changed.length, removed: gone.length };
  }

  private async remove(sas: readonly Sa[]): Promise<void> {
    if (sas.length === 0) return;
    const removing = this.sas.remove(sas);
    for (const sa of sas) this.known.delete(nameOf(sa));
    await removing;
  }

  /** Adds or replaces SAs. Their SPIs are noted before any of their packets is pushed: they are there when the call returns. */
  private async put(sas: readonly Sa[], change: (sas: readonly Sa[]) => Promise<unknown>): Promise<void> {
    if (sas.length === 0) return;
    const before = sas.map((sa) => this.sas.get(sa)?.id);
    const done = change(sas);
    this.note(sas.filter((sa, i) => this.sas.get(sa)?.id !== before[i]));
    await done;
  }

  private note(sas: readonly Sa[]): void {
    for (const sa of sas) {
      this.spis[this.sas.get(sa)!.id - 1] = sa.spi;
      this.known.set(nameOf(sa), sa);
    }
  }
}

function nameOf({ proto, dst, spi }: Sa): string {
  return `${proto} ${dst} ${spi}`;
}

function byName(sas: readonly Sa[]): Map<string, Sa> {
  return new Map(sas.map((sa) => [nameOf(sa), sa]));
}

function same(a: Sa, b: Sa): boolean {
  return JSON.stringify(exportSas([a])) === JSON.stringify(exportSas([b]));
}

function staysAt(a: Sa, b: Sa): boolean {
  return a.group === b.group && a.queue === b.queue;
}
