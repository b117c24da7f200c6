/**
 * Security associations: what an SA is, made from its description in an SA file. Keys stay in private fields: neither
 * `util.inspect` nor `JSON.stringify` nor any error text shows them, and a structured clone loses them (see {@link exportSas}).
 */
import { inspect } from 'node:util';
import { RxSteerError } from '../errors.ts';
import { hex } from '../wire/bytes.ts';
import type { SelectorConfig } from './policy/selector.ts';
import type { SaConfig, SaFacts, SaLimits, SaMode, SaProto, SaSecrets, TransformConfig } from './sa-config.ts';
import { SaEntry, shownSafely } from './sa-entry.ts';
import { formatSequence } from './sequence.ts';
import type { Transform } from './transforms/transform.ts';

export type {
  SaConfig,
  SaFacts,
  SaLimit,
  SaLimits,
  SaMode,
  SaProto,
  SaSecrets,
  TransformConfig,
} from './sa-config.ts';

let secretsOfSa: (sa: Sa) => SaSecrets;

/** A checked security association. Make it with {@link createSa} or {@link createSas}. */
export class Sa implements SaFacts {
  /** Unsigned 32 bits. */
  readonly spi: number;
  readonly proto: SaProto;
  /** Addresses in RFC 5952 form; destination `*`: any. */
  readonly src: string | undefined;
  readonly dst: string;
  /** 4 or 16 bytes; a destination of none: any. */
  readonly srcBytes: Uint8Array | undefined;
  readonly dstBytes: Uint8Array;
  readonly mode: SaMode;
  readonly encap: 'none' | 'udp';
  readonly transform: Transform;
  readonly esn: boolean;
  readonly initialSeq: bigint;
  readonly replayWindow: number;
  readonly queue: number | undefined;
  readonly group: string | undefined;
  readonly selectors: readonly SelectorConfig[] | undefined;
  readonly trustIcv: boolean;
  readonly limits: SaLimits | undefined;
  readonly #secrets: SaSecrets;

  static {
    secretsOfSa = (sa) => sa.#secrets;
  }

  /** @hidden Use `createSa`. */
  constructor(facts: SaFacts, secrets: SaSecrets) {
    this.spi = facts.spi;
    this.proto = facts.proto;
    this.src = facts.src;
    this.dst = facts.dst;
    this.srcBytes = facts.srcBytes;
    this.dstBytes = facts.dstBytes;
    this.mode = facts.mode;
    this.encap = facts.encap;
    this.transform = facts.transform;
    this.esn = facts.esn;
    this.initialSeq = facts.initialSeq;
    this.replayWindow = facts.replayWindow;
    this.queue = facts.queue;
    this.group = facts.group;
    this.selectors = facts.selectors;
    this.trustIcv = facts.trustIcv;
    this.limits = facts.limits;
    this.#secrets = secrets;
  }

  /** The SA as an SA file describes it, the transform by name, without keys. */
  toJSON(): Record<string, unknown> {
    return {
      spi: formatSpi(this.spi),
      ...(this.proto === 'ah' ? { proto: this.proto } : {}),
      src: this.src,
      dst: this.dst,
      mode: this.mode,
      encap: this.encap,
      transform: this.transform.name,
      esn: this.esn,
      initialSeq: formatSequence(this.initialSeq),
      replayWindow: this.replayWindow,
      queue: this.queue,
      group: this.group,
      selectors: this.selectors,
      ...(this.trustIcv ? { trustIcv: true } : {}),
      ...(this.limits === undefined ? {} : { limits: this.limits }),
    };
  }
}

// Outside of the class: isolated declarations know no symbols of other modules as names.
Object.defineProperty(Sa.prototype, inspect.custom, {
  value(this: Sa): string {
    return `Sa ${JSON.stringify(this)}`;
  },
});

/** Key material of an SA, for crypto backends. Never print it. */
export function secretsOf(sa: Sa): SaSecrets {
  return secretsOfSa(sa);
}

/** Zeroes the keys of an SA, which opens and seals nothing afterwards. */
export function wipeSa(sa: Sa): void {
  const { key, salt, authKey } = secretsOf(sa);
  for (const bytes of [key, salt, authKey]) bytes.fill(0);
}

