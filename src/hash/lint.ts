/**
 * What is wrong with a key, found by linear algebra rather than by statistics: for what steering it shall do, which hashes,
 * table indices and queues can there be at all?
 */
import { checkInteger } from '../errors.ts';
import type { FlowFields, Xfrm } from './fields.ts';
import { rank } from './gf2.ts';
import { type FieldMap, keyMap, keyWindow, type TypeMap } from './key-map.ts';
import { checkKey, microsoftKey, symmetricKey } from './keys.ts';

/** `error`: queues or fields do nothing. `warning`: it will disappoint. `note`: good to know. */
export type Severity = 'error' | 'warning' | 'note';

export type FindingId =
  | 'periodic'
  | 'short'
  | 'low-rank'
  | 'idle-field'
  | 'blind-spi'
  | 'spi-unhashed'
  | 'consecutive'
  | 'symmetric'
  | 'public';

export interface KeyFinding {
  id: FindingId;
  severity: Severity;
  /** A sentence or two for people; its text is not stable. */
  says: string;
  /** Flow types that it is about; empty when it is about the key as such. */
  types: string[];
  /** The field that it is about, as {@link FieldMap} names it. */
  field?: string;
  /** What was measured. */
  numbers: Record<string, number>;
}

export interface LintOptions {
  /** Letters at flow types; defaults as for hashing. */
  fields?: FlowFields;
  xfrm?: Xfrm;
  /** The indirection table: queues at their indices. Default: 128 entries, equal over `queues`. */
  entries?: ArrayLike<number>;
  /** Default 4; only without `entries`. */
  queues?: number;
}

/** Rank of an SPI's 32 bits from which on two SPIs that hash the same are coincidence. A random key has 28 or more. */
const SPI_RANK = 24;

const ORDER: Record<Severity, number> = { error: 0, warning: 1, note: 2 };

/**
 * Findings about a key, the worst first. Of keys that are drawn at random two thirds have `consecutive` at one field or another, and
 * nothing else.
 *
 * @param key 16 to 64 bytes, most significant first
 * @throws RxSteerError `ERR_RXSTEER_KEY`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_OPTION`
 */
export function lintKey(key: Uint8Array, options: LintOptions = {}): KeyFinding[] {
  checkKey(key);
  const { fields, xfrm } = options;
  const queues = checkInteger('queues', options.queues ?? 4, 1, 0xffff);
  const entries = options.entries ?? Array.from({ length: 128 }, (_, i) => i % queues);
  checkInteger('entries', entries.length, 1, 0xffff);
  const table = new Table(entries);
  const findings = [...periodic(key), ...publicKey(key), ...symmetric(key, xfrm)];
  for (const map of keyMap(key, { fields, xfrm })) {
    const { type } = map;
    // hardly anyone hashes the SPI of AH, and nobody who does not ask for it wants to hear of that
    const asked = !type.startsWith('ah') || [type, 'ah'].some((name) => Object.hasOwn(fields ?? {}, name));
    findings.push(...lintType(key, map, table).filter(({ id }) => asked || id !== 'spi-unhashed'));
  }
  return merged(findings).sort((a, b) => ORDER[a.severity] - ORDER[b.severity]);
}

/** The bits of a hash that choose an index, and what follows from their span. */
class Table {
  readonly mask: number;
  /** Bits of the index: what a key can do at best. */
  readonly bits: number;
  readonly size: number;
  readonly queues: number;
  private readonly entries: ArrayLike<number>;

  constructor(entries: ArrayLike<number>) {
    this.entries = entries;
    this.size = entries.length;
    // a remainder depends on the whole hash
    this.mask = (this.size & (this.size - 1)) === 0 ? this.size - 1 : -1;
    this.bits = Math.ceil(Math.log2(this.size));
    this.queues = new Set(Array.from(entries)).size;
  }

  rank(columns: readonly number[]): number {
    return rank(columns.map((column) => column & this.mask));
  }

