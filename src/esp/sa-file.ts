/**
 * SA files: format `rxsteer.sas/1`, `{ "schema": "rxsteer.sas/1", "sas": [ {@link SaConfig} ] }`; Wireshark's `esp_sa`; the text of
 * `ip xfrm state`. Texts of errors never repeat the file: it holds keys.
 */
import { RxSteerError } from '../errors.ts';
import { saFormat } from './import/format.ts';
import { readWireshark } from './import/wireshark.ts';
import { readXfrm } from './import/xfrm.ts';
import { createSas, type Sa, type SaConfig } from './sa.ts';
import { isObject, shownName, shownSafely } from './sa-entry.ts';

export const SAS_SCHEMA = 'rxsteer.sas/1';

/** An SA file as an object. */
export interface SaFile {
  readonly schema: typeof SAS_SCHEMA;
  readonly sas: readonly SaConfig[];
}

const fileError = (name: string, text: string, offset?: number): RxSteerError =>
  new RxSteerError('ERR_RXSTEER_SA_FILE', `${name}: ${text}`, offset === undefined ? {} : { offset });

/**
 * Reads the text of an SA file; its content tells its format.
 * @param name what the file is called in errors
 * @throws RxSteerError ERR_RXSTEER_SA_FILE, ERR_RXSTEER_SA, ERR_RXSTEER_SA_DUPLICATE
 */
export function parseSaFile(text: string, name = 'SA file'): Sa[] {
  const format = saFormat(text);
  if (format === 'json') return parseJson(text, name);
  const entries = format === 'xfrm' ? readXfrm(text, name) : readWireshark(text, name);
  return createSas(
    entries.map((entry) => entry.config),
    (index) => entries[index].where,
  );
}

function parseJson(text: string, name: string): Sa[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The message of JSON.parse quotes the text, keys and all: only a position at its very end is taken out of it.
    const position =
      error instanceof Error ? / at position (\d+)(?: \(line \d+ column \d+\))?$/.exec(error.message) : null;
    if (position === null) throw fileError(name, 'expected JSON, got a text that is none');
    const offset = Number(position[1]);
    const before = text.slice(0, offset).split('\n');
    const at = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
    throw fileError(
      name,
      `expected JSON, got a text that is none from ${at} on`,
      Buffer.byteLength(text.slice(0, offset)),
    );
  }
  return parseSas(value, name);
}

/**
 * Reads an SA file that is an object already.
 * @throws RxSteerError ERR_RXSTEER_SA_FILE, ERR_RXSTEER_SA, ERR_RXSTEER_SA_DUPLICATE
 */
export function parseSas(value: unknown, name = 'SA file'): Sa[] {
  if (!isObject(value)) throw fileError(name, `expected an object, got ${shownSafely(value)}`);
  if (value.schema !== SAS_SCHEMA) {
    throw fileError(name, `schema: expected "${SAS_SCHEMA}", got ${shownSafely(value.schema)}`);
  }
  for (const property of Object.keys(value)) {
    if (property !== 'schema' && property !== 'sas') throw fileError(name, `unknown property ${shownName(property)}`);
  }
  const sas = value.sas;
  if (!Array.isArray(sas)) throw fileError(name, `sas: expected an array, got ${shownSafely(sas)}`);
  return createSas(sas as SaConfig[]);
}
