import { describe, expect, it } from 'vitest';
import { bar, byteText, columns, grouped, styleFor } from '../../src/report/terminal.ts';

describe('styleFor', () => {
  const tty = { isTTY: true };
  const painted = (stream: { isTTY?: boolean }, env: Record<string, string>): boolean =>
    (['bold', 'dim', 'good', 'bad', 'accent'] as const).some((name) => styleFor(stream, env)[name]('x') !== 'x');

  it('paints terminals, and ends what it began', () => {
    const style = styleFor(tty, {});
    expect(style.good('fine')).toBe('\u001b[32mfine\u001b[0m');
    for (const name of ['bold', 'dim', 'good', 'bad', 'accent'] as const) {
      const [before, after] = style[name]('x').split('x');
      expect(before.slice(0, 2)).toBe('\u001b[');
      expect(before.slice(2)).toMatch(/^\d+m$/);
      expect(after).toBe('\u001b[0m');
    }
  });

  it.each([
    ['a pipe', {}, {}],
    ['NO_COLOR', tty, { NO_COLOR: '1' }],
    ['a dumb terminal', tty, { TERM: 'dumb' }],
  ])('leaves %s as it is', (_, stream, env: Record<string, string>) => {
    expect(painted(stream, env)).toBe(false);
  });

  it('takes an empty NO_COLOR for none', () => {
    expect(painted(tty, { NO_COLOR: '' })).toBe(true);
  });
});

describe('bar', () => {
  it('is exact to an eighth', () => {
    expect(bar(0, 10, 8)).toBe('');
    expect(bar(10, 10, 8)).toBe('████████');
    expect(bar(5, 10, 8)).toBe('████');
    expect(bar(1, 64, 8)).toBe('▏');
    expect(bar(33, 64, 8)).toBe('████▏');
    expect(bar(5, 0, 8)).toBe('');
  });

  it('is never wider than it may be', () => {
    for (let value = 0; value <= 100; value++) expect(bar(value, 100, 10).length).toBeLessThanOrEqual(10);
  });
});

it('columns: texts to the left, numbers to the right, nothing behind the last', () => {
  expect(
    columns([
      ['a', 1, 'x'],
      ['long', 1000, ''],
    ]),
  ).toEqual(['a        1  x', 'long  1000']);
  expect(columns([])).toEqual([]);
  expect(columns([['a'], ['b', 2]], ' | ')).toEqual(['a', 'b | 2']);
});

it('numbers are grouped, bytes have units', () => {
  expect([0, 999, 1000, 1234567.4].map(grouped)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect([0, 999, 1000, 1_500_000, 12_345_678, 2e12, 9e15].map(byteText)).toEqual([
    '0 B',
    '999 B',
    '1.00 kB',
    '1.50 MB',
    '12.3 MB',
    '2.00 TB',
    '9000.0 TB',
  ]);
});
