import { parseFlowHash, XFRMS } from '../hash/fields.ts';
import { HFUNCS } from '../hash/hfunc.ts';
import { parseKey } from '../hash/keys.ts';
import { readTextFile } from '../io/text-file.ts';
import { type IndirectionOption, parseIndirection, TABLE_MAX } from '../steer/indirection.ts';
import type { SteererOptions } from '../steer/steerer.ts';
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
}

/**
 * Steering as the command line describes it; the defaults are the microsoft key, 128 entries, equal, 4 queues.
 *
 * @throws RxSteerError `ERR_RXSTEER_USAGE`, and what the parsers of keys, fields and tables throw
 */
export function steeringOptions(values: SteeringValues): SteererOptions & { key: Uint8Array } {
  const fields: Record<string, string> = {};
  for (const text of values['rx-flow-hash'] ?? []) {
    const { type, letters } = parseFlowHash(text);
    fields[type] = letters;
  }
  const indirection = values.indir === undefined ? undefined : readIndirection(values.indir);
  return {
    queues: wholeNumber('queues', values.queues, 1, 256) ?? DEFAULT_QUEUES,
    key: parseKey(values.hkey ?? 'microsoft'),
    hfunc: oneOf('hfunc', values.hfunc, HFUNCS),
    xfrm: oneOf('xfrm', values.xfrm, XFRMS),
    tableSize: wholeNumber('table-size', values['table-size'], 1, TABLE_MAX),
    ...(indirection === undefined ? {} : { indirection }),
    fields,
    ...(values.rule === undefined ? {} : { rules: values.rule }),
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
