/** What does a packet in ESP cost in a lane, from its descriptor to the consumer, by size, transform and crypto backend? */
import { Crypto, type CryptoName, createSa, type SaConfig } from '../src/esp/index.ts';
import { BACKENDS, TRANSFORMS } from './esp.ts';
import type { Case, Round } from './harness.ts';
import { PACKETS, polling } from './lane.ts';
import { espCapture, GCM_256 } from './traffic.ts';

/** Headers of IPv4 and of TCP with time stamps: of the inner packet, whose sizes are those of the rows. */
const HEADERS = 52;
const SIZES = [64, 512, 1400, 9000];

function protectedBy(transform: SaConfig['transform'], bytes: number, crypto: CryptoName): Round {
  const { frames, sas } = espCapture({
    transform,
    count: PACKETS,
    flows: 16,
    train: 1,
    sas: 1,
    payload: bytes - HEADERS,
  });
  return polling(frames, { sas, crypto });
}

/** Whether a backend opens packets of a transform, one by one or those that wait in the ring together. */
function has(name: CryptoName, transform: SaConfig['transform']): boolean {
  const crypto = new Crypto(name);
  const { backend, bursts } = crypto.choose(createSa({ spi: 1, dst: '192.0.2.1', mode: 'tunnel', transform }));
  crypto.close();
  return backend === name || bursts === name;
}

function byBackend(name: string, bytes: number, transform: SaConfig['transform']): Case[] {
  return BACKENDS.filter((backend) => has(backend, transform)).map((backend) => ({
    name: `lane_esp_${name}_${bytes}_${backend}`,
    bytes,
    ...(backend === 'node' ? {} : { against: `lane_esp_${name}_${bytes}_node` }),
    make: () => protectedBy(transform, bytes, backend),
  }));
}

export const cases: readonly Case[] = [['gcm256', GCM_256] as const, ...TRANSFORMS].flatMap(([name, transform]) =>
  SIZES.flatMap((bytes) => byBackend(name, bytes, transform)),
);
