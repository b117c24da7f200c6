/**
 * Linux's GRO written down plainly, callback by callback, in the shape of the kernel's own code (`linux/`): objects and slices, every
 * header compared as text, every checksum summed over the bytes. What `Gro` must be equal to. Nothing of src/gro is in it.
 */
import { type Delivered, Machine } from './linux/machine.ts';
import { type Host, Skb } from './linux/skb.ts';
import type { Input } from './rig.ts';

export type { Delivered };

export interface ReferenceOptions extends Partial<Host> {
  /** `flow`: as lanes, for packets outside tunnels. */
  order?: 'flow' | 'linux';
  acrossSas?: boolean;
}

export function referenceGro(inputs: Input[], polls: number[], options: ReferenceOptions): Delivered[] {
  const { order = 'linux', acrossSas = true, as = 'linux-6.18', udp = 'off', ...host } = options;
  const { maxSize = 65536, maxSize4 = Math.min(maxSize, 65536) } = options;
  const machine = new Machine({ ...host, as, udp, maxSize, maxSize4 }, order === 'flow');
  let number = 0;
  for (const poll of polls) {
    for (let k = 0; k < poll; k++, number++) {
      const { bytes, hash = 0, sa = 0, tci } = inputs[number];
      const beside = `${tci ?? 'untagged'} ${acrossSas ? '' : sa}`;
      machine.receive(new Skb(number, bytes, hash | 0, beside, sa > 0));
    }
    machine.flush();
  }
  return machine.delivered;
}
