import { CLASSES, type ClassName } from '../counters.ts';
import { checkInteger, optionError, RxSteerError } from '../errors.ts';
import {
  CRYPTO_NAMES,
  type CryptoName,
  checkPolicy,
  checkSnapshot,
  chooseCrypto,
  entriesFor,
  type PolicyConfig,
  type Sa,
  type SaConfig,
  type SaSnapshot,
  SelectorRoom,
  validateSas,
} from '../esp/index.ts';
import { randomKey } from '../hash/random-key.ts';
import type { EspEvents, LaneGro, RfsConfig } from '../lane/config.ts';
import { type Consumer, isConsumer } from '../lane/consumer.ts';
import { defaultMemory, type FrameLayout, layoutFrames } from '../memory/frame-memory.ts';
import { FLOW_LIMIT_BUCKETS } from '../steer/flow-limit.ts';
import { nicKeyLength } from '../steer/nic/index.ts';
import type { SteererOptions } from '../steer/options.ts';
import { type GroOptions, groOptions } from './gro-options.ts';
import type { RestoredSa } from './sa-store.ts';

/** How flows are spread: the words of `ethtool -X` and `ethtool -N rx-flow-hash`. */
export type RssOptions = Omit<SteererOptions, 'queues'>;

export interface EspOptions {
  /** Security associations as a file has them, or as `parseSaFile` returned them. */
  readonly sas: readonly (SaConfig | Sa)[];
  /**
   * SAs at a time, at most, `receiver.sas` included: 1 to 262,144. Default: those given and a quarter more, at least 1,024. Each takes
   * 3.6 KiB of address space, of which 0.4 to 2.5 KiB become memory when it is used.
   */
  readonly maxSas?: number;
  /** A packet of ESP or AH without SA: `drop` (default; counted as `unknown-spi`) or `deliver` as it came. */
  readonly onUnknownSpi?: 'drop' | 'deliver';
  /** What may come in clear (RFC 4301): the first entry that matches decides; without one, it may. Default: anything may. */
  readonly policy?: readonly PolicyConfig[];
  /**
   * What opens packets. Absent: for each SA the fastest of `ipsec-mb`, `openssl` and `node` that is there and knows its transform.
   * Named: that one, which must be there, and slower ones for what it does not do. `stats().crypto` tells.
   */
  readonly crypto?: CryptoName;
  /** The SAs go on where a snapshot left them: see `docs/fail-over.md`. Each must be in it, and it must have no others. */
  readonly restore?: RestoreOptions;
  /** When the program is told of SAs. */
  readonly events?: EspEventOptions;
}

/** Where SAs go on. */
export interface RestoreOptions {
  /** What `receiver.sas.snapshot()` gave, or the same from a file or another process. */
  readonly snapshot: SaSnapshot;
  /**
   * How many numbers above the highest one of the snapshot count as seen: at least as many as can have come after it. 0 only when
   * nothing can have come: the receiver was closed before.
   */
  readonly jump: number;
}

/** From where on the data plane tells of an SA: see `docs/events.md`. */
export interface EspEventOptions {
  /** Packets of an SA within a second that are not authentic: 1 to 1,000,000. Default 10. */
  readonly authenticationFailures?: number;
  /** Replays of an SA within a second: 1 to 1,000,000. Default 100. */
  readonly replays?: number;
  /** The part of an SA's sequence numbers that is used up: above 0, at most 1. Default 0.9. */
  readonly sequence?: number;
  /** Events of a kind that a lane tells in a second, but for those that an SA has once: 1 to 1,000. Default 10. */
  readonly perSecond?: number;
}

export interface FragmentOptions {
  /** How long an incomplete datagram waits, in milliseconds of packet time. Default 30,000, as Linux. */
  readonly timeout?: number;
}

/**
 * Receive flow steering: a flow goes to the lane that has claimed it (`batch.claim`, `context.claim`, `receiver.claim`), and moves
 * only when its lane has delivered what it has of it. Packets that a rule steers are not moved.
 */
export interface RfsOptions {
  /** Entries of the table of claims: a power of two from 64 to 4,194,304. Default 32,768. */
  readonly entries?: number;
  /** Flows that come out of ESP are handed over to the lane that has claimed them. Default true. */
  readonly twoStage?: boolean;
  /** An SA whose claimed flows are all one lane's moves to that lane, unless it is pinned. Default true. */
  readonly saAffinity?: boolean;
  /**
   * While a ring is half full or more, a flow that has more than half of the last 128 packets for it is dropped (`flow-limit`), as
   * by Linux's `flow_limit`. A number: buckets that flows are counted in, a power of two from 64 to 65,536; true: 4,096. Needs
   * `full: 'drop'`. Default false.
   */
  readonly flowLimit?: boolean | number;
  /** Flows and SAs move at once, whatever is overtaken. For measuring what order costs. Default false. */
  readonly allowReorder?: boolean;
}

