/**
 * What a crypto backend offers to ESP: for each SA a cipher that opens and seals whole packets. Backends know nothing of
 * replay windows, trailers or counters; those are `../open.ts`, which is split into `begin` and `finish` so that a backend
 * that opens many packets in one call can work between the two.
 */
import { put32, u32 } from '../../wire/bytes.ts';
import type { Sa } from '../sa.ts';

/** Opens and seals packets of one SA. */
export interface PacketCipher {
  /** After `open` returned true: where the plaintext lies, which is payload, padding, pad length and next header. */
  plain: Uint8Array;
  at: number;
  length: number;

  /**
   * Authenticates a packet and decrypts it. Nothing unauthenticated is written anywhere but in the backend's own memory.
   * @param bytes memory that holds the packet; may be shared
   * @param esp absolute offset of the ESP header; the caller has checked that the lengths fit the transform
   * @param end absolute end of the packet, ICV included
   * @param high high half of the sequence number, int32; used with ESN only
   * @param target where in `bytes` the plaintext may be put, `room` bytes; a backend may also leave it elsewhere (`plain`, `at`)
   * @returns false when the ICV is wrong; never throws for what the packet holds
   */
  open(bytes: Uint8Array, esp: number, end: number, high: number, target: number, room: number): boolean;

  /**
   * Encrypts and authenticates in place.
   * @param packet header, IV, plaintext (payload, padding, pad length, next header), and room for the ICV at its end; not shared
   */
  seal(packet: Uint8Array, high: number): void;
}

export interface CryptoBackend {
  readonly name: string;
  /** The cipher of an SA. Expensive: once an SA and thread. */
  cipher(sa: Sa): PacketCipher;
}

export const NO_PLAIN: Uint8Array = new Uint8Array(0);

/** SPI, high and low half of the sequence number: the 12 bytes of additional data with ESN (RFC 4106 section 5). */
export function writeEsnHeader(out: Uint8Array, bytes: Uint8Array, esp: number, high: number): void {
  put32(out, 0, u32(bytes, esp));
  put32(out, 4, high);
  put32(out, 8, u32(bytes, esp + 4));
}
