/**
 * Wireshark's table of ESP SAs, the file `esp_sa` in its profile, as Wireshark and strongSwan's plugin save-keys write it:
 *
 *     "IPv4","10.0.0.1","10.0.0.2","0x00001001","AES-CBC [RFC3602]","0x<key>","HMAC-SHA-256-128 [RFC4868]","0x<key>"
 *
 * and since Wireshark 4.2 two more columns: `"32-bit"` or `"64-bit"` sequence numbers, and the high half of the first one.
 * It says neither the mode nor UDP encapsulation: what was opened tells the mode, and ESP in UDP is found by its SPI anyway.
 *
 * save-keys appends at each rekey, writes both directions, and knows only `AES-GCM [RFC4106]`, with the length of the ICV as
 * authentication: `ANY 128 bit authentication [no checking]`. It writes 64 for an ICV of 12 bytes too, which nobody can tell
 * from one of 8: such an SA fails every packet (`icv`), and is put right by `ANY 96 bit ...`.
 */
import type { TransformConfig } from '../sa-config.ts';
import { shownSafely } from '../sa-entry.ts';
import { type ImportedSa, lineError } from './format.ts';

const COLUMNS = 8;
const COLUMNS_ESN = 10;

/** Ciphers by Wireshark's names, without the RFC in brackets. */
const CIPHERS: ReadonlyMap<string, { cipher?: string; aead?: string; icvBits?: number }> = new Map([
  ['null', { cipher: 'null' }],
  ['aes-cbc', { cipher: 'aes-cbc' }],
  ['aes-ctr', { cipher: 'aes-ctr' }],
  ['aes-gcm', { aead: 'aes-gcm' }],
  ['aes-gcm with 8 octet icv', { aead: 'aes-gcm', icvBits: 64 }],
  ['aes-gcm with 12 octet icv', { aead: 'aes-gcm', icvBits: 96 }],
  ['aes-gcm with 16 octet icv', { aead: 'aes-gcm', icvBits: 128 }],
  ['chacha20 with poly1305', { aead: 'chacha20-poly1305', icvBits: 128 }],
]);

const AUTHS: ReadonlyMap<string, { auth: string; icvBits: number }> = new Map([
  ['null', { auth: 'none', icvBits: 0 }],
  ['hmac-md5-96', { auth: 'hmac-md5', icvBits: 96 }],
  ['hmac-sha-1-96', { auth: 'hmac-sha1', icvBits: 96 }],
  ['hmac-sha-256-96', { auth: 'hmac-sha256', icvBits: 96 }],
  ['hmac-sha-256-128', { auth: 'hmac-sha256', icvBits: 128 }],
  ['hmac-sha-384-192', { auth: 'hmac-sha384', icvBits: 192 }],
  ['hmac-sha-512-256', { auth: 'hmac-sha512', icvBits: 256 }],
]);

/** Names that Wireshark has and that may be repeated in an error. */
const REFUSED: ReadonlySet<string> = new Set([
  'tripledes-cbc',
  'des-cbc',
  'cast5-cbc',
  'blowfish-cbc',
  'twofish-cbc',
  'aes-gcm with iiv and 16 octet icv',
  'chacha20 with poly1305 and iiv',
  'mac-ripemd-160-96',
]);
const ANY_AUTH = /^any (64|96|128|192|256) bit authentication$/;

/** The SAs of an `esp_sa` file, in the order of its lines; a line that stands there twice counts once. */
export function readWireshark(text: string, name: string): ImportedSa[] {
  const seen = new Set<string>();
  const sas: ImportedSa[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#') || seen.has(trimmed)) continue;
    seen.add(trimmed);
    sas.push(readLine(trimmed, `${name}: line ${index + 1}`));
  }
  return sas;
}