export interface ReceiverOptions {
  /** Queues, each with its lane: 1 to 256. Default 4. */
  readonly queues?: number;
  /** All lanes run in the calling thread. Default false. */
  readonly inline?: boolean;
  /** What happens when a lane's ring or arena is full: `drop` (default; as a NIC does, counted) or `wait` (not taken). */
  readonly full?: 'drop' | 'wait';
  /**
   * How a lane with nothing to do sleeps: `block` (lowest latency; its event loop turns each millisecond), or `async` (default): the same,
   * but when nothing has come for a millisecond its event loop has the thread to itself.
   */
  readonly idle?: 'async' | 'block';
  /** Descriptors that a lane's ring holds: a power of two from 128 to 65,536. Default 1,024. */
  readonly ring?: number;
  /** Bytes of the frame memory. Default 64 MiB and 17 MiB a queue. */
  readonly memory?: number;
  /** A call of the consumer that takes longer, in milliseconds, has its thread ended and started anew. Default 0: never. */
  readonly consumerTimeout?: number;
  /**
   * Polls end where the dispatcher says (each 64 packets of a lane, and at `drain`), not where timing says: the same input
   * gives the same merges, inline or with threads. Needs `full: 'wait'`. Default false. Merges may differ all the same where ESP came
   * out of ESP and its SA is another lane's: it is handed over when it is opened.
   */
  readonly deterministic?: boolean;
  readonly rss?: RssOptions;
  /** Absent or false: the hash alone decides. Depends on timing: not with `deterministic`. */
  readonly rfs?: RfsOptions | false;
  /** Absent or false: ESP is delivered as it came. */
  readonly esp?: EspOptions | false;
  /** False: fragments are delivered as they are. */
  readonly fragments?: FragmentOptions | false;
  /** False: nothing is merged. */
  readonly gro?: GroOptions | false;
  /** Classes that shall not be delivered: `{ nonip: false, ike4: false }`. They count as `excluded`. */
  readonly deliver?: Partial<Record<ClassName, boolean>>;
  /** UDP port of NAT traversal. Default 4500. */
  readonly nattPort?: number;
  /** A module (its URL) whose default export makes the consumer of a lane; or the consumer itself, with `inline` only. */
  readonly consumer: URL | string | Consumer;
  /** Given to the consumer module as `context.data`; anything that can be cloned. */
  readonly data?: unknown;
  /** Ends the receiver at once: what was not delivered counts as `closed`. */
  readonly signal?: AbortSignal;
}

/** Options with all defaults in place, checked. */
export interface Resolved {
  readonly queues: number;
  readonly inline: boolean;
  readonly full: 'drop' | 'wait';
  readonly idle: 'async' | 'block';
  readonly slots: number;
  readonly layout: FrameLayout;
  readonly consumerTimeout: number;
  readonly deterministic: boolean;
  readonly steerer: SteererOptions & { key: Uint8Array };
  readonly rfs: RfsConfig | undefined;
  /** Buckets; 0: no limit. */
  readonly flowLimit: number;
  readonly esp:
    | {
        readonly sas: readonly Sa[];
        readonly maxSas: number;
        /** Selectors at a time. */
        readonly maxSelectors: number;
        readonly deliverUnknown: boolean;
        readonly policy: readonly PolicyConfig[] | undefined;
        readonly crypto: CryptoName | undefined;
        readonly events: EspEvents;
        /** Of each SA, where it goes on; absent: they are new. */
        readonly restore?: readonly RestoredSa[];
      }
    | undefined;
  readonly fragments: { readonly timeoutMs: number } | undefined;
  readonly gro: LaneGro | undefined;
  readonly excluded: Uint8Array;
  readonly nattPort: number;
  readonly consumer: string | Consumer;
  readonly data: unknown;
  readonly signal: AbortSignal | undefined;
}

const MAX_SAS = 262_144;

/** As Linux's documentation advises for a server with moderate load. */
const RFS_ENTRIES = 32768;

