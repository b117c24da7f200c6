/** Frames in, counts by scenario out: each frame is dissected once, and each flow hashed once for each way of hashing. */
import type { FrameBatch } from '../capture/frame-batch.ts';
import { CLASS_FRAGMENT4, CLASS_NONIP, CLASSES, MALFORMED_REASONS } from '../counters.ts';
import { checkInteger, optionError } from '../errors.ts';
import { Dissection, dissect } from '../wire/dissect.ts';
import type { ServiceOptions } from './depth.ts';
import { FlowLog } from './flow-log.ts';
import { readWhole } from './fragment-flow.ts';
import { type Prepared, prepare, type Scenario } from './scenario.ts';
import { Selection } from './selection.ts';
import { Tally } from './tally.ts';
import {
  FLOW_KIND,
  FLOW_WORDS,
  flowSample,
  isProtected,
  placeHash,
  readFlow,
  readSa,
  SA_WORDS,
  saSample,
} from './unit-key.ts';
import { Units } from './units.ts';
import { Windows } from './windows.ts';

/** Flows that are kept unless told otherwise: see units.ts for what is done beyond. */
export const FLOW_LIMIT: number = 1 << 18;
const FLOW_LIMIT_MAX = 1 << 22;
/** SAs, and flows that were seen in fragments. */
const FEW_LIMIT = 1 << 16;

export interface AnalysisOptions {
  readonly scenarios: readonly Scenario[];
  /** Most flows that are kept, 16 to 4,194,304, default 262,144; beyond it a sample is. SAs: 65,536 at most. */
  readonly flowLimit?: number;
  /** Simulates the queues: packets a second that each one gets done, and the entries of its ring. */
  readonly service?: ServiceOptions;
  /** Keeps what flows got in each window of time, for {@link Analysis.rerun}. Frames must stay where they are. */
  readonly keep?: boolean;
}

/** A scenario at work. */
export interface Running {
  readonly prepared: Prepared;
  readonly selection: Selection;
  readonly tally: Tally;
}

/** Scenarios at work, those that hash alike together. */
function start(
  scenarios: readonly Scenario[],
  limit: number,
  service: ServiceOptions | undefined,
): { running: Running[]; selections: Selection[] } {
  const selections = new Map<string, Selection>();
  const running = scenarios.map((scenario) => {
    const prepared = prepare(scenario);
    let selection = selections.get(prepared.hashing);
    if (selection === undefined) {
      selection = new Selection(prepared.steerer, prepared.fields, limit);
      selections.set(prepared.hashing, selection);
    }
    const { indirection, queues } = prepared.steerer;
    const tally = new Tally(indirection, queues, service, limit);
    selection.tallies.push(tally);
    return { prepared, selection, tally };
  });
  return { running, selections: [...selections.values()] };
}

export class Analysis {
  readonly running: readonly Running[];
  readonly flows: Units;
  readonly sas: Units;
  /** Flows, as whole packets of them have it, whose first fragments were seen. */
  readonly pieces: Units;
  /** SA of each flow, or -1. */
  readonly saOf: Int32Array;
  readonly windows: Windows;
  packets = 0;
  capturedBytes = 0;
  bytes = 0;
  saPackets = 0;
  saBytes = 0;
  flowPackets = 0;
  flowBytes = 0;
  readonly classes: Float64Array = new Float64Array(CLASSES.length);
  readonly malformed: Float64Array = new Float64Array(MALFORMED_REASONS.length);
  readonly service: ServiceOptions | undefined;
  private readonly limit: number;
  private readonly log: FlowLog | undefined;
  private readonly selections: readonly Selection[];
  /** At class numbers: those that count each packet by itself, and those that count by flow. */
  private readonly single: readonly (readonly Selection[])[];
  private readonly batched: readonly (readonly Selection[])[];
  private readonly d = new Dissection();
  private readonly key = new Int32Array(FLOW_WORDS);
  private readonly saKey = new Int32Array(SA_WORDS);
  private readonly pieceKey = new Int32Array(FLOW_WORDS);
  /** What flows got in the window at hand, and which. */
  private readonly pendingPackets: Uint32Array;
  private readonly pendingBytes: Float64Array;
  private readonly touched: Int32Array;
  private touchedCount = 0;
  private window = 0;
  private clock = 0;
  private firstSeconds = 0;
  /** The time of the last packet that had one. */
  private seconds = 0;
  private nanos = 0;

