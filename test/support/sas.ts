/** Security associations for tests of lanes and receivers. */
import { createSa, type Sa, type SaConfig } from '../../src/esp/index.ts';

const GCM = { aead: 'aes-gcm', key: '000102030405060708090a0b0c0d0e0f10111213' } as const;

/** A tunnel of AES-GCM from 192.0.2.1 to 192.0.2.2, unless told otherwise. */
export function sa(spi: number, more: Partial<SaConfig> = {}): Sa {
  return createSa({ spi, src: '192.0.2.1', dst: '192.0.2.2', mode: 'tunnel', transform: GCM, ...more });
}

/** The key of {@link sa}, which no text of the library may show. */
export const KEY_HEX: string = GCM.key;