  /** How many indices and queues the sums of columns reach. */
  reach(columns: readonly number[]): { indices: number; queues: number } {
    let sums = new Set([0]);
    for (const column of columns) {
      const word = column & this.mask;
      if (!sums.has(word)) sums = new Set([...sums, ...[...sums].map((sum) => sum ^ word)]);
    }
    const indices = new Set([...sums].map((sum) => (this.mask === -1 ? (sum >>> 0) % this.size : sum)));
    return { indices: indices.size, queues: new Set([...indices].map((index) => this.entries[index])).size };
  }
}

function lintType(key: Uint8Array, map: TypeMap, table: Table): KeyFinding[] {
  const found: KeyFinding[] = [];
  const { type, inputBytes, fields } = map;
  const add: Add = (id, severity, says, numbers, field) => {
    found.push({ id, severity, says, types: [type], ...(field === undefined ? {} : { field }), numbers });
  };
  const idle = (field: FieldMap): boolean => table.rank([...field.columns]) === 0;
  if (inputBytes + 4 > key.length) {
    add(
      'short',
      'warning',
      `The key has ${key.length} bytes, and ${inputBytes} bytes of input need ${inputBytes + 4}: the last bits of the input move few bits of the hash, or none.`,
      { keyBytes: key.length, inputBytes, needs: inputBytes + 4 },
    );
  }
  const columns = fields.flatMap((field) => [...field.columns]);
  const all = table.rank(columns);
  if (all < table.bits) {
    const { indices, queues } = table.reach(columns);
    const starved = table.queues - queues;
    add(
      'low-rank',
      starved > 0 ? 'error' : 'warning',
      `Whatever the packets, only ${indices} of the ${table.size} table entries can be hit${starved > 0 ? `, and ${starved} of ${table.queues} queues get nothing` : ''}.`,
      { rank: all, indexBits: table.bits, indices, tableSize: table.size, queues, ofQueues: table.queues },
    );
  }
  for (const field of fields) {
    if (table.bits > 0 && idle(field)) {
      const says = `The field ${field.name} is hashed and moves no bit of the table index.`;
      add('idle-field', 'error', says, { inputBits: field.columns.length }, field.name);
    }
  }
  const alive = fields.filter((field) => !idle(field));
  for (const field of alive) if (/^(sport|dport|spi|spi-low)$/.test(field.name)) consecutive(field, table, add);
  if (/^(esp|ah|natt)/.test(type)) lintSpi(fields, alive, add);
  return found;
}

type Add = (id: FindingId, severity: Severity, says: string, numbers: KeyFinding['numbers'], field?: string) => void;

function lintSpi(fields: readonly FieldMap[], alive: readonly FieldMap[], add: Add): void {
  if (!fields.some(({ name }) => name.startsWith('spi'))) {
    add(
      'spi-unhashed',
      'warning',
      'The SPI is not hashed: all SAs of a pair of addresses share one queue. Hash it with the letters f n.',
      {},
    );
  }
  const spi = alive.find(({ name }) => name === 'spi');
  if (spi === undefined) return;
  const { columns } = spi;
  const numbers = { rank: rank(columns), spiBits: 32 };
  if (columns.every((column, i) => i >= 16 || column === columns[i + 16])) {
    add(
      'blind-spi',
      'error',
      `Of an SPI only the XOR of its halves is seen: SPIs k * 0x00010001 all share one queue, and an SPI with equal halves counts for nothing. Of 2^32 SPIs 2^${numbers.rank} can be told apart.`,
      numbers,
    );
  } else if (numbers.rank < SPI_RANK) {
    add('blind-spi', 'warning', `Of 2^32 SPIs only 2^${numbers.rank} can be told apart by their hash.`, numbers);
  }
}

/**
 * Values that are given out one after another differ in their low bits alone. A run as long as the table that misses queues
 * is a warning, one of twice the queues a note.
 */
