import { exportSas, SaTable } from '../esp/index.ts';
import { Reassembler } from '../fragments/reassembler.ts';
import { createKernels } from '../kernels/create.ts';
import { type LaneConfig, POLL_BUDGET } from '../lane/config.ts';
import { UnknownSpis } from '../lane/unknown-spis.ts';
import { Arena } from '../memory/arena.ts';
import { createFrameMemory } from '../memory/frame-memory.ts';
import { RingProducer } from '../memory/ring.ts';
import { Steerer } from '../steer/steerer.ts';
import { Dissection } from '../wire/dissect.ts';
import { type Control, layControl } from './control.ts';
import { Dispatcher } from './dispatcher.ts';
import type { Resolved } from './options.ts';
import { fillRules, ruleCapacity } from './rule-plan.ts';

/** What a receiver is, before its lanes run: memory, rings and the dispatcher. */
export interface Core {
  readonly options: Resolved;
  readonly memory: WebAssembly.Memory;
  /** The whole memory: frames, and behind them the control memory. */
  readonly bytes: Uint8Array;
  readonly control: Control;
  readonly rings: readonly RingProducer[];
  readonly steerer: Steerer;
  readonly dispatcher: Dispatcher;
  /** Of each lane, and last the dispatcher's. */
  readonly unknown: readonly UnknownSpis[];
  /** What a lane is made from. */
  laneConfig(lane: number): LaneConfig;
}

/**
 * Makes the core of a receiver.
 *
 * @throws what the steerer throws about RSS options; `ERR_RXSTEER_MEMORY`
 */
export function makeCore(options: Resolved): Core {
  const { queues, slots, layout, deterministic, nattPort, esp, fragments } = options;
  // Throws what is wrong with the RSS options before anything is reserved.
  const steerer = new Steerer(options.steerer);
  let memory: WebAssembly.Memory | undefined;
  const control = layControl(options, layout.bytes, ruleCapacity(steerer.rules), (bytes) => {
    memory = createFrameMemory(bytes);
    return memory.buffer;
  });
  const { buffer, places, units, plan } = control;
  const bytes = new Uint8Array(buffer);
  const words = new Int32Array(buffer);
  const kernels = createKernels(memory, bytes);
  const rings = places.rings.map((at) => new RingProducer(words, at >> 2, slots));
  const unknown = [...places.unknownSpis, control.dispatcherUnknown].map((at) => new UnknownSpis(buffer, at));
  const d = new Dissection();
  d.nattPort = nattPort;
  const rules = fillRules(buffer, control.rules, plan.drops, steerer.rules);
  plan.fill({
    toeplitz: steerer.hasher.toeplitz.table,
    table: steerer.indirection.entries,
    ways: steerer.ways(rules !== 0),
    nattPort,
    ...(esp === undefined ? {} : { esp: { saTable: places.saTable, owners: places.owners, units } }),
    deterministic,
    budget: POLL_BUDGET,
    limit: layout.bytes,
    slots,
    rings: places.rings,
    rules,
  });
  const dispatcher = new Dispatcher({
    bytes,
    kernels,
    d,
    steerer,
    rings,
    arenas: layout.lanes.map((lane) => new Arena(lane.arena, slots)),
    ...(esp === undefined
      ? {}
      : {
          esp: {
            table: new SaTable(buffer, places.saTable, esp.sas.length),
            units,
            owners: words.subarray(places.owners >> 2),
            unknown: unknown[queues],
            deliverUnknown: esp.deliverUnknown,
          },
        }),
    ...(fragments === undefined ? {} : { fragments: new Reassembler(bytes, kernels, layout.fragments, fragments) }),
    staging: layout.staging,
    plan,
    dropWhenFull: options.full === 'drop',
    deterministic,
  });
  const laneConfig = (lane: number): LaneConfig => ({
    lane,
    lanes: queues,
    memory: memory!,
    layout,
    places,
    slots,
    deterministic,
    nattPort,
    key: options.steerer.key,
    fields: options.steerer.fields ?? {},
    xfrm: options.steerer.xfrm ?? 'none',
    level: steerer.level,
    hfunc: options.steerer.hfunc ?? 'toeplitz',
    ...(esp === undefined ? {} : { esp: { sas: exportSas(esp.sas), units, deliverUnknown: esp.deliverUnknown } }),
    ...(fragments === undefined ? {} : { fragments }),
    ...(options.gro === undefined ? {} : { gro: options.gro }),
    excluded: options.excluded,
  });
  return { options, memory: memory!, bytes, control, rings, steerer, dispatcher, unknown, laneConfig };
}
