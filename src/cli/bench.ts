import { measureScenario } from '../bench/histogram.ts';
import { histogramPage } from '../bench/histogram-page.ts';
import { histogramText } from '../bench/histogram-text.ts';
import { benchJson } from '../bench/json.ts';
import { machine } from '../bench/machine.ts';
import { type FailedScenario, FULL_HISTOGRAM, type HistogramRow, QUICK_HISTOGRAM } from '../bench/row.ts';
import { scenarios } from '../bench/scenario.ts';
import { readCapture } from '../bench/traffic-of.ts';
import { openSink } from '../io/sink.ts';
import { styleFor } from '../report/terminal.ts';
import { readArgs, usageError } from './args.ts';

const OPTIONS = {
  only: { type: 'string' },
  capture: { type: 'string' },
  sa: { type: 'string', multiple: true },
  quick: { type: 'boolean' },
  list: { type: 'boolean' },
  html: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** `rxsteer bench`: throughput and CPU of the receive path on this machine. */
export async function benchCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, OPTIONS);
  if (positionals.length > 0) {
    throw usageError(
      `bench takes options only, got '${positionals[0]}' (the small benchmarks are in a checkout: npm run bench)`,
    );
  }
  const { capture, sa: sas = [] } = values;
  if (capture === undefined && sas.length > 0)
    throw usageError('--sa opens what is in --capture FILE, which is missing');
  const files = capture === undefined ? undefined : { path: capture, sas };
  const all = scenarios(files);
  const wanted = all.filter(({ name }) => name.includes(values.only ?? ''));
  if (wanted.length === 0) throw usageError(`--only: no case has '${values.only}' in its name (see --list)`);
  if (values.list) {
    process.stdout.write(wanted.map(({ name }) => `${name}\n`).join(''));
    return 0;
  }
  // What cannot be read or written is told of before minutes are spent.
  if (files !== undefined) await readCapture(files);
  const page = values.html === undefined ? undefined : openSink(values.html);
  const rows: (HistogramRow | FailedScenario)[] = [];
  for (const [i, scenario] of wanted.entries()) {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${i + 1} of ${wanted.length}: ${scenario.name}`);
    rows.push(await measureScenario(scenario, values.quick ? QUICK_HISTOGRAM : FULL_HISTOGRAM));
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  page?.append(new TextEncoder().encode(histogramPage(rows, machine())));
  page?.close();
  process.stdout.write(
    values.json ? benchJson(rows) : histogramText(rows, machine(), styleFor(process.stdout, process.env)),
  );
  return rows.some((row) => 'failed' in row) ? 1 : 0;
}
