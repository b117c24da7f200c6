/**
 * `npm run bench -- growth [CHART...] [--only TEXT] [--quick] [--json] [--html FILE] [--list]`: what a packet costs, and what memory is
 * taken, by flows, SAs, lanes and packet sizes. Every point has a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchJson } from '../../src/bench/json.ts';
import { machine } from '../../src/bench/machine.ts';
import { openSink } from '../../src/io/sink.ts';
import { byteText } from '../../src/report/terminal.ts';
import { heading, machineLine, rowLine } from '../table.ts';
import { type PointResult, sections } from './charts.ts';
import { growthPage } from './page.ts';
import { CHARTS, type GrowthRow, type Point } from './point.ts';
import { points } from './points.ts';
import { firstProcessor } from './threads.ts';

const PROGRAM = fileURLToPath(new URL('./measure-point.ts', import.meta.url));

/** Runs with the arguments behind `growth`; resolves with the exit code. */
export async function growthCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean' },
      json: { type: 'boolean' },
      html: { type: 'string' },
      list: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const unknown = positionals.find((name) => !CHARTS.some((chart) => chart === name));
  if (unknown !== undefined) {
    process.stderr.write(`bench: growth has no ${unknown}; it has ${CHARTS.join(', ')}\n`);
    return 2;
  }
  const wanted = points.filter(
    ({ chart, name }) => (positionals.length === 0 || positionals.includes(chart)) && name.includes(values.only ?? ''),
  );
  if (values.list) {
    process.stdout.write(wanted.map(({ name }) => `${name}\n`).join(''));
    return 0;
  }
  const say = (line: string): void => {
    if (!values.json) process.stdout.write(`${line}\n`);
  };
  // What cannot be written is told of before minutes are spent.
  const page = values.html === undefined ? undefined : openSink(values.html);
  const results: PointResult[] = [];
  say(machineLine(machine()));
  let last = '';
  let failed = false;
  for (const point of wanted) {
    if (point.chart !== last) say(`${heading(point.chart)}${'resident'.padStart(RESIDENT)}`);
    last = point.chart;
    if (values.json && process.stderr.isTTY) process.stderr.write(`\r\x1b[K${point.name}`);
    const result = measured(point, values.quick ? 'quick' : 'full');
    results.push(result);
    failed ||= 'skipped' in result && !result.skipped.startsWith(NOT_HERE);
    say('skipped' in result ? `${result.case}: ${result.skipped}` : line(result));
  }
  if (values.json && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  for (const { title, findings } of sections(results)) say(`\n${title}\n${findings.join('\n')}`);
  page?.append(new TextEncoder().encode(growthPage(results, machine())));
  page?.close();
  if (values.json) process.stdout.write(benchJson(results));
  return failed ? 1 : 0;
}

/** Width of the column behind those of `rowLine`. */
const RESIDENT = 12;

function line(row: GrowthRow): string {
  // A heading begins with an empty line.
  const columns = heading('').length - 1;
  return rowLine(row).padEnd(columns) + byteText(row.memory.residentBytes).padStart(RESIDENT);
}

/** How a reason begins that is no failure. */
const NOT_HERE = 'not here';

/** Measures a point in a process of its own, on one processor if it is so. */
function measured(point: Point, effort: 'full' | 'quick'): PointResult {
  const { name, chart, series, x } = point;
  const skip = (skipped: string): PointResult => ({ case: name, chart, series, x, skipped });
  const node = [process.execPath, '--expose-gc', ...process.execArgv, PROGRAM, name, effort];
  const processor = firstProcessor();
  if (point.pinned && processor === undefined) return skip(`${NOT_HERE}: the system does not tell its processors`);
  const [command, ...args] = point.pinned ? ['taskset', '-c', String(processor), ...node] : node;
  const child = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.error !== undefined && point.pinned)
    return skip(`${NOT_HERE}: there is no taskset (${child.error.message})`);
  if (child.status === 0) return JSON.parse(child.stdout) as GrowthRow;
  process.stderr.write(`bench: ${name} failed\n`);
  return skip(`its process ended with ${child.status ?? child.signal}`);
}
