import { parseFlowHash, spellOut, XFRMS } from '../hash/fields.ts';
import { HFUNCS } from '../hash/hfunc.ts';
import { parseKey } from '../hash/keys.ts';
import { readTextFile } from '../io/text-file.ts';
import { addContext } from '../steer/context.ts';
import { EthtoolReader } from '../steer/ethtool.ts';
import { type IndirectionOption, parseIndirection, TABLE_MAX } from '../steer/indirection.ts';
import { nicKeyLength } from '../steer/nic/index.ts';
import type { SteererOptions } from '../steer/options.ts';
import { oneOf, usageError, wholeNumber } from './args.ts';

/** Queues unless `--queues` says otherwise. */
export const DEFAULT_QUEUES = 4;

/** The options that all steering commands share, for `readArgs`. */
export const STEERING_OPTIONS = {
  queues: { type: 'string' },
  hkey: { type: 'string' },
  hfunc: { type: 'string' },
  xfrm: { type: 'string' },
  'rx-flow-hash': { type: 'string', multiple: true },
  indir: { type: 'string' },
  'table-size': { type: 'string' },
  rule: { type: 'string', multiple: true },
  ethtool: { type: 'string', multiple: true },
  nic: { type: 'string' },
  context: { type: 'string', multiple: true },
} as const;

export interface SteeringValues {
  queues?: string;
  hkey?: string;
  hfunc?: string;
  xfrm?: string;
  'rx-flow-hash'?: string[];
  indir?: string;
  'table-size'?: string;
  rule?: string[];
  ethtool?: string[];
  nic?: string;
  context?: string[];
}

/**
 * Steering as the command line describes it; the defaults are the microsoft key, 128 entries, equal, 4 queues. Options go
 * before what files of `--ethtool` say, and that before what `--nic` does; rules add up.
 *
 * @throws RxSteerError `ERR_RXSTEER_USAGE`, and what the parsers of keys, fields, tables and of ethtool's output throw
 */
export function steeringOptions(values: SteeringValues): SteererOptions & { key: Uint8Array } {
  const reader = new EthtoolReader();
  for (const file of values.ethtool ?? []) reader.read(readTextFile(file), file);
  const device = reader.options();
  const given: Record<string, string> = {};
  for (const text of values['rx-flow-hash'] ?? []) {
    const { type, letters } = parseFlowHash(text);
    given[type] = letters;
  }
  // Spelled out, so that what is given goes before the device's where that names the family and this does not.
  const fields = Object.fromEntries([...spellOut(device.fields ?? {}), ...spellOut(given)]);
  const keyLength = nicKeyLength(values.nic);
  const contexts = { ...device.contexts };
  for (const text of values.context ?? []) addContext(contexts, text, keyLength);
  const rules = [...(device.rules ?? []), ...(values.rule ?? [])];
  const indirection = values.indir === undefined ? device.indirection : readIndirection(values.indir);
  return {
    queues: wholeNumber('queues', values.queues, 1, 256) ?? device.queues ?? DEFAULT_QUEUES,
    key:
      values.hkey === undefined && device.key !== undefined
        ? device.key
        : parseKey(values.hkey ?? 'microsoft', keyLength),
    hfunc: oneOf('hfunc', values.hfunc, HFUNCS) ?? device.hfunc,
    xfrm: oneOf('xfrm', values.xfrm, XFRMS) ?? device.xfrm,
    tableSize: wholeNumber('table-size', values['table-size'], 1, TABLE_MAX),
    ...(indirection === undefined ? {} : { indirection }),
    fields,
    ...(rules.length === 0 ? {} : { rules }),
    ...(Object.keys(contexts).length === 0 ? {} : { contexts }),
    ...(values.nic === undefined ? {} : { nic: values.nic }),
  };
}

/** `equal:N`, `weight:W,W,...`, or a file of queue numbers in the order of the table. */
function readIndirection(text: string): IndirectionOption {
  if (/^(equal|weight):/.test(text)) return parseIndirection(text);
  const words = readTextFile(text)
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  if (words.length === 0 || !words.every((word) => /^\d{1,4}$/.test(word))) {
    throw usageError(
      `--indir: expected equal:N, weight:W,W,... or a file of queue numbers, and ${text} holds other things`,
    );
  }
  return words.map(Number);
}
