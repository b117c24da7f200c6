import { checkInteger, optionError, RxSteerError } from '../errors.ts';
import { createSas, type Sa, type SaConfig, type SaKey, type SaSnapshot, saKey, withPlace } from '../esp/index.ts';
import { type RestoreOptions, restoredSas } from './options.ts';
import type { SaRetirement } from './sa-retirement.ts';
import type { SaSnapshots } from './sa-snapshots.ts';
import type { SaStats } from './sa-stats.ts';
import { type SaEntry, type SaStore, saName, saText } from './sa-store.ts';

export interface ReceiverSasParts {
  readonly store: SaStore;
  readonly retirement: SaRetirement;
  readonly snapshots: SaSnapshots;
  readonly queues: number;
  /** Throws when nothing can be changed any more. */
  check(): void;
}

/** How SAs are removed. */
export interface RemoveOptions {
  /** Milliseconds for which they are used as before: the peer may still send by them. 0 (default) to 86,400,000. */
  readonly grace?: number;
}

/** What a snapshot holds, and how long it may take. */
export interface SnapshotOptions {
  /** With the description of each SA, keys and all: keep it as you keep keys. Default false. */
  readonly keys?: boolean;
  /** Milliseconds for lanes to answer in. Default: any. */
  readonly timeout?: number;
}

/**
 * The security associations of a receiver: `receiver.sas`. They can be added, replaced and removed while packets flow, which pauses
 * nothing. Each call changes all of its SAs or none.
 *
 * @example
 * ```ts
 * import { createReceiver } from 'rxsteer';
 *
 * const rx = await createReceiver({ inline: true, esp: { sas: [] }, consumer: { onPackets() {} } });
 * const transform = { aead: 'aes-gcm', key: '000102030405060708090a0b0c0d0e0f10111213' };
 * await rx.sas.add([{ spi: 0x1001, dst: '192.0.2.1', mode: 'tunnel', transform, group: 'peer-a' }]);
 * // A rekey: both are there for a while.
 * await rx.sas.add([{ spi: 0x1002, dst: '192.0.2.1', mode: 'tunnel', transform, group: 'peer-a' }]);
 * const [last] = await rx.sas.remove([{ spi: 0x1001, dst: '192.0.2.1' }]);
 * console.log(rx.sas.size, last.packets); // 1 0
 * await rx.close();
 * ```
 */
export class ReceiverSas implements Iterable<SaStats> {
  private readonly store: SaStore;
  private readonly retirement: SaRetirement;
  private readonly snapshots: SaSnapshots;
  private readonly queues: number;
  private readonly check: () => void;
  /** What ends the grace of SAs that are to be removed. */
  private readonly graces: Set<() => void> = new Set();

  /** @hidden */
  constructor({ store, retirement, snapshots, queues, check }: ReceiverSasParts) {
    this.store = store;
    this.retirement = retirement;
    this.snapshots = snapshots;
    this.queues = queues;
    this.check = check;
  }

  /** SAs that there are. */
  get size(): number {
    return this.store.size;
  }

  /** SAs at a time, at most: the option `esp.maxSas`. One that is removed or replaced counts until that is done. */
  get capacity(): number {
    return this.store.capacity;
  }

  /**
   * An SA and its counters; undefined: it is not there.
   *
   * @throws RxSteerError `ERR_RXSTEER_SA`: the key is none
   */
  get(key: SaKey): SaStats | undefined {
    const entry = this.store.get(saName(saKey(key, 'key')));
    return entry && this.store.stats(entry);
  }

  /** Whether there is such an SA. */
  has(key: SaKey): boolean {
    return this.store.get(saName(saKey(key, 'key'))) !== undefined;
  }

  /** All SAs with their counters. */
  *[Symbol.iterator](): Iterator<SaStats> {
    for (const entry of this.store.values()) yield this.store.stats(entry);
  }

  /**
   * Adds SAs. Packets that are pushed from now on are opened with them, in whatever lane. An SA with a `group` joins those of that
   * group; with a `queue` too, those of them that are pinned to that queue.
   *
   * @param options `restore`: where they go on, by a snapshot that has each of them
   * @returns what `batch.sa(i)` calls each of them, when every lane knows them
   * @throws RxSteerError `ERR_RXSTEER_SA`, `ERR_RXSTEER_SA_STATE`, `ERR_RXSTEER_SA_DUPLICATE`, `ERR_RXSTEER_SA_CAPACITY`, `ERR_RXSTEER_CRYPTO`,
   * `ERR_RXSTEER_OPTION` (a queue that is not there), `ERR_RXSTEER_CLOSED`; then none was added
   */
  async add(sas: readonly (SaConfig | Sa)[], { restore }: { restore?: RestoreOptions } = {}): Promise<number[]> {
    const made = this.made(sas);
    const from = restore && restoredSas('restore', restore, made, false);
    made.forEach((sa, i) => {
      if (this.store.get(saName(sa)) === undefined) return;
      throw new RxSteerError(
        'ERR_RXSTEER_SA_DUPLICATE',
        `sas[${i}] (${saText(sa)}): there is such an SA; replace it when it is a change of that one`,
      );
    });
    this.store.checkRoom(made);
    this.store.choose(made);
    return made.map((sa, i) => this.store.add(sa, from?.[i]).slot + 1);
  }

