/** From counts to a report. */
import { CLASS_FRAGMENT4, CLASSES, type ClassName, MALFORMED_REASONS } from '../counters.ts';
import { approximationOf } from '../steer/nic/index.ts';
import { DROPPED } from '../steer/steerer.ts';
import { hex } from '../wire/bytes.ts';
import type { Analysis, Running } from './analysis.ts';
import { type Facts, factsOf } from './facts.ts';
import { fragmentsOf } from './fragment-flow.ts';
import { bound, chiSquare, chiSquareTail, gini, idle, jain, maxOverMean, rounded } from './measures.ts';
import { overTime } from './over-time.ts';
import type { AnalyzeReport, LoadMeasures, QueueReport, ScenarioReport } from './report.ts';
import { tableShares } from './scenario.ts';
import { FLOW_KIND, FLOW_WORDS } from './unit-key.ts';
import { verdictOf } from './verdict.ts';
import type { Windows } from './windows.ts';

/** Scenarios that have seen all packets of an analysis, and the windows that they were counted in. */
export interface Run {
  readonly running: readonly Running[];
  readonly windows: Windows;
}

export interface ReportContext {
  readonly files: readonly string[];
  readonly loop?: number;
  readonly damage?: AnalyzeReport['damage'];
  readonly interrupted?: boolean;
}

/**
 * The report of what was counted so far.
 *
 * @param run other scenarios than the analysis's own: what `rerun` returned
 * @param facts of the analysis, where they are at hand
 */
export function describeAnalysis(
  analysis: Analysis,
  context: ReportContext,
  run: Run = analysis,
  facts: Facts = factsOf(analysis),
): AnalyzeReport {
  analysis.flush();
  const { files, loop = 1, damage, interrupted = false } = context;
  const { packets, bytes } = analysis;
  const { windows, running } = run;
  const without = {
    schema: 'rxsteer.analyze/1' as const,
    input: {
      files,
      packets,
      bytes: analysis.capturedBytes,
      wireBytes: bytes,
      seconds: rounded((windows.used * windows.width) / 1e9),
      ...(loop > 1 ? { loop } : {}),
    },
    ...(damage === undefined ? {} : { damage }),
    ...(interrupted ? { interrupted: true as const } : {}),
    classes: named(CLASSES, analysis.classes) as Partial<Record<ClassName, number>>,
    malformed: named(MALFORMED_REASONS, analysis.malformed),
    flows: facts.flows,
    sas: facts.sas,
    scenarios: running.map((one) => describeScenario(analysis, one, windows, facts)),
  };
  return { ...without, verdict: verdictOf(without, facts, running) };
}

function named(names: readonly string[], counts: ArrayLike<number>): Record<string, number> {
  const result: Record<string, number> = {};
  names.forEach((name, i) => {
    if (counts[i] > 0) result[name] = counts[i];
  });
  return result;
}

function describeScenario(
  analysis: Analysis,
  running: Running,
  windows: Windows,
  { order, reverses }: Facts,
): ScenarioReport {
  const { prepared, tally } = running;
  const { scenario, steerer, key, hfunc, xfrm, fields, fill } = prepared;
  const { entries, size } = tally.indirection;
  const { nic } = steerer;
  const buckets: ScenarioReport['table']['buckets'][number][] = [];
  for (let index = 0; index < size; index++) {
    const packets = tally.bucketPackets[index];
    if (packets > 0) buckets.push({ index, queue: entries[index], packets, bytes: tally.bucketBytes[index] });
  }
  const { queues, ...found } = countUnits(analysis, running, reverses);
  const flows = queues.map((queue) => queue.flows);
  const shares = tableShares(entries, tally.queues);
  const chi = chiSquare(flows, shares);
  const degrees = shares.reduce((n, part) => n + (part > 0 ? 1 : 0), -1);
  const model: Record<string, string> = {};
  for (const cls of CLASSES) {
    const says = nic === undefined ? undefined : approximationOf(nic, cls);
    if (says !== undefined && analysis.classes[CLASSES.indexOf(cls)] > 0) model[cls] = says;
  }
  const over = overTime(windows, tally.windows);
  return {
    name: `${scenario.name}/${tally.queues}`,
    kind: scenario.kind,
    nic: nic?.name ?? null,
    hkey: hex(key, 0, key.length),
    hfunc: hfunc ?? 'its own',
    xfrm,
    level: steerer.level,
    fields,
    rules: scenario.steering.rules ?? [],
    table: { size, fill, entries: [...entries], buckets },
    queues,
    unhashed: tally.unhashed,
    dropped: tally.dropped,
    measures: {
      packets: load(tally.queuePackets, order.packets, analysis.packets),
      bytes: load(tally.queueBytes, order.bytes, analysis.bytes),
      idleQueues: idle(tally.queuePackets),
      flows: {
        maxOverMean: rounded(maxOverMean(flows)),
        chiSquare: rounded(chi),
        degrees,
        p: rounded(chiSquareTail(chi, degrees)),
      },
      overTime: over,
      ...(tally.depth === undefined ? {} : { depth: { ...analysis.service!, ...tally.depth.report() } }),
      directions: found.directions,
      reordering: { strays: tally.strays, ...found.fragments, splitSas: found.splitSas },
    },
    ...(Object.keys(model).length === 0 ? {} : { model }),
  };
}

