/** Big-endian integers at an offset. Callers have checked the bounds; small enough for V8 to inline everywhere. */

/** 16 bits, 0 to 65535. */
export function u16(bytes: Uint8Array, off: number): number {
  return (bytes[off] << 8) | bytes[off + 1];
}

/** 32 bits as an int32: compare with `| 0`, print with `>>> 0`. */
export function u32(bytes: Uint8Array, off: number): number {
  return (bytes[off] << 24) | (bytes[off + 1] << 16) | (bytes[off + 2] << 8) | bytes[off + 3];
}

export function put16(bytes: Uint8Array, off: number, value: number): void {
  bytes[off] = value >>> 8;
  bytes[off + 1] = value;
}

export function put32(bytes: Uint8Array, off: number, value: number): void {
  bytes[off] = value >>> 24;
  bytes[off + 1] = value >>> 16;
  bytes[off + 2] = value >>> 8;
  bytes[off + 3] = value;
}

/** Bytes as lower-case hexadecimal, for descriptions. */
export function hex(bytes: Uint8Array, off: number, end: number): string {
  let text = '';
  for (let i = off; i < end; i++) text += (bytes[i] + 0x100).toString(16).slice(1);
  return text;
}