function consecutive(field: FieldMap, table: Table, add: Add): void {
  const runs: [number, Severity][] = [
    [table.bits, 'warning'],
    [Math.min(table.bits, Math.ceil(Math.log2(2 * table.queues))), 'note'],
  ];
  for (const [bits, severity] of runs) {
    if (bits > field.columns.length) continue;
    const low = [...field.columns.subarray(0, bits)];
    const { indices, queues } = table.reach(low);
    // behind a remainder the values scatter as if thrown: that some queues are missed is no fault of the key
    if (queues === table.queues || (table.mask === -1 && table.rank(low) === bits)) continue;
    add(
      'consecutive',
      severity,
      `${1 << bits} consecutive values of ${field.name} (from a multiple of ${1 << bits} on) reach only ${queues} of ${table.queues} queues from one sender; choose values with \`key place\`, or a key with \`key generate --spread\`.`,
      { run: 1 << bits, rank: table.rank(low), indices, queues, ofQueues: table.queues },
      field.name,
    );
    return;
  }
}

function periodic(key: Uint8Array): KeyFinding[] {
  const bits = key.length * 8;
  const bit = (i: number): number => (key[i >> 3] >> (7 - (i & 7))) & 1;
  let period = 1;
  // half the key at least must repeat
  for (; period <= bits / 2; period++) {
    let i = period;
    while (i < bits && bit(i) === bit(i - period)) i++;
    if (i === bits) break;
  }
  if (period > bits / 2) return [];
  const few = period < 32 ? ` There are at most 2^${period} = ${2 ** period} different hashes.` : '';
  return [
    {
      id: 'periodic',
      severity: 'warning',
      says: `${PERIODS[period] ?? `The key repeats every ${period} bits: bits of the input that far apart are the same to it.`}${few}`,
      types: [],
      numbers: { period, ...(period < 32 ? { hashes: 2 ** period } : {}) },
    },
  ];
}

/** What the periods mean that keys are known to have. */
const PERIODS: Record<number, string> = {
  1: 'All bits of the key are the same.',
  16: 'The key repeats every 16 bits: the hash sees only the XOR of the 16-bit words of the input, and its upper half equals its lower half.',
};

function publicKey(key: Uint8Array): KeyFinding[] {
  const known = [microsoftKey(), symmetricKey(64)].some(
    (other) => other.length >= key.length && key.every((byte, i) => byte === other[i]),
  );
  if (!known) return [];
  return [
    {
      id: 'public',
      severity: 'note',
      says: 'Everyone knows this key, so a stranger can compute flows that all land on one queue; facing strangers, take a random one.',
      types: [],
      numbers: {},
    },
  ];
}

/** Whether both directions of every flow hash the same, ports included: by the key, or by xfrm. */
function symmetric(key: Uint8Array, xfrm: Xfrm = 'none'): KeyFinding[] {
  const types = [
    { family: '4', size: 32 },
    { family: '6', size: 128 },
  ].filter(({ size }) => xfrm !== 'none' || (sameWindows(key, 0, size) && sameWindows(key, 2 * size, 16)));
  if (types.length === 0) return [];
  return [
    {
      id: 'symmetric',
      severity: 'note',
      says: 'Both directions of a TCP or UDP flow land on one queue. It buys nothing for ESP and AH: each direction has an SPI of its own.',
      types: types.flatMap(({ family }) => ['tcp', 'udp'].map((name) => `${name}${family}`)),
      numbers: {},
    },
  ];
}

/** Whether two neighbouring fields of `size` bits from bit `at` on do the same to the hash. */
function sameWindows(key: Uint8Array, at: number, size: number): boolean {
  for (let i = at; i < at + size; i++) if (keyWindow(key, i) !== keyWindow(key, i + size)) return false;
  return true;
}

/** Findings that say the same of several flow types, as one. */
function merged(findings: readonly KeyFinding[]): KeyFinding[] {
  const byText = new Map<string, KeyFinding>();
  for (const finding of findings) {
    const same = byText.get(`${finding.id} ${finding.severity} ${finding.says}`);
    if (same === undefined) byText.set(`${finding.id} ${finding.severity} ${finding.says}`, { ...finding });
    else same.types = [...same.types, ...finding.types];
  }
  return [...byText.values()];
}
