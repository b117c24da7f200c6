/**
 * What a crypto backend offers to ESP: for each SA a cipher that opens whole packets. Backends know nothing of replay windows,
 * trailers or counters; those are `../open.ts`, which is split into `begin` and `finish` around them.
 */
import { put32, u32 } from '../../wire/bytes.ts';
import type { Sa } from '../sa.ts';
import type { Transform } from '../transforms/transform.ts';

/** The backends, the fastest first. */
export const CRYPTO_NAMES = ['ipsec-mb', 'openssl', 'node'] as const;
export type CryptoName = (typeof CRYPTO_NAMES)[number];

/** Opens packets of one SA. */
export interface PacketCipher {
  /**
   * After `open` returned true, and until the next `open` of any cipher of the backend: where the plaintext lies, which is
   * payload, padding, pad length and next header.
   */
  plain: Uint8Array;
  at: number;
  length: number;
  /** Whether the plaintext is left in `bytes` when the target is large enough and lies apart from the packet. */
  readonly staysInMemory: boolean;

  /**
   * Authenticates a packet and decrypts it.
   *
   * AEADs decrypt and authenticate in one pass, so what is not authentic yet may pass through the target: it must belong to the
   * caller alone until `open` returns, as the scratch of a lane does. Outside of the target and the backend's own memory nothing
   * is written. When `open` returns false, none of the plaintext is left anywhere: what was written is zero again.
   * @param bytes memory that holds the packet; may be shared. Kept: give the same array each time
   * @param esp absolute offset of the ESP header; the caller has checked that the lengths fit the transform
   * @param end absolute end of the packet, ICV included
   * @param high high half of the sequence number, int32; used with ESN only
   * @param target where in `bytes` the plaintext may be put, `room` bytes; a backend may also leave it elsewhere (`plain`, `at`),
   * and does when the target is too small or lies over the packet
   * @returns false when the ICV is wrong; never throws for what the packet holds
   */
  open(bytes: Uint8Array, esp: number, end: number, high: number, target: number, room: number): boolean;

  /** Frees and wipes what it holds outside of JavaScript; it must not be used afterwards. Absent: there is nothing. */
  close?(): void;
}

/** Seals packets of one SA, too. */
export interface SealingCipher extends PacketCipher {
  /**
   * Encrypts and authenticates in place.
   * @param packet header, IV, plaintext (payload, padding, pad length, next header), and room for the ICV at its end; not shared
   */
  seal(packet: Uint8Array, high: number): void;
}

/** Packets that are opened together: what `Ahead` has collected. */
export interface BurstPackets {
  readonly bytes: Uint8Array;
  /** Packets, and of each: the SA's key, where the ESP header is, bytes of ciphertext, high half, where the plaintext goes. */
  count: number;
  readonly keys: (BurstKey | undefined)[];
  readonly esps: Int32Array;
  readonly lengths: Int32Array;
  readonly highs: Int32Array;
  readonly targets: Int32Array;
  /** Where the plaintext will be, of one that is opened: `targets`, or where it is. */
  readonly texts: Int32Array;
  /** BURST_NOT_DONE, BURST_REFUSED or BURST_OPENED. */
  readonly results: Int8Array;
}

export const BURST_NOT_DONE: number = -1;
/** The ICV is wrong; the target is zero. */
export const BURST_REFUSED = 0;
export const BURST_OPENED = 1;

/** An SA, for bursts. */
export interface BurstKey {
  /** The same for SAs whose packets help each other, from 0 to 15; and how many it takes until that pays. */
  readonly kind: number;
  readonly least: number;
  /** Bytes of ciphertext; what is longer is better opened by itself. */
  readonly most: number;
  /** The plaintext stays where it is. */
  readonly inPlace: boolean;
  /** Bytes of ESP header and IV, and of the ICV. */
  readonly headBytes: number;
  readonly icvBytes: number;
  /** Of a key that opens one by one: opens packet `i` and returns its result. Absent: the burst does. */
  readonly open?: (packets: BurstPackets, i: number) => number;
  /** As `close` of a cipher. */
  close(): void;
}

/** Opens many packets in one call, of different SAs too. */
export interface Burst {
  /** False: its packets are better opened one by one. */
  takes(sa: Sa): boolean;
  /** Of an SA that it takes. */
  key(sa: Sa): BurstKey;
  /** Opens those packets whose result is BURST_REFUSED as of now, and writes the others. */
  run(packets: BurstPackets): void;
}

export interface CryptoBackend {
  readonly name: CryptoName;
  readonly burst?: Burst;
  /** Why it does not open packets of this transform; undefined: it does. */
  refuses(transform: Transform): string | undefined;
  /** The cipher of an SA whose transform is not refused. What is expensive about it is made with its first packet. */
  cipher(sa: Sa): PacketCipher;
  /** Frees and wipes what its ciphers hold outside of JavaScript. They open nothing afterwards. */
  close(): void;
}

/** A backend that seals, too. */
export interface SealingBackend extends CryptoBackend {
  cipher(sa: Sa): SealingCipher;
}

export const NO_PLAIN: Uint8Array = new Uint8Array(0);

/** SPI, high and low half of the sequence number: the 12 bytes of additional data with ESN (RFC 4106 section 5). */
export function writeEsnHeader(out: Uint8Array, bytes: Uint8Array, esp: number, high: number): void {
  put32(out, 0, u32(bytes, esp));
  put32(out, 4, high);
  put32(out, 8, u32(bytes, esp + 4));
}
