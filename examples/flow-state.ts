/**
 * A consumer that keeps state per flow. A flow comes by one lane only, so its state needs no lock and no other thread: each
 * lane counts bytes and requests of its own flows, and the program joins what they report.
 */
import { extname } from 'node:path';
import { createReceiver } from '../src/index.ts';
import type { FlowSummary } from './flow-state-consumer.ts';
import { tcpBurst } from './support/frames.ts';

const rx = await createReceiver({
  queues: 4,
  full: 'wait',
  consumer: new URL(`./flow-state-consumer${extname(import.meta.url)}`, import.meta.url),
  data: { most: 1000 },
});
const flows: FlowSummary[] = [];
rx.on('message', ({ message }) => flows.push(...(message as FlowSummary[])));
for (const frame of tcpBurst({ flows: 12, segments: 50, payload: 1000 })) {
  while (!rx.push(frame)) await rx.writable();
}
await rx.close();

flows.sort((a, b) => (a.flow < b.flow ? -1 : 1));
for (const { flow, lane, bytes, packets } of flows)
  console.log(`${flow}: ${bytes} bytes in ${packets} packets, lane ${lane}`);
