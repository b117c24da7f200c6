/**
 * CRC-32 of IEEE 802.3 (reflected polynomial 0xedb88320, all ones before and after), as zlib has it: the `crc32` of
 * `ethtool -X hfunc crc32`. https://www.rfc-editor.org/rfc/rfc1952#section-8
 *
 * The text of ethtool names the function and leaves initial value and bit order to the NIC; this is what the name means elsewhere.
 */

const TABLE = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) !== 0 ? 0xedb88320 : 0);
  TABLE[byte] = crc;
}

/** CRC of `len` bytes at `off`, as an int32. */
export function crc32(bytes: Uint8Array, off: number, len: number): number {
  let crc = -1;
  for (let i = 0; i < len; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[off + i]) & 0xff];
  return ~crc;
}