function readLine(line: string, where: string): ImportedSa {
  const columns = splitColumns(line, where);
  if (columns.length < COLUMNS || columns.length > COLUMNS_ESN) {
    throw lineError(where, `expected ${COLUMNS} to ${COLUMNS_ESN} columns, got ${columns.length}`);
  }
  const [family, src, dst, spi, encryption, key, authentication, authKey, length = '32-bit', high = ''] = columns;
  const version = /^IPv([46])$/i.exec(family)?.[1];
  if (version === undefined) throw lineError(where, `protocol: expected "IPv4" or "IPv6", got ${shownSafely(family)}`);
  const esn = /^64/.test(length);
  if (!esn && !/^32/.test(length)) {
    throw lineError(where, `sequence numbers: expected "32-bit" or "64-bit", got ${shownSafely(length)}`);
  }
  return {
    where,
    config: {
      spi,
      ...(src === '*' || src === '' ? {} : { src }),
      dst: dst === '' ? '*' : dst,
      mode: 'any',
      transform: readTransform(encryption, keyHex(key), authentication, keyHex(authKey), where),
      ...(esn ? { esn, initialSeq: firstSequence(high, where) } : {}),
    },
  };
}

function readTransform(
  encryption: string,
  key: string,
  authentication: string,
  authKey: string,
  where: string,
): TransformConfig {
  const cipher = CIPHERS.get(plain(encryption));
  if (cipher === undefined) throw unknownName(where, 'encryption', encryption);
  const any = ANY_AUTH.exec(plain(authentication));
  if (cipher.aead !== undefined) {
    // The ICV belongs to the cipher; of an authentication beside it only the length can mean anything.
    const icvBits = cipher.icvBits ?? (any === null ? 128 : Number(any[1]));
    return { aead: cipher.aead, key, icvBits };
  }
  if (any !== null) {
    throw lineError(where, 'authentication: an ICV that is not checked; expected one that is');
  }
  const auth = AUTHS.get(plain(authentication));
  if (auth === undefined) throw unknownName(where, 'authentication', authentication);
  return {
    cipher: cipher.cipher ?? '',
    auth: auth.auth,
    icvBits: auth.icvBits,
    ...(key === '' ? {} : { key }),
    ...(authKey === '' ? {} : { authKey }),
  };
}

/** A name without the RFC in brackets. */
function plain(name: string): string {
  return name
    .replace(/\s*\[[^\]]*\]$/, '')
    .trim()
    .toLowerCase();
}

function unknownName(where: string, column: string, name: string) {
  const short = plain(name);
  if (REFUSED.has(short)) return lineError(where, `${column}: ${short} is not supported`);
  return lineError(where, `${column}: expected a name of Wireshark's, got ${shownSafely(name)}`);
}

/** A key as hexadecimal digits: what does not begin with 0x is text, and an odd first digit stands alone, as in Wireshark. */
function keyHex(key: string): string {
  if (!/^0x/i.test(key)) return Buffer.from(key).toString('hex');
  const digits = key.slice(2).replaceAll(/[\s:-]/g, '');
  return digits.length % 2 === 1 ? `0${digits}` : digits;
}

/** Where the window begins when only the high half is known: nearly every low half is taken to belong to it then. */
function firstSequence(high: string, where: string): string {
  if (high !== '' && !/^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.test(high)) {
    throw lineError(where, `high half of the sequence number: expected 32 bits, got ${shownSafely(high)}`);
  }
  return `0x${(BigInt(high === '' ? 0 : high) << 32n).toString(16)}`;
}

/** Columns between commas, quoted or not; in quotes `\x22` and `\"` stand for other characters. */
function splitColumns(line: string, where: string): string[] {
  const columns: string[] = [];
  const column = /\s*(?:"((?:[^"\\]|\\.)*)"|([^",]*))\s*(,|$)/y;
  while (column.lastIndex < line.length || columns.length === 0) {
    const match = column.exec(line);
    if (match === null) throw lineError(where, 'columns: expected texts in quotes with commas between them');
    columns.push((match[1] === undefined ? match[2] : unescaped(match[1])).trim());
    if (match[3] === '') break;
  }
  return columns;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, code: string | undefined, other: string) =>
    code === undefined ? other : String.fromCharCode(Number.parseInt(code, 16)),
  );
}
