/**
 * The account of what was delivered, by innermost flow: what `replay --json` shows as `flows`, and the check of order
 * behind `invariants.reordered` and `acrossSas.reordered`.
 *
 * Order: packet numbers are those of the input. Within a flow and order unit (clear, or an order group of SAs) each packet
 * must be younger than all before it, else it counts as reordered; if only another unit of the flow was ahead of it, it
 * counts as reordered across SAs. In a clear tunnel the tunnel was steered, not the flow, which may be in several: each lane
 * is a unit there. Packets that are no IP, nor carry any (MPLS, PPPoE), have no flow and no order. ESP that was not opened, IP protocols
 * without ports and fragments are checked, but not reported.
 *
 * Memory: about 0.4 KiB a flow, 0.6 with TCP; TCP bytes that wait for their turn only when digests are made, bounded by the limits.
 */
import type { XXHashAPI } from 'xxhash-wasm';
import { CLASS_MALFORMED, CLASS_NONIP, CLASS_TCP4, CLASSES } from '../counters.ts';
import { checkInteger, optionError } from '../errors.ts';
import { dissect } from '../wire/dissect.ts';
import { dissectIp } from '../wire/dissect-ip.ts';
import { Dissection } from '../wire/dissection.ts';
import { TCP_FLAG_RST, TCP_FLAG_SYN, tcpFlags, tcpHeaderLength, tcpSeq } from '../wire/tcp.ts';
import { innermost } from '../wire/tunnel.ts';
import { UDP_HEADER, UDP_PORT_NATT, udpEnd } from '../wire/udp.ts';
import { type Budget, StreamBuffer } from './flow-buffer.ts';
import { type DigestKind, digestMaker, type FlowDigest } from './flow-digest.ts';
import { compareKeys, describeKey, type FlowTuple, hashKey, KEY_LENGTH, readKey } from './flow-key.ts';
import { type Flow, FlowTable, including } from './flow-table.ts';
import { type StreamState, TcpStream } from './stream.ts';

export type { DigestKind };

export interface FlowAccountsOptions {
  /** What to make of the payloads of each flow. */
  digest: DigestKind;
  /** What xxhash-wasm's default function resolves to: needed for `xxh64`. */
  xxhash?: XXHashAPI;
  /** Bytes of one TCP flow that may wait for their turn; default 64 MiB. Only with a digest. */
  streamLimit?: number;
  /** Bytes of all TCP flows together that may wait; default 256 MiB. */
  bufferLimit?: number;
  /** UDP port of NAT-T, as the receiver has it; default 4500. */
  nattPort?: number;
}

/** A flow as `rxsteer.replay/1` shows it. */
export interface FlowReport extends FlowTuple {
  /** SPIs it came by, ascending, as `0x00001001`; queues, ascending. */
  spis: string[];
  queues: number[];
  /** Packets delivered, and the input packets in them. */
  packets: number;
  segments: number;
  /** TCP: bytes without a gap from the start of the stream (see stream.ts). UDP: of all payloads. */
  payloadBytes: number;
  /** `sha256:...` or `xxh64:...` of these bytes (UDP: in delivery order). Absent when not asked for; null when it cannot be told. */
  digest?: string | null;
  /** True when bytes that came are not in the digest: a limit was reached, or accounts with digests were merged. Absent: none. */
  incomplete?: true;
  /** TCP: how many more connections with the same addresses and ports began; their bytes are not in the stream. Absent: none. */
  restarts?: number;
}

/** An account as plain data, for another thread. */
export interface FlowAccountsState {
  reordered: number;
  acrossSasReordered: number;
  /** Delivered packets by class number. */
  classes: number[];
  flows: FlowState[];
}

interface FlowState {
  key: number[];
  packets: number;
  segments: number;
  spis: number[];
  queues: number[];
  payloadBytes: number;
  digest: string | null | undefined;
  incomplete: boolean;
  restarts: number;
  stream: StreamState | undefined;
}

interface FlowResult {
  payloadBytes: number;
  digest: string | null | undefined;
  incomplete: boolean;
}

/** Instead of the offset of an outer IP header where there is none. */
const NO_IP = -1;
/** Order units that are below 0: of a flow without packets; of clear tunnels, minus the queue. */
const NO_UNIT = -1;
const TUNNELLED = -2;

export class FlowAccounts {
  /** Packets that came behind a younger one of their flow and order unit. */
  reordered = 0;
  /** Packets that came behind a younger one of their flow that came by another SA or, in clear tunnels, lane. */
  acrossSasReordered = 0;
  /** Packets delivered, by class number. */
  readonly classes: Float64Array = new Float64Array(CLASSES.length);
  private readonly table: FlowTable = new FlowTable();
  private readonly make: (() => FlowDigest) | undefined;
  private readonly streamLimit: number;
  private readonly budget: Budget;
  private readonly d: Dissection = new Dissection();
  private readonly key: Int32Array = new Int32Array(KEY_LENGTH);

