import { LifeClock, SaRecords, SaTable } from '../esp/index.ts';
import { Reassembler } from '../fragments/reassembler.ts';
import { createKernels } from '../kernels/create.ts';
import { type LaneConfig, POLL_BUDGET } from '../lane/config.ts';
import { LANE_COUNTERS } from '../lane/counters.ts';
import { HandoverWatch } from '../lane/handover-watch.ts';
import type { UnknownSpiEvent } from '../lane/sa-events.ts';
import { UnknownSpis } from '../lane/unknown-spis.ts';
import { UnknownWatch } from '../lane/unknown-watch.ts';
import { Arena } from '../memory/arena.ts';
import { createFrameMemory } from '../memory/frame-memory.ts';
import { Mailbox } from '../memory/mailbox.ts';
import { RingProducer } from '../memory/ring.ts';
import { FlowLimit } from '../steer/flow-limit.ts';
import { FlowTable } from '../steer/flow-table.ts';
import { Steerer } from '../steer/steerer.ts';
import { Dissection } from '../wire/dissect.ts';
import { type Control, layControl } from './control.ts';
import { Dispatcher } from './dispatcher.ts';
import { espEvents, type Resolved } from './options.ts';
import { Placement, SLOTS_FLOWS, SLOTS_IDLE } from './placement.ts';
import { ruleCapacity } from './rule-plan.ts';
import { SaMoves } from './sa-moves.ts';
import { SaStore } from './sa-store.ts';

/** What a receiver is, before its lanes run: memory, rings and the dispatcher. */
export interface Core {
  readonly options: Resolved;
  readonly memory: WebAssembly.Memory;
  /** The whole memory: frames, and behind them the control memory. */
  readonly bytes: Uint8Array;
  readonly control: Control;
  readonly rings: readonly RingProducer[];
  readonly placement: Placement;
  /** The table of claims, with RFS. */
  readonly flows: FlowTable | undefined;
  readonly handover: HandoverWatch | undefined;
  readonly dispatcher: Dispatcher;
  readonly sas: SaStore;
  /** Owner lanes of order groups. */
  readonly owners: Int32Array;
  /** Of each lane, and last the dispatcher's. */
  readonly unknown: readonly UnknownSpis[];
  /** What the dispatcher tells of packets without SA. */
  onUnknownSpi: (event: UnknownSpiEvent) => void;
  /** What a lane is made from. */
  laneConfig(lane: number): LaneConfig;
}

/**
 * Makes the core of a receiver.
 *
 * @throws what the steerer throws about RSS options; `ERR_RXSTEER_MEMORY`
 */
