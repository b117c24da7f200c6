/** What `rxsteer key` prints for people. */
import type { TypeMap } from '../hash/key-map.ts';
import type { KeyFinding } from '../hash/lint.ts';
import type { Placeable, PlaceResult } from '../hash/place.ts';

export function hex32(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
}

/** A key as `ethtool -x` prints it and `ethtool -X .. hkey` takes it. */
export function keyText(key: Uint8Array): string {
  return Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

export function findingsText(findings: readonly KeyFinding[]): string {
  if (findings.length === 0) return 'nothing found\n';
  return findings
    .map(
      ({ severity, id, types, says }) => `${`${severity.padEnd(8)} ${id}  ${types.join(' ')}`.trimEnd()}\n  ${says}\n`,
    )
    .join('');
}

/** For each bit of the index, the bits of each field that flip it, as masks. */
export function mapText(map: TypeMap, indexBits: number): string {
  const masks = map.fields.map(({ columns }) =>
    Array.from({ length: indexBits }, (_, bit) => {
      let mask = 0n;
      columns.forEach((column, i) => {
        if (((column >>> bit) & 1) === 1) mask |= 1n << BigInt(i);
      });
      return `0x${mask.toString(16).padStart(columns.length / 4, '0')}`;
    }),
  );
  const rows = [
    [map.type, ...map.fields.map(({ name }) => name)],
    ...Array.from({ length: indexBits }, (_, bit) => [`bit ${bit}`, ...masks.map((column) => column[bit])]),
  ];
  return table(rows);
}

export function placementsText(
  choose: Placeable,
  result: PlaceResult,
  queues: readonly number[],
  size: number,
): string {
  const placed = result.placements.filter((placement) => placement !== undefined);
  const rows = placed.map(({ value, hash, index, queue }) => [
    valueText(choose, value),
    hex32(hash),
    String(index),
    String(queue),
  ]);
  const text = placed.length === 0 ? '' : table([[choose, 'hash', 'index', 'queue'], ...rows]);
  return text + missing(result, queues, size).join('');
}

export function valueText(choose: Placeable, value: number): string {
  return choose === 'spi' ? hex32(value) : String(value);
}

/** A sentence for each queue that did not get all its values. */
function missing({ placements, reach }: PlaceResult, queues: readonly number[], size: number): string[] {
  return [...new Set(queues.filter((_, i) => placements[i] === undefined))].map((queue) => {
    const lacking = queues.filter((other, i) => other === queue && placements[i] === undefined).length;
    const why = reach.queues.includes(queue)
      ? 'all values that lead there are in use'
      : `the ${reach.bits} bits that may be chosen reach ${reach.indices.length} of ${size} table entries, on ${
          reach.queues.length === 0 ? 'no queue' : `queue ${reach.queues.join(', ')}`
        }`;
    return `queue ${queue}: ${lacking} could not be placed: ${why}\n`;
  });
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
