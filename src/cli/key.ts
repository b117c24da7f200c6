import { optionError } from '../errors.ts';
import { parseSaFile, saFormat } from '../esp/index.ts';
import { generateKey, SPREADS, type Spread } from '../hash/generate-key.ts';
import { keyMap } from '../hash/key-map.ts';
import { KEY_LENGTH, KEY_MAX, KEY_MIN } from '../hash/keys.ts';
import { lintKey } from '../hash/lint.ts';
import { PLACEABLE, type Placeable, place } from '../hash/place.ts';
import { readTextFile } from '../io/text-file.ts';
import { TABLE_MAX, TABLE_SIZE } from '../steer/indirection.ts';
import { approximationOf } from '../steer/nic/index.ts';
import { Steerer } from '../steer/steerer.ts';
import { hex } from '../wire/bytes.ts';
import type { TupleOptions, TupleProto } from '../wire/emit.ts';
import { oneOf, type ParsedArgs, readArgs, usageError, wholeNumber } from './args.ts';
import { findingsText, hex32, keyText, mapText, placementsText, valueText } from './key-text.ts';
import { STEERING_OPTIONS, steeringOptions } from './steering-options.ts';

const SCHEMA = 'rxsteer.key/1';

const GENERATE_OPTIONS = {
  seed: { type: 'string' },
  length: { type: 'string' },
  symmetric: { type: 'boolean' },
  spread: { type: 'string', multiple: true },
  'table-size': { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Rules pass the hash by, and contexts are for rules: a key has no part in them. */
const { rule: _, context: __, ...KEY_STEERING_OPTIONS } = STEERING_OPTIONS;
/** Not all devices hash by a key that can be judged. */
const { nic: ___, ...LINT_STEERING_OPTIONS } = KEY_STEERING_OPTIONS;

const LINT_OPTIONS = {
  ...LINT_STEERING_OPTIONS,
  map: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const PLACE_OPTIONS = {
  ...KEY_STEERING_OPTIONS,
  src: { type: 'string' },
  dst: { type: 'string' },
  proto: { type: 'string' },
  choose: { type: 'string' },
  sport: { type: 'string' },
  dport: { type: 'string' },
  queue: { type: 'string', multiple: true },
  count: { type: 'string' },
  base: { type: 'string' },
  bits: { type: 'string' },
  taken: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const;

const PROTOS: readonly (TupleProto | 'natt')[] = ['esp', 'ah', 'natt', 'tcp', 'udp', 'sctp'];
/** More values than SAs anyone has. */
const COUNT_MAX = 100_000;

/** `rxsteer key`: makes hash keys, judges them, and chooses SPIs and ports by them. */
export async function keyCommand(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === 'generate') return generate(rest);
  if (name === 'lint') return lint(rest);
  if (name === 'place') return placeFlows(rest);
  throw usageError(
    `key needs what to do: generate, lint or place${name === undefined ? '' : `, got '${name}'`} (see rxsteer key --help)`,
  );
}

function generate(args: readonly string[]): number {
  const { values, positionals } = readArgs(args, GENERATE_OPTIONS);
  noArgument('generate', positionals);
  const spread = list(values.spread).map((field) => oneOf('spread', field, SPREADS) as Spread);
  const key = generateKey({
    length: wholeNumber('length', values.length, KEY_MIN, KEY_MAX) ?? KEY_LENGTH,
    ...(values.seed === undefined ? {} : { seed: values.seed }),
    symmetric: values.symmetric ?? false,
    spread,
    tableSize: wholeNumber('table-size', values['table-size'], 1, TABLE_MAX) ?? TABLE_SIZE,
  });
  print(values.json, { schema: SCHEMA, key: hex(key, 0, key.length) }, () => `${keyText(key)}\n`);
  return 0;
}

function lint(args: readonly string[]): number {
  const { values, positionals } = readArgs(args, LINT_OPTIONS);
  noArgument('lint', positionals);
  const { key, fields, xfrm, hfunc = 'toeplitz', ...steering } = steeringOptions(values);
  if (hfunc !== 'toeplitz') throw optionError('hfunc', 'toeplitz: the others use no key', hfunc);
  const { indirection } = new Steerer({ key, fields, xfrm, ...steering });
  const findings = lintKey(key, { fields, xfrm, entries: indirection.entries });
  const maps = keyMap(key, { fields, xfrm });
  const type = oneOf(
    'map',
    values.map,
    maps.map((map) => map.type),
  );
  const map = maps.find((candidate) => candidate.type === type);
  const shownMap = map && {
    type: map.type,
    fields: map.fields.map(({ name, columns }) => ({ name, columns: Array.from(columns, hex32) })),
  };
  const { size } = indirection;
  const indexBits = (size & (size - 1)) === 0 ? Math.log2(size) : 32;
  const report = { schema: SCHEMA, key: hex(key, 0, key.length), findings, ...(shownMap && { map: shownMap }) };
  print(values.json, report, () => findingsText(findings) + (map === undefined ? '' : mapText(map, indexBits)));
  return 0;
}

function placeFlows(args: readonly string[]): number {
  const { values, positionals } = readArgs(args, PLACE_OPTIONS);
  noArgument('place', positionals);
  const { flow, choose } = flowOf(values);
  const { hasher, indirection, queues, nic } = new Steerer(steeringOptions(values));
  const model = nic && approximationOf(nic, `${flow.natt ? 'natt' : flow.proto}4`);
  const { entries } = indirection;
  const asked = list(values.queue).map((text) => wholeNumber('queue', text, 0, queues - 1) ?? 0);
  const wanted = asked.length > 0 ? asked : [...new Set(entries)].sort((a, b) => a - b);
  const count = wholeNumber('count', values.count, 1, COUNT_MAX) ?? wanted.length;
  const inTurn = Array.from({ length: count }, (_, i) => wanted[i % wanted.length]);
  const max = choose === 'spi' ? 0xffffffff : 0xffff;
  const base = wholeNumber('base', values.base, 0, max);
  const bits = wholeNumber('bits', values.bits, 1, choose === 'spi' ? 32 : 16);
  const result = place({
    hasher,
    entries,
    flow,
    choose,
    queues: inTurn,
    ...(base === undefined ? {} : { base }),
    ...(bits === undefined ? {} : { bits }),
    taken: (values.taken ?? []).flatMap((text) => takenValues(text, choose, max)),
  });
  const placements = result.placements.map((placed, i) =>
    placed === undefined
      ? { [choose]: null, queue: inTurn[i] }
      : {
          [choose]: choose === 'spi' ? valueText(choose, placed.value) : placed.value,
          hash: hex32(placed.hash),
          index: placed.index,
          queue: placed.queue,
        },
  );
  const { reach } = result;
  const report = {
    schema: SCHEMA,
    ...(nic === undefined ? {} : { nic: nic.name }),
    choose,
    placements,
    reach: { ...reach, indices: reach.indices.length },
    ...(model === undefined ? {} : { model }),
  };
  const text = (): string =>
    placementsText(choose, result, inTurn, indirection.size) + (model === undefined ? '' : `model: ${model}\n`);
  print(values.json, report, text);
  return result.placements.includes(undefined) ? 1 : 0;
}

function flowOf(values: ParsedArgs<typeof PLACE_OPTIONS>['values']): {
  flow: TupleOptions;
  choose: Placeable;
} {
  const { src, dst } = values;
  if (src === undefined || dst === undefined)
    throw usageError('key place needs --src and --dst (see rxsteer key --help)');
  const proto = oneOf('proto', values.proto, PROTOS) ?? 'esp';
  const hasSpi = proto === 'esp' || proto === 'ah' || proto === 'natt';
  const choose = oneOf('choose', values.choose, PLACEABLE) ?? (hasSpi ? 'spi' : 'sport');
  if (values[choose as 'sport'] !== undefined) throw usageError(`--${choose}: expected none, since it is to be chosen`);
  const sport = wholeNumber('sport', values.sport, 0, 0xffff);
  const dport = wholeNumber('dport', values.dport, 0, 0xffff);
  const flow = {
    src,
    dst,
    ...(sport === undefined ? {} : { sport }),
    ...(dport === undefined ? {} : { dport }),
    ...(proto === 'natt' ? { natt: true } : { proto }),
  };
  return { flow, choose };
}

/** Values with commas; or a file of them, of security associations whose SPIs are in use. */
function takenValues(text: string, choose: Placeable, max: number): number[] {
  if (/^\d[0-9a-fx,\s]*$/i.test(text)) {
    return text.split(',').map((value) => wholeNumber('taken', value.trim(), 0, max) ?? 0);
  }
  const content = readTextFile(text);
  if (content.trimStart().startsWith('{') || saFormat(content) !== 'json') {
    if (choose !== 'spi') throw usageError(`--taken: expected a file of ports, and ${text} is one of SAs`);
    return parseSaFile(content, text).map(({ spi }) => spi);
  }
  // as people keep such lists: one value a line or several, notes behind a #
  return content.split('\n').flatMap((line, i) => {
    const words = line
      .replace(/#.*/, '')
      .split(/[\s,]+/)
      .filter((word) => word !== '');
    // of a file of another kind no word may be shown: it may hold keys
    if (!words.every((word) => /^(\d+|0x[0-9a-f]+)$/i.test(word) && Number(word) <= max))
      throw usageError(
        `--taken: expected whole numbers from 0 to ${max} in ${text}, and line ${i + 1} has other things`,
      );
    return words.map(Number);
  });
}

/** Values of an option that is given several times or with commas. */
function list(texts: readonly string[] | undefined): string[] {
  return (texts ?? []).flatMap((text) => text.split(','));
}

function noArgument(name: string, positionals: readonly string[]): void {
  if (positionals.length > 0)
    throw usageError(`key ${name} takes no argument without an option, got '${positionals[0]}'`);
}

function print(json: boolean | undefined, report: unknown, text: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : text());
}
