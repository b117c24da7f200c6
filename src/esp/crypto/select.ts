/** Which backend opens which transform: the fastest one that is there and does it. */
import { RxSteerError } from '../../errors.ts';
import type { Sa } from '../sa.ts';
import type { Transform } from '../transforms/transform.ts';
import { type Burst, CRYPTO_NAMES, type CryptoBackend, type CryptoName, type PacketCipher } from './backend.ts';
import { createIpsecMb } from './ipsec-mb/index.ts';
import { nodeBackend } from './node.ts';
import { createOpenssl } from './openssl/index.ts';
import { algorithms, type SelfTest, selfTest } from './self-test.ts';

/** SAs of a lane whose contexts are kept at a time. */
const CONTEXTS = 1024;

const MAKERS: Readonly<Record<CryptoName, (contexts: number) => CryptoBackend | string>> = {
  'ipsec-mb': createIpsecMb,
  openssl: createOpenssl,
  node: () => nodeBackend,
};

/** What opens a transform, and why nothing faster does: a sentence each, by the name of the backend. */
export interface CryptoChoice {
  readonly transform: string;
  readonly backend: CryptoName;
  /** What opens its packets when many come together; absent: the same. */
  readonly bursts?: CryptoName;
  readonly instead: Readonly<Partial<Record<CryptoName, string>>>;
}

interface Pick {
  readonly backend: CryptoBackend;
  readonly choice: CryptoChoice;
}

/** Of each backend that has been tested in this thread. */
const tests = new Map<CryptoName, SelfTest>();

/** The backends of one lane. */
export class Crypto {
  private readonly backends: readonly CryptoBackend[];
  /** Why others are not among them. */
  private readonly absent: Partial<Record<CryptoName, string>> = {};
  private readonly picks = new Map<string, Pick>();

  /**
   * @param first the fastest backend that may be used; those behind it open what it refuses
   * @param contexts SAs whose contexts are kept at a time
   */
  constructor(first: CryptoName = CRYPTO_NAMES[0], contexts: number = CONTEXTS) {
    this.backends = CRYPTO_NAMES.slice(CRYPTO_NAMES.indexOf(first)).flatMap((name) => {
      const made = MAKERS[name](contexts);
      const reason = typeof made === 'string' ? made : tested(made).wrong;
      if (typeof made !== 'string' && reason === undefined) return [made];
      if (typeof made !== 'string') made.close();
      this.absent[name] = reason;
      return [];
    });
  }

  /** Opens many packets in one call; undefined when no backend does. */
  get burst(): Burst | undefined {
    return this.backends.find((backend) => backend.burst !== undefined)?.burst;
  }

  /** Why a backend cannot be used; undefined when it can. */
  why(name: CryptoName): string | undefined {
    return this.absent[name];
  }

  choose(sa: Sa): CryptoChoice {
    const { choice } = this.pick(sa.transform);
    const together = this.backends.find(({ burst }) => burst?.takes(sa));
    return together === undefined || together.name === choice.backend ? choice : { ...choice, bursts: together.name };
  }

  cipher(sa: Sa): PacketCipher {
    return this.pick(sa.transform).backend.cipher(sa);
  }

  close(): void {
    for (const backend of this.backends) backend.close();
  }

  private pick(transform: Transform): Pick {
    let pick = this.picks.get(transform.name);
    if (pick === undefined) {
      pick = this.find(transform);
      this.picks.set(transform.name, pick);
    }
    return pick;
  }

  private find(transform: Transform): Pick {
    const instead = { ...this.absent };
    for (const backend of this.backends) {
      const { cannot } = tested(backend);
      const missing = algorithms(transform).find((name) => cannot.has(name));
      const reason = backend.refuses(transform) ?? (missing && cannot.get(missing));
      if (reason === undefined) {
        return { backend, choice: { transform: transform.name, backend: backend.name, instead } };
      }
      instead[backend.name] = reason;
    }
    // node:crypto refuses nothing.
    throw new RxSteerError('ERR_RXSTEER_CRYPTO', `crypto: nothing opens ${transform.name}`);
  }
}

/**
 * What opens each of these SAs in this process, in any of its threads.
 *
 * @param wanted the backend that must be usable, if any must
 * @throws RxSteerError `ERR_RXSTEER_CRYPTO` when it is not, saying why
 */
export function chooseCrypto(sas: readonly Sa[], wanted?: CryptoName): CryptoChoice[] {
  if (sas.length === 0 && wanted === undefined) return [];
  const crypto = new Crypto(wanted);
  try {
    const reason = wanted && crypto.why(wanted);
    if (reason !== undefined)
      throw new RxSteerError('ERR_RXSTEER_CRYPTO', `crypto: ${wanted} cannot be used: ${reason}`);
    // AH is node:crypto's alone.
    return sas.map((sa) =>
      sa.proto === 'ah' ? { transform: sa.transform.name, backend: 'node', instead: {} } : crypto.choose(sa),
    );
  } finally {
    crypto.close();
  }
}

function tested(backend: CryptoBackend): SelfTest {
  let test = tests.get(backend.name);
  if (test === undefined) {
    test = backend.name === 'node' ? { wrong: undefined, cannot: new Map() } : selfTest(backend);
    tests.set(backend.name, test);
  }
  return test;
}
