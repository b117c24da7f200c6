/**
 * Packets where their consumer is, although ESP hides the flows. Twelve SAs with three TCP flows each; every flow belongs to a
 * session in one of four lanes. Eight SAs carry the flows of one session only, four carry flows of several.
 *
 *     two stages:  what an SA's lane has decrypted and coalesced is handed to the lane that has claimed the flow
 *     affinity:    an SA whose flows are all one lane's moves there itself, and nothing needs to be handed over
 */
import { extname } from 'node:path';
import { sealTunnel } from '../src/esp/index.ts';
import { createReceiver, parseSaFile, type RfsOptions } from '../src/index.ts';
import { sessionLane } from './rfs-affinity-consumer.ts';
import { tcpFrame } from './support/frames.ts';

const SAS = 12;
const FLOWS = 3;
const ROUNDS = 60;
const SEGMENTS = 8;

const sas = parseSaFile(
  JSON.stringify({
    schema: 'rxsteer.sas/1',
    sas: Array.from({ length: SAS }, (_, i) => ({
      spi: 0x1001 + i,
      src: '192.0.2.1',
      dst: '192.0.2.2',
      mode: 'tunnel',
      transform: { aead: 'aes-gcm', key: '000102030405060708090a0b0c0d0e0f10111213' },
    })),
  }),
);

async function run(name: string, rfs: RfsOptions | false): Promise<void> {
  const rx = await createReceiver({
    queues: 4,
    full: 'wait',
    esp: { sas },
    rfs,
    consumer: new URL(`./rfs-affinity-consumer${extname(import.meta.url)}`, import.meta.url),
  });
  const seen = { home: 0, elsewhere: 0 };
  rx.on('message', ({ message }) => {
    const { home, elsewhere } = message as typeof seen;
    seen.home += home;
    seen.elsewhere += elsewhere;
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (let sa = 0; sa < SAS; sa++) {
      for (let flow = 0; flow < FLOWS; flow++) {
        for (let k = 0; k < SEGMENTS; k++) {
          const sequence = ((round * FLOWS + flow) * SEGMENTS + k) | 0;
          const frame = tcpFrame(
            {
              src: Uint8Array.of(10, 0, sa, 1),
              dst: Uint8Array.of(10, 0, sa, 2),
              sport: 1000 * sa + flow,
              dport: 443,
              seq: (round * SEGMENTS + k) * 1000,
              payload: 1000,
            },
            (packet) => sealTunnel(sas[sa], sequence + 1, packet),
          );
          while (!rx.push(frame)) await rx.writable();
        }
      }
    }
    // Traffic has pauses; an SA moves when its lane has delivered all that it has of it.
    await rx.drain();
  }
  const { queues, rfs: did } = await rx.close();
  const handed = queues.reduce((sum, queue) => sum + queue.handovers, 0);
  const share = (100 * seen.home) / (seen.home + seen.elsewhere);
  console.log(
    `${name.padEnd(24)} ${share.toFixed(1).padStart(5)} % of segments in their session's lane, ` +
      `${String(handed).padStart(5)} hand-overs, ${did?.saMoves ?? 0} SAs moved`,
  );
}

console.log(`a flow's session: lane ${[0, 1, 2].map((flow) => sessionLane(0, flow)).join(', ')} for the flows of SA 0`);
await run('hash alone', false);
await run('two stages', { saAffinity: false });
await run('SA affinity', { twoStage: false });
await run('both', {});
