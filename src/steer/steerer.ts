/** The sum of steering: rules, then flow hash, then indirection table, then queue. */
import { checkInteger, optionError, RxSteerError } from '../errors.ts';
import type { FlowFields, Xfrm } from '../hash/fields.ts';
import { FlowHasher, WAY_GATHER } from '../hash/flow-hasher.ts';
import type { Hfunc } from '../hash/hfunc.ts';
import { microsoftKey } from '../hash/keys.ts';
import { Dissection } from '../wire/dissection.ts';
import { innermostOf } from '../wire/tunnel.ts';
import { type Indirection, type IndirectionOption, makeIndirection, TABLE_MAX, TABLE_SIZE } from './indirection.ts';
import { ACTION_DROP, parseRule, type Rule, ruleError } from './rule.ts';
import { RuleTable } from './rule-table.ts';

/** Hash and table: what an RSS context has of its own. */
export interface RssContextOptions {
  /** 16 to 64 bytes, most significant first. */
  key?: Uint8Array;
  xfrm?: Xfrm;
  /** Default `toeplitz`; the others use no key. */
  hfunc?: Hfunc;
  /** Entries of the table, 1 to 2048. Default 128, or the length of an `indirection` that is an array. */
  tableSize?: number;
  /** Default: equal over all queues. */
  indirection?: IndirectionOption;
  /** Letters at flow types, for example `{ esp4: 'sd' }`. */
  fields?: FlowFields;
}

export interface SteererOptions extends RssContextOptions {
  /** Queues, 1 to 2048. */
  queues: number;
  /** 16 to 64 bytes. Default: Microsoft's key, which everyone knows; facing strangers, take `randomKey()`. */
  key?: Uint8Array;
  /**
   * Rules as `ethtool -N` takes them: `flow-type esp4 spi 0x1001 action 2`. The one at the lowest `loc` that matches decides;
   * without `loc` they get the highest that are free, so the last of them goes first, as with ethtool.
   */
  rules?: readonly string[];
  /**
   * Whose fields are hashed, as DPDK's RSS level: those of the outermost packet (default), or of the innermost one in clear
   * tunnels, MPLS and PPPoE (`innermost`), so that the flows of one tunnel spread. The class stays the outer packet's.
   * Fragments inside a tunnel are not reassembled: they go by their addresses, apart from the whole packets of their flow.
   */
  level?: 'outer' | 'inner';
  /** RSS contexts for rules with `context N`, from 1 on. What one does not say is as above, the table is equal. */
  contexts?: Readonly<Record<number, RssContextOptions>>;
}

/** The queue of a packet that a rule or the letter r drops. */
export const DROPPED = -1;

export class Steerer {
  /** Hash of the last packet (int32); 0 when it had none. */
  hash = 0;
  /** Whether the last packet had a hash: 0 or 1. A hash of 0 may be valid. */
  valid = 0;
  /** Number of the rule that matched the last packet, in the order of locations; -1 for none. */
  matched = -1;
  readonly queues: number;
  /** Hash and table of packets that no rule sends to a context. */
  readonly hasher: FlowHasher;
  readonly indirection: Indirection;
  readonly level: 'outer' | 'inner';
  /** Record of the innermost packet; absent: the outer one is hashed. */
  private readonly inner: Dissection | undefined;
  readonly rules: RuleTable | undefined;
  /** Bits at class numbers: letter r. */
  private readonly discarded: number = 0;
  /** At the numbers of rules: queue or `ACTION_DROP`, and the context or none. */
  private readonly actions: Int32Array = new Int32Array(0);
  private readonly contexts: readonly (RssContext | undefined)[] = [];

  /**
   * @throws RxSteerError `ERR_RXSTEER_OPTION`, `ERR_RXSTEER_KEY`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_INDIRECTION`,
   *   `ERR_RXSTEER_RULE`
   */
  constructor(options: SteererOptions) {
    const queues = checkInteger('queues', options.queues, 1, TABLE_MAX);
    const { rules = [], contexts = {}, level = 'outer', ...rest } = options;
    if (level !== 'outer' && level !== 'inner') throw optionError('level', "'outer' or 'inner'", level);
    this.level = level;
    this.inner = level === 'inner' ? new Dissection() : undefined;
    this.queues = queues;
    const main = makeContext('', { ...rest, key: options.key ?? microsoftKey() }, queues);
    this.hasher = main.hasher;
    this.indirection = main.indirection;
    this.discarded = this.hasher.discarded;
    const known = makeContexts(contexts, options, main, queues);
    if (!Array.isArray(rules)) throw optionError('rules', 'an array of texts', rules);
    if (rules.length === 0) return;
    const table = new RuleTable(rules.map(parseRule));
    this.rules = table;
    this.actions = Int32Array.from(table.rules, (rule) => rule.action);
    this.contexts = table.rules.map((rule) => contextOf(rule, known, queues));
  }

  /** The queue that the hash alone names for the last packet. */
  get hashedQueue(): number {
    return this.valid === 0 ? 0 : this.indirection.queue(this.hash);
  }

  /** The rule that matched the last packet. */
  get rule(): Rule | undefined {
    return this.matched < 0 ? undefined : this.rules?.rules[this.matched];
  }

  /** Hash and table that decided over the last packet. */
  get used(): { readonly hasher: FlowHasher; readonly indirection: Indirection } {
    return this.contexts[this.matched] ?? this;
  }

