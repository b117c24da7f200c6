import { machine } from './machine.ts';

/** One line of JSON, schema `rxsteer.bench/1`: where it was measured, and the rows. */
export function benchJson(rows: readonly object[]): string {
  return `${JSON.stringify({ schema: 'rxsteer.bench/1', machine: machine(), rows }, rounded)}\n`;
}

/** Four digits behind the point are more than is known. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1e4) / 1e4 : value;
}
