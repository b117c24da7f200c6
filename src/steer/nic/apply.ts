/** Options of a steerer on a device: its defaults, and its refusals. */
import { optionError, RxSteerError, shown } from '../../errors.ts';
import { AS_UDP, type FlowFields, spellOut } from '../../hash/fields.ts';
import { microsoftKey } from '../../hash/keys.ts';
import type { RssContextOptions, SteererOptions } from '../options.ts';
import type { NicProfile, Settable } from './profile.ts';

/**
 * The options with everything that the device decides. What is said explicitly goes before its defaults, if the device can have it.
 *
 * @throws RxSteerError `ERR_RXSTEER_KEY`, `ERR_RXSTEER_INDIRECTION`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_OPTION`: names what the
 *   device takes
 */
export function applyNic(profile: NicProfile, options: SteererOptions): SteererOptions & { key: Uint8Array } {
  const { contexts, queues } = options;
  const main = context(profile, '', options, queues);
  // What is no object is refused by whoever makes contexts.
  const own = Object.entries(typeof contexts === 'object' ? (contexts ?? {}) : {}).map(([number, given]) => {
    const { key, xfrm, hfunc, fields, ...table } = context(profile, `contexts[${number}].`, given, queues);
    // What a context does not say is the main one's, not the device's default.
    return [
      number,
      {
        ...table,
        ...(given.key === undefined ? {} : { key }),
        ...(given.xfrm === undefined ? {} : { xfrm }),
        ...(given.hfunc === undefined ? {} : { hfunc }),
        ...(given.fields === undefined ? {} : { fields }),
      },
    ];
  });
  return {
    ...options,
    ...main,
    key: main.key ?? microsoftKey(profile.keyLengths[0]),
    ...(own.length === 0 ? {} : { contexts: Object.fromEntries(own) }),
  };
}

function context(profile: NicProfile, at: string, given: RssContextOptions, queues: number): RssContextOptions {
  const { name, keyLengths, hfuncs, xfrms } = profile;
  const { key, indirection, hfunc, xfrm = xfrms[0] } = given;
  if (key instanceof Uint8Array && !keyLengths.includes(key.length)) {
    throw new RxSteerError(
      'ERR_RXSTEER_KEY',
      `${at}key: expected ${listed(keyLengths)} bytes, as ${name} has them, got ${key.length}`,
    );
  }
  if (hfunc !== undefined && !hfuncs.includes(hfunc)) {
    const expected =
      hfuncs.length === 0 ? `none: ${name} has one of its own` : `${hfuncs.join(', ')}, as ${name} has them`;
    throw optionError(`${at}hfunc`, expected, hfunc);
  }
  if (!xfrms.includes(xfrm)) throw optionError(`${at}xfrm`, `${xfrms.join(', ')}, as ${name} has them`, xfrm);
  const entries = Array.isArray(indirection) ? indirection.length : undefined;
  checkSize(profile, `${at}tableSize`, given.tableSize);
  checkSize(profile, `${at}indirection`, entries);
  return {
    ...given,
    hfunc: hfunc ?? hfuncs[0],
    xfrm,
    tableSize: given.tableSize ?? entries ?? profile.table.size(queues),
    fields: fieldsOn(profile, at, given.fields ?? {}),
  };
}

function checkSize(profile: NicProfile, option: string, size: number | undefined): void {
  const { sizes } = profile.table;
  if (size === undefined || ('most' in sizes ? size <= sizes.most : sizes.includes(size))) return;
  const expected = 'most' in sizes ? `at most ${sizes.most}` : listed(sizes);
  throw new RxSteerError(
    'ERR_RXSTEER_INDIRECTION',
    `${option}: expected ${expected} entries, as ${profile.name} has them, got ${size}`,
  );
}

function fieldsOn(profile: NicProfile, at: string, fields: FlowFields): FlowFields {
  const given = spellOut(fields);
  const result = spellOut(profile.fields);
  for (const [type, letters] of given) {
    checkLetters(profile, at, type, letters, result.get(type));
  }
  for (const types of profile.together ?? []) {
    const asked = types.filter((type) => given.has(type));
    const [first, ...others] = asked;
    const other = others.find((type) => sorted(given.get(type)!) !== sorted(given.get(first)!));
    if (other !== undefined) {
      throw fieldsError(
        at,
        `${types.join(', ')} have one setting on ${profile.name}: expected ${shown(given.get(first))} of ${other} too, as of ${first}, got ${shown(given.get(other))}`,
      );
    }
    if (first !== undefined) for (const type of types) given.set(type, given.get(first)!);
  }
  return Object.fromEntries([...result, ...given]);
}

function checkLetters(profile: NicProfile, at: string, type: string, letters: string, usual: string | undefined): void {
  const { name, settable } = profile;
  if (settable === 'all' || (usual !== undefined && sorted(letters) === sorted(usual))) return;
  const base = type.replace(/[46]$/, '');
  const allowed = Object.hasOwn(settable, base) ? settable[base] : [];
  const fine =
    typeof allowed === 'string'
      ? [...letters].every((letter) => allowed.includes(letter))
      : allowed.some((set) => sorted(set) === sorted(letters));
  if (!fine)
    throw fieldsError(at, `${type} on ${name}: expected ${expectation(allowed, usual)}, got ${shown(letters)}`);
}

function expectation(allowed: Settable, usual: string | undefined): string {
  if (typeof allowed === 'string') return `letters of ${[...allowed].join(', ')}`;
  if (allowed.length > 0) return allowed.join(' or ');
  if (usual === undefined) return 'nothing: it does not hash them by themselves';
  return usual === AS_UDP ? 'udp: it does not look into them' : `${usual}: nothing else can be set`;
}

function sorted(letters: string): string {
  return [...letters].sort().join('');
}

function listed(numbers: readonly number[]): string {
  if (numbers.length > 8) return `${Math.min(...numbers)} to ${Math.max(...numbers)}`;
  return [...numbers].sort((a, b) => a - b).join(' or ');
}

function fieldsError(at: string, says: string): RxSteerError {
  return new RxSteerError('ERR_RXSTEER_FIELDS', `${at}rx-flow-hash: ${says}`);
}
