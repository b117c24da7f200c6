/** ESP, the part in clear. RFC 4303 section 2. */
import { BAD_ESP_SHORT, BAD_NONE } from '../counters.ts';
import { put32, u32 } from './bytes.ts';

export const ESP_SPI = 0;
export const ESP_SEQ = 4;
export const ESP_HEADER = 8;

/** `BAD_NONE`, or `BAD_ESP_SHORT` when SPI and sequence number are not all there. */
export function checkEsp(_bytes: Uint8Array, off: number, end: number): number {
  return end - off < ESP_HEADER ? BAD_ESP_SHORT : BAD_NONE;
}

/** SPI as an int32. */
export function espSpi(bytes: Uint8Array, off: number): number {
  return u32(bytes, off + ESP_SPI);
}

/** Sequence number (the low half with ESN) as an int32. */
export function espSeq(bytes: Uint8Array, off: number): number {
  return u32(bytes, off + ESP_SEQ);
}

/** Writes 8 bytes. */
export function emitEsp(bytes: Uint8Array, off: number, spi: number, seq: number): void {
  put32(bytes, off + ESP_SPI, spi);
  put32(bytes, off + ESP_SEQ, seq);
}

export interface EspDescription {
  spi: number;
  seq: number;
}

export function describeEsp(bytes: Uint8Array, off: number): EspDescription {
  return { spi: espSpi(bytes, off) >>> 0, seq: espSeq(bytes, off) >>> 0 };
}