/** `0x` and eight hex digits. */
export function formatSpi(spi: number): string {
  return `0x${(spi >>> 0).toString(16).padStart(8, '0')}`;
}

/**
 * Makes an SA of its description.
 * @param index which entry it is, or what errors call it
 * @throws RxSteerError ERR_RXSTEER_SA naming entry, SPI, property, what was expected and what came (of keys only lengths)
 */
export function createSa(config: SaConfig, index: number | string = 0): Sa {
  const entry = new SaEntry(config, typeof index === 'number' ? `sas[${index}]` : index);
  return new Sa(entry.facts, entry.secrets);
}

/**
 * Makes SAs of their descriptions (SAs among them stay as they are) and checks that no two have the same destination and SPI.
 * @param where what errors call the entry of an index
 * @throws RxSteerError ERR_RXSTEER_SA, ERR_RXSTEER_SA_DUPLICATE
 */
export function createSas(
  configs: readonly (SaConfig | Sa)[],
  where: (index: number) => string = (index) => `sas[${index}]`,
): Sa[] {
  const seen = new Map<string, number>();
  return configs.map((config, index) => {
    const sa = config instanceof Sa ? config : createSa(config, where(index));
    const name = `${sa.proto} ${sa.dst} ${sa.spi}`;
    const first = seen.get(name);
    if (first !== undefined) {
      throw new RxSteerError(
        'ERR_RXSTEER_SA_DUPLICATE',
        `${where(index)} (SPI ${formatSpi(sa.spi)}): same destination ${sa.dst} and SPI as ${where(first)}`,
      );
    }
    seen.set(name, index);
    return sa;
  });
}

/** {@link createSas} for a value of which nothing is known yet, such as an option. */
export function validateSas(value: unknown): Sa[] {
  if (!Array.isArray(value))
    throw new RxSteerError('ERR_RXSTEER_SA', `sas: expected an array, got ${shownSafely(value)}`);
  return createSas(value as (SaConfig | Sa)[]);
}

/** Name of an SA's transform, for reports. */
export function transformName(sa: Sa): string {
  return sa.transform.name;
}

/**
 * SAs as plain objects WITH KEYS, for handing them to a worker thread and nothing else: never log or store what this returns.
 * {@link importSas} is the other end.
 */
export function exportSas(sas: readonly (SaConfig | Sa)[]): SaConfig[] {
  return sas.map((one, index) => {
    const sa = one instanceof Sa ? one : createSa(one, index);
    const { key, salt, authKey } = secretsOf(sa);
    const { cipher, auth, icvBytes } = sa.transform;
    const keys = hex(key, 0, key.length) + hex(salt, 0, salt.length);
    const transform: TransformConfig =
      auth === undefined
        ? { aead: cipher, key: keys, icvBits: icvBytes * 8 }
        : {
            ...(sa.proto === 'ah' ? {} : { cipher }),
            auth,
            icvBits: icvBytes * 8,
            ...(keys === '' ? {} : { key: keys }),
            ...(authKey.length === 0 ? {} : { authKey: hex(authKey, 0, authKey.length) }),
          };
    return {
      spi: sa.spi,
      ...(sa.proto === 'ah' ? { proto: sa.proto } : {}),
      dst: sa.dst,
      mode: sa.mode,
      encap: sa.encap,
      transform,
      esn: sa.esn,
      initialSeq: formatSequence(sa.initialSeq),
      replayWindow: sa.replayWindow,
      ...(sa.src === undefined ? {} : { src: sa.src }),
      ...(sa.queue === undefined ? {} : { queue: sa.queue }),
      ...(sa.group === undefined ? {} : { group: sa.group }),
      ...(sa.selectors === undefined ? {} : { selectors: sa.selectors }),
      ...(sa.trustIcv ? { trustIcv: true } : {}),
      ...(sa.limits === undefined ? {} : { limits: sa.limits }),
    };
  });
}

/** SAs back from what {@link exportSas} gave, in the same order. */
export function importSas(exported: readonly SaConfig[]): Sa[] {
  return exported.map((config, index) => createSa(config, index));
}
