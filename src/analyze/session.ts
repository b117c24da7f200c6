/** A whole capture in memory, asked again and again: what the lab does. */
import { FrameBatch } from '../capture/frame-batch.ts';
import { CaptureParser } from '../capture/parser.ts';
import { RxSteerError } from '../errors.ts';
import { Analysis } from './analysis.ts';
import { describeAnalysis } from './describe.ts';
import { type Facts, factsOf } from './facts.ts';
import { planScenarios } from './plan.ts';
import type { AnalyzeReport } from './report.ts';
import { modelScenarios, type Scenario } from './scenario.ts';

export class CaptureSession {
  readonly name: string;
  private readonly bytes: Uint8Array;
  private readonly base: Analysis;
  private readonly facts: Facts;
  private readonly damage: AnalyzeReport['damage'];

  /**
   * Reads the capture once.
   *
   * @throws RxSteerError `ERR_RXSTEER_CAPTURE_FORMAT`: it is none
   */
  constructor(bytes: Uint8Array, name: string) {
    this.bytes = bytes;
    this.name = name;
    this.base = new Analysis({ scenarios: modelScenarios([4]).slice(-1), keep: true });
    this.damage = readAll(bytes, this.base);
    this.facts = factsOf(this.base);
  }

  get packets(): number {
    return this.base.packets;
  }

  /** What happens by some scenarios, with the models beside them. None: the usual ones. */
  report(given: readonly Scenario[]): AnalyzeReport {
    const { bytes, base, damage } = this;
    const context = { files: [this.name], ...(damage === undefined ? {} : { damage }) };
    const scenarios = planScenarios({ given });
    const run = base.rerun(bytes, scenarios);
    if (run !== undefined) return describeAnalysis(base, context, run, this.facts);
    const analysis = new Analysis({ scenarios });
    readAll(bytes, analysis);
    return describeAnalysis(analysis, context);
  }
}

/** Feeds a capture. Returns where it is damaged, if it is. */
function readAll(bytes: Uint8Array, analysis: Analysis): AnalyzeReport['damage'] {
  const parser = new CaptureParser();
  const batch = new FrameBatch();
  let at = 0;
  try {
    do {
      at += parser.parse(bytes, at, bytes.length, true, batch);
      analysis.batch(bytes, batch);
    } while (batch.count > 0);
  } catch (error) {
    if (!(error instanceof RxSteerError) || error.code !== 'ERR_RXSTEER_CAPTURE_DAMAGED') throw error;
    return { message: error.message, offset: error.offset };
  }
  return undefined;
}
