import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ABSORBED, CLASSES, DROPS, MALFORMED_REASONS } from '../src/counters.ts';
import { ERRORS } from '../src/errors.ts';
import { EVENTS } from '../src/events.ts';
import { FLUSHES } from '../src/gro/index.ts';

const read = (name: string): string => readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8');

/** The names in the first column of the table under a heading; a cell may hold several. */
function firstColumn(text: string, heading: string): string[] {
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const cells = [...section.matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell]) => cell!);
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)).sort();
}

describe('docs/counters.md and counters.ts list the same', () => {
  const text = read('counters.md');

  it.each([
    ['Classes', CLASSES],
    ['Malformed reasons', MALFORMED_REASONS.filter((reason) => reason !== 'none')],
    ['Drops', Object.keys(DROPS)],
    ['Absorbed', Object.keys(ABSORBED)],
    ['Flushes', Object.keys(FLUSHES)],
  ] as const)('%s', (heading, names) => {
    expect(firstColumn(text, heading)).toEqual([...names].sort());
  });

  it('no row leaves a cell empty', () => {
    expect(text.match(/^\|(.*\|)?[ \t]*\|.*$/gm)).toBeNull();
  });
});

describe('docs/errors.md and errors.ts list the same', () => {
  const sections = read('errors.md')
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0]!, section] as const);

  it('the codes', () => {
    expect(sections.map(([code]) => code).sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it.each(sections)('%s has its cause and its remedy', (_code, section) => {
    expect(section).toMatch(/\*\*Cause:\*\* \S.*\*\*Remedy:\*\* \S/s);
  });
});

describe('docs/events.md and events.ts list the same', () => {
  const rows = [...read('events.md').matchAll(/^\| `([^`]+)` \| (\S+) \|/gm)];

  it('events and their channels', () => {
    const listed = rows.map(([, name, channel]) => [name, channel]);
    const known = Object.entries(EVENTS).map(([name, at]) => [name, at === undefined ? 'none' : `\`${at}\``]);
    expect(listed).toEqual(known);
  });
});