  /** @throws RxSteerError `ERR_RXSTEER_OPTION`, and what steerers throw: a scenario cannot be */
  constructor(options: AnalysisOptions) {
    const limit = checkInteger('flowLimit', options.flowLimit ?? FLOW_LIMIT, 16, FLOW_LIMIT_MAX);
    const { scenarios, service } = options;
    if (!Array.isArray(scenarios) || scenarios.length === 0) throw optionError('scenarios', 'one or more', scenarios);
    if (service !== undefined) {
      if (!(service.rate > 0 && Number.isFinite(service.rate)))
        throw optionError('service.rate', 'packets a second, above 0', service.rate);
      checkInteger('service.ring', service.ring, 1, 65536);
    }
    this.service = service;
    this.limit = limit;
    this.log = options.keep === true ? new FlowLog() : undefined;
    ({ running: this.running, selections: this.selections } = start(scenarios, limit, service));
    this.batched = CLASSES.map((_, cls) => this.selections.filter(({ steady }) => steady[cls] === 1));
    this.single = CLASSES.map((_, cls) => this.selections.filter(({ steady }) => steady[cls] === 0));
    this.windows = new Windows(this.running.map(({ tally }) => tally.windows));
    this.saOf = new Int32Array(limit);
    this.pendingPackets = new Uint32Array(limit);
    this.pendingBytes = new Float64Array(limit);
    this.touched = new Int32Array(limit);
    this.flows = new Units(FLOW_WORDS, limit, flowSample, () => this.flush(), this.flowsMoved);
    const few = Math.min(limit, FEW_LIMIT);
    this.sas = new Units(SA_WORDS, few, saSample, () => {}, this.sasMoved);
    this.pieces = new Units(
      FLOW_WORDS,
      few,
      flowSample,
      () => {},
      () => {},
    );
  }

  /** Counts the frames of a batch, which lie in `bytes`. */
  batch(bytes: Uint8Array, batch: FrameBatch): void {
    const { offsets, lengths, wireLengths, seconds, nanos, linkType } = batch;
    for (let i = 0; i < batch.count; i++) {
      this.frame(bytes, offsets[i], lengths[i], wireLengths[i], linkType, seconds[i], nanos[i]);
    }
  }

  /** Counts one frame: `length` bytes at `off`, of `wire` that it had; its time, or 0 and 0: that of the one before. */
  frame(
    bytes: Uint8Array,
    off: number,
    length: number,
    wire: number,
    linkType: number,
    seconds: number,
    nanos: number,
  ): void {
    const { d } = this;
    const cls = dissect(bytes, off, off + length, linkType, d);
    this.packets++;
    this.capturedBytes += length;
    this.bytes += wire;
    this.classes[cls]++;
    this.turn(seconds, nanos);
    if (cls <= CLASS_NONIP) {
      if (cls < CLASS_NONIP) this.malformed[d.reason]++;
      this.log?.loose(off, length, linkType, wire, this.seconds, this.nanos);
      for (const selection of this.selections) selection.packet(bytes, d, -1, false, wire, this.window);
      if (this.service !== undefined) this.wait(bytes, -1, cls);
      return;
    }
    if (this.ip(bytes, cls, wire)) this.log?.first(off, length, linkType);
  }

  /** Counts what is not counted yet. */
  flush(): void {
    const { touched, touchedCount, flows, pendingPackets, pendingBytes, window } = this;
    if (touchedCount === 0) return;
    for (const selection of this.selections) {
      const { steady, hashes, tallies } = selection;
      for (const tally of tallies) {
        for (let i = 0; i < touchedCount; i++) {
          const flow = touched[i];
          if (steady[flows.keys[flow * FLOW_WORDS + FLOW_KIND] & 0xff] === 1)
            tally.hashed(hashes[flow], pendingPackets[flow], pendingBytes[flow], window);
        }
      }
    }
    this.log?.window(touched, touchedCount, pendingPackets, pendingBytes);
    for (let i = 0; i < touchedCount; i++) pendingPackets[touched[i]] = pendingBytes[touched[i]] = 0;
    this.touchedCount = 0;
  }

  /**
   * The same packets by other scenarios, from what was kept: in the time that the flows of each window take. Undefined where that
   * cannot be: not all flows are kept, rings are simulated, or a scenario must see each packet.
   *
   * @param bytes where the frames lie
   * @throws RxSteerError as the constructor
   */
  rerun(
    bytes: Uint8Array,
    scenarios: readonly Scenario[],
  ): { running: readonly Running[]; windows: Windows } | undefined {
    const { log, flows, service, classes } = this;
    if (log === undefined || flows.level > 0 || service !== undefined) return undefined;
    const { running, selections } = start(scenarios, this.limit, undefined);
    const needed = (cls: number): boolean => cls > CLASS_NONIP && classes[cls] > 0;
    if (selections.some(({ steady }) => steady.some((is, cls) => is === 0 && needed(cls)))) return undefined;
    this.flush();
    const windows = new Windows(running.map(({ tally }) => tally.windows));
    log.play(bytes, selections, windows);
    return { running, windows };
  }

