/** Traffic for analyses, frame by frame, with times. */
import { Analysis, type AnalysisOptions } from '../../src/analyze/analysis.ts';
import { describeAnalysis } from '../../src/analyze/describe.ts';
import { planScenarios } from '../../src/analyze/index.ts';
import type { AnalyzeReport } from '../../src/analyze/report.ts';
import { LINK_ETHERNET } from '../../src/wire/dissect.ts';
import { type TupleOptions, tupleFrame } from '../../src/wire/emit.ts';

export interface Timed {
  readonly frame: Uint8Array;
  /** Nanoseconds from the beginning. */
  readonly at: number;
  readonly linkType?: number;
  readonly wire?: number;
}

/** Frames one microsecond apart. */
export function timed(frames: readonly Uint8Array[], step = 1000): Timed[] {
  return frames.map((frame, i) => ({ frame, at: i * step }));
}

/** A packet of a flow. */
export function packetOf(flow: TupleOptions): Uint8Array {
  const { bytes } = tupleFrame(flow);
  const frame = new Uint8Array(14 + bytes.length);
  frame.set(flow.src.includes(':') ? [0x86, 0xdd] : [8, 0], 12);
  frame.set(bytes, 14);
  return frame;
}

export function feed(analysis: Analysis, packets: readonly Timed[]): Analysis {
  for (const { frame, at, linkType = LINK_ETHERNET, wire = frame.length } of packets) {
    analysis.frame(frame, 0, frame.length, wire, linkType, 1_700_000_000 + Math.floor(at / 1e9), at % 1e9);
  }
  return analysis;
}

export function analyze(packets: readonly Timed[], options: Partial<AnalysisOptions> = {}): AnalyzeReport {
  const scenarios = options.scenarios ?? planScenarios({ given: [] });
  return describeAnalysis(feed(new Analysis({ ...options, scenarios }), packets), { files: ['test'] });
}

/** SPIs as they are drawn: no pattern. */
export function spis(count: number): number[] {
  let state = 0x12345678;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state ^ (state >>> 13)) >>> 0 || 1;
  });
}
