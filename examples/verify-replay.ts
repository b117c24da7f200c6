/** Replay a capture and have every delivered packet verified in its worker lane: order within each flow, and TCP checksums. */

import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { captureBatches, createReceiver, microsoftKey, parseSaFile } from '../src/index.ts';

const captures = new URL('../test/captures/esp/', import.meta.url);
const file = (name: string): string => fileURLToPath(new URL(name, captures));

const rx = await createReceiver({
  queues: 4,
  full: 'wait',
  rss: { key: microsoftKey() },
  esp: { sas: parseSaFile(readFileSync(file('linux_many.sas.json'), 'utf8')) },
  consumer: new URL(`./verify-consumer${extname(import.meta.url)}`, import.meta.url),
});
const found = { packets: 0, flows: 0, reordered: 0, badChecksums: 0 };
rx.on('message', ({ message }) => {
  const lane = message as typeof found;
  for (const key of Object.keys(found) as (keyof typeof found)[]) found[key] += lane[key];
});
await rx.pushAll(captureBatches([file('linux_many.pcap')], rx.windows));
const { conserved } = await rx.close();
console.log(found, conserved ? 'nothing lost' : 'packets lost');
if (!conserved || found.reordered > 0 || found.badChecksums > 0) process.exitCode = 1;
