/**
 * The data plane asks for a rekey, and the program answers. An SA that may carry 400 packets says at 300 that it comes to its end; the
 * program makes another one, the peer changes over when it has heard of it, and the old one is kept for a grace time, as its last packets
 * may still be on their way. No packet is lost.
 */
import { randomBytes } from 'node:crypto';
import { createSas, type Sa, sealTunnel } from '../src/esp/index.ts';
import { createReceiver, type SaConfig } from '../src/index.ts';
import { tcpFrame } from './support/frames.ts';

const PACKETS = 1100;
const GRACE_MS = 50;
/** Packets that the peer still sends by the old SA before it has heard of the new one. */
const LAG = 40;

/** What a key exchange would give: here the peer is in the same program, and is simply told. */
function newSa(spi: number): SaConfig {
  return {
    spi,
    src: '192.0.2.1',
    dst: '192.0.2.2',
    mode: 'tunnel',
    group: 'peer-a', // old and new one keep their order among each other
    transform: { aead: 'aes-gcm', key: randomBytes(20).toString('hex') },
    limits: { soft: { packets: 300 }, hard: { packets: 400 } },
  };
}

/** The sender: the SA that it seals by, and the one that it goes over to after some more packets. */
const peer = { sa: undefined as Sa | undefined, sequence: 0, next: undefined as Sa | undefined, lag: 0 };
const offer = (sa: Sa): void => {
  peer.next = sa;
  peer.lag = peer.sa === undefined ? 0 : LAG;
};

const rx = await createReceiver({
  inline: true,
  queues: 2,
  full: 'wait',
  esp: { sas: [] },
  consumer: { onPackets() {} },
});
let spi = 0x1001;
let last = newSa(spi);
const graces: Promise<unknown>[] = [];

async function rekey(old?: SaConfig): Promise<void> {
  last = newSa(spi++);
  await rx.sas.add([last]); // first the receiver knows it, then the peer may use it
  offer(createSas([last])[0]);
  if (old === undefined) return;
  const gone = rx.sas.remove([old], { grace: GRACE_MS }).then(([{ opened }]) => {
    console.log(`  SPI ${old.spi.toString(16)} is gone: ${opened} packets came by it`);
  });
  graces.push(gone);
}

rx.on('soft-limit', ({ sa, unit, packets }) => {
  console.log(
    `SPI ${sa.spi.toString(16)} has reached its soft limit of ${unit}: ${packets}; rekey to ${spi.toString(16)}`,
  );
  void rekey(last);
});
rx.on('hard-limit', ({ sa }) => console.log(`SPI ${sa.spi.toString(16)} was used up before it was replaced`));

await rekey();
for (let i = 0; i < PACKETS; i++) {
  if (peer.next !== undefined && peer.lag-- <= 0) {
    peer.sa = peer.next;
    peer.sequence = 0;
    peer.next = undefined;
  }
  const segment = { src: Uint8Array.of(10, 0, 0, 1), dst: Uint8Array.of(10, 0, 0, 2), sport: 40000, dport: 443 };
  rx.push(
    tcpFrame({ ...segment, seq: i * 100, payload: 100 }, (packet) => sealTunnel(peer.sa!, ++peer.sequence, packet)),
  );
  await rx.drain(); // traffic takes its time, and events come in between
}
await Promise.all(graces);
const { packets, drops, formerSas } = await rx.close();
console.log(`${packets} packets by ${formerSas.sas + rx.sas.size} SAs, dropped: ${JSON.stringify(drops)}`);
