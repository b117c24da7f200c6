import { RxSteerError } from '../errors.ts';
import {
  type CryptoChoice,
  type CryptoName,
  chooseCrypto,
  copySas,
  F_BASE,
  F_GATE,
  F_SELECTORS,
  FACTS_SHIFT,
  formatSpi,
  gateOf,
  LifeClock,
  type LifeThresholds,
  restoreSa,
  type Sa,
  type SaCopy,
  type SaCounts,
  SaLifeState,
  SaRecords,
  type SaSnapshotEntry,
  SaState,
  SaTable,
  SelectorRoom,
  TOLD_HARD,
  TOLD_SOFT,
  transformName,
  WindowRoom,
} from '../esp/index.ts';
import type { ControlPlaces } from '../lane/config.ts';
import { SaReporter } from '../lane/sa-reporter.ts';
import type { SaStats } from './sa-stats.ts';
import { SaUnits } from './sa-units.ts';

/** An SA that packets are opened with, or were: its slot, and its order group. */
export interface SaEntry {
  readonly sa: Sa;
  readonly slot: number;
  readonly unit: number;
  readonly choice: CryptoChoice;
}

/** Counters as `FormerSas` has them, to be added to. */
type FormerCounts = SaCounts & { sas: number; failed: SaCounts['failed'] & { expired: number } };

/** What an SA is called by. */
export function saName({ proto, dst, spi }: Pick<Sa, 'proto' | 'dst' | 'spi'>): string {
  return `${proto} ${dst} ${spi}`;
}

/** Where an SA goes on: what a snapshot says of it, and how many numbers above that count as seen. */
export interface RestoredSa {
  readonly entry: SaSnapshotEntry;
  readonly jump: number;
}

export interface SaStoreParts {
  readonly buffer: ArrayBufferLike;
  readonly places: ControlPlaces;
  readonly maxSas: number;
  readonly maxSelectors: number;
  readonly records: SharedArrayBuffer;
  readonly crypto: CryptoName | undefined;
  readonly deterministic: boolean;
  /** From where on SAs are told of. */
  readonly events: LifeThresholds;
}

/**
 * The SA database of a receiver, in the thread of its dispatcher, which alone changes it. What packets need of it lies in shared memory:
 *
 *     SaTable: (destination, SPI) -> slot      SaRecords: slot -> transform and keys      SaState: slot -> facts, window, counters
 *     SaLifeState: slot -> limits, and how far they are used up
 *     units: slot -> order group               owners: order group -> lane
 *
 * An SA is written to a slot first and published in the table last. One that goes is taken out of the table first; its slot is free
 * for another one only when no lane can have anything of it any more (`SaRetirement`).
 */
export class SaStore {
  readonly units: SaUnits;
  /** Sum of what SAs have done that are gone, and how many they were. */
  readonly former: FormerCounts = {
    sas: 0,
    packets: 0,
    opened: 0,
    dummy: 0,
    failed: { icv: 0, replay: 0, short: 0, padding: 0, expired: 0 },
    bytes: 0,
  };
  readonly capacity: number;
  private readonly crypto: CryptoName | undefined;
  private readonly entries: Map<string, SaEntry> = new Map();
  /** SAs that have limits by time, at their slots. */
  private readonly timed: Map<number, Sa> = new Map();
  private readonly table: SaTable;
  private readonly state: SaState;
  private readonly lives: SaLifeState;
  private readonly clock: LifeClock;
  private readonly events: LifeThresholds;
  private readonly records: SaRecords;
  private readonly unitOf: Int32Array;
  private readonly windows: WindowRoom;
  private readonly selectors: SelectorRoom;
  private readonly choices: Map<string, CryptoChoice> = new Map();
  private readonly freeSlots: number[] = [];
  private freshSlots = 0;
  private serial = 0;

