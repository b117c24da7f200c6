/**
 * The state of SAs as data, to go on with in another process: `rxsteer.sa-state/1`. It holds no keys unless they were asked for, and
 * nothing of how things lie in memory.
 */
import { RxSteerError } from '../../errors.ts';
import { parseAddress } from '../../wire/address.ts';
import { formatSpi, type SaConfig, type SaProto } from '../sa.ts';
import { isObject, shownName, shownSafely } from '../sa-entry.ts';
import { parseSequence } from '../sequence.ts';
import { digitsOf } from './window-bits.ts';

export const SA_STATE_SCHEMA = 'rxsteer.sa-state/1';

/** Counters of an SA, as `stats().sas[]` has them; `bytes`: payload of the opened. */
export interface SaSnapshotCounters {
  readonly packets: number;
  readonly opened: number;
  readonly dummy: number;
  readonly icv: number;
  readonly replay: number;
  readonly short: number;
  readonly padding: number;
  readonly expired: number;
  readonly bytes: number;
}

const COUNTERS = ['packets', 'opened', 'dummy', 'icv', 'replay', 'short', 'padding', 'expired', 'bytes'] as const;

/** The state of one SA. */
export interface SaSnapshotEntry {
  /** `0x` and eight hex digits. */
  readonly spi: string;
  readonly proto: SaProto;
  readonly dst: string;
  readonly esn: boolean;
  readonly replayWindow: number;
  /** The highest authenticated number: `0x` and hex digits. */
  readonly top: string;
  /** A bit for each number of the window, the top first, 1: seen; hexadecimal. */
  readonly seen: string;
  readonly counters: SaSnapshotCounters;
  /** What limits count. `since`: milliseconds since 1970; absent: no packet has begun it. `isOver`: a hard limit is reached. */
  readonly life: {
    readonly packets: number;
    readonly bytes: number;
    readonly since?: number;
    readonly isOver: boolean;
  };
  /** Where its authentic packets came from. */
  readonly peer?: { readonly address: string; readonly port: number };
  /** Its description with its keys, where they were asked for. */
  readonly config?: SaConfig;
}

/** What `rx.sas.snapshot()` gives. */
export interface SaSnapshot {
  readonly schema: typeof SA_STATE_SCHEMA;
  /** When it was taken, in milliseconds since 1970. */
  readonly time: number;
  readonly sas: readonly SaSnapshotEntry[];
}

const PROPERTIES = ['spi', 'proto', 'dst', 'esn', 'replayWindow', 'top', 'seen', 'counters', 'life', 'peer', 'config'];

const stateError = (text: string): RxSteerError => new RxSteerError('ERR_RXSTEER_SA_STATE', text);

/**
 * Checks what claims to be a snapshot, such as one that came from a file or from another process.
 *
 * @throws RxSteerError `ERR_RXSTEER_SA_STATE`
 */
export function checkSnapshot(value: unknown, name = 'snapshot'): SaSnapshot {
  if (!isObject(value)) throw stateError(`${name}: expected an object, got ${shownSafely(value)}`);
  if (value.schema !== SA_STATE_SCHEMA)
    throw stateError(`${name}.schema: expected "${SA_STATE_SCHEMA}", got ${shownSafely(value.schema)}`);
  if (!Array.isArray(value.sas)) throw stateError(`${name}.sas: expected an array, got ${shownSafely(value.sas)}`);
  value.sas.forEach((record, i) => {
    checkEntry(record, `${name}.sas[${i}]`);
  });
  return value as unknown as SaSnapshot;
}

