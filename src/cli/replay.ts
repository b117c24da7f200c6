import { RxSteerError } from '../errors.ts';
import { CRYPTO_NAMES, createSas, parseSaFile, type Sa } from '../esp/index.ts';
import { readTextFile } from '../io/text-file.ts';
import { watchFiles } from '../io/watch-files.ts';
import { runReplay } from '../report/replay.ts';
import { replayText } from '../report/replay-text.ts';
import { styleFor } from '../report/terminal.ts';
import type { SaChanges } from '../report/watched-sas.ts';
import { oneOf, readArgs, usageError, wholeNumber } from './args.ts';
import { progressLine } from './progress.ts';
import { STEERING_OPTIONS, steeringOptions } from './steering-options.ts';

const OPTIONS = {
  ...STEERING_OPTIONS,
  level: { type: 'string' },
  inline: { type: 'boolean' },
  sa: { type: 'string', multiple: true },
  crypto: { type: 'string' },
  'no-esp': { type: 'boolean' },
  'no-gro': { type: 'boolean' },
  out: { type: 'string' },
  digest: { type: 'string' },
  loop: { type: 'string' },
  watch: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** `rxsteer replay`: captures through the whole receive path. */
export async function replayCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, OPTIONS);
  if (positionals.length === 0) throw usageError('replay needs at least one capture (see rxsteer replay --help)');
  const crypto = oneOf('crypto', values.crypto, CRYPTO_NAMES);
  const { queues, ...rss } = steeringOptions(values);
  const level = oneOf('level', values.level, ['outer', 'inner']);
  const saFiles = values.sa ?? [];
  if (values.watch && (saFiles.length === 0 || values['no-esp'])) throw usageError('--watch needs --sa FILE');
  const progress = progressLine(process.stderr);
  const replay = await runReplay({
    files: positionals,
    queues,
    inline: values.inline ?? false,
    rss: { ...rss, level },
    ...(values['no-esp'] ? {} : { sas: readSas(saFiles) }),
    ...(crypto === undefined ? {} : { crypto }),
    gro: !values['no-gro'],
    digest: oneOf('digest', values.digest, ['none', 'xxh64', 'sha256']) ?? 'xxh64',
    ...(values.out === undefined ? {} : { out: values.out }),
    loop: wholeNumber('loop', values.loop, 1, 1_000_000) ?? 1,
    ...(values.watch ? { watch: (apply) => watchSas(saFiles, apply) } : {}),
    onProgress: progress.update,
  }).finally(progress.end);
  const { report } = replay;
  process.stdout.write(
    values.json ? `${JSON.stringify(report)}\n` : replayText(replay, styleFor(process.stdout, process.env)),
  );
  if (report.damage !== undefined)
    process.stderr.write(`rxsteer: ${report.damage.message} [ERR_RXSTEER_CAPTURE_DAMAGED]\n`);
  const sound = report.invariants.conserved && report.invariants.reordered === 0 && report.damage === undefined;
  return sound ? 0 : 1;
}

/** Has SAs applied when a file with some has changed; what is wrong with it is told, and goes on with what there is. */
function watchSas(files: readonly string[], apply: (sas: readonly Sa[]) => Promise<SaChanges>): () => void {
  const tell = (text: string): boolean => process.stderr.write(`rxsteer: ${text}\n`);
  return watchFiles(files, async () => {
    try {
      const { added, replaced, removed } = await apply(readSas(files));
      if (added + replaced + removed > 0) tell(`SAs: ${added} added, ${replaced} replaced, ${removed} removed`);
    } catch (error) {
      if (!(error instanceof RxSteerError)) throw error;
      tell(`${error.message} [${error.code}]`);
    }
  });
}

function readSas(files: readonly string[]): Sa[] {
  return createSas(files.flatMap((file) => parseSaFile(readTextFile(file), file)));
}
