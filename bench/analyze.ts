/** What does an analysis cost a packet: with one scenario, with 24, of few flows and of more than are kept; and re-steered in the lab? */
import { Analysis } from '../src/analyze/analysis.ts';
import { planScenarios } from '../src/analyze/plan.ts';
import type { Scenario } from '../src/analyze/scenario.ts';
import { put32 } from '../src/wire/bytes.ts';
import { FRAMES, peerFrames } from './frames.ts';
import type { Case, Round } from './harness.ts';

const ONE: readonly Scenario[] = [{ name: 'one', kind: 'given', steering: { queues: 8 } }];
const USUAL: readonly Scenario[] = planScenarios({ given: [] });
/** One packet a microsecond. */
const GAP = 1000;
/** Of the re-steered capture. */
const PACKETS = 1_000_000;

/** Frames that follow each other without end; every `fresh` of them a flow that was never seen, 0: none is. */
class Traffic {
  private readonly frames = peerFrames(64, false);
  private readonly fresh: number;
  private number = 0;

  constructor(fresh: number) {
    this.fresh = fresh;
  }

  feed(analysis: Analysis, count: number): void {
    const { frames, fresh } = this;
    for (let i = 0; i < count; i++) {
      const n = this.number++;
      const frame = frames[n % FRAMES];
      // behind any Ethernet header, VLAN tag and IP header up to the addresses of either family
      if (fresh !== 0 && n % fresh === 0) put32(frame, 30, n);
      const time = n * GAP;
      const seconds = Math.floor(time / 1e9);
      analysis.frame(frame, 0, frame.length, frame.length, 1, seconds, time - seconds * 1e9);
    }
  }
}

function counting(scenarios: readonly Scenario[], fresh: number): Round {
  const analysis = new Analysis({ scenarios });
  const traffic = new Traffic(fresh);
  const items = FRAMES / 10;
  return {
    items,
    run() {
      traffic.feed(analysis, items);
      return analysis.running[0].tally.queuePackets[0];
    },
    close() {
      analysis.flush();
      for (const { tally } of analysis.running) {
        const counted = tally.queuePackets.reduce((sum, n) => sum + n, 0);
        if (counted !== analysis.packets) throw new Error(`${counted} of ${analysis.packets} packets were counted`);
      }
    },
  };
}

/** A million packets by another scenario, from what was kept of them. */
function resteering(): Round {
  const analysis = new Analysis({ scenarios: ONE, keep: true });
  const frames = peerFrames(64, false);
  const bytes = new Uint8Array(frames.length * 64);
  frames.forEach((frame, i) => {
    bytes.set(frame.subarray(0, 64), i * 64);
  });
  for (let n = 0; n < PACKETS; n++) analysis.frame(bytes, (n % FRAMES) * 64, 64, 64, 1, 0, 1 + n * 999);
  let queues = 0;
  return {
    items: PACKETS,
    run() {
      queues = (queues % 16) + 1;
      const run = analysis.rerun(bytes, [{ name: 'other', kind: 'given', steering: { queues } }]);
      const counted = run!.running[0].tally.queuePackets.reduce((sum, n) => sum + n, 0);
      if (counted !== PACKETS) throw new Error(`${counted} packets were counted`);
      return counted;
    },
  };
}

export const cases: readonly Case[] = [
  { name: 'analyze_1scenario', bytes: 64, make: () => counting(ONE, 0) },
  { name: 'analyze_24scenarios', bytes: 64, against: 'analyze_1scenario', make: () => counting(USUAL, 0) },
  { name: 'analyze_24scenarios_new_flows', bytes: 64, make: () => counting(USUAL, 2) },
  { name: 'analyze_resteer_million', bytes: 0, long: true, make: resteering },
];