function checkEntry(record: unknown, where: string): void {
  if (!isObject(record)) throw stateError(`${where}: expected an object, got ${shownSafely(record)}`);
  const check = (property: string, isRight: boolean, expected: string, got: unknown): void => {
    if (!isRight) throw stateError(`${where}.${property}: expected ${expected}, got ${shownSafely(got)}`);
  };
  for (const name of Object.keys(record))
    if (!PROPERTIES.includes(name)) throw stateError(`${where}: unknown property ${shownName(name)}`);
  const { spi, proto, dst, esn, replayWindow, top, seen, counters, life, peer } = record;
  check('spi', typeof spi === 'string' && /^0x[0-9a-f]{8}$/.test(spi), '"0x" and eight hex digits', spi);
  check('proto', proto === 'esp' || proto === 'ah', '"esp" or "ah"', proto);
  check('dst', typeof dst === 'string', 'an address or "*"', dst);
  check('esn', typeof esn === 'boolean', 'true or false', esn);
  check('replayWindow', isCount(replayWindow, 8192) && replayWindow >= 32, 'an integer from 32 to 8192', replayWindow);
  const number = typeof top === 'string' ? parseSequence(top) : undefined;
  check(
    'top',
    number !== undefined && (esn === true || number <= 0xffffffffn),
    'a sequence number in hexadecimal',
    top,
  );
  const digits = digitsOf(replayWindow as number);
  check(
    'seen',
    typeof seen === 'string' && /^[0-9a-f]*$/.test(seen) && seen.length === digits,
    `${digits} hex digits`,
    seen,
  );
  check('counters', isObject(counters), 'an object', counters);
  for (const name of COUNTERS) {
    const count = (counters as Record<string, unknown>)[name];
    check(`counters.${name}`, isCount(count), 'a count', count);
  }
  check('life', isObject(life), 'an object', life);
  const { packets, bytes, since, isOver } = life as Record<string, unknown>;
  check('life.packets', isCount(packets), 'a count', packets);
  check('life.bytes', isCount(bytes), 'a count', bytes);
  check(
    'life.since',
    since === undefined || (typeof since === 'number' && Number.isFinite(since)),
    'milliseconds',
    since,
  );
  check('life.isOver', typeof isOver === 'boolean', 'true or false', isOver);
  if (peer === undefined) return;
  check('peer', isObject(peer), 'an object', peer);
  const { address, port } = peer as Record<string, unknown>;
  check('peer.address', isAddress(address), 'an address', address);
  check('peer.port', isCount(port, 65535), 'a port', port);
}

function isCount(value: unknown, most: number = Number.MAX_SAFE_INTEGER): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
}

function isAddress(value: unknown): boolean {
  try {
    return typeof value === 'string' && parseAddress(value).length > 0;
  } catch {
    return false;
  }
}

/** What a record must have in common with the SA that goes on with it. */
export interface Restored {
  readonly spi: number;
  readonly proto: SaProto;
  readonly dst: string;
  readonly esn: boolean;
  readonly replayWindow: number;
}

/**
 * The records of SAs, in their order.
 *
 * @param isWhole a record without SA is a mistake too
 * @throws RxSteerError `ERR_RXSTEER_SA_STATE`: an SA without record, a record without SA, another window or other numbers
 */
export function entriesFor(sas: readonly Restored[], snapshot: SaSnapshot, isWhole: boolean): SaSnapshotEntry[] {
  const left = new Map<string, SaSnapshotEntry>();
  snapshot.sas.forEach((record, i) => {
    const name = nameOf(record.proto, record.dst, record.spi);
    if (left.has(name))
      throw stateError(`snapshot.sas[${i}] (SPI ${record.spi}): there are two of destination ${record.dst}`);
    left.set(name, record);
  });
  const records = sas.map((sa, i) => {
    const spi = formatSpi(sa.spi);
    const where = `sas[${i}] (SPI ${spi})`;
    const record = left.get(nameOf(sa.proto, sa.dst, spi));
    if (record === undefined)
      throw stateError(`${where}: the snapshot has no such SA; what it has seen is not known, so it must not go on`);
    left.delete(nameOf(sa.proto, sa.dst, spi));
    for (const property of ['replayWindow', 'esn'] as const) {
      if (record[property] !== sa[property])
        throw stateError(`${where}.${property}: expected ${record[property]}, as in the snapshot, got ${sa[property]}`);
    }
    return record;
  });
  const [rest] = left.values();
  if (isWhole && rest !== undefined)
    throw stateError(`snapshot: SPI ${rest.spi}, destination ${rest.dst}: there is no such SA`);
  return records;
}

function nameOf(proto: SaProto, dst: string, spi: string): string {
  return `${proto} ${dst} ${spi}`;
}
