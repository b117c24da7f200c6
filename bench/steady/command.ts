/**
 * `npm run bench -- steady [--minutes N] [--quick] [--only clear|esp] [--idle async|block] [--crypto BACKEND] [--html FILE] [--json]`:
 * what becomes of latency, heap and collections under minutes of load.
 */
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchJson } from '../../src/bench/json.ts';
import { machine } from '../../src/bench/machine.ts';
import { CRYPTO_NAMES, type CryptoName } from '../../src/esp/index.ts';
import { styleFor } from '../../src/report/terminal.ts';
import { machineLine } from '../table.ts';
import { LEVELS, type SteadyEffort, type SteadyResult } from './measure.ts';
import { steadyPage } from './page.ts';
import { steadyText } from './text.ts';
import type { SteadyOptions, SteadyTraffic } from './traffic.ts';
import { findings, isWhole, summaries } from './verdict.ts';

const PROGRAM = fileURLToPath(new URL(`./process${extname(import.meta.url)}`, import.meta.url));
const TRAFFICS: readonly SteadyTraffic[] = ['clear', 'esp'];
const MINUTES = 10;

const OPTIONS = {
  minutes: { type: 'string' },
  quick: { type: 'boolean' },
  only: { type: 'string' },
  idle: { type: 'string' },
  crypto: { type: 'string' },
  html: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export async function steadyCommand(args: readonly string[]): Promise<number> {
  const wrong = (message: string): number => {
    process.stderr.write(`bench steady: ${message}\n`);
    return 2;
  };
  let values: ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];
  try {
    ({ values } = parseArgs({ args: [...args], options: OPTIONS }));
  } catch (error) {
    return wrong((error as Error).message);
  }
  const { only, idle = 'async', crypto, quick, json, html } = values;
  const minutes = Number(values.minutes ?? (quick ? 0.4 : MINUTES));
  if (!(minutes > 0 && minutes <= 1440))
    return wrong(`--minutes: expected minutes up to a day, got '${values.minutes}'`);
  if (idle !== 'async' && idle !== 'block') return wrong(`--idle: expected 'async' or 'block', got '${idle}'`);
  if (crypto !== undefined && !(CRYPTO_NAMES as readonly string[]).includes(crypto)) {
    return wrong(`--crypto: expected one of ${CRYPTO_NAMES.join(', ')}, got '${crypto}'`);
  }
  const wanted = TRAFFICS.filter((traffic) => only === undefined || traffic === only);
  if (wanted.length === 0) return wrong(`--only: expected one of ${TRAFFICS.join(', ')}, got '${only}'`);
  const effort = effortFor((60 * minutes) / wanted.length);
  const style = styleFor(process.stdout, process.env);
  const say = (text: string): void => {
    if (!json) process.stdout.write(text);
  };
  say(`${machineLine(machine())}\n`);
  const results: SteadyResult[] = [];
  for (const traffic of wanted) {
    if (process.stderr.isTTY) process.stderr.write(`${traffic}, ${(minutes / wanted.length).toFixed(1)} minutes\n`);
    const options = { traffic, idle, ...(crypto === undefined ? {} : { crypto: crypto as CryptoName }) } as const;
    const result = await inProcess(options, effort);
    if (result === undefined) {
      process.stderr.write(`bench steady: ${traffic} failed\n`);
      process.exitCode = 1;
      continue;
    }
    results.push(result);
    say(steadyText(result, style));
  }
  if (html !== undefined) writeFileSync(html, steadyPage(results, machine()));
  if (json) process.stdout.write(benchJson(results.map(jsonRow)));
  return results.length === wanted.length && results.every(isWhole) ? 0 : 1;
}

/** Ten slices of each load, but none shorter than a second or longer than ten. */
export function effortFor(seconds: number): SteadyEffort {
  const slice = Math.min(10, Math.max(1, seconds / (10 * LEVELS.length)));
  return { seconds, slice, warmUp: Math.min(10, Math.max(4, seconds / 10)), capacity: 0.5 };
}

/** What `--json` says of a traffic; the histograms of slices stay here. */
function jsonRow(result: SteadyResult): object {
  const slices = result.slices.map(({ histogram: _, ...rest }) => rest);
  return { case: `steady_${result.traffic}`, ...result, slices, levels: summaries(result), findings: findings(result) };
}

function inProcess(options: SteadyOptions, effort: SteadyEffort): Promise<SteadyResult | undefined> {
  return new Promise((resolve) => {
    let result: SteadyResult | undefined;
    const child = fork(PROGRAM, [JSON.stringify(options), JSON.stringify(effort)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', (message) => {
      result = message as SteadyResult;
    });
    child.on('error', () => resolve(undefined));
    child.on('exit', () => resolve(result));
  });
}