const KNOWN: ReadonlySet<string> = new Set([
  'queues',
  'inline',
  'full',
  'idle',
  'ring',
  'memory',
  'consumerTimeout',
  'deterministic',
  'rss',
  'rfs',
  'esp',
  'fragments',
  'gro',
  'deliver',
  'nattPort',
  'consumer',
  'data',
  'signal',
]);

/**
 * Checks the options of a receiver and fills in the defaults.
 *
 * @throws RxSteerError `ERR_RXSTEER_OPTION`, `_CONSUMER`, `_SA`, `_CRYPTO` and what the steerer throws: each names the option, what was
 * expected and what came.
 */
export function resolveOptions(options: ReceiverOptions): Resolved {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw new RxSteerError('ERR_RXSTEER_OPTION', `${name}: there is no such option`);
  }
  const queues = checkInteger('queues', options.queues ?? 4, 1, 256);
  const inline = flag('inline', options.inline);
  const full = oneOf('full', options.full ?? 'drop', ['drop', 'wait']);
  const deterministic = flag('deterministic', options.deterministic);
  if (deterministic && full !== 'wait') throw optionError('full', "'wait' when 'deterministic' is set", full);
  const slots = checkInteger('ring', options.ring ?? 1024, 128, 65536);
  if ((slots & (slots - 1)) !== 0) throw optionError('ring', 'a power of two', slots);
  return {
    queues,
    inline,
    full,
    idle: oneOf('idle', options.idle ?? 'async', ['async', 'block']),
    slots,
    layout: layoutFrames(options.memory ?? defaultMemory(queues), queues),
    consumerTimeout: checkInteger('consumerTimeout', options.consumerTimeout ?? 0, 0, 86_400_000),
    deterministic,
    steerer: { ...options.rss, queues, key: options.rss?.key ?? randomKey(nicKeyLength(options.rss?.nic)) },
    rfs: rfsOptions(options.rfs, deterministic, options.esp),
    flowLimit: flowLimitOption(options.rfs, full),
    esp: espOptions(options.esp, queues),
    fragments:
      options.fragments === false
        ? undefined
        : { timeoutMs: checkInteger('fragments.timeout', options.fragments?.timeout ?? 30_000, 1, 86_400_000) },
    gro: groOptions(options.gro, !deterministic && (options.rfs ?? false) === false),
    excluded: excludedClasses(options.deliver ?? {}),
    nattPort: checkInteger('nattPort', options.nattPort ?? 4500, 1, 65535),
    consumer: consumerOf(options.consumer, inline),
    data: options.data,
    signal: options.signal,
  };
}

function rfsOptions(
  rfs: ReceiverOptions['rfs'],
  deterministic: boolean,
  esp: ReceiverOptions['esp'],
): RfsConfig | undefined {
  if (rfs === undefined || rfs === false) return undefined;
  if (typeof rfs !== 'object' || rfs === null || Array.isArray(rfs))
    throw optionError('rfs', 'false or an object', rfs);
  if (deterministic) throw optionError('rfs', "false when 'deterministic' is set: claims depend on timing", rfs);
  const { entries = RFS_ENTRIES, twoStage = true, saAffinity = true, flowLimit, allowReorder, ...rest } = rfs;
  for (const name of Object.keys(rest))
    throw new RxSteerError('ERR_RXSTEER_OPTION', `rfs.${name}: there is no such option`);
  checkInteger('rfs.entries', entries, 64, 1 << 22);
  if ((entries & (entries - 1)) !== 0) throw optionError('rfs.entries', 'a power of two', entries);
  const hasEsp = esp !== undefined && esp !== false;
  return {
    entries,
    twoStage: flag('rfs.twoStage', twoStage) && hasEsp,
    saAffinity: flag('rfs.saAffinity', saAffinity) && hasEsp,
    inOrder: !flag('rfs.allowReorder', allowReorder),
  };
}

function flowLimitOption(rfs: ReceiverOptions['rfs'], full: 'drop' | 'wait'): number {
  if (rfs === undefined || rfs === false) return 0;
  const { flowLimit = false } = rfs;
  if (flowLimit === false) return 0;
  if (full !== 'drop') throw optionError('full', "'drop' when 'rfs.flowLimit' is set", full);
  if (flowLimit === true) return FLOW_LIMIT_BUCKETS;
  checkInteger('rfs.flowLimit', flowLimit, 64, 65536);
  if ((flowLimit & (flowLimit - 1)) !== 0) throw optionError('rfs.flowLimit', 'a power of two', flowLimit);
  return flowLimit;
}

