/** What people see in a terminal: colours only where there is one, plain text when piped. */

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  accent(text: string): string;
}

const ESCAPE = '\u001b[';

/** Colours for a stream, unless it is no terminal, or NO_COLOR (https://no-color.org) is set. */
export function styleFor(stream: { isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): Style {
  const colours = stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  const wrap = (code: number) => (text: string) => (colours ? `${ESCAPE}${code}m${text}${ESCAPE}0m` : text);
  return { bold: wrap(1), dim: wrap(2), good: wrap(32), bad: wrap(31), accent: wrap(36) };
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `width` characters at most, for `value` of `most`; to an eighth of a character. */
export function bar(value: number, most: number, width: number): string {
  const eighths = most <= 0 ? 0 : Math.round((value / most) * width * 8);
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

/** Rows as columns: texts to the left, numbers to the right. */
export function columns(rows: readonly (readonly (string | number)[])[], gap = '  '): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, String(cell).length);
    });
  return rows.map((row) =>
    row
      .map((cell, i) => (typeof cell === 'number' ? String(cell).padStart(widths[i]) : cell.padEnd(widths[i])))
      .join(gap)
      .trimEnd(),
  );
}

/** `1,234,567`. */
export function grouped(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

/** Bytes with a unit: `1.5 MB`. */
export function byteText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit + 1 < units.length) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/** A row for each name that has a count. */
export function counts(named: Readonly<Record<string, number | undefined>>): string[] {
  return columns(Object.entries(named).flatMap(([name, n]) => (n !== undefined && n > 0 ? [[name, grouped(n)]] : [])));
}

/** Adds a titled section; one without a body is left out. */
export function section(lines: string[], style: Style, title: string, body: readonly string[]): void {
  if (body.length === 0) return;
  lines.push('', style.bold(title), ...body.map((line) => `  ${line}`));
}
