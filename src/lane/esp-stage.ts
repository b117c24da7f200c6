import {
  CLASS_AH4,
  CLASS_ESP4,
  CLASS_FRAGMENT4,
  CLASS_MALFORMED,
  CLASS_NATT4,
  CLASS_NATT6,
  DROP_INNER_MALFORMED,
  DROP_IPCOMP,
  DROP_MALFORMED,
  DROP_MODE,
  DROP_NESTING,
  DROP_SELECTOR,
  DROP_UNKNOWN_SPI,
} from '../counters.ts';
import {
  type AhOpener,
  type EspOpener,
  expandIpComp,
  F_FLAGS,
  F_SELECTORS,
  F_SERIAL,
  FACTS_SHIFT,
  FLAG_TRUST_ICV,
  MODE_SHIFT,
  OPEN_DUMMY,
  OPEN_OK,
  type PeerWatch,
  type SaSelectors,
  type SaState,
  type SaTable,
  Traffic,
} from '../esp/index.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { D_CLASS, D_END, D_HEADERS, D_OFF, D_SA } from '../memory/descriptor.ts';
import {
  F_CSUM_GOOD,
  F_FROM_ESP,
  F_TRUNCATED,
  LINK_SHIFT,
  P_CLS,
  P_END,
  P_FLAGS,
  P_L3,
  P_L4,
  P_LEN,
  P_OFF,
  P_PROTO,
  P_SA,
  ROW_SHIFT,
} from '../memory/packet-table.ts';
import type { Scratch } from '../memory/scratch.ts';
import { u16 } from '../wire/bytes.ts';
import { type Dissection, dissectIp } from '../wire/dissect.ts';
import { decapsulateEcn, setIpv4Payload, setIpv6Payload, setLinkProtocol } from '../wire/rewrite.ts';
import { UDP_HEADER, udpEnd } from '../wire/udp.ts';
import { holdOwner } from './owners.ts';
import type { SaReporter } from './sa-reporter.ts';
import type { UnknownWatch } from './unknown-watch.ts';

/** What became of a packet: the row describes what was inside; it was a dummy; it is ESP of `elsewhere`; or the drop reason + 1. */
export const STAGE_OPENED = 0;
export const STAGE_DUMMY = -1;
export const STAGE_ELSEWHERE = -3;
/** Of the search for an SA. */
const FOUND = -2;

/** ESP and AH inside each other, at most so deep. */
export const MAX_NESTING = 4;

/** A reassembled inner datagram, which goes to the scratch too. */
const MAX_DATAGRAM = 66_000;

/** Places in `MODES`. */
const MODE_TUNNEL = 1;
const MODE_ANY = 2;

const IPCOMP = 108;
const IPCOMP_BOUND = 65535;
const PROTO_IPV4 = 4;
const PROTO_IPV6 = 41;

/** What an IP packet and its link header reach at most; longer ESP is refused before it is opened. */
export const MAX_IP = 66_000;

/**
 * Most scratch bytes that opening a frame of `length` bytes can take: each layer may also be expanded once, and the next one
 * is then as long as that.
 */
export function espScratch(length: number): number {
  return length + 512 + (2 * MAX_NESTING - 1) * (IPCOMP_BOUND + 512) + MAX_DATAGRAM;
}

/** Opens the ESP packet of a row into scratch, layer by layer, and makes the row describe what was inside. */
export class EspStage {
  /** The inner packet, after `STAGE_OPENED`. */
  readonly d: Dissection;
  /** The lane that owns the SA of the ESP packet inside, after `STAGE_ELSEWHERE`. */
  elsewhere = 0;
  private readonly bytes: Uint8Array;
  private readonly kernels: Kernels;
  private readonly scratch: Scratch;
  readonly opener: EspOpener;
  private readonly ah: AhOpener;
  private readonly table: SaTable;
  private readonly facts: Int32Array;
  /** Order group of each SA. */
  private readonly units: Int32Array;
  private readonly owners: Int32Array;
  private readonly unknown: UnknownWatch;
  private readonly peers: PeerWatch;
  /** What is told of SAs. */
  readonly reporter: SaReporter;
  private readonly deliverUnknown: boolean;
  private readonly lane: number;
  private readonly selectors: SaSelectors;
  /** Whether fragments are joined behind this stage, and compared with selectors then. */
  private readonly joins: boolean;
  private readonly traffic = new Traffic();

  constructor(parts: {
    d: Dissection;
    bytes: Uint8Array;
    kernels: Kernels;
    scratch: Scratch;
    opener: EspOpener;
    ah: AhOpener;
    table: SaTable;
    state: SaState;
    units: Int32Array;
    owners: Int32Array;
    unknown: UnknownWatch;
    peers: PeerWatch;
    reporter: SaReporter;
    deliverUnknown: boolean;
    lane: number;
    selectors: SaSelectors;
    joins: boolean;
  }) {
    this.d = parts.d;
    this.bytes = parts.bytes;
    this.kernels = parts.kernels;
    this.scratch = parts.scratch;
    this.opener = parts.opener;
    this.ah = parts.ah;
    this.table = parts.table;
    this.facts = parts.state.facts;
    this.units = parts.units;
    this.owners = parts.owners;
    this.unknown = parts.unknown;
    this.peers = parts.peers;
    this.reporter = parts.reporter;
    this.deliverUnknown = parts.deliverUnknown;
    this.lane = parts.lane;
    this.selectors = parts.selectors;
    this.joins = parts.joins;
  }

