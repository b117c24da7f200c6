import { Analysis, type AnalysisOptions } from '../analyze/analysis.ts';
import { describeAnalysis } from '../analyze/describe.ts';
import type { AnalyzeReport } from '../analyze/report.ts';
import { RxSteerError } from '../errors.ts';
import { createBlockPool } from '../io/blocks.ts';
import { captureBatches } from '../io/capture-file.ts';

export interface AnalyzeOptions extends AnalysisOptions {
  readonly files: readonly string[];
  readonly loop?: number;
  /** Ends the analysis: the report is of what was seen until then. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytesRead: number, bytesTotal: number) => void;
}

/** What an analysis was: its report, and how long it took, in milliseconds. */
export interface Analyzed {
  readonly report: AnalyzeReport;
  readonly milliseconds: number;
}

/**
 * Analyses captures, in constant memory. A damaged capture ends the input: the report says so. Other errors are thrown.
 *
 * @throws RxSteerError as `captureBatches` and `Analysis`
 */
export async function runAnalysis(options: AnalyzeOptions): Promise<Analyzed> {
  const { files, loop = 1, signal, onProgress } = options;
  const analysis = new Analysis(options);
  const pool = createBlockPool();
  const started = performance.now();
  let damage: AnalyzeReport['damage'];
  let interrupted = false;
  try {
    for await (const batch of captureBatches(files, pool, {
      loop,
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined ? {} : { onProgress }),
    })) {
      analysis.batch(pool.bytes, batch);
    }
  } catch (error) {
    if (error instanceof RxSteerError && error.code === 'ERR_RXSTEER_CAPTURE_DAMAGED') {
      damage = { message: error.message, offset: error.offset };
    } else if (signal?.aborted === true && error === signal.reason) interrupted = true;
    else throw error;
  }
  const milliseconds = performance.now() - started;
  const report = describeAnalysis(analysis, {
    files,
    loop,
    interrupted,
    ...(damage === undefined ? {} : { damage }),
  });
  return { report, milliseconds };
}
