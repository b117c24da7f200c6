/** The bars of the histogram: what is received, and how. */
import { CRYPTO_NAMES, Crypto, type CryptoName, createSa, type TransformConfig } from '../esp/index.ts';

/** `captured`: as a capture has it. */
export type Protection = 'clear' | 'null' | 'ccm128' | 'gcm256' | 'chacha20poly1305' | 'captured';

/**
 * Where frames go. `none`: all to the first lane, whatever their hash (a table that names one queue). `flow`: by addresses and ports.
 * `addresses`: ESP by addresses alone, as most NICs do. `spi`: ESP by addresses and SPI.
 */
export type Steering = 'none' | 'flow' | 'addresses' | 'spi';

export interface Scenario {
  readonly name: string;
  readonly kind: 'receive' | 'tls';
  /** One of the seven of the talk: clear with and without GRO, each steered and not; ESP with NULL, AES-CCM-128, AES-GCM-256. */
  readonly talk: boolean;
  readonly protection: Protection;
  /** The backend that must open; absent: the fastest there is. */
  readonly crypto?: CryptoName;
  readonly gro: boolean;
  /** TCP streams, each in an SA of its own; of a capture, flows that came out of it. */
  readonly streams: number;
  /** Lanes in worker threads; 0: one lane in the calling thread. */
  readonly lanes: number;
  readonly steering: Steering;
  /** What is replayed instead of streams made for it. */
  readonly capture?: CaptureFiles;
}

/** A capture, and the files of the SAs that open what is in it. */
export interface CaptureFiles {
  readonly path: string;
  readonly sas: readonly string[];
}

const key = (bytes: number): string => Array.from({ length: bytes }, (_, i) => (i + 16).toString(16)).join('');

/** By the names of the bars. The keys are no secret of anybody's: the same in every run. */
export const TRANSFORMS: Readonly<Record<Exclude<Protection, 'clear' | 'captured'>, TransformConfig>> = {
  null: { cipher: 'null', auth: 'none' },
  ccm128: { aead: 'aes-ccm', key: key(19) },
  gcm256: { aead: 'aes-gcm', key: key(36) },
  chacha20poly1305: { aead: 'chacha20-poly1305', key: key(36) },
};

/** What each is called where people read it. */
export const TITLES: Readonly<Record<Protection, string>> = {
  clear: 'clear',
  null: 'ESP NULL',
  ccm128: 'AES-CCM-128',
  gcm256: 'AES-GCM-256',
  chacha20poly1305: 'ChaCha20-Poly1305',
  captured: 'capture',
};

const STREAMS = 16;
const LANES = 2;

type Setting = Pick<Scenario, 'streams' | 'lanes'>;
const INLINE: Setting = { streams: 1, lanes: 0 };
const ONE_LANE: Setting = { streams: 1, lanes: 1 };
const TWO_LANES: Setting = { streams: STREAMS, lanes: LANES };

/** All bars that this machine can draw; of backends that it lacks there are none. With a capture, bars of that too. */
export function scenarios(capture?: CaptureFiles): Scenario[] {
  const list: Scenario[] = [];
  for (const gro of [true, false]) {
    const clear = { kind: 'receive', protection: 'clear', gro } as const;
    list.push(named({ ...clear, ...INLINE, talk: false, steering: 'none' }));
    list.push(named({ ...clear, ...ONE_LANE, talk: false, steering: 'none' }));
    list.push(named({ ...clear, ...TWO_LANES, talk: true, steering: 'flow' }));
    list.push(named({ ...clear, ...TWO_LANES, talk: true, steering: 'none' }));
  }
  for (const protection of ['null', 'ccm128', 'gcm256', 'chacha20poly1305'] as const) {
    const backends = protection === 'null' ? [undefined] : takers(TRANSFORMS[protection]);
    backends.forEach((crypto, rank) => {
      const esp = { kind: 'receive', protection, ...(crypto === undefined ? {} : { crypto }) } as const;
      const talk = rank === 0 && protection !== 'chacha20poly1305';
      list.push(named({ ...esp, ...INLINE, talk: false, gro: true, steering: 'none' }));
      // Nothing can be merged before it is decrypted: this is ESP for a stack that only merges what comes off the wire.
      if (rank === 0) list.push(named({ ...esp, ...INLINE, talk: false, gro: false, steering: 'none' }));
      list.push(named({ ...esp, ...ONE_LANE, talk: false, gro: true, steering: 'none' }));
      list.push(named({ ...esp, ...TWO_LANES, talk, gro: true, steering: 'spi' }));
      if (rank === 0) list.push(named({ ...esp, ...TWO_LANES, talk: false, gro: false, steering: 'spi' }));
      list.push(named({ ...esp, ...TWO_LANES, talk: false, gro: true, steering: 'addresses' }));
    });
  }
  if (capture !== undefined) {
    const looped = { kind: 'receive', protection: 'captured', talk: false, streams: 0, capture } as const;
    const steering = capture.sas.length === 0 ? 'flow' : 'spi';
    list.push({ ...looped, name: 'capture_gro_inline', gro: true, lanes: 0, steering: 'none' });
    list.push({ ...looped, name: 'capture_nogro_inline', gro: false, lanes: 0, steering: 'none' });
    list.push({ ...looped, name: 'capture_gro_1lane', gro: true, lanes: 1, steering: 'none' });
    list.push({ ...looped, name: `capture_gro_${LANES}lanes_by_${steering}`, gro: true, lanes: LANES, steering });
  }
  for (const protection of ['gcm256', 'chacha20poly1305'] as const) {
    list.push({
      name: `tls_${protection}_1stream`,
      kind: 'tls',
      talk: false,
      protection,
      gro: false,
      ...INLINE,
      steering: 'none',
    });
  }
  return list;
}

function named(rest: Omit<Scenario, 'name'>): Scenario {
  const { protection, crypto, gro, streams, lanes, steering } = rest;
  const parts = [
    protection,
    ...(crypto === undefined ? [] : [crypto]),
    gro ? 'gro' : 'nogro',
    streams === 1 ? '1stream' : `${streams}streams`,
    lanes === 0 ? 'inline' : lanes === 1 ? '1lane' : `${lanes}lanes_by_${steering}`,
  ];
  return { name: parts.join('_'), ...rest };
}

/** Backends that open a transform themselves, one by one or many together, the fastest first. */
function takers(transform: TransformConfig): CryptoName[] {
  const sa = createSa({ spi: 1, dst: '192.0.2.1', mode: 'tunnel', transform });
  return CRYPTO_NAMES.filter((name) => {
    const crypto = new Crypto(name);
    const { backend, bursts } = crypto.choose(sa);
    crypto.close();
    return backend === name || bursts === name;
  });
}