  /**
   * Gives SAs other keys, or whatever else, under the same destination and SPI. Packets that are pushed from now on are opened with
   * the new ones, those before with the old ones, in their order; at no moment the SPI is unknown. Replay window and counters
   * start anew. An SA stays in its `group` and at its `queue`, which need not be said again. ESP inside ESP is looked up when its outer
   * packet is opened. A batch that a consumer holds is waited for, so the consumer must not wait for this in its call.
   *
   * @returns the last statistics of the old ones, when all their packets are delivered and no lane has anything of them
   * @throws RxSteerError as `add`, and `ERR_RXSTEER_SA_NOT_FOUND`; then none was replaced
   */
  async replace(sas: readonly (SaConfig | Sa)[]): Promise<SaStats[]> {
    const made = this.made(sas).map((sa, i) => {
      const { group, queue } = this.find(sa, `sas[${i}]`).sa;
      for (const [name, now, before] of [
        ['group', sa.group, group],
        ['queue', sa.queue, queue],
      ] as const) {
        if (now === undefined || now === before) continue;
        throw new RxSteerError(
          'ERR_RXSTEER_SA',
          `sas[${i}].${name} (${saText(sa)}): expected ${before === undefined ? 'none' : 'that of the SA that is there'}; to change it, remove the SA and add it`,
        );
      }
      return withPlace(sa, group, queue);
    });
    this.store.checkRoom(made);
    this.store.choose(made);
    return this.retirement.retire(made.map((sa) => this.store.replace(sa)));
  }

  /**
   * Removes SAs. Packets of theirs that are pushed from now on are `unknown-spi`; those before are opened and delivered, but for ESP
   * inside ESP, which is looked up when its outer packet is opened. A batch that a consumer holds is waited for, so the consumer must
   * not wait for this in its call.
   *
   * @param keys destination and SPI of each; SAs, their descriptions and their statistics will do
   * @param options `grace`: for so long they stay as they are. Then those go that have not been removed or replaced meanwhile
   * @returns their last statistics, when all their packets are delivered and no lane has anything of them
   * @throws RxSteerError `ERR_RXSTEER_SA_NOT_FOUND`, `ERR_RXSTEER_SA` (no key), `ERR_RXSTEER_OPTION`, `ERR_RXSTEER_CLOSED`; then
   * none was removed
   */
  async remove(keys: readonly SaKey[], { grace = 0 }: RemoveOptions = {}): Promise<SaStats[]> {
    this.check();
    checkInteger('grace', grace, 0, 86_400_000);
    if (!Array.isArray(keys)) throw optionError('remove', 'a list of destinations and SPIs', keys);
    const found = new Set<SaEntry>();
    keys.forEach((key, i) => {
      const entry = this.find(saKey(key, `keys[${i}]`), `keys[${i}]`);
      if (found.has(entry)) throw notFound(entry.sa, `keys[${i}]`, ' any more: it is named before');
      found.add(entry);
    });
    if (grace > 0) await this.grace(grace);
    const left = [...found].filter((entry) => this.store.get(saName(entry.sa)) === entry);
    for (const entry of left) this.store.remove(entry);
    return this.retirement.retire(left);
  }

  /**
   * The state of all SAs (windows, counters, what of their lives is over, where their peers are), to go on with elsewhere. Each SA is as
   * it was between two packets, while packets flow; what is on the way to lanes is not in it. After `close` it is final.
   *
   * @returns an object that JSON can hold: see `docs/fail-over.md`
   * @throws RxSteerError `ERR_RXSTEER_TIMEOUT`
   */
  snapshot({ keys = false, timeout = Number.POSITIVE_INFINITY }: SnapshotOptions = {}): Promise<SaSnapshot> {
    return this.snapshots.take(keys, timeout);
  }

  /** @hidden The receiver ends: so does every grace. */
  end(): void {
    for (const over of this.graces) over();
  }

  /** Resolves after so many milliseconds, or when the receiver ends. */
  private grace(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        this.graces.delete(over);
        resolve();
      };
      const timer = setTimeout(over, ms);
      this.graces.add(over);
    });
  }

  private made(sas: readonly (SaConfig | Sa)[]): Sa[] {
    this.check();
    if (this.capacity === 0)
      throw optionError('esp', 'SAs, or an empty list of them, when the receiver is made', false);
    if (!Array.isArray(sas)) throw optionError('sas', 'a list of SAs', sas);
    const made = createSas(sas);
    made.forEach((sa, i) => {
      if (sa.queue !== undefined) checkInteger(`sas[${i}].queue`, sa.queue, 0, this.queues - 1);
    });
    return made;
  }

  private find(key: Pick<Sa, 'proto' | 'dst' | 'spi'>, where: string): SaEntry {
    const entry = this.store.get(saName(key));
    if (entry === undefined) throw notFound(key, where, '');
    return entry;
  }
}

function notFound(key: Pick<Sa, 'dst' | 'spi'>, where: string, more: string): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_SA_NOT_FOUND', `${where} (${saText(key)}): there is no such SA${more}`);
}