  /** Goes to the window of a time. */
  private turn(seconds: number, nanos: number): void {
    if (this.packets === 1) this.firstSeconds = seconds;
    // Some writers have no times.
    else if (seconds === 0 && nanos === 0) return;
    this.seconds = seconds;
    this.nanos = nanos;
    const clock = (seconds - this.firstSeconds) * 1e9 + nanos;
    if (clock > this.clock) this.clock = clock;
    if (this.windows.same(seconds, nanos)) return;
    this.flush();
    this.window = this.windows.at(seconds, nanos);
    this.log?.turn(seconds, nanos);
  }

  /** Counts an IP packet; tells whether it is the first of a flow that is kept. */
  private ip(bytes: Uint8Array, cls: number, wire: number): boolean {
    const { d, key, flows } = this;
    readFlow(bytes, d, key);
    const hash = placeHash(key, FLOW_WORDS);
    let flow = flows.find(key, hash);
    const isNew = flow < 0;
    if (isNew) {
      flow = flows.add(key, hash);
      if (flow >= 0) {
        this.saOf[flow] = -1;
        for (const selection of this.batched[cls]) selection.learn(bytes, d, flow);
      }
    }
    flows.tally(flow, key, hash, wire);
    this.flowPackets++;
    this.flowBytes += wire;
    if (isProtected(cls)) this.protectedPacket(flow, isNew, wire);
    else if ((cls & ~1) === CLASS_FRAGMENT4 && d.fragOff === 0) this.firstFragment(bytes, wire);
    if (flow >= 0) {
      if (this.pendingPackets[flow]++ === 0) this.touched[this.touchedCount++] = flow;
      this.pendingBytes[flow] += wire;
      for (const selection of this.single[cls]) selection.packet(bytes, d, flow, isNew, wire, this.window);
    } else for (const selection of this.selections) selection.packet(bytes, d, -1, false, wire, this.window);
    if (this.service !== undefined) this.wait(bytes, flow, cls);
    return isNew && flow >= 0;
  }

  private protectedPacket(flow: number, isNew: boolean, wire: number): void {
    const { sas, saKey, saOf } = this;
    this.saPackets++;
    this.saBytes += wire;
    let sa = flow < 0 || isNew ? -1 : saOf[flow];
    if (sa < 0 || sas.level > 0) {
      readSa(this.key, saKey);
      const hash = placeHash(saKey, SA_WORDS);
      sa = sas.find(saKey, hash);
      if (sa < 0) sa = sas.add(saKey, hash);
      if (flow >= 0) saOf[flow] = sa;
      sas.tally(sa, saKey, hash, wire);
    } else sas.tally(sa, saKey, 0, wire);
  }

  /** Remembers the flow that a first fragment is of. */
  private firstFragment(bytes: Uint8Array, wire: number): void {
    const { d, pieces, pieceKey } = this;
    if (!readWhole(bytes, d, this.key, pieceKey)) return;
    const hash = placeHash(pieceKey, FLOW_WORDS);
    let piece = pieces.find(pieceKey, hash);
    if (piece < 0) piece = pieces.add(pieceKey, hash);
    pieces.tally(piece, pieceKey, hash, wire);
  }

  /** Lets the packet wait in each scenario's ring. */
  private wait(bytes: Uint8Array, flow: number, cls: number): void {
    for (const { selection, tally } of this.running) {
      const queue =
        flow >= 0 && selection.steady[cls] === 1
          ? selection.queueOf(tally, flow, cls)
          : selection.queueOfPacket(tally, bytes, this.d);
      if (queue >= 0) tally.depth!.arrive(queue, this.clock);
    }
  }

  private readonly flowsMoved = (moved: Int32Array): void => {
    const { saOf } = this;
    for (let i = 0; i < moved.length; i++) {
      const to = moved[i];
      if (to < 0) continue;
      saOf[to] = saOf[i];
      for (const { hashes } of this.selections) hashes[to] = hashes[i];
    }
    for (const { tally } of this.running) tally.flowsMoved(moved);
  };

  private readonly sasMoved = (moved: Int32Array): void => {
    const { saOf, flows } = this;
    for (let flow = 0; flow < flows.count; flow++) if (saOf[flow] >= 0) saOf[flow] = moved[saOf[flow]];
  };
}
