import { CRYPTO_NAMES, createSas, parseSaFile } from '../esp/index.ts';
import { GRO_MAX_SIZE, LINUX_DEFAULT, LINUX_VERSIONS } from '../gro/index.ts';
import { readTextFile } from '../io/text-file.ts';
import { runGro } from '../report/gro.ts';
import { groText } from '../report/gro-text.ts';
import { styleFor } from '../report/terminal.ts';
import { oneOf, readArgs, usageError, wholeNumber } from './args.ts';

const OPTIONS = {
  polls: { type: 'string' },
  hashes: { type: 'string' },
  as: { type: 'string' },
  udp: { type: 'string' },
  'vlan-stripped': { type: 'boolean' },
  'natt-gro': { type: 'string' },
  max: { type: 'string' },
  max4: { type: 'string' },
  vxlan: { type: 'string' },
  geneve: { type: 'string' },
  gue: { type: 'string' },
  sa: { type: 'string', multiple: true },
  crypto: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const PORT_MAX = 65_535;

/** `rxsteer gro`: what GRO makes of the frames of a capture. */
export async function groCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, OPTIONS);
  if (positionals.length !== 1) throw usageError('gro needs one capture (see rxsteer gro --help)');
  const crypto = oneOf('crypto', values.crypto, CRYPTO_NAMES);
  const as = oneOf('as', values.as, LINUX_VERSIONS) ?? LINUX_DEFAULT;
  const nattGro = oneOf('natt-gro', values['natt-gro'], ['on', 'off']);
  const polls = numbers('polls', values.polls, 1, 64);
  const maxSize = wholeNumber('max', values.max, 1, GRO_MAX_SIZE);
  const maxSize4 = wholeNumber('max4', values.max4, 1, GRO_MAX_SIZE);
  const vxlan = wholeNumber('vxlan', values.vxlan, 1, PORT_MAX);
  const geneve = wholeNumber('geneve', values.geneve, 1, PORT_MAX);
  const gue = wholeNumber('gue', values.gue, 1, PORT_MAX);
  const report = await runGro({
    file: positionals[0],
    hashes: wordOrNumbers('hashes', values.hashes ?? 'compute', ['zero', 'compute'] as const, 0, 0xffff_ffff),
    as,
    udp: wordOrNumbers('udp', values.udp ?? 'off', ['off', 'forwarding'] as const, 1, PORT_MAX),
    vlanStripped: values['vlan-stripped'] ?? false,
    // Linux opens ESP in UDP inside GRO since 6.8.
    nattGro: nattGro === undefined ? as !== 'linux-6.1' : nattGro === 'on',
    sas: createSas((values.sa ?? []).flatMap((file) => parseSaFile(readTextFile(file), file))),
    ...(polls === undefined ? {} : { polls }),
    ...(maxSize === undefined ? {} : { maxSize }),
    ...(maxSize4 === undefined ? {} : { maxSize4 }),
    ...(vxlan === undefined ? {} : { vxlan }),
    ...(geneve === undefined ? {} : { geneve }),
    ...(gue === undefined ? {} : { gue }),
    ...(crypto === undefined ? {} : { crypto }),
    ...(values.out === undefined ? {} : { out: values.out }),
  });
  process.stdout.write(
    values.json ? `${JSON.stringify(report)}\n` : groText(report, styleFor(process.stdout, process.env)),
  );
  return 0;
}

/** Numbers with commas between them. */
function numbers(option: string, text: string | undefined, min: number, max: number): number[] | undefined {
  return text?.split(',').map((part) => wholeNumber(option, part.trim(), min, max) as number);
}

/** One of a few words, or numbers. */
function wordOrNumbers<T extends string>(
  option: string,
  text: string,
  words: readonly T[],
  min: number,
  max: number,
): T | number[] {
  const word = words.find((w) => w === text);
  if (word !== undefined) return word;
  if (!/\d/.test(text[0] ?? '')) oneOf(option, text, [...words, 'numbers with commas between them']);
  return numbers(option, text, min, max) as number[];
}
