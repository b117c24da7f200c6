import {
  type Absorbed,
  CLASSES,
  type ClassName,
  DROP_REASONS,
  type DropReason,
  MALFORMED_REASONS,
} from '../counters.ts';
import type { CryptoChoice } from '../esp/index.ts';
import { FLUSH_REASONS } from '../gro/index.ts';
import {
  C_BYTES,
  C_DELIVERED,
  C_DROPS,
  C_DUMMY,
  C_FLUSHES,
  C_HANDOVERS,
  C_HELD,
  C_JOINED,
  C_MERGED,
  C_MOVES,
  C_POLLS,
  C_RECEIVED,
  C_SEGMENTS,
  C_TAKEN,
  C_THROWS,
} from '../lane/counters.ts';
import type { HandoverWatch } from '../lane/handover-watch.ts';
import type { UnknownSpis } from '../lane/unknown-spis.ts';
import { addressText } from '../wire/address.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { FormerSas, SaStats } from './sa-stats.ts';
import type { SaStore } from './sa-store.ts';

/** Counts by name; names with a count of 0 are left out. */
export type Counts<Name extends string> = Partial<Record<Name, number>>;

export interface LaneStats {
  readonly queue: number;
  /** Packets and bytes that the input had for this queue: first placement. */
  readonly packets: number;
  readonly bytes: number;
  /** Packets handed to the consumer, the input packets in them, and their bytes. */
  readonly delivered: number;
  readonly segments: number;
  readonly deliveredBytes: number;
  /** Segments that GRO merged into another one, and why it let go of what it held. */
  readonly merged: number;
  readonly flushes: Readonly<Record<string, number>>;
  readonly polls: number;
  /** Hand-overs to other lanes: packets, of which a super-packet is one; and the input packets in them, and in what was taken over. */
  readonly handovers: number;
  readonly handedOver: number;
  readonly takenOver: number;
  readonly consumerErrors: number;
  readonly drops: Counts<DropReason>;
  /** What the lane has not delivered yet, waiting inner fragments included. */
  readonly held: number;
}

export interface UnknownSpiStats {
  readonly spi: number;
  readonly src: string;
  readonly dst: string;
  readonly packets: number;
}

/** What RFS has done. */
export interface RfsStats {
  readonly entries: number;
  /** How often the dispatcher, and lanes that hand over, sent a flow to another lane than before. */
  readonly moves: number;
  readonly handoverMoves: number;
  /** SAs that went to the lane of their flows, and those that wait for their lane to have delivered their packets. */
  readonly saMoves: number;
  readonly saMovesWaiting: number;
}

/** What a receiver has done so far. */
export interface ReceiverStats {
  readonly packets: number;
  readonly bytes: number;
  /** A partition of the packets. */
  readonly classes: Counts<ClassName>;
  readonly malformed: Readonly<Record<string, number>>;
  readonly queues: readonly LaneStats[];
  readonly drops: Counts<DropReason>;
  readonly absorbed: Readonly<Record<Absorbed, number>>;
  readonly held: number;
  /** With the option `rfs`. */
  readonly rfs?: RfsStats;
  /** Those that there are. */
  readonly sas: readonly SaStats[];
  readonly formerSas: FormerSas;
  readonly unknownSpis: readonly UnknownSpiStats[];
  /** Packets in = delivered segments + drops + absorbed + held. True at any quiet moment. */
  readonly conserved: boolean;
  /** The hash key in hexadecimal: a random one is to be known, it is no secret of an SA. */
  readonly hkey: string;
  /** For each transform in use: what opens it, and why nothing faster does. */
  readonly crypto: readonly CryptoChoice[];
}

export interface StatsParts {
  readonly dispatcher: Dispatcher;
  readonly counters: readonly Float64Array[];
  /** Packets of lanes whose thread ended. */
  readonly lost: Float64Array;
  /** Packets that were not delivered when the receiver was closed. */
  readonly closed: Float64Array;
  readonly handover: HandoverWatch | undefined;
  readonly rfs: { readonly entries: number; readonly moves: number } | undefined;
  readonly unknown: readonly UnknownSpis[];
  readonly sas: SaStore;
  readonly hkey: string;
}

/** Collects the counters of all lanes and of the dispatcher. */
export function collectStats(parts: StatsParts): ReceiverStats {
  const { dispatcher: d, counters } = parts;
  const drops = new Float64Array(d.drops);
  const absorbed = { joined: d.joined, dummy: 0, keepalive: d.keepalives };
  let held = d.held;
  let segments = 0;
  const queues = counters.map((c, queue): LaneStats => {
    const laneDrops = c.slice(C_DROPS, C_DROPS + DROP_REASONS.length);
    laneDrops[DROP_REASONS.indexOf('lane-lost')] += parts.lost[queue];
    laneDrops[DROP_REASONS.indexOf('closed')] += parts.closed[queue];
    laneDrops.forEach((n, reason) => {
      drops[reason] += n;
    });
    absorbed.joined += c[C_JOINED];
    absorbed.dummy += c[C_DUMMY];
    const handed = parts.handover === undefined ? 0 : parts.handover.handedTo(queue) - c[C_RECEIVED];
    const waiting = d.placed[queue] + handed - c[C_TAKEN] - parts.lost[queue] - parts.closed[queue] + c[C_HELD];
    held += waiting;
    segments += c[C_SEGMENTS];
    return {
      queue,
      packets: d.queuePackets[queue],
      bytes: d.queueBytes[queue],
      delivered: c[C_DELIVERED],
      segments: c[C_SEGMENTS],
      deliveredBytes: c[C_BYTES],
      merged: c[C_MERGED],
      flushes: named(FLUSH_REASONS, c, C_FLUSHES),
      polls: c[C_POLLS],
      handovers: c[C_HANDOVERS],
      handedOver: parts.handover?.handedBy(queue) ?? 0,
      takenOver: c[C_RECEIVED],
      consumerErrors: c[C_THROWS],
      drops: named(DROP_REASONS, laneDrops, 0),
      held: waiting,
    };
  });
  const dropped = drops.reduce((sum, n) => sum + n, 0);
  const taken = absorbed.joined + absorbed.dummy + absorbed.keepalive;
  return {
    packets: d.packets,
    bytes: d.byteCount,
    classes: named(CLASSES, d.classes, 0),
    malformed: named(MALFORMED_REASONS, d.malformed, 0),
    queues,
    drops: named(DROP_REASONS, drops, 0),
    absorbed,
    held,
    ...(parts.rfs === undefined
      ? {}
      : {
          rfs: {
            ...parts.rfs,
            handoverMoves: counters.reduce((sum, c) => sum + c[C_MOVES], 0),
            saMoves: d.saMoves?.moved ?? 0,
            saMovesWaiting: d.saMoves?.waiting ?? 0,
          },
        }),
    sas: Array.from(parts.sas.values(), (entry) => parts.sas.stats(entry)),
    formerSas: structuredClone(parts.sas.former),
    unknownSpis: parts.unknown.flatMap((table) =>
      table.list().map((u) => ({
        spi: u.spi,
        src: addressText(u.source, 0, u.source.length),
        dst: addressText(u.destination, 0, u.destination.length),
        packets: u.packets,
      })),
    ),
    conserved: d.packets === segments + dropped + taken + held,
    hkey: parts.hkey,
    crypto: parts.sas.inUse(),
  };
}

function named<Name extends string>(names: readonly Name[], counts: Float64Array, from: number): Counts<Name> {
  const out: Counts<Name> = {};
  names.forEach((name, i) => {
    if (counts[from + i] > 0) out[name] = counts[from + i];
  });
  return out;
}
