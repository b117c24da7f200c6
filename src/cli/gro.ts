import { CRYPTO_NAMES, createSas, parseSaFile } from '../esp/index.ts';
import { LINUX_DEFAULT } from '../gro/index.ts';
import { readTextFile } from '../io/text-file.ts';
import { runGro } from '../report/gro.ts';
import { groText } from '../report/gro-text.ts';
import { styleFor } from '../report/terminal.ts';
import { oneOf, readArgs, usageError, wholeNumber } from './args.ts';
import { GRO_WORDS, groWords, numbers, PORT_MAX, wordOrNumbers } from './gro-words.ts';

const OPTIONS = {
  ...GRO_WORDS,
  polls: { type: 'string' },
  hashes: { type: 'string' },
  'vlan-stripped': { type: 'boolean' },
  'natt-gro': { type: 'string' },
  vxlan: { type: 'string' },
  geneve: { type: 'string' },
  gue: { type: 'string' },
  sa: { type: 'string', multiple: true },
  crypto: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** `rxsteer gro`: what GRO makes of the frames of a capture. */
export async function groCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, OPTIONS);
  if (positionals.length !== 1) throw usageError('gro needs one capture (see rxsteer gro --help)');
  const crypto = oneOf('crypto', values.crypto, CRYPTO_NAMES);
  const { as = LINUX_DEFAULT, udp = 'off', ...sizes } = groWords(values, 1);
  const nattGro = oneOf('natt-gro', values['natt-gro'], ['on', 'off']);
  const vxlan = wholeNumber('vxlan', values.vxlan, 1, PORT_MAX);
  const geneve = wholeNumber('geneve', values.geneve, 1, PORT_MAX);
  const gue = wholeNumber('gue', values.gue, 1, PORT_MAX);
  const report = await runGro({
    file: positionals[0],
    hashes: wordOrNumbers('hashes', values.hashes ?? 'compute', ['zero', 'compute'], 0, 0xffff_ffff),
    as,
    udp,
    ...sizes,
    vlanStripped: values['vlan-stripped'] ?? false,
    // Linux opens ESP in UDP inside GRO since 6.8.
    nattGro: nattGro === undefined ? as !== 'linux-6.1' : nattGro === 'on',
    sas: createSas((values.sa ?? []).flatMap((file) => parseSaFile(readTextFile(file), file))),
    ...(values.polls === undefined ? {} : { polls: numbers('polls', values.polls, 1, 64) }),
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