  constructor({ buffer, places, maxSas, maxSelectors, records, crypto, deterministic, events }: SaStoreParts) {
    this.capacity = maxSas;
    this.crypto = crypto;
    this.table = SaTable.make(buffer, places.saTable, maxSas);
    this.state = new SaState(buffer, places.saState, maxSas);
    this.lives = new SaLifeState(buffer, places.saLife, maxSas);
    this.clock = new LifeClock(deterministic);
    this.events = events;
    this.records = new SaRecords(records);
    this.unitOf = new Int32Array(buffer, places.units, maxSas);
    this.units = new SaUnits(new Int32Array(buffer, places.owners, Math.max(1, maxSas)));
    this.windows = new WindowRoom(maxSas);
    this.selectors = new SelectorRoom(buffer, places.selectors, maxSelectors);
  }

  get size(): number {
    return this.entries.size;
  }

  values(): IterableIterator<SaEntry> {
    return this.entries.values();
  }

  get(name: string): SaEntry | undefined {
    return this.entries.get(name);
  }

  /**
   * Whether there is room for these SAs beside all others.
   *
   * @throws RxSteerError `ERR_RXSTEER_SA_CAPACITY`
   */
  checkRoom(sas: readonly Sa[]): void {
    const free = this.freeSlots.length + this.capacity - this.freshSlots;
    if (sas.length > free) {
      throw new RxSteerError(
        'ERR_RXSTEER_SA_CAPACITY',
        `sas: expected at most ${free} more (esp.maxSas: ${this.capacity}; one that is removed or replaced counts until that is done), got ${sas.length}`,
      );
    }
    const selectors = sas.reduce((sum, sa) => sum + SelectorRoom.count(sa.selectors), 0);
    if (selectors > this.selectors.left) {
      throw new RxSteerError(
        'ERR_RXSTEER_SA_CAPACITY',
        `sas: expected at most ${this.selectors.left} more selectors (twice esp.maxSas, and those of the first SAs), got ${selectors}`,
      );
    }
  }

  /**
   * Adds an SA that is not there, and for which `choose` has been called; packets find it from now on. There must be room.
   *
   * @param from where it goes on
   */
  add(sa: Sa, from?: RestoredSa): SaEntry {
    const entry = this.write(sa, this.units.join(sa));
    if (from !== undefined) restoreSa(this.state, this.lives, this.clock, entry.slot, from.entry, from.jump);
    this.table.insert(sa, entry.slot);
    this.entries.set(saName(sa), entry);
    return entry;
  }

  /** Puts an SA in the place of the one with its name, which is returned: packets find the new one from now on. */
  replace(sa: Sa): SaEntry {
    const before = this.entries.get(saName(sa))!;
    this.units.stay(before.unit);
    const entry = this.write(sa, before.unit);
    this.table.move(sa, entry.slot);
    this.entries.set(saName(sa), entry);
    return before;
  }

  /** Takes an SA out: packets do not find it any more. */
  remove(entry: SaEntry): void {
    this.table.remove(entry.sa);
    this.entries.delete(saName(entry.sa));
  }

  /**
   * Gives up what an SA had that is neither found nor used by anybody any more.
   *
   * @returns its last statistics, and whether its order group has gone with it
   */
  free(entry: SaEntry): { readonly stats: SaStats; readonly unitGone: boolean } {
    const { slot, sa } = entry;
    const stats = this.stats(entry);
    const { facts } = this.state;
    this.windows.give(sa.replayWindow, facts[(slot << FACTS_SHIFT) + F_BASE]);
    this.selectors.give(facts[(slot << FACTS_SHIFT) + F_SELECTORS]);
    this.records.wipe(slot);
    this.timed.delete(slot);
    this.freeSlots.push(slot);
    this.sumUp(this.state.counts(slot), this.lives.refused(slot));
    return { stats, unitGone: this.units.leave(entry.unit) };
  }

  /** Copies the state of SAs that no lane uses. */
  copy(slots: readonly number[]): SaCopy {
    return copySas(this.state, this.lives, Int32Array.from(slots));
  }

  stats({ sa, slot, choice }: SaEntry): SaStats {
    const { bytes: _, failed, ...counts } = this.state.counts(slot);
    return {
      id: slot + 1,
      spi: sa.spi,
      proto: sa.proto,
      src: sa.src,
      dst: sa.dst,
      transform: transformName(sa),
      crypto: choice.backend,
      mode: sa.mode,
      natt: sa.encap === 'udp',
      trustIcv: sa.trustIcv,
      ...(sa.queue === undefined ? {} : { queue: sa.queue }),
      ...(sa.group === undefined ? {} : { group: sa.group }),
      ...counts,
      failed: { ...failed, expired: this.lives.refused(slot) },
      life: this.lives.stage(slot),
    };
  }

