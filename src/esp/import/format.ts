/** What the files of other programs have in common: entries that know which line they came from, and errors that show no keys. */
import { RxSteerError } from '../../errors.ts';
import type { SaConfig } from '../sa-config.ts';

/** An SA of a file, and how errors call it: `esp_sa: line 3`. */
export interface ImportedSa {
  readonly config: SaConfig;
  readonly where: string;
}

/** The formats of SA files. */
export type SaFormat = 'json' | 'wireshark' | 'xfrm';

/** Tells the format of an SA file by its first line that says something. What is none of them is taken for JSON. */
export function saFormat(text: string): SaFormat {
  const first = /^\s*(?:#[^\n]*\n\s*)*([^\n]*)/.exec(text)?.[1] ?? '';
  if (/^src\s+\S+\s+dst\s/.test(first)) return 'xfrm';
  return /^"?IPv[46]"?\s*,/i.test(first) || first.startsWith('#') || (first === '' && text.includes('#'))
    ? 'wireshark'
    : 'json';
}

/** An error about a line of a file: of what stands there nothing is repeated that could be a key. */
export function lineError(where: string, text: string): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_SA_FILE', `${where}: ${text}`);
}
