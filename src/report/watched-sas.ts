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
    const names = byName(wanted);
    const changed = wanted.filter((sa) => this.known.has(nameOf(sa)) && !same(sa, this.known.get(nameOf(sa))!));
    // A group or queue cannot be replaced.
    const moved = changed.filter((sa) => !staysAt(sa, this.known.get(nameOf(sa))!));
    const replaced = changed.filter((sa) => !moved.includes(sa));
    const gone = [...this.known.values()].filter((sa) => !names.has(nameOf(sa)));
    const added = wanted.filter((sa) => !this.known.has(nameOf(sa)));
    const removing = this.removal([...gone, ...moved]);
    const rest = [this.replacement(replaced), this.addition([...added, ...moved])];
    for (const result of await Promise.allSettled([removing, ...rest])) {
      if (result.status === 'rejected') throw result.reason;
    }
    return { added: added.length, replaced: changed.length, removed: gone.length };
  }

  private async removal(sas: readonly Sa[]): Promise<void> {
    if (sas.length === 0) return;
    const removing = this.sas.remove(sas);
    for (const sa of sas) this.known.delete(nameOf(sa));
    await removing;
  }

  private async replacement(sas: readonly Sa[]): Promise<void> {
    if (sas.length === 0) return;
    const replacing = this.sas.replace(sas);
    this.note(sas);
    await replacing;
  }

  private async addition(sas: readonly Sa[]): Promise<void> {
    if (sas.length === 0) return;
    const adding = this.sas.add(sas);
    this.note(sas);
    await adding;
  }

  /** They are there from now on, before any packet of theirs is. */
  private note(sas: readonly Sa[]): void {
    for (const sa of sas) {
      const now = this.sas.get(sa);
      if (now === undefined) continue;
      this.spis[now.id - 1] = sa.spi;
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
