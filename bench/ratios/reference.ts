/**
 * What cases are held against: CRC-32 (IEEE 802.3, a table of 256 words) over 64 KiB. It is work for the same parts of a processor and of
 * the optimiser, and it never changes: a faster machine makes both faster, a faster case only itself.
 */
import type { Round } from '../harness.ts';
import { Random } from '../random.ts';

const BYTES = 65_536;
const ROUNDS = 2;
const POLYNOMIAL = 0xedb88320;
/** Of the bytes that the seed gives, by zlib. */
const EXPECTED = 0xe9511717;

/** Items are bytes. @throws Error: the loop does not compute what it did */
export function reference(): Round {
  const bytes = new Uint8Array(BYTES);
  new Random(0x66666666, 0x77777777).fill(bytes, 0, BYTES);
  const table = Int32Array.from({ length: 256 }, (_, byte) => {
    let word = byte;
    for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ POLYNOMIAL : word >>> 1;
    return word;
  });
  const crc = (): number => {
    let sum = -1;
    for (let i = 0; i < BYTES; i++) sum = (sum >>> 8) ^ table[(sum ^ bytes[i]) & 255];
    return ~sum >>> 0;
  };
  if (crc() !== EXPECTED) throw new Error(`the reference loop gives 0x${crc().toString(16)}`);
  return {
    items: ROUNDS * BYTES,
    run() {
      let sum = 0;
      for (let round = 0; round < ROUNDS; round++) sum ^= crc();
      return sum;
    },
  };
}
