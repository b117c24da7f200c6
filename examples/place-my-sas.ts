/**
 * 16 SAs on 8 queues: the receiver chooses the SPIs of its inbound SAs, so it can choose their queues. With random SPIs the
 * busiest of 8 queues has 4 of 16 SAs on average, with chosen ones each has 2.
 */
import { FlowHasher, microsoftKey, place } from '../src/hash/index.ts';
import { Steerer } from '../src/steer/index.ts';
import { tupleFrame } from '../src/wire/index.ts';

const QUEUES = 8;
const key = microsoftKey(); // what `ethtool -x` of the receiving NIC says
const entries = Array.from({ length: 128 }, (_, i) => i % QUEUES);
const tunnel = { src: '192.0.2.1', dst: '198.51.100.1' };

const { placements } = place({
  hasher: new FlowHasher({ key, fields: { esp: 'sdfn' } }),
  entries,
  flow: tunnel,
  choose: 'spi',
  base: 0xc0de0000, // the high 16 bits are ours; only the low ones may change
  bits: 16,
  queues: Array.from({ length: 16 }, (_, sa) => sa % QUEUES),
});

// the proof: packets with these SPIs, steered as a NIC would
const steerer = new Steerer({ queues: QUEUES, key, indirection: entries });
const load = new Array<number>(QUEUES).fill(0);
for (const placed of placements) {
  if (placed === undefined) throw new Error('this key cannot do it');
  const { bytes, dissection } = tupleFrame({ ...tunnel, spi: placed.value });
  const queue = steerer.steer(bytes, dissection);
  load[queue]++;
  console.log(`SPI 0x${placed.value.toString(16)} -> table entry ${placed.index}, queue ${queue}`);
}
console.log(`SAs a queue: ${load.join(' ')}`);
if (load.some((sas) => sas !== 2)) throw new Error('uneven');
