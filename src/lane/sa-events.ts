/** What the data plane tells of SAs. Events hold numbers and addresses, never keys. */
import type { DropReason } from '../counters.ts';
import type { LimitUnit, SaProto } from '../esp/index.ts';

/** The SA that an event is of: a key for `receiver.sas`. */
export interface SaOfEvent {
  /** What `batch.sa(i)` calls it. */
  readonly id: number;
  readonly spi: number;
  readonly proto: SaProto;
  /** As its description has it; absent: any. */
  readonly src?: string;
  readonly dst: string;
}

/** What all of them have. */
export interface SaEventBase {
  readonly sa: SaOfEvent;
  /** The lane that has seen it; absent: no packet was the cause, but time. */
  readonly lane?: number;
  /** Milliseconds since 1970; with `deterministic`, packet time. */
  readonly time: number;
}

/** An SA has reached a soft or hard limit. Once for each SA and kind. */
export interface LimitEvent extends SaEventBase {
  readonly kind: 'soft-limit' | 'hard-limit';
  /** Which limit was the first. */
  readonly unit: LimitUnit;
  /** What has come by the SA: authentic packets and their bytes. */
  readonly packets: number;
  readonly bytes: number;
}

/** Of the sequence numbers of an SA, a good part is used up. Once for each SA. */
export interface SequenceLimitEvent extends SaEventBase {
  readonly kind: 'sequence-limit';
  /** The highest number so far, and the last that there is: `0x` and hexadecimal digits. */
  readonly sequence: string;
  readonly last: string;
}

/** More failures of an SA within a second than the option `esp.events` lets pass. At most once a second for each SA. */
export interface FailuresEvent extends SaEventBase {
  readonly kind: 'authentication-failures' | 'replay-storm';
  /** Within a second so far; and since the SA was there. */
  readonly failures: number;
  readonly total: number;
  /** Events of this kind that this lane has held back since its last one. */
  readonly suppressed: number;
}

/** An outer source; `port` with UDP. */
export interface PeerPlace {
  readonly address: string;
  readonly port?: number;
}

/** The newest authentic packet of an SA came from another outer source than those before: a NAT has mapped the peer anew, or it moved. */
export interface PeerMovedEvent extends SaEventBase {
  readonly kind: 'peer-moved';
  readonly from: PeerPlace;
  readonly to: PeerPlace;
  readonly suppressed: number;
}

/** Authentic, but what was inside was dropped: no IP header in a tunnel, a malformed packet, or one that the SA may not carry. */
export interface BadInnerEvent extends SaEventBase {
  readonly kind: 'bad-inner';
  readonly reason: DropReason;
  readonly suppressed: number;
}

/** A packet of ESP or AH without SA was dropped. */
export interface UnknownSpiEvent {
  readonly kind: 'unknown-spi';
  readonly spi: number;
  readonly src: string;
  readonly dst: string;
  /** Packets of this SPI between these addresses that the lane or the dispatcher has seen. */
  readonly packets: number;
  readonly suppressed: number;
  /** Absent: the dispatcher has seen it. */
  readonly lane?: number;
  readonly time: number;
}

export type SaEvent =
  | LimitEvent
  | SequenceLimitEvent
  | FailuresEvent
  | PeerMovedEvent
  | BadInnerEvent
  | UnknownSpiEvent;