  /** What opens the SAs that there are. */
  inUse(): CryptoChoice[] {
    const used = new Map<string, CryptoChoice>();
    for (const { choice } of this.entries.values()) used.set(`${choice.transform} ${choice.bursts}`, choice);
    return [...used.values()];
  }

  /** Starts all replay windows and lives again; no lane may be working. */
  restartWindows(): void {
    for (const { sa, slot } of this.entries.values()) {
      this.state.restartWindow(slot, sa.initialSeq);
      this.lives.restart(slot, this.clock.start);
    }
  }

  /** SAs that have reached a limit by time of which nobody has told yet; it is told now. */
  expire(): { readonly slot: number; readonly isHard: boolean }[] {
    const { lives } = this;
    const told: { slot: number; isHard: boolean }[] = [];
    this.clock.tick();
    for (const slot of this.timed.keys()) {
      const reached = lives.reached(slot, this.clock.now);
      for (const flag of [TOLD_SOFT, TOLD_HARD]) {
        if ((reached & flag) !== 0 && lives.tell(slot, flag)) told.push({ slot, isHard: flag === TOLD_HARD });
      }
    }
    return told;
  }

  /** What tells of those. */
  reporter(perSecond: number): SaReporter {
    const { state, lives: life, clock } = this;
    return new SaReporter({ sas: { at: (slot) => this.timed.get(slot) }, state, life, clock, perSecond });
  }

  /** Zeroes all keys; no lane may be working. */
  wipe(): void {
    for (let slot = 0; slot < this.freshSlots; slot++) this.records.wipe(slot);
  }

  /**
   * Finds out what opens SAs, in any thread, before they are added: the same for all with one transform.
   *
   * @throws RxSteerError `ERR_RXSTEER_CRYPTO`
   */
  choose(sas: readonly Sa[]): void {
    const missing = new Map<string, Sa>();
    for (const sa of sas) if (!this.choices.has(kindOf(sa))) missing.set(kindOf(sa), sa);
    if (missing.size === 0) return;
    const choices = chooseCrypto([...missing.values()], this.crypto);
    [...missing.keys()].forEach((kind, i) => {
      this.choices.set(kind, choices[i]);
    });
  }

  private write(sa: Sa, unit: number): SaEntry {
    const choice = this.choices.get(kindOf(sa))!;
    const slot = this.freeSlots.pop() ?? this.freshSlots++;
    this.serial = (this.serial + 1) | 0 || 1;
    this.state.start(slot, sa, this.windows.take(sa.replayWindow), this.serial);
    this.state.facts[(slot << FACTS_SHIFT) + F_SELECTORS] = this.selectors.put(sa.selectors);
    this.state.facts[(slot << FACTS_SHIFT) + F_GATE] = gateOf(sa, this.events) | 0;
    this.lives.begin(slot, sa.limits, this.clock.start);
    if (this.lives.isTimed(slot)) this.timed.set(slot, sa);
    this.records.write(slot, sa);
    this.unitOf[slot] = unit;
    return { sa, slot, unit, choice };
  }

  private sumUp({ packets, opened, dummy, failed, bytes }: SaCounts, expired: number): void {
    const { former } = this;
    former.sas++;
    former.packets += packets;
    former.opened += opened;
    former.dummy += dummy;
    former.bytes += bytes;
    former.failed.icv += failed.icv;
    former.failed.replay += failed.replay;
    former.failed.short += failed.short;
    former.failed.padding += failed.padding;
    former.failed.expired += expired;
  }
}

/** What decides which backend opens an SA's packets. */
function kindOf(sa: Sa): string {
  return `${sa.proto} ${sa.transform.name} ${sa.esn}`;
}

/** What an error calls an SA. */
export function saText({ dst, spi }: Pick<Sa, 'dst' | 'spi'>): string {
  return `SPI ${formatSpi(spi)}, destination ${dst}`;
}
