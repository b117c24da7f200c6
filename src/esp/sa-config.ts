/** How SAs are described: in an SA file, and as facts and keys once checked. */
import type { SelectorConfig } from './policy/selector.ts';
import type { Transform } from './transforms/transform.ts';

/** A transform in an SA file: `key` is hexadecimal, the key and then the salt or nonce (4 bytes; 3 for CCM; none for CBC). */
export type TransformConfig =
  | { readonly aead: string; readonly key: string; readonly icvBits?: number }
  | {
      /** Absent: none, for AH. */
      readonly cipher?: string;
      readonly key?: string;
      readonly auth: string;
      readonly authKey?: string;
      readonly icvBits?: number;
    };

/** What protects the packets: ESP (RFC 4303) or AH (RFC 4302). */
export type SaProto = 'esp' | 'ah';

/** What stands in a packet of an SA: an IP packet, the payload of the packet itself, or what its next header says. */
export type SaMode = 'tunnel' | 'transport' | 'any';

/** How long an SA may be used, each of these if it is there. */
export interface SaLimit {
  /** Authentic packets. */
  readonly packets?: number;
  /** Bytes to which the algorithm is applied (RFC 4301 section 4.4.2.1): ESP's ciphertext, padding and trailer included; all that AH covers. */
  readonly bytes?: number;
  /** Since the SA was there; with `deterministic`, in packet time from its first authentic packet on. */
  readonly seconds?: number;
}

/** Lifetimes of an SA. */
export interface SaLimits {
  /** Reached: an event, once, so that another SA can be set up. */
  readonly soft?: SaLimit;
  /** Reached: nothing more is accepted (`sa-expired`). */
  readonly hard?: SaLimit;
}

/** One entry of `sas` in an SA file. */
export interface SaConfig {
  /** 32 bits: `0x` and hex digits, or a number. */
  readonly spi: string | number;
  /** Default ESP. AH has a transform of `auth`, `authKey` and `icvBits`. */
  readonly proto?: SaProto;
  /** Absent: any. */
  readonly src?: string;
  /** An address, or `*`: any. Where an SA has the very destination of a packet, that one is taken. */
  readonly dst: string;
  /** `any`: the next header that comes out of a packet tells; for files that do not say. */
  readonly mode: SaMode;
  readonly encap?: 'none' | 'udp';
  readonly transform: TransformConfig;
  readonly esn?: boolean;
  /** Top of the replay window before the first packet, `0x` and hex digits; it and everything below counts as seen. Default 0. */
  readonly initialSeq?: string;
  /** Packets, 32 to 8192; default 64. */
  readonly replayWindow?: number;
  /** Pins the SA to a queue. */
  readonly queue?: number;
  /** SAs of the same group keep their order among each other: those that are pinned to one queue do, and those without queue. */
  readonly group?: string;
  /** What may come by it, any of them: of the inner packet in tunnel mode, of the packet itself in transport mode. Absent: anything. */
  readonly selectors?: readonly SelectorConfig[];
  /** TCP checksums of what comes by it are not verified before it is merged: the ICV vouches for them. Default false. */
  readonly trustIcv?: boolean;
  /** Absent: it lives as long as the receiver. */
  readonly limits?: SaLimits;
}

/** Key material of an SA: the keys without the salt, and the salt. */
export interface SaSecrets {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
  readonly authKey: Uint8Array;
}

/** Everything about an SA that may be seen. */
export interface SaFacts {
  readonly spi: number;
  readonly proto: SaProto;
  readonly src: string | undefined;
  readonly dst: string;
  readonly srcBytes: Uint8Array | undefined;
  /** 4 or 16 bytes; none: any destination. */
  readonly dstBytes: Uint8Array;
  readonly mode: SaMode;
  readonly encap: 'none' | 'udp';
  readonly transform: Transform;
  readonly esn: boolean;
  readonly initialSeq: bigint;
  readonly replayWindow: number;
  readonly queue: number | undefined;
  readonly group: string | undefined;
  readonly selectors: readonly SelectorConfig[] | undefined;
  readonly trustIcv: boolean;
  readonly limits: SaLimits | undefined;
}
