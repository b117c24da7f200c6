/** docs/measures.md names every cause, and every measure of a report. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CAUSES } from '../../src/analyze/report.ts';
import { analyze, packetOf, timed } from './traffic.ts';

const text = readFileSync(new URL('../../docs/measures.md', import.meta.url), 'utf8');

it('lists the causes of the catalogue, in its order, and no others', () => {
  const rows = [...text.slice(text.indexOf('| Cause |')).matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
  expect(rows).toEqual([...CAUSES]);
});

it('has a word on every measure', () => {
  const frame = packetOf({ src: '10.0.0.1', dst: '10.0.0.2', spi: 1000 });
  const service = { rate: 1000, ring: 8 };
  const [{ measures }] = analyze(timed(Array.from({ length: 500 }, () => frame)), { service }).scenarios;
  const names = (value: object): string[] =>
    Object.entries(value).flatMap(([name, inner]) => [name, ...(inner?.constructor === Object ? names(inner) : [])]);
  const own = new Set(['packets', 'bytes', 'flows', 'windows', 'rate', 'ring', 'queues', 'reordering', 'directions']);
  for (const name of new Set(names(measures))) if (!own.has(name)) expect(text, name).toContain(name);
});
