/** The knobs of the lab, as texts of the command line's options, and as a scenario. */
import type { Scenario } from '../analyze/scenario.ts';
import { checkInteger } from '../errors.ts';
import { parseFlowHash, type Xfrm } from '../hash/fields.ts';
import type { Hfunc } from '../hash/hfunc.ts';
import { parseKey } from '../hash/keys.ts';
import { parseIndirection, TABLE_MAX } from '../steer/indirection.ts';
import { nicKeyLength } from '../steer/nic/index.ts';

/** At the names of the options; an empty text is the default. */
export const SETTINGS = [
  'queues',
  'nic',
  'hkey',
  'esp',
  'natt',
  'tcp',
  'udp',
  'table-size',
  'indir',
  'hfunc',
  'xfrm',
  'level',
] as const;
export type Settings = Readonly<Partial<Record<(typeof SETTINGS)[number], string>>>;

const DEFAULT_QUEUES = 4;

/**
 * @throws RxSteerError `ERR_RXSTEER_OPTION`, `ERR_RXSTEER_KEY`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_INDIRECTION`: a text that the
 *   command line would refuse too
 */
export function scenarioOf(settings: Settings): Scenario {
  const value = (name: keyof Settings): string | undefined => settings[name] || undefined;
  const nic = value('nic');
  const hkey = value('hkey');
  const indir = value('indir');
  const size = value('table-size');
  const fields: Record<string, string> = {};
  for (const type of ['esp', 'natt', 'tcp', 'udp'] as const) {
    const letters = value(type);
    if (letters !== undefined) fields[type] = parseFlowHash(`${type}=${letters}`).letters;
  }
  const queues = checkInteger('queues', Number(value('queues') ?? DEFAULT_QUEUES), 1, 256);
  return {
    name: 'lab',
    kind: 'given',
    steering: {
      queues,
      fields,
      ...(nic === undefined ? {} : { nic }),
      ...(hkey === undefined ? {} : { key: parseKey(hkey.trim(), nicKeyLength(nic)) }),
      ...(indir === undefined ? {} : { indirection: parseIndirection(indir.trim()) }),
      ...(size === undefined ? {} : { tableSize: checkInteger('table-size', Number(size), 1, TABLE_MAX) }),
      hfunc: value('hfunc') as Hfunc | undefined,
      xfrm: value('xfrm') as Xfrm | undefined,
      level: value('level') as 'outer' | 'inner' | undefined,
    },
  };
}

/** As the part of an address behind `#`: what is not the default. */
export function settingsText(settings: Settings): string {
  const entries = SETTINGS.flatMap((name): [string, string][] => (settings[name] ? [[name, settings[name]]] : []));
  return new URLSearchParams(entries).toString();
}

export function readSettings(text: string): Settings {
  const given = new URLSearchParams(text.replace(/^#/, ''));
  return Object.fromEntries(SETTINGS.flatMap((name) => (given.has(name) ? [[name, given.get(name)!]] : [])));
}
