import { readFileSync } from 'node:fs';

/** The text of a command's help, which lies beside it. */
export function helpText(name: string): string {
  return readFileSync(new URL(`./${name}.txt`, import.meta.url), 'utf8');
}
