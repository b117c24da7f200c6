/**
 * Checks one entry of an SA file. Errors name the entry, its SPI and the property. Values may be keys that stand in the wrong
 * place, so no text longer than 15 characters is ever repeated: a 16-byte key does not fit into that in any encoding.
 */
import { RxSteerError, shown } from '../errors.ts';
import { addressText, parseAddress } from '../wire/address.ts';
import { parseSelector, SELECTOR_PROPERTIES, type SelectorConfig } from './policy/selector.ts';
import type { SaFacts, SaLimit, SaLimits, SaSecrets } from './sa-config.ts';
import { parseSequence } from './sequence.ts';
import { AEADS, AH_AUTHS, AUTHS, CIPHERS } from './transforms/index.ts';
import {
  type AuthFamily,
  type CipherFamily,
  makeAhTransform,
  makeTransform,
  type Transform,
} from './transforms/transform.ts';

const PROPERTIES = [
  'spi',
  'proto',
  'src',
  'dst',
  'mode',
  'encap',
  'transform',
  'esn',
  'initialSeq',
  'replayWindow',
  'queue',
  'group',
  'selectors',
  'trustIcv',
  'limits',
];
const LIMIT_UNITS = ['packets', 'bytes', 'seconds'] as const;
const NO_BYTES = new Uint8Array(0);
/** A destination that is any address. */
export const ANY_ADDRESS = '*';

/** How a value is shown in an error about an SA: never a text that could hold a key. */
export function shownSafely(value: unknown): string {
  if (typeof value === 'string')
    return value.length <= 15 ? JSON.stringify(value) : `a text of ${value.length} characters`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'bigint') return 'a bigint';
  if (typeof value === 'symbol') return 'a symbol';
  return shown(value);
}

/** How the name of a property is shown: it too may be a key that slipped. */
export function shownName(name: string): string {
  return /^[a-z][\w-]{0,31}$/i.test(name) && !/[0-9a-f]{12}/i.test(name)
    ? name
    : `a property with a name of ${name.length} characters`;
}

/** True for what JSON calls an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const SPI_EXPECTED = 'a number of 32 bits, such as "0x00001001"';

/** Unsigned 32 bits, from a number or `0x` and hex digits; undefined: it is none. */
export function parseSpi(value: unknown): number | undefined {
  const n = typeof value === 'string' && /^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.test(value) ? Number(value) : value;
  return typeof n === 'number' && Number.isInteger(n) && n >= 0 && n <= 0xffffffff ? n : undefined;
}

/** One checked entry: its facts, and its keys. */
export class SaEntry {
  readonly facts: SaFacts;
  readonly secrets: SaSecrets;
  private where: string;

  /** @param where how errors call it: `sas[3]` */
  constructor(config: unknown, where: string) {
    this.where = where;
    if (!isObject(config)) throw this.error(`expected an object, got ${shownSafely(config)}`);
    const spi = this.spi(config.spi);
    this.where = `${where} (SPI 0x${spi.toString(16).padStart(8, '0')})`;
    this.unknown(config, PROPERTIES, '');
    const dst = config.dst === ANY_ADDRESS ? NO_BYTES : this.address('dst', config.dst);
    const src = config.src === undefined ? undefined : this.address('src', config.src);
    if (src !== undefined && dst.length !== 0 && src.length !== dst.length)
      throw this.error('src and dst are not of the same IP version');
    const proto = this.choice('proto', config.proto ?? 'esp', ['esp', 'ah'] as const);
    const mode = this.choice('mode', config.mode, ['tunnel', 'transport', 'any'] as const);
    const encap = this.choice('encap', config.encap ?? 'none', ['none', 'udp'] as const);
    // RFC 3948: four zero bytes in front mark IKE, so such an SA could never receive.
    if (spi === 0 && encap === 'udp') throw this.bad('spi', 'a number other than 0 with encap udp', 0);
    if (proto === 'ah' && encap === 'udp') throw this.bad('encap', '"none" with proto ah: it cannot pass a NAT', encap);
    const [transform, secrets] = proto === 'ah' ? this.ahTransform(config.transform) : this.transform(config.transform);
    const esn = this.flag('esn', config.esn);
    this.secrets = secrets;
    this.facts = {
      spi,
      proto,
      src: src && addressText(src, 0, src.length),
      dst: dst.length === 0 ? ANY_ADDRESS : addressText(dst, 0, dst.length),
      srcBytes: src,
      dstBytes: dst,
      mode,
      encap,
      transform,
      esn,
      initialSeq: this.initialSeq(config.initialSeq, esn),
      replayWindow: this.integer('replayWindow', config.replayWindow ?? 64, 32, 8192),
      queue: config.queue === undefined ? undefined : this.integer('queue', config.queue, 0, 65535),
      group: this.group(config.group),
      selectors: this.selectors(config.selectors),
      trustIcv: this.flag('trustIcv', config.trustIcv),
      limits: this.limits(config.limits),
    };
  }