  /** @throws RxSteerError `ERR_RXSTEER_OPTION` */
  constructor(options: FlowAccountsOptions) {
    this.make = digestMaker(options.digest, options.xxhash);
    this.streamLimit = checkInteger('streamLimit', options.streamLimit ?? 2 ** 26, 0, Number.MAX_SAFE_INTEGER);
    this.budget = {
      left: checkInteger('bufferLimit', options.bufferLimit ?? 2 ** 28, 0, Number.MAX_SAFE_INTEGER),
    };
    this.d.nattPort = checkInteger('nattPort', options.nattPort ?? UDP_PORT_NATT, -1, 65535);
  }

  /** Whether bytes behind the headers are looked at, of TCP and UDP. */
  get readsPayload(): boolean {
    return this.make !== undefined;
  }

  /**
   * Accounts a delivered packet, which lies in one piece, or the headers of one if no payload is read. Nothing is kept of `bytes`.
   * @param frameEnd end of the packet's bytes, which start in front of `l3`, the IP header
   * @param cls its class as delivered
   * @param sa SA index + 1, 0 when it came in clear; `spi` is that SA's, ignored when clear
   * @param unit order unit: 0 clear, else order group of the SA + 1
   * @param segments input packets in it; `firstNumber` and `lastNumber` are their numbers
   * @param frameStart where its link header is, of `linkType`: a frame that is `nonip` is looked into from there
   */
  add(
    bytes: Uint8Array,
    frameEnd: number,
    l3: number,
    cls: number,
    sa: number,
    spi: number,
    unit: number,
    queue: number,
    segments: number,
    firstNumber: number,
    lastNumber: number,
    frameStart: number,
    linkType: number,
  ): void {
    this.classes[cls]++;
    if (cls === CLASS_MALFORMED) return;
    const { d, key } = this;
    if (cls === CLASS_NONIP) dissect(bytes, frameStart, frameEnd, linkType, d);
    else dissectIp(bytes, l3, frameEnd, d);
    const outer = d.cls === CLASS_NONIP ? NO_IP : d.l3;
    const inner = innermost(bytes, d);
    if (inner === CLASS_MALFORMED || inner === CLASS_NONIP) return;
    readKey(bytes, d, sa !== 0, key);
    const flow = this.table.at(key);
    flow.packets++;
    flow.segments += segments;
    flow.queues = including(flow.queues, queue);
    if (sa !== 0) flow.spis = including(flow.spis, spi >>> 0);
    this.order(flow, unit === 0 && d.l3 !== outer ? TUNNELLED - queue : unit, firstNumber, lastNumber);
    if (!flow.reported) return;
    if ((inner & ~1) === CLASS_TCP4) {
      const flags = tcpFlags(bytes, d.l4);
      if ((flags & TCP_FLAG_RST) !== 0) return;
      flow.stream ??= this.stream();
      const from = d.l4 + tcpHeaderLength(bytes, d.l4);
      flow.stream.add(tcpSeq(bytes, d.l4), (flags & TCP_FLAG_SYN) !== 0, bytes, from, d.end);
    } else {
      const from = d.l4 + UDP_HEADER;
      const to = udpEnd(bytes, d.l4, d.end);
      flow.payloadBytes += to - from;
      if (this.make !== undefined) {
        flow.digest ??= this.make();
        flow.digest.update(bytes.subarray(from, to));
      }
    }
  }

  /** The account as plain data that can go to another thread. Streams without digests can be merged exactly. */
  export(): FlowAccountsState {
    const { keys } = this.table;
    return {
      reordered: this.reordered,
      acrossSasReordered: this.acrossSasReordered,
      classes: Array.from(this.classes),
      flows: this.table.flows.map((flow) => {
        const result = this.result(flow);
        return {
          key: Array.from(keys.subarray(flow.index * KEY_LENGTH, (flow.index + 1) * KEY_LENGTH)),
          packets: flow.packets,
          segments: flow.segments,
          spis: [...flow.spis],
          queues: [...flow.queues],
          payloadBytes: result.payloadBytes,
          digest: result.digest,
          incomplete: result.incomplete,
          restarts: flow.restarts + (flow.stream?.restarts ?? 0),
          stream: this.make === undefined ? flow.stream?.export() : undefined,
        };
      }),
    };
  }

