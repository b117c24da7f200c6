/** How an SA is called from outside: destination and SPI, in any of the forms that an SA file has. */
import { RxSteerError } from '../errors.ts';
import { addressText, parseAddress } from '../wire/address.ts';
import { Sa, secretsOf } from './sa.ts';
import type { SaProto } from './sa-config.ts';
import { ANY_ADDRESS, isObject, parseSpi, SPI_EXPECTED, shownSafely } from './sa-entry.ts';

/** What an SA is found by. SAs, their descriptions and their statistics are keys too. */
export interface SaKey {
  /** 32 bits: `0x` and hex digits, or a number. */
  readonly spi: string | number;
  /** An address, or `*`. */
  readonly dst: string;
  /** Default ESP. */
  readonly proto?: SaProto;
}

/**
 * Checks a key and writes it as SAs have it.
 *
 * @param where what errors call it
 * @throws RxSteerError ERR_RXSTEER_SA
 */
export function saKey(key: SaKey, where: string): Pick<Sa, 'proto' | 'dst' | 'spi'> {
  const bad = (property: string, expected: string, got: unknown): RxSteerError =>
    new RxSteerError('ERR_RXSTEER_SA', `${where}${property}: expected ${expected}, got ${shownSafely(got)}`);
  if (key instanceof Sa) return key;
  if (!isObject(key)) throw bad('', 'an object with dst and spi', key);
  const spi = parseSpi(key.spi);
  if (spi === undefined) throw bad('.spi', SPI_EXPECTED, key.spi);
  const { dst, proto = 'esp' } = key;
  if (proto !== 'esp' && proto !== 'ah') throw bad('.proto', '"esp" or "ah"', proto);
  if (dst === ANY_ADDRESS) return { proto, dst, spi };
  try {
    const bytes = parseAddress(dst);
    return { proto, dst: addressText(bytes, 0, bytes.length), spi };
  } catch {
    throw bad('.dst', 'an IPv4 or IPv6 address, or "*"', dst);
  }
}

/** The same SA in another group, at another queue. */
export function withPlace(sa: Sa, group: string | undefined, queue: number | undefined): Sa {
  return sa.group === group && sa.queue === queue ? sa : new Sa({ ...sa, group, queue }, secretsOf(sa));
}
