/**
 * `npm run bench -- [NAME...] [--only TEXT] [--quick] [--json] [--list]`: measures the cases of all questions, or of those named.
 * Every case has a process of its own, so that none trains or spoils the optimiser for another.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchJson } from '../src/bench/json.ts';
import { machine } from '../src/bench/machine.ts';
import type { Row } from './harness.ts';
import { questions } from './questions.ts';
import { heading, machineLine, notes, rowLine } from './table.ts';

const PROGRAM = fileURLToPath(new URL('./measure-case.ts', import.meta.url));

const { values, positionals } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    list: { type: 'boolean' },
  },
  allowPositionals: true,
});

const unknown = positionals.find((name) => !questions.has(name));
if (unknown !== undefined) {
  process.stderr.write(`bench: there is no ${unknown}; there are ${[...questions.keys()].join(', ')}\n`);
  process.exit(2);
}

const wanted = [...questions]
  .filter(([question]) => positionals.length === 0 || positionals.includes(question))
  .flatMap(([question, cases]) => cases.map((c) => ({ question, name: c.name, against: c.against })))
  .filter(({ name }) => name.includes(values.only ?? ''));

if (values.list) {
  process.stdout.write(wanted.map(({ name }) => `${name}\n`).join(''));
  process.exit(0);
}

const say = (line: string): void => {
  if (!values.json) process.stdout.write(`${line}\n`);
};
const rows: Row[] = [];
say(machineLine(machine()));
let last = '';
for (const { question, name, against } of wanted) {
  if (question !== last) say(heading(question));
  last = question;
  if (values.json && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${name}`);
  const alone = measured(question, name);
  if (alone === undefined) continue;
  const base = rows.find((row) => row.case === against);
  const row = base === undefined ? alone : { ...alone, ratio: alone.ns / base.ns };
  rows.push(row);
  say(rowLine(row));
}
if (values.json && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
say(notes(rows));
if (values.json) process.stdout.write(benchJson(rows));

/** Runs a case in its process. A case that fails is told of, and the others go on. */
function measured(question: string, name: string): Row | undefined {
  const args = [...process.execArgv, PROGRAM, question, name, values.quick ? 'quick' : 'full'];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.status === 0) return JSON.parse(child.stdout) as Row;
  process.stderr.write(`bench: ${name} failed\n`);
  process.exitCode = 1;
  return undefined;
}
