/** Which queue does a flow land on? The steering of a NIC with the standard key, 128 entries and 8 queues, in software. */
import { microsoftKey } from '../src/hash/index.ts';
import { Steerer } from '../src/steer/index.ts';
import { tupleFrame } from '../src/wire/index.ts';

const steerer = new Steerer({ queues: 8, key: microsoftKey(), fields: { esp: 'sdfn' } });

const flows = [
  { src: '66.9.149.187', sport: 2794, dst: '161.142.100.80', dport: 1766 },
  { src: '66.9.149.187', dst: '161.142.100.80', spi: 0x0aea06e6 },
  { src: '2001:db8::1', dst: '2001:db8::2', spi: 0x1001, natt: true },
];
for (const flow of flows) {
  const { bytes, dissection } = tupleFrame(flow);
  const queue = steerer.steer(bytes, dissection);
  const hash = (steerer.hash >>> 0).toString(16).padStart(8, '0');
  // The first two have the same hash: the SPI of the second stands where the ports of the first do, with the same bytes.
  console.log(`${JSON.stringify(flow)} -> hash 0x${hash}, queue ${queue}`);
}
