/** Embed a receiver: push frames, get coalesced packets in worker lanes. */
import { extname } from 'node:path';
import { createReceiver } from '../src/index.ts';
import { tcpBurst } from './support/frames.ts';

const rx = await createReceiver({
  queues: 2,
  consumer: new URL(`./embed-consumer${extname(import.meta.url)}`, import.meta.url),
});
rx.on('message', ({ lane, message }) => console.log(`lane ${lane}: ${message}`));

for (const frame of tcpBurst({ flows: 8, segments: 100, payload: 1448 })) {
  while (!rx.push(frame)) await rx.writable();
}

const { packets, queues, conserved } = await rx.close();
console.log(
  `${packets} packets in, ${queues.map((q) => q.delivered).reduce((a, b) => a + b)} out, conserved: ${conserved}`,
);