  /**
   * Joins another account, of other packets of the same input, into this one, which must be without digests. Order between
   * the accounts cannot be seen any more. Digests that the other one made stay, where no two accounts have bytes of the
   * same flow; else the flow is `incomplete` and has none.
   * @throws RxSteerError `ERR_RXSTEER_OPTION` when this account makes digests itself.
   */
  merge(other: FlowAccountsState): void {
    if (this.make !== undefined) throw optionError('digest', "'none' where accounts are merged", 'a digest');
    this.reordered += other.reordered;
    this.acrossSasReordered += other.acrossSasReordered;
    for (let i = 0; i < this.classes.length; i++) this.classes[i] += other.classes[i];
    for (const theirs of other.flows) {
      this.key.set(theirs.key);
      hashKey(this.key);
      const flow = this.table.at(this.key);
      flow.packets += theirs.packets;
      flow.segments += theirs.segments;
      for (const spi of theirs.spis) flow.spis = including(flow.spis, spi);
      for (const queue of theirs.queues) flow.queues = including(flow.queues, queue);
      if (theirs.stream !== undefined) {
        flow.stream ??= this.stream();
        flow.stream.merge(theirs.stream);
        continue;
      }
      if (theirs.digest !== undefined && theirs.payloadBytes > 0) {
        // A digest of nothing gives way; two of something cannot be joined.
        const two = this.result(flow).payloadBytes > 0;
        flow.foreign = two ? null : theirs.digest;
        flow.incomplete ||= two;
      } else if (flow.foreign === undefined) flow.foreign = theirs.digest;
      flow.restarts += theirs.restarts;
      flow.payloadBytes += theirs.payloadBytes;
      flow.incomplete ||= theirs.incomplete;
    }
  }

  /** The TCP and UDP flows, sorted by protocol, addresses, ports and clear before protected. More packets may follow. */
  report(): FlowReport[] {
    const { keys } = this.table;
    const flows = this.table.flows.filter((flow) => flow.reported);
    flows.sort((a, b) => compareKeys(keys, a.index * KEY_LENGTH, b.index * KEY_LENGTH));
    return flows.map((flow) => {
      const {
        proto,
        src,
        sport,
        dst,
        dport,
        protected: isProtected,
        tunnel,
      } = describeKey(keys, flow.index * KEY_LENGTH);
      const { payloadBytes, digest, incomplete } = this.result(flow);
      const restarts = flow.restarts + (flow.stream?.restarts ?? 0);
      return {
        proto,
        src,
        sport,
        dst,
        dport,
        spis: [...flow.spis].sort(ascending).map((spi) => `0x${spi.toString(16).padStart(8, '0')}`),
        queues: [...flow.queues].sort(ascending),
        protected: isProtected,
        ...(tunnel === undefined ? {} : { tunnel }),
        packets: flow.packets,
        segments: flow.segments,
        payloadBytes,
        ...(digest === undefined ? {} : { digest }),
        ...(incomplete ? { incomplete } : {}),
        ...(restarts > 0 ? { restarts } : {}),
      };
    });
  }

  private order(flow: Flow, unit: number, first: number, last: number): void {
    let before = flow.unitLast;
    if (flow.unit !== unit) {
      // Keep the unit of the last packet in the fields: units change seldom.
      const more = flow.moreUnits ?? [];
      if (flow.unit !== NO_UNIT) more.push(flow.unit, flow.unitLast);
      flow.unit = unit;
      before = -1;
      for (let i = 0; i < more.length; i += 2) {
        if (more[i] === unit) {
          before = more[i + 1];
          more.splice(i, 2);
          break;
        }
      }
      if (more.length > 0) flow.moreUnits = more;
    }
    if (first <= before) this.reordered++;
    else if (first <= flow.last) this.acrossSasReordered++;
    flow.unitLast = Math.max(last, before);
    if (last > flow.last) flow.last = last;
  }

  private stream(): TcpStream {
    return new TcpStream(
      this.make === undefined ? undefined : new StreamBuffer(this.make, this.budget, this.streamLimit),
    );
  }

  private result(flow: Flow): FlowResult {
    if (flow.stream !== undefined) {
      const result = flow.stream.result();
      return {
        payloadBytes: result.payloadBytes + flow.payloadBytes,
        digest: result.digest ?? flow.foreign,
        incomplete: result.incomplete || flow.incomplete,
      };
    }
    // UDP, TCP of which only resets came, or an account of another thread.
    let digest = flow.digest?.text() ?? flow.foreign;
    if (digest === undefined && flow.reported) digest = this.make?.().text();
    return { payloadBytes: flow.payloadBytes, digest, incomplete: flow.incomplete };
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}