  /**
   * At class numbers: how the dispatch kernel may hash them. What is discarded is left to `steer`, and what rules speak of when the
   * kernel does not know them.
   */
  ways(knowsRules: boolean): Uint8Array {
    const ways = Uint8Array.from(this.hasher.ways);
    const classes = (knowsRules ? 0 : (this.rules?.classes ?? 0)) | this.discarded;
    for (let cls = 0; cls < ways.length; cls++) if (((classes >> cls) & 1) !== 0) ways[cls] = WAY_GATHER;
    return ways;
  }

  /**
   * The queue of the packet that `d`, which stays as it is, describes, or {@link DROPPED}. Packets without a hash go to queue 0, as on a NIC, unless
   * a rule says otherwise.
   */
  steer(bytes: Uint8Array, d: Dissection): number {
    const hasher = this.hasher;
    const { inner } = this;
    const seen = inner === undefined ? d : innermostOf(bytes, d, inner);
    const hash = hasher.hash(bytes, seen);
    const valid = hasher.valid;
    this.hash = hash;
    this.valid = valid;
    if (this.rules !== undefined) return this.byRules(this.rules, bytes, d, seen);
    if (((this.discarded >> d.cls) & 1) !== 0) return DROPPED;
    return valid === 0 ? 0 : this.indirection.queue(hash);
  }

  /** `seen`: what is hashed, the innermost packet with level `inner`. */
  private byRules(rules: RuleTable, bytes: Uint8Array, d: Dissection, seen: Dissection): number {
    const matched = rules.match(bytes, d);
    this.matched = matched;
    if (matched < 0) return ((this.discarded >> d.cls) & 1) !== 0 ? DROPPED : this.hashedQueue;
    const action = this.actions[matched];
    const context = this.contexts[matched];
    if (context === undefined || action === ACTION_DROP) return action;
    const { hasher, indirection, discarded } = context;
    if (((discarded >> d.cls) & 1) !== 0) return DROPPED;
    // The main hash may be another one.
    this.hash = hasher === this.hasher ? this.hash : hasher.hash(bytes, seen);
    this.valid = hasher.valid;
    return action + (hasher.valid === 0 ? 0 : indirection.queue(this.hash));
  }
}

interface RssContext {
  readonly hasher: FlowHasher;
  readonly discarded: number;
  readonly indirection: Indirection;
}

/** Hash and table of options; `name` stands in front of what errors say. `main`: what it has when it says nothing. */
function makeContext(
  name: string,
  options: RssContextOptions & { key: Uint8Array },
  queues: number,
  main?: RssContext,
): RssContext {
  const { key, xfrm, hfunc, fields, tableSize, indirection: option = { equal: queues } } = options;
  if (tableSize !== undefined) checkInteger('tableSize', tableSize, 1, TABLE_MAX);
  const indirection = makeIndirection(option, tableSize ?? TABLE_SIZE);
  const hasher = main?.hasher ?? new FlowHasher({ key, xfrm, hfunc, fields });
  if (tableSize !== undefined && indirection.size !== tableSize) {
    throw new RxSteerError(
      'ERR_RXSTEER_INDIRECTION',
      `${name}indirection: expected ${tableSize} entries, as tableSize says, got ${indirection.size}`,
    );
  }
  const at = indirection.entries.findIndex((queue) => queue >= queues);
  if (at >= 0) {
    throw new RxSteerError(
      'ERR_RXSTEER_INDIRECTION',
      `${name}indirection entry ${at}: expected a queue below ${queues}, got ${indirection.entries[at]}`,
    );
  }
  return { hasher, indirection, discarded: hasher.discarded };
}

function makeContexts(
  contexts: Readonly<Record<number, RssContextOptions>>,
  options: SteererOptions,
  main: RssContext,
  queues: number,
): Map<number, RssContext> {
  const known = new Map([[0, main]]);
  if (typeof contexts !== 'object' || contexts === null)
    throw optionError('contexts', 'contexts at their numbers', contexts);
  for (const [number, own] of Object.entries(contexts)) {
    if (!/^[1-9]\d{0,9}$/.test(number) || Number(number) > 0xfffffffe) {
      throw optionError('contexts', 'numbers from 1 on', number);
    }
    const {
      key = options.key ?? microsoftKey(),
      xfrm = options.xfrm,
      hfunc = options.hfunc,
      fields = options.fields,
    } = own;
    // A hasher has a table of 64 KiB.
    const same = own.key === undefined && own.xfrm === undefined && own.hfunc === undefined && own.fields === undefined;
    const name = `contexts[${number}].`;
    known.set(Number(number), makeContext(name, { ...own, key, xfrm, hfunc, fields }, queues, same ? main : undefined));
  }
  return known;
}

/** The context of a rule, checked together with its action: no queue may come out that is not there. */
function contextOf(rule: Rule, known: ReadonlyMap<number, RssContext>, queues: number): RssContext | undefined {
  const { text, action } = rule;
  if (rule.context < 0) {
    if (action >= queues) throw ruleError(text, `expected a queue below ${queues} as action, got ${action}`);
    return undefined;
  }
  const context = known.get(rule.context);
  if (context === undefined) {
    throw ruleError(text, `expected a context that there is (${[...known.keys()].join(', ')}), got ${rule.context}`);
  }
  const most = context.indirection.entries.reduce((a, b) => Math.max(a, b), 0);
  if (action + most >= queues) {
    throw ruleError(
      text,
      `expected action and queues of context ${rule.context} to stay below ${queues}, got ${action} + ${most}`,
    );
  }
  return context;
}
