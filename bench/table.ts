/** The measurements as people read them. */

import type { Machine } from '../src/bench/machine.ts';
import type { Row } from './harness.ts';

const NAME = 30;

export function machineLine({ node, openssl, cpu, cores }: Machine): string {
  return `Node ${node}, OpenSSL ${openssl}, ${cpu}, ${cores} cores`;
}

export function heading(question: string): string {
  const columns = ['median ns', 'min', 'M/s', 'Gb/s', 'heap B', 'GCs', 'cpu ns', 'ratio', 'copied B'];
  return `\n${question.padEnd(NAME)}${columns.map((column) => column.padStart(10)).join('')}`;
}

export function rowLine(row: Row): string {
  const cells = [
    figure(row.ns),
    figure(row.nsMin),
    figure(row.mpps),
    row.gbps === null ? '' : figure(row.gbps),
    row.heapBytes === null ? '' : figure(row.heapBytes),
    String(row.gcs),
    row.cpuNs === null ? '' : figure(row.cpuNs),
    row.ratio === undefined ? '' : figure(row.ratio),
    row.copiedBytes === undefined ? '' : figure(row.copiedBytes),
  ];
  return (
    row.case.padEnd(NAME) +
    cells
      .map((cell) => cell.padStart(10))
      .join('')
      .trimEnd() +
    (row.threads > 1 ? ' *' : '')
  );
}

/** What the columns mean, and what to beware of. */
export function notes(rows: readonly Row[]): string {
  const lines = [
    '',
    'Per item (packet, tuple, descriptor). heap B: bytes allocated on the heap, node:crypto outside of it; GCs: collections',
    'while it was timed (heap B is empty where no round goes by without one); cpu ns: processor time of',
    'all threads, where rounds are long enough to tell; ratio: the median over that of the same without what it asks about;',
    'copied B: bytes copied, where that is of interest.',
  ];
  if (rows.some((row) => row.threads > 1)) {
    lines.push(
      '* more than one thread works: with no more cores than threads, or on a busy machine, the wall clock measures the',
      '  scheduler too; heap and collections are those of the first thread.',
    );
  }
  return lines.join('\n');
}

function figure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}