  private error(text: string): RxSteerError {
    return new RxSteerError('ERR_RXSTEER_SA', `${this.where}: ${text}`);
  }

  private bad(property: string, expected: string, got: unknown): RxSteerError {
    return this.error(`${property}: expected ${expected}, got ${shownSafely(got)}`);
  }

  private unknown(config: Record<string, unknown>, known: readonly string[], prefix: string): void {
    for (const name of Object.keys(config)) {
      if (!known.includes(name)) throw this.error(`unknown property ${prefix}${shownName(name)}`);
    }
  }

  private spi(value: unknown): number {
    const spi = parseSpi(value);
    if (spi === undefined) throw this.bad('spi', SPI_EXPECTED, value);
    return spi;
  }

  private address(property: string, value: unknown): Uint8Array {
    try {
      return parseAddress(value as string);
    } catch {
      // Its error would repeat the text, and that may be a key.
      throw this.bad(property, 'an IPv4 or IPv6 address', value);
    }
  }

  private choice<T extends string>(property: string, value: unknown, choices: readonly T[]): T {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw this.bad(property, choices.map((choice) => `"${choice}"`).join(' or '), value);
    return found;
  }

  private integer(property: string, value: unknown, min: number, max: number): number {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw this.bad(property, `an integer from ${min} to ${max}`, value);
    }
    return value;
  }

  private flag(property: string, value: unknown): boolean {
    if (value === undefined) return false;
    if (typeof value !== 'boolean') throw this.bad(property, 'true or false', value);
    return value;
  }

  private initialSeq(value: unknown, esn: boolean): bigint {
    if (value === undefined) return 0n;
    const sequence = typeof value === 'string' ? parseSequence(value) : undefined;
    if (sequence === undefined) throw this.bad('initialSeq', '"0x" and up to 16 hex digits', value);
    if (!esn && sequence > 0xffffffffn) throw this.bad('initialSeq', 'at most 32 bits without esn', value);
    return sequence;
  }

  private group(value: unknown): string | undefined {
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value === '') throw this.bad('group', 'a name', value);
    return value;
  }

  private selectors(value: unknown): SelectorConfig[] | undefined {
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.length === 0) throw this.bad('selectors', 'a list of at least one', value);
    return value.map((one: unknown, i) => {
      const where = `selectors[${i}]`;
      if (!isObject(one)) throw this.bad(where, 'an object', one);
      this.unknown(one, SELECTOR_PROPERTIES, `${where}.`);
      parseSelector(one, (property, expected, got) => this.bad(`${where}.${property}`, expected, got));
      return structuredClone(one) as SelectorConfig;
    });
  }

  private limits(value: unknown): SaLimits | undefined {
    if (value === undefined) return undefined;
    if (!isObject(value)) throw this.bad('limits', 'an object', value);
    this.unknown(value, ['soft', 'hard'], 'limits.');
    const soft = this.limit('limits.soft', value.soft);
    const hard = this.limit('limits.hard', value.hard);
    for (const unit of LIMIT_UNITS) {
      const most = hard?.[unit];
      const early = soft?.[unit];
      if (most !== undefined && early !== undefined && early > most)
        throw this.bad(`limits.soft.${unit}`, `no more than limits.hard.${unit}, which is ${most}`, early);
    }
    if (soft === undefined && hard === undefined) return undefined;
    return { ...(soft === undefined ? {} : { soft }), ...(hard === undefined ? {} : { hard }) };
  }

  private limit(where: string, value: unknown): SaLimit | undefined {
    if (value === undefined) return undefined;
    if (!isObject(value)) throw this.bad(where, 'an object', value);
    this.unknown(value, LIMIT_UNITS, `${where}.`);
    const limit: Partial<Record<keyof SaLimit, number>> = {};
    for (const unit of LIMIT_UNITS) {
      if (value[unit] !== undefined)
        limit[unit] = this.integer(`${where}.${unit}`, value[unit], 1, Number.MAX_SAFE_INTEGER);
    }
    return Object.keys(limit).length === 0 ? undefined : limit;
  }

  private transform(config: unknown): [Transform, SaSecrets] {
    if (!isObject(config)) throw this.bad('transform', 'an object', config);
    if (config.aead !== undefined) {
      this.unknown(config, ['aead', 'key', 'icvBits'], 'transform.');
      const family = this.family('aead', config.aead, AEADS);
      const icvBits = this.icvBits(config.icvBits, family.icvBits, family.name);
      const [key, salt] = this.cipherKey(config.key, family);
      return [makeTransform(family, key.length, undefined, icvBits), { key, salt, authKey: NO_BYTES }];
    }
    this.unknown(config, ['cipher', 'key', 'auth', 'authKey', 'icvBits'], 'transform.');
    const cipher = this.family('cipher', config.cipher, CIPHERS);
    const auth: AuthFamily = this.family('auth', config.auth, AUTHS);
    if (auth.name === 'none' && cipher.name !== 'null') {
      throw this.error(`transform.auth: ${cipher.name} without authentication is not supported (RFC 8221 section 4)`);
    }
    const icvBits = this.icvBits(config.icvBits, auth.icvBits, auth.name);
    const [key, salt] = this.cipherKey(config.key, cipher);
    const authKey = this.keyBytes('authKey', config.authKey, [auth.keyBytes], auth.name);
    return [makeTransform(cipher, key.length, auth, icvBits), { key, salt, authKey }];
  }

  private ahTransform(config: unknown): [Transform, SaSecrets] {
    if (!isObject(config)) throw this.bad('transform', 'an object', config);
    this.unknown(config, ['auth', 'authKey', 'icvBits'], 'transform.');
    const { name, keys, icvBits } = this.family('auth', config.auth, AH_AUTHS);
    const bits = this.icvBits(config.icvBits, icvBits, name);
    const what = name === 'aes-gmac' ? `${name}, 4 of them salt` : name;
    const authKey = this.keyBytes('authKey', config.authKey, keys, what);
    return [makeAhTransform(name, authKey.length, bits), { key: NO_BYTES, salt: NO_BYTES, authKey }];
  }

  private family<T>(property: string, value: unknown, families: ReadonlyMap<string, T>): T {
    const family = typeof value === 'string' ? families.get(value) : undefined;
    if (family === undefined)
      throw this.bad(`transform.${property}`, `one of ${[...families.keys()].join(', ')}`, value);
    return family;
  }

  private icvBits(value: unknown, allowed: readonly number[], name: string): number {
    const bits = value ?? allowed[0];
    if (typeof bits !== 'number' || !allowed.includes(bits)) {
      throw this.bad('transform.icvBits', `${allowed.join(' or ')} with ${name}`, value);
    }
    return bits;
  }

  private cipherKey(value: unknown, family: CipherFamily): [key: Uint8Array, salt: Uint8Array] {
    const lengths = family.keyBytes.length === 0 ? [0] : family.keyBytes.map((length) => length + family.saltBytes);
    const what = family.saltBytes === 0 ? family.name : `${family.name}, ${family.saltBytes} of them salt`;
    const material = this.keyBytes('key', value, lengths, what);
    const split = material.length - family.saltBytes;
    return [material.slice(0, split), material.slice(split)];
  }

  /** Key material; of what came, only the length is ever told. */
  private keyBytes(property: string, value: unknown, lengths: readonly number[], what: string): Uint8Array {
    const expected = `transform.${property}: expected ${lengths.join(' or ')} bytes in hexadecimal (${what})`;
    if (value === undefined && lengths[0] === 0) return NO_BYTES;
    if (typeof value !== 'string') throw this.error(`${expected}, got ${value === undefined ? 'none' : typeof value}`);
    const digits = /^0x/i.test(value) ? value.slice(2) : value;
    if (!/^[0-9a-f]*$/i.test(digits)) {
      throw this.error(`${expected}, got ${value.length} characters that are not all hexadecimal digits`);
    }
    if (digits.length % 2 !== 0) throw this.error(`${expected}, got an odd number of digits: ${digits.length}`);
    if (!lengths.includes(digits.length / 2)) throw this.error(`${expected}, got ${digits.length / 2} bytes`);
    return Uint8Array.from(Buffer.from(digits, 'hex'));
  }
}
