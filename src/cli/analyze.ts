import { planScenarios } from '../analyze/index.ts';
import type { AnalyzeReport } from '../analyze/report.ts';
import { openSink } from '../io/sink.ts';
import { runAnalysis } from '../report/analyze.ts';
import { analyzeText } from '../report/analyze-text.ts';
import { analyzePage } from '../report/page/page.ts';
import { styleFor } from '../report/terminal.ts';
import { givenScenarios, queueList } from './analyze-scenarios.ts';
import { readArgs, usageError, wholeNumber } from './args.ts';
import { progressLine } from './progress.ts';
import { STEERING_OPTIONS } from './steering-options.ts';

/** As for other commands, but that most may be given several times. */
const OPTIONS = {
  ...STEERING_OPTIONS,
  nic: { type: 'string', multiple: true },
  hkey: { type: 'string', multiple: true },
  hfunc: { type: 'string', multiple: true },
  xfrm: { type: 'string', multiple: true },
  indir: { type: 'string', multiple: true },
  'table-size': { type: 'string', multiple: true },
  level: { type: 'string' },
  sweep: { type: 'boolean' },
  loop: { type: 'string' },
  flows: { type: 'string' },
  'service-rate': { type: 'string' },
  ring: { type: 'string' },
  html: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Entries of a ring unless said otherwise: the default of ixgbe and i40e. */
const RING = 512;
/** What a shell reports of a process that SIGINT ended. */
const EXIT_INTERRUPTED = 130;

/** `rxsteer analyze`: how traffic would spread, by scenario. */
export async function analyzeCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args, OPTIONS);
  if (positionals.length === 0) throw usageError('analyze needs at least one capture (see rxsteer analyze --help)');
  const queues = queueList(values.queues);
  const rate = wholeNumber('service-rate', values['service-rate'], 1, 1_000_000_000);
  const ring = wholeNumber('ring', values.ring, 1, 65536);
  if (ring !== undefined && rate === undefined) throw usageError('--ring needs --service-rate');
  const interrupt = new AbortController();
  const progress = progressLine(process.stderr);
  const onInterrupt = (): void => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  const analyzed = await runAnalysis({
    files: positionals,
    scenarios: planScenarios({
      given: givenScenarios(values, queues),
      sweep: values.sweep ?? false,
      ...(queues === undefined ? {} : { queues }),
    }),
    loop: wholeNumber('loop', values.loop, 1, 1_000_000) ?? 1,
    flowLimit: wholeNumber('flows', values.flows, 16, 1 << 22),
    ...(rate === undefined ? {} : { service: { rate, ring: ring ?? RING } }),
    signal: interrupt.signal,
    onProgress: progress.update,
  }).finally(() => {
    progress.end();
    process.removeListener('SIGINT', onInterrupt);
  });
  const { report } = analyzed;
  if (values.html !== undefined) writePage(values.html, report);
  process.stdout.write(
    values.json ? `${JSON.stringify(report)}\n` : analyzeText(analyzed, styleFor(process.stdout, process.env)),
  );
  if (report.damage !== undefined) {
    process.stderr.write(`rxsteer: ${report.damage.message} [ERR_RXSTEER_CAPTURE_DAMAGED]\n`);
    return 1;
  }
  return report.interrupted ? EXIT_INTERRUPTED : 0;
}

function writePage(path: string, report: AnalyzeReport): void {
  const sink = openSink(path);
  try {
    sink.append(new TextEncoder().encode(analyzePage(report)));
  } finally {
    sink.close();
  }
}
