import { checkInteger, optionError, RxSteerError } from '../errors.ts';
import { createSas, type Sa, type SaConfig, type SaKey, saKey, withPlace } from '../esp/index.ts';
import type { SaRetirement } from './sa-retirement.ts';
import type { SaStats } from './sa-stats.ts';
import { type SaEntry, type SaStore, saName, saText } from './sa-store.ts';

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
  private readonly queues: number;
  /** Throws when nothing can be changed any more. */
  private readonly check: () => void;

  /** @hidden */
  constructor(store: SaStore, retirement: SaRetirement, queues: number, check: () => void) {
    this.store = store;
    this.retirement = retirement;
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
   * @returns what `batch.sa(i)` calls each of them, when every lane knows them
   * @throws RxSteerError `ERR_RXSTEER_SA`, `ERR_RXSTEER_SA_DUPLICATE`, `ERR_RXSTEER_SA_CAPACITY`, `ERR_RXSTEER_CRYPTO`,
   * `ERR_RXSTEER_OPTION` (a queue that is not there), `ERR_RXSTEER_CLOSED`; then none was added
   */
  async add(sas: readonly (SaConfig | Sa)[]): Promise<number[]> {
    const made = this.made(sas);
    made.forEach((sa, i) => {
      if (this.store.get(saName(sa)) === undefined) return;
      throw new RxSteerError(
        'ERR_RXSTEER_SA_DUPLICATE',
        `sas[${i}] (${saText(sa)}): there is such an SA; replace it when it is a change of that one`,
      );
    });
    this.store.checkRoom(made);
    for (const sa of made) this.store.choose(sa);
    return made.map((sa) => this.store.add(sa).slot + 1);
  }

  /**
   * Gives SAs other keys, or whatever else, under the same destination and SPI. Packets that are pushed from now on are opened with
   * the new ones, those before with the old ones, in their order; at no moment the SPI is unknown. Replay window and counters
   * start anew. An SA stays in its `group` and at its `queue`, which need not be said again.
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
    for (const sa of made) this.store.choose(sa);
    return this.retirement.retire(made.map((sa) => this.store.replace(sa)));
  }

  /**
   * Removes SAs. Packets of theirs that are pushed from now on are `unknown-spi`; those before are opened and delivered.
   *
   * @param keys destination and SPI of each; SAs, their descriptions and their statistics will do
   * @returns their last statistics, when all their packets are delivered and no lane has anything of them
   * @throws RxSteerError `ERR_RXSTEER_SA_NOT_FOUND`, `ERR_RXSTEER_SA` (no key), `ERR_RXSTEER_CLOSED`; then none was removed
   */
  async remove(keys: readonly SaKey[]): Promise<SaStats[]> {
    this.check();
    if (!Array.isArray(keys)) throw optionError('remove', 'a list of destinations and SPIs', keys);
    const found = new Set<SaEntry>();
    keys.forEach((key, i) => {
      const entry = this.find(saKey(key, `keys[${i}]`), `keys[${i}]`);
      if (found.has(entry)) throw notFound(entry.sa, `keys[${i}]`, ' any more: it is named before');
      found.add(entry);
    });
    for (const entry of found) this.store.remove(entry);
    return this.retirement.retire([...found]);
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
