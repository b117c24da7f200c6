import type { Sa } from '../sa.ts';
import {
  BURST_NOT_DONE,
  BURST_OPENED,
  BURST_REFUSED,
  type BurstKey,
  type BurstPackets,
  type PacketCipher,
} from './backend.ts';

const HEADER = 8;

/**
 * An SA whose packets are looked at ahead though they are opened one by one: what comes behind that is done for many at once
 * (`lane/fast-path.ts`).
 */
export class SingleKey implements BurstKey {
  readonly kind = 0;
  readonly least = 1;
  readonly most: number = Number.POSITIVE_INFINITY;
  readonly inPlace: boolean;
  readonly headBytes: number;
  readonly icvBytes: number;
  readonly open: (packets: BurstPackets, i: number) => number;

  /** @param cipher whose plaintext stays in memory; whoever made it closes it */
  constructor({ transform }: Sa, cipher: PacketCipher) {
    this.inPlace = transform.cipher === 'null' || transform.cipher === 'aes-gmac';
    this.headBytes = HEADER + transform.ivBytes;
    this.icvBytes = transform.icvBytes;
    this.open = ({ bytes, esps, lengths, highs, targets, texts }, i) => {
      const esp = esps[i];
      const length = lengths[i];
      const end = esp + this.headBytes + length + this.icvBytes;
      if (!cipher.open(bytes, esp, end, highs[i], targets[i], this.inPlace ? 0 : length)) return BURST_REFUSED;
      // What did not find its place lies in memory that the next packet is given.
      return cipher.plain === bytes && cipher.at === texts[i] ? BURST_OPENED : BURST_NOT_DONE;
    };
  }

  close(): void {}
}
