import { AHEAD_WORDS_BYTES, Policy } from '../esp/index.ts';
import { Reassembler } from '../fragments/reassembler.ts';
import { Gro } from '../gro/index.ts';
import { createKernels } from '../kernels/create.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { Mailbox } from '../memory/mailbox.ts';
import { PacketTable } from '../memory/packet-table.ts';
import { RingConsumer } from '../memory/ring.ts';
import { Scratch } from '../memory/scratch.ts';
import { SharedLayout } from '../memory/shared-layout.ts';
import { wordsOf } from '../memory/words.ts';
import { FlowTable } from '../steer/flow-table.ts';
import { Dissection } from '../wire/dissect.ts';
import { Batch } from './batch.ts';
import { type LaneConfig, POLL_BUDGET } from './config.ts';
import { LANE_COUNTERS } from './counters.ts';
import { Decap } from './decap.ts';
import { FastPath, HEADER_SCRATCH } from './fast-path.ts';
import { Handover } from './handover.ts';
import { HoldOver } from './hold-over.ts';
import { InnerHasher } from './inner-hasher.ts';
import { Intake } from './intake.ts';
import { LaneEsp } from './lane-esp.ts';
import { LookAhead } from './look-ahead.ts';
import { Outlet } from './outlet.ts';
import { PacketPath } from './packet-path.ts';
import { SaAffinity } from './sa-affinity.ts';

/** Scratch for what other lanes hand over to be opened: one packet at least always finds room, or lanes would wait in a circle. */
const RESERVE = 768 << 10;
/** Polls over which GRO may hold packets, at most. */
const HELD_POLLS = 8;

/** What a lane is put together from. */
export interface LaneParts {
  readonly bytes: Uint8Array;
  readonly kernels: Kernels;
  readonly ring: RingConsumer;
  readonly table: PacketTable;
  readonly batch: Batch;
  readonly scratch: Scratch;
  readonly hasher: InnerHasher;
  readonly esp: LaneEsp | undefined;
  readonly lookAhead: LookAhead | undefined;
  readonly fast: FastPath | undefined;
  readonly fragments: Reassembler | undefined;
  readonly path: PacketPath;
  readonly gro: Gro | undefined;
  readonly holdOver: HoldOver | undefined;
  readonly decap: Decap | undefined;
  readonly outlet: Outlet;
  readonly handover: Handover | undefined;
  readonly intake: Intake | undefined;
  /** The lane's own counters, and where others read them. */
  readonly counters: Float64Array;
  readonly shared: Float64Array;
}

/** Makes the parts of a lane. */
export function makeParts(config: LaneConfig): LaneParts {
  const { places, lane, lanes, rfs } = config;
  const { buffer } = config.memory;
  const regions = config.layout.lanes[lane];
  const shares = places.handover !== undefined;
  const bytes = new Uint8Array(buffer);
  const kernels = createKernels(config.memory, bytes);
  const ring = new RingConsumer(new Int32Array(buffer), places.rings[lane] >> 2, config.slots);
  const timeout = config.gro?.flushTimeout ?? 0;
  const held = Math.max(2, Math.min(HELD_POLLS, config.slots / (2 * POLL_BUDGET)));
  const rows = timeout > 0 ? POLL_BUDGET * held : POLL_BUDGET;
  const words = wordsOf(buffer, regions.table);
  const table = new PacketTable(rows, shares ? POLL_BUDGET * POLL_BUDGET + 2 * rows : undefined, words);
  const layout = new SharedLayout(regions.plan.offset);
  const aheadAt = layout.take(AHEAD_WORDS_BYTES);
  const flows = rfs === undefined ? undefined : new FlowTable(buffer, places.flows, rfs.entries, lanes);
  const room = new Scratch(regions.contiguous);
  const batch = new Batch({ lane, lanes, bytes, kernels, table, room, flows });
  const scratch = new Scratch(regions.scratch, shares ? RESERVE : 0);
  const d = new Dissection();
  d.nattPort = config.nattPort;
  const hasher = new InnerHasher(config, bytes, table, d);
  const shared = new Float64Array(buffer, places.counters[lane], LANE_COUNTERS);
  const counters = new Float64Array(shared);
  const esp = config.esp && new LaneEsp(config, config.esp, { d, bytes, kernels, scratch, aheadAt });
  const units = config.esp && new Int32Array(buffer, places.units, config.esp.maxSas);
  const fragments = config.fragments && new Reassembler(bytes, kernels, regions.fragments, config.fragments);
  const path = new PacketPath({
    d,
    bytes,
    kernels,
    table,
    scratch,
    counters,
    stage: esp?.stage,
    units,
    ...(esp === undefined ? {} : { clock: esp.clock }),
    fragments,
    ...(config.esp?.policy === undefined ? {} : { policy: new Policy(config.esp.policy) }),
  });
  const handover =
    places.handover &&
    new Handover({
      lane,
      lanes,
      buffer,
      places: places.handover,
      rings: places.rings,
      table,
      scratch,
      slots: rfs?.entries ?? 2,
      inOrder: rfs?.inOrder ?? true,
    });
  const outlet = new Outlet({
    lane,
    table,
    batch,
    counters,
    excluded: config.excluded,
    flows,
    affinity: rfs?.saAffinity
      ? new SaAffinity(config.esp!.maxSas, lane, new Mailbox(buffer, places.mailboxes[lane]))
      : undefined,
    units: units ?? new Int32Array(0),
    handover,
    twoStage: rfs?.twoStage ?? false,
  });
  const fast =
    kernels.take &&
    new FastPath({
      config,
      take: kernels.take,
      planAt: layout.bytes,
      ring,
      table,
      scratch,
      ahead: esp?.ahead,
      clock: esp?.clock,
    });
  if (fast !== undefined) hasher.tell((flows) => fast.steer(flows));
  // Longer headers would take what is set aside for others: their packets stay as they are.
  const headers = {
    take: (length: number, rows = 1): number => (length > rows * HEADER_SCRATCH ? -1 : scratch.take(length)),
    trim: (end: number): void => scratch.trim(end),
  };
  return {
    bytes,
    kernels,
    ring,
    table,
    batch,
    scratch,
    hasher,
    esp,
    fast,
    lookAhead: esp?.stage.opener.looksAhead ? new LookAhead(esp.stage, ring) : undefined,
    fragments,
    path,
    gro: config.gro && new Gro(bytes, kernels, table, outlet, headers, config.gro.engine, words),
    holdOver: timeout > 0 ? new HoldOver(timeout) : undefined,
    decap: config.gro?.decap ? new Decap(bytes, kernels, scratch, table, d) : undefined,
    outlet,
    handover,
    intake: places.handover && new Intake(lane, buffer, places.handover, places.rings, table),
    counters,
    shared,
  };
}