  /** Tells the opener of the packet of the descriptor at word `s`, if it is ESP with an SA. */
  lookAhead(words: Int32Array, s: number): void {
    const sa = words[s + D_SA];
    const cls = words[s + D_CLASS] & 0xff;
    if (sa === 0 || !isProtected(cls) || isAh(cls)) return;
    const off = words[s + D_OFF];
    const l4 = off + (words[s + D_HEADERS] >>> 16);
    const end = off + words[s + D_END];
    if (isNatt(cls)) this.opener.lookAhead(sa - 1, l4 + UDP_HEADER, udpEnd(this.bytes, l4, end));
    else this.opener.lookAhead(sa - 1, l4, end);
  }

  /** @returns STAGE_OPENED, STAGE_DUMMY, STAGE_ELSEWHERE, or a drop reason + 1 */
  run(w: Int32Array, row: number): number {
    const b = row << ROW_SHIFT;
    for (let depth = 0; ; depth++) {
      const verdict = this.layer(w, b);
      if (verdict !== STAGE_OPENED) return verdict;
      const cls = w[b + P_CLS];
      if (cls === CLASS_MALFORMED) return DROP_INNER_MALFORMED + 1;
      if (!(this.joins && isFragment(cls)) && !this.allows(w, b)) return DROP_SELECTOR + 1;
      if (!isProtected(cls)) return STAGE_OPENED;
      if (depth + 1 === MAX_NESTING) return DROP_NESTING + 1;
      const found = this.findSa(w, b);
      if (found !== FOUND) return found;
    }
  }

  /** Whether the packet that came by the row's SA is one that this may carry. */
  allows(w: Int32Array, b: number): boolean {
    const first = this.facts[((w[b + P_SA] - 1) << FACTS_SHIFT) + F_SELECTORS];
    if (first === 0) return true;
    const { traffic } = this;
    traffic.load(this.bytes, w[b + P_CLS], w[b + P_L3], w[b + P_L4], w[b + P_PROTO]);
    return this.selectors.allows(first, traffic);
  }

  /** A number of the row's SA that another one in its slot will not have. Not 0. */
  serial(w: Int32Array, b: number): number {
    return this.facts[((w[b + P_SA] - 1) << FACTS_SHIFT) + F_SERIAL];
  }

  /** An SA has gone: what was made for it is freed and wiped. None of its packets may be under way. */
  forget(sa: number): void {
    this.opener.forget(sa);
    this.ah.forget(sa);
  }

  /** As `run`, for a packet of ESP or AH whose SA nobody has looked up: one that came out of ESP in fragments. */
  descend(w: Int32Array, row: number): number {
    const found = this.findSa(w, row << ROW_SHIFT);
    return found === FOUND ? this.run(w, row) : found;
  }

  /**
   * Gives the row the SA of the packet of ESP or AH in `d`, which becomes this lane's when it is nobody's.
   *
   * @returns FOUND, STAGE_OPENED when the packet is delivered as it is, STAGE_ELSEWHERE, or a drop reason + 1
   */
  private findSa(w: Int32Array, b: number): number {
    const l3 = w[b + P_L3];
    const isV6 = (w[b + P_CLS] & 1) !== 0;
    const sa = this.table.lookupShared(this.bytes, l3 + (isV6 ? 24 : 16), isV6, this.d.spi, isAh(w[b + P_CLS]));
    if (sa < 0) {
      if (this.deliverUnknown) return STAGE_OPENED;
      this.unknown.add(this.bytes, l3, isV6, this.d.spi);
      return DROP_UNKNOWN_SPI + 1;
    }
    const owner = holdOwner(this.owners, this.units[sa], this.lane);
    w[b + P_SA] = sa + 1;
    if (owner === this.lane) return FOUND;
    this.elsewhere = owner;
    return STAGE_ELSEWHERE;
  }