export function makeCore(options: Resolved): Core {
  const { queues, slots, layout, deterministic, nattPort, esp, fragments, rfs, flowLimit } = options;
  // Throws what is wrong with the RSS options before anything is reserved.
  const steerer = new Steerer(options.steerer);
  let memory: WebAssembly.Memory | undefined;
  const control = layControl(options, layout.bytes, ruleCapacity(steerer.rules), (bytes) => {
    memory = createFrameMemory(bytes);
    return memory.buffer;
  });
  const { buffer, places, plan } = control;
  const bytes = new Uint8Array(buffer);
  const words = new Int32Array(buffer);
  const kernels = createKernels(memory, bytes);
  const rings = places.rings.map((at) => new RingProducer(words, at >> 2, slots));
  const unknown = [...places.unknownSpis, control.dispatcherUnknown].map((at) => new UnknownSpis(buffer, at));
  const d = new Dissection();
  d.nattPort = nattPort;
  const flows = rfs === undefined ? undefined : new FlowTable(buffer, places.flows, rfs.entries, queues);
  const handover = places.handover && new HandoverWatch(buffer, places.handover, places.rings);
  const owners = words.subarray(places.owners >> 2);
  const records = SaRecords.create(esp?.maxSas ?? 0);
  const sas = new SaStore({
    buffer,
    places,
    maxSas: esp?.maxSas ?? 0,
    maxSelectors: esp?.maxSelectors ?? 0,
    records,
    crypto: esp?.crypto,
    deterministic,
    events: esp?.events ?? espEvents(),
  });
  sas.choose(esp?.sas ?? []);
  esp?.sas.forEach((sa, i) => {
    sas.add(sa, esp.restore?.[i]);
  });
  plan.steer(steerer);
  plan.slotMode = flows === undefined ? SLOTS_IDLE : SLOTS_FLOWS;
  plan.fill({
    nattPort,
    ...(esp === undefined ? {} : { esp: { saTable: places.saTable, owners: places.owners, units: places.units } }),
    deterministic,
    budget: POLL_BUDGET,
    limit: layout.bytes,
    slots,
    backlog: flowLimit === 0 ? slots : slots >> 1,
    rings: places.rings,
    ...(flows === undefined ? {} : { rfs: { flows, inOrder: rfs!.inOrder } }),
  });
  const clock = new LifeClock(deterministic);
  const placement = new Placement({
    d,
    steerer,
    rings,
    plan,
    ...(esp === undefined
      ? {}
      : {
          esp: {
            table: new SaTable(buffer, places.saTable, esp.maxSas),
            units: words.subarray(places.units >> 2),
            owners,
            unknown: new UnknownWatch(unknown[queues], clock, esp.events.perSecond, (event) =>
              core.onUnknownSpi(event),
            ),
            deliverUnknown: esp.deliverUnknown,
          },
        }),
    ...(flows === undefined ? {} : { rfs: { flows, inOrder: rfs!.inOrder } }),
  });
  const dispatcher = new Dispatcher({
    bytes,
    kernels,
    d,
    placement,
    clock,
    rings,
    arenas: layout.lanes.map((lane) => new Arena(lane.arena, slots)),
    ...(fragments === undefined ? {} : { fragments: new Reassembler(bytes, kernels, layout.fragments, fragments) }),
    staging: layout.staging,
    plan,
    dropWhenFull: options.full === 'drop',
    deterministic,
    ...(flowLimit === 0 ? {} : { limits: rings.map(() => makeLimit(flowLimit)) }),
    ...(rfs?.saAffinity
      ? {
          saMoves: new SaMoves({
            rings,
            mailboxes: places.mailboxes.map((at) => new Mailbox(buffer, at)),
            owners,
            tails: plan.unitTails,
            handover,
            counters: places.counters.map((at) => new Float64Array(buffer, at, LANE_COUNTERS)),
            inOrder: rfs.inOrder,
          }),
        }
      : {}),
  });
  const { key: _, ...hashes } = steerer.inside;
  const laneConfig = (lane: number): LaneConfig => ({
    lane,
    lanes: queues,
    memory: memory!,
    layout,
    places,
    slots,
    deterministic,
    nattPort,
    ...hashes,
    outside: steerer.outside,
    level: steerer.level,
    ...(esp === undefined
      ? {}
      : {
          esp: {
            maxSas: esp.maxSas,
            maxSelectors: esp.maxSelectors,
            records,
            deliverUnknown: esp.deliverUnknown,
            events: esp.events,
            ...(esp.policy === undefined ? {} : { policy: esp.policy }),
            ...(esp.crypto === undefined ? {} : { crypto: esp.crypto }),
          },
        }),
    ...(fragments === undefined ? {} : { fragments }),
    ...(rfs === undefined ? {} : { rfs }),
    ...(options.gro === undefined ? {} : { gro: options.gro }),
    excluded: options.excluded,
  });
  const core: Core = {
    options,
    memory: memory!,
    bytes,
    control,
    rings,
    placement,
    flows,
    handover,
    dispatcher,
    sas,
    owners,
    unknown,
    onUnknownSpi: () => {},
    laneConfig,
  };
  return core;
}

/** A flow limit of one lane; only the dispatcher uses it. */
function makeLimit(buckets: number): FlowLimit {
  return new FlowLimit(new ArrayBuffer(FlowLimit.bytes(buckets)), 0, buckets);
}