function espOptions(esp: ReceiverOptions['esp'], queues: number): Resolved['esp'] {
  if (esp === undefined || esp === false) return undefined;
  const unknown = oneOf('esp.onUnknownSpi', esp.onUnknownSpi ?? 'drop', ['drop', 'deliver']);
  const sas = validateSas(esp.sas);
  sas.forEach((sa, i) => {
    if (sa.queue !== undefined) checkInteger(`esp.sas[${i}].queue`, sa.queue, 0, queues - 1);
  });
  const crypto = esp.crypto === undefined ? undefined : oneOf('esp.crypto', esp.crypto, CRYPTO_NAMES);
  // Throws when the backend that must be used cannot be.
  chooseCrypto([], crypto);
  const most = esp.maxSas ?? defaultMaxSas(sas.length);
  const maxSas = checkInteger('esp.maxSas', most, Math.max(1, sas.length), MAX_SAS);
  return {
    sas,
    maxSas,
    maxSelectors: sas.reduce((sum, sa) => sum + SelectorRoom.count(sa.selectors), 2 * maxSas),
    deliverUnknown: unknown === 'deliver',
    policy: esp.policy === undefined || checkPolicy(esp.policy).length === 0 ? undefined : esp.policy,
    crypto,
    events: espEvents(esp.events),
    ...(esp.restore === undefined ? {} : { restore: restoredSas('esp.restore', esp.restore, sas, true) }),
  };
}

/**
 * Where SAs go on, in their order.
 *
 * @param isWhole the snapshot must not have others
 * @throws RxSteerError `ERR_RXSTEER_SA_STATE`, `ERR_RXSTEER_OPTION` (`jump`)
 */
export function restoredSas(
  option: string,
  { snapshot, jump }: RestoreOptions,
  sas: readonly Sa[],
  isWhole: boolean,
): RestoredSa[] {
  checkInteger(`${option}.jump`, jump, 0, Number.MAX_SAFE_INTEGER);
  return entriesFor(sas, checkSnapshot(snapshot, `${option}.snapshot`), isWhole).map((entry) => ({ entry, jump }));
}

/** The options `esp.events`, with their defaults. */
export function espEvents(events: EspEventOptions = {}): EspEvents {
  const { authenticationFailures = 10, replays = 100, sequence = 0.9, perSecond = 10, ...rest } = events;
  for (const name of Object.keys(rest))
    throw new RxSteerError('ERR_RXSTEER_OPTION', `esp.events.${name}: there is no such option`);
  if (typeof sequence !== 'number' || !(sequence > 0 && sequence <= 1))
    throw optionError('esp.events.sequence', 'a number above 0 and up to 1', sequence);
  return {
    authenticationFailures: checkInteger('esp.events.authenticationFailures', authenticationFailures, 1, 1_000_000),
    replays: checkInteger('esp.events.replays', replays, 1, 1_000_000),
    sequence,
    perSecond: checkInteger('esp.events.perSecond', perSecond, 1, 1000),
  };
}

/** `esp.maxSas` for so many SAs at first. */
export function defaultMaxSas(given: number): number {
  return Math.min(MAX_SAS, Math.max(1024, Math.ceil(given * 1.25)));
}

function excludedClasses(deliver: Partial<Record<ClassName, boolean>>): Uint8Array {
  const excluded = new Uint8Array(CLASSES.length);
  for (const [name, wanted] of Object.entries(deliver)) {
    const cls = CLASSES.indexOf(name as ClassName);
    if (cls < 0) throw optionError('deliver', `class names (${CLASSES.join(', ')})`, name);
    excluded[cls] = flag(`deliver.${name}`, wanted) ? 0 : 1;
  }
  return excluded;
}

function consumerOf(consumer: unknown, inline: boolean): string | Consumer {
  if (consumer instanceof URL) return consumer.href;
  if (typeof consumer === 'string' && URL.canParse(consumer)) return consumer;
  if (isConsumer(consumer)) {
    if (inline) return consumer;
    throw new RxSteerError(
      'ERR_RXSTEER_CONSUMER',
      "consumer: an object cannot be sent to a worker thread; give the URL of a module, or set 'inline'",
    );
  }
  throw new RxSteerError(
    'ERR_RXSTEER_CONSUMER',
    `consumer: expected the URL of a module, or (inline) an object with onPackets(batch), got ${typeof consumer}`,
  );
}

function flag(option: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw optionError(option, 'true or false', value);
  return value;
}

function oneOf<T extends string>(option: string, value: T, values: readonly T[]): T {
  if (!values.includes(value)) throw optionError(option, values.map((v) => `'${v}'`).join(' or '), value);
  return value;
}
