/**
 * `npm run bench -- ratios [--update] [--json]`: a few cases beside a loop that never changes, and beside what `bench/ratios.json` says they
 * were. CI shows it; a ratio that differs fails nothing, a case that does not work does.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchJson } from '../../src/bench/json.ts';
import { machine } from '../../src/bench/machine.ts';
import { machineLine } from '../table.ts';
import { watched } from './cases.ts';
import { type Committed, type Comparison, compare, comparisonLine, gone, HEADING } from './compare.ts';
import type { Ratio } from './measure.ts';

const COMMITTED = fileURLToPath(new URL('../ratios.json', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./process.ts', import.meta.url));

export function ratiosCommand(args: readonly string[]): number {
  let values: { update?: boolean; json?: boolean };
  try {
    ({ values } = parseArgs({ args: [...args], options: { update: { type: 'boolean' }, json: { type: 'boolean' } } }));
  } catch (error) {
    process.stderr.write(`bench ratios: ${(error as Error).message}\n`);
    return 2;
  }
  const say = (line: string): void => {
    if (!values.json) process.stdout.write(`${line}\n`);
  };
  const committed = existsSync(COMMITTED) ? (JSON.parse(readFileSync(COMMITTED, 'utf8')) as Committed) : undefined;
  const here = machine();
  say(`${machineLine(here)}\n\n${HEADING}`);
  const rows: Comparison[] = [];
  let failed = false;
  for (const { name } of watched) {
    const now = measured(name);
    if (now === undefined) {
      failed = true;
      continue;
    }
    const row = compare(name, now, committed);
    rows.push(row);
    say(comparisonLine(row));
  }
  say(notes(committed));
  for (const name of gone(
    watched.map(({ name }) => name),
    committed,
  ))
    say(`${name} is committed, and measured no longer`);
  if (values.json) process.stdout.write(benchJson(rows));
  if (values.update && !failed) {
    const cases = Object.fromEntries(rows.map((row) => [row.case, rounded(row.now)]));
    const next: Committed = { schema: 'rxsteer.ratios/1', machine: { node: here.node, cpu: here.cpu }, cases };
    writeFileSync(COMMITTED, `${JSON.stringify(next, null, 2)}\n`);
    say('bench/ratios.json is written');
  }
  return failed ? 1 : 0;
}

function notes(committed: Committed | undefined): string {
  const where = committed === undefined ? '' : ` Committed: ${committed.machine.cpu}, Node ${committed.machine.node}.`;
  return `
ratio: an item of the case (packet, hash, descriptor) over a byte of CRC-32 in the same process, by turns; spread: of the middle half of
the turns. A change is marked when it is outside of what both spreads explain; other processors have other ratios.${where}
--update writes what is measured now.`;
}

/** A case in its process. One that fails is told of, and the others go on. */
function measured(name: string): Ratio | undefined {
  const child = spawnSync(process.execPath, [...process.execArgv, PROGRAM, name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status === 0) return JSON.parse(child.stdout) as Ratio;
  process.stderr.write(`bench ratios: ${name} failed\n`);
  return undefined;
}

function rounded({ ratio, spread }: Ratio): Ratio {
  return { ratio: Number(ratio.toPrecision(4)), spread: Number(spread.toFixed(3)) };
}