function load(loads: Float64Array, units: Float64Array, total: number): LoadMeasures {
  return {
    maxOverMean: rounded(maxOverMean(loads)),
    jain: rounded(jain(loads)),
    gini: rounded(gini(loads)),
    chiSquare: rounded(chiSquare(loads)),
    bound: rounded(bound(units, total, loads.length)),
  };
}

interface Found {
  queues: QueueReport[];
  directions: { bothWays: number; parted: number };
  fragments: { fragmentedFlows: number; fragments: number };
  splitSas: number;
}

/** Flows and SAs by queue, and what of them lands apart. */
function countUnits(analysis: Analysis, { selection, tally }: Running, reverses: Int32Array): Found {
  const { flows, sas, saOf, pieces } = analysis;
  const factor = 2 ** flows.level;
  const flowsOf = new Float64Array(tally.queues);
  const sasOf = new Float64Array(tally.queues);
  const directions = { bothWays: 0, parted: 0 };
  const split = new Set<number>();
  const saQueues = new Map<number, Set<number>>();
  const classOf = (flow: number): number => flows.keys[flow * FLOW_WORDS + FLOW_KIND] & 0xff;
  for (let flow = 0; flow < flows.count; flow++) {
    const queue = selection.queueOf(tally, flow, classOf(flow));
    if (queue === DROPPED) continue;
    flowsOf[queue] += factor;
    const sa = saOf[flow];
    if (sa >= 0) {
      let on = saQueues.get(sa);
      if (on === undefined) {
        on = new Set();
        saQueues.set(sa, on);
      }
      if (!on.has(queue)) {
        on.add(queue);
        sasOf[queue] += factor;
      }
      if (on.size > 1 || tally.strayed?.[flow] === 1) split.add(sa);
    }
    const other = reverses[flow];
    if (other < 0) continue;
    directions.bothWays += factor;
    if (selection.queueOf(tally, other, classOf(other)) !== queue) directions.parted += factor;
  }
  const fragments = { fragmentedFlows: 0, fragments: 0 };
  const key = new Int32Array(FLOW_WORDS);
  for (let piece = 0; piece < pieces.count; piece++) {
    key.set(pieces.keys.subarray(piece * FLOW_WORDS, (piece + 1) * FLOW_WORDS));
    const whole = flows.lookUp(key);
    fragmentsOf(key, CLASS_FRAGMENT4);
    const parts = flows.lookUp(key);
    if (whole < 0 || parts < 0) continue;
    if (selection.queueOf(tally, whole, classOf(whole)) === selection.queueOf(tally, parts, classOf(parts))) continue;
    fragments.fragmentedFlows += 2 ** pieces.level;
    fragments.fragments += pieces.packets[piece] * 2 ** pieces.level;
  }
  const exact = sas.level === 0 && flows.level === 0;
  const queues = Array.from(tally.queuePackets, (packets, queue) => ({
    queue,
    packets,
    bytes: tally.queueBytes[queue],
    flows: flowsOf[queue],
    sas: exact ? sasOf[queue] : Math.min(sasOf[queue], sas.estimate),
  }));
  return { queues, directions, fragments, splitSas: split.size };
}