  /** Opens one layer: from the header of ESP or AH in the row to the packet inside. */
  private layer(w: Int32Array, b: number): number {
    const bytes = this.bytes;
    const cls = w[b + P_CLS];
    const off = w[b + P_OFF];
    const l3 = w[b + P_L3];
    const l4 = w[b + P_L4];
    const isUdp = isNatt(cls);
    // What lies behind the datagram of ESP in UDP is no part of it, as in Linux.
    const end = isUdp ? udpEnd(bytes, l4, w[b + P_END]) : w[b + P_END];
    const esp = isUdp ? l4 + UDP_HEADER : l4;
    // An IP length of 0 (segmentation offload) can stand in front of anything.
    if (end - esp > 65535) return DROP_MALFORMED + 1;
    const sa = w[b + P_SA] - 1;
    const flags = this.facts[(sa << FACTS_SHIFT) + F_FLAGS];
    const mode = flags >> MODE_SHIFT;
    let tunnel = mode === MODE_TUNNEL;
    const link = l3 - off;
    const linkType = w[b + P_FLAGS] >> LINK_SHIFT;
    // What stays in front: the link header, and in transport mode the IP header with its extensions.
    let head = tunnel ? link : l4 - off;

    // The payload begins at a multiple of 8, as node:crypto's buffers do: V8 copies 5 times faster so (bench/esp.ts).
    const shift = -head & 7;
    const target = this.scratch.take(shift + head + end - esp) + shift;
    const verdict = isAh(cls)
      ? this.openAh(sa, l3, l4, end, target + head)
      : this.opener.open(sa, esp, end, target + head, end - esp);
    // AH covers the addresses in front of it.
    if ((verdict === OPEN_OK || verdict === OPEN_DUMMY) && !isAh(cls)) {
      const { sequenceLow, sequenceHigh } = this.opener;
      this.peers.look(sa, bytes, l3, isUdp ? u16(bytes, l4) : 0, sequenceLow, sequenceHigh);
    }
    if (verdict !== OPEN_OK) {
      this.scratch.trim(target);
      return verdict === OPEN_DUMMY ? STAGE_DUMMY : verdict + 1;
    }
    let next = isAh(cls) ? this.ah.nextHeader : this.opener.nextHeader;
    let length = isAh(cls) ? end - this.ah.payload : this.opener.length;
    let frame = target;
    if (next === IPCOMP) {
      frame = this.scratch.take(head + IPCOMP_BOUND);
      const bound = IPCOMP_BOUND - (tunnel ? 0 : l4 - l3);
      const expanded = expandIpComp(bytes, target + head, target + head + length, frame + head, bound);
      if (expanded < 0) return DROP_IPCOMP + 1;
      next = bytes[target + head];
      length = expanded;
    }
    this.scratch.trim(frame + head + length);
    if (mode === MODE_ANY && (next === PROTO_IPV4 || next === PROTO_IPV6)) {
      tunnel = true;
      frame += head - link;
      head = link;
    }
    this.kernels.copy(frame, off, head);

    const inner = frame + link;
    if (tunnel) {
      if ((next !== PROTO_IPV4 && next !== PROTO_IPV6) || length === 0) return DROP_MODE + 1;
      if (bytes[inner] >> 4 !== (next === PROTO_IPV4 ? 4 : 6)) return DROP_MODE + 1;
      setLinkProtocol(bytes, frame, inner, linkType, next === PROTO_IPV6);
    } else if (bytes[l3] >> 4 === 4) {
      setIpv4Payload(bytes, inner, next, l4 - l3 + length);
    } else {
      setIpv6Payload(bytes, inner, frame + head, next, length);
    }
    const d = this.d;
    const packetEnd = frame + head + length;
    const inside = dissectIp(bytes, inner, packetEnd, d);
    if (tunnel && inside !== CLASS_MALFORMED) decapsulateEcn(bytes, l3, inner);
    w[b + P_OFF] = frame;
    // What lies behind the inner packet is TFC padding (RFC 4303 section 2.7).
    w[b + P_LEN] = (d.truncated === 1 ? packetEnd : Math.max(d.end, inner)) - frame;
    w[b + P_L3] = inner;
    w[b + P_L4] = d.l4;
    w[b + P_END] = d.end;
    w[b + P_CLS] = inside;
    w[b + P_PROTO] = d.proto;
    w[b + P_FLAGS] =
      (linkType << LINK_SHIFT) |
      (d.truncated === 1 ? F_FROM_ESP | F_TRUNCATED : F_FROM_ESP) |
      ((flags & FLAG_TRUST_ICV) !== 0 ? F_CSUM_GOOD : 0);
    return STAGE_OPENED;
  }

  /** Checks AH, and copies what follows it to the target. */
  private openAh(sa: number, l3: number, l4: number, end: number, target: number): number {
    const { ah } = this;
    const verdict = ah.open(sa, l3, l4, end);
    if (verdict === OPEN_OK) this.kernels.copy(target, ah.payload, end - ah.payload);
    return verdict;
  }
}

/** AH. */
export function isAh(cls: number): boolean {
  return (cls & ~1) === CLASS_AH4;
}

/** ESP in UDP. */
function isNatt(cls: number): boolean {
  return (cls & ~1) === CLASS_NATT4;
}

/** ESP, raw or in UDP, or AH. */
export function isProtected(cls: number): boolean {
  return cls >= CLASS_ESP4 && cls <= CLASS_NATT6;
}

/** A part of a datagram. */
export function isFragment(cls: number): boolean {
  return (cls & ~1) === CLASS_FRAGMENT4;
}
