/** The sum of steering: rules, then flow hash, then indirection table, then queue. */
import { checkInteger, optionError, RxSteerError, shown } from '../errors.ts';
import type { FlowFields, Xfrm } from '../hash/fields.ts';
import { FlowHasher, type FlowHasherOptions, type HashVariant, WAY_GATHER } from '../hash/flow-hasher.ts';
import type { Hfunc } from '../hash/hfunc.ts';
import { microsoftKey } from '../hash/keys.ts';
import { Dissection } from '../wire/dissection.ts';
import { innermostOf, TUNNELS_ALL } from '../wire/tunnel.ts';
import { type Indirection, makeIndirection, TABLE_MAX, TABLE_SIZE } from './indirection.ts';
import { applyNic } from './nic/apply.ts';
import type { NicProfile } from './nic/profile.ts';
import { nicProfile } from './nic/profiles.ts';
import type { RssContextOptions, SteererOptions } from './options.ts';
import { ACTION_DROP, parseRule, type Rule, ruleError } from './rule.ts';
import { RuleTable } from './rule-table.ts';
import { shadowedRules } from './shadowed-rule.ts';

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
  /** `inner`: of some tunnels at least the inner packet is hashed. */
  readonly level: 'outer' | 'inner';
  /** The device that this one does as. */
  readonly nic: NicProfile | undefined;
  /** Kinds of tunnels that are entered, and the innermost packet hashed: `TUNNELS_UDP` and so on. */
  readonly tunnels: number;
  /** Record of the innermost packet; absent: the outer one is hashed. */
  private readonly inner: Dissection | undefined;
  readonly rules: RuleTable | undefined;
  /** Bits at class numbers: letter r. */
  private readonly discarded: number = 0;
  /** At the numbers of rules: queue or `ACTION_DROP`, and the context or none. */
  private readonly actions: Int32Array = new Int32Array(0);
  private readonly contexts: readonly (RssContext | undefined)[] = [];
  /** How packets are hashed that no device sees, which came out of ESP: as the device, but for what only devices do. */
  readonly inside: InsideHash;
  /** How other packets are hashed, where that is another way. */
  readonly outside: Omit<FlowHasherOptions, 'key'> | undefined;

  /**
   * @throws RxSteerError `ERR_RXSTEER_OPTION`, `ERR_RXSTEER_KEY`, `ERR_RXSTEER_FIELDS`, `ERR_RXSTEER_INDIRECTION`,
   *   `ERR_RXSTEER_RULE`
   */
  constructor(options: SteererOptions) {
    const queues = checkInteger('queues', options.queues, 1, TABLE_MAX);
    const nic = options.nic === undefined ? undefined : nicProfile(options.nic);
    const applied = nic === undefined ? options : applyNic(nic, options);
    const { rules = [], contexts = {}, level, key = microsoftKey(), ...rest } = applied;
    if (level !== undefined && level !== 'outer' && level !== 'inner')
      throw optionError('level', "'outer' or 'inner'", level);
    this.nic = nic;
    this.tunnels = level === undefined ? (nic?.tunnels ?? 0) : level === 'inner' ? TUNNELS_ALL : 0;
    this.level = this.tunnels === 0 ? 'outer' : 'inner';
    this.inner = this.tunnels === 0 ? undefined : new Dissection();
    this.queues = queues;
    const main = makeContext('', { ...rest, key }, queues, nic);
    this.hasher = main.hasher;
    this.indirection = main.indirection;
    this.discarded = this.hasher.discarded;
    this.inside = insideOf({ ...rest, key }, nic?.variant);
    const { xfrm, hfunc, fields } = rest;
    this.outside = nic?.variant === undefined ? undefined : { xfrm, hfunc, fields, variant: nic.variant };
    const known = makeContexts(contexts, { ...rest, key }, main, queues, nic);
    if (!Array.isArray(rules)) throw optionError('rules', 'an array of texts', rules);
    if (rules.length === 0) return;
    const table = new RuleTable(rules.map(parseRule));
    const [shadowed] = shadowedRules(table.rules);
    if (shadowed !== undefined) {
      const { rule, by } = shadowed;
      throw ruleError(rule.text, `can never match: ${shown(by.text)} at location ${by.location} takes all its packets`);
    }
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

  /** How many units there are: see `unit`. */
  get units(): number {
    return (
      1 + this.indirection.size + this.contexts.reduce((sum, context) => sum + (context?.indirection.size ?? 1), 0)
    );
  }

  /** Number of what the last packet was steered by: no hash (0), a bucket of the table, a rule, a bucket of a rule's context. */
  get unit(): number {
    const { matched, indirection, contexts } = this;
    if (matched < 0) return this.valid === 0 ? 0 : 1 + indirection.index(this.hash);
    let unit = 1 + indirection.size;
    for (let rule = 0; rule < matched; rule++) unit += contexts[rule]?.indirection.size ?? 1;
    return unit + (this.valid === 0 ? 0 : (contexts[matched]?.indirection.index(this.hash) ?? 0));
  }

  /**
   * At class numbers: how the dispatch kernel may hash them. What is discarded is left to `steer`, and what rules speak of when the
   * kernel does not know them.
   */
  ways(knowsRules: boolean): Uint8Array {
    const ways = Uint8Array.from(this.hasher.ways);
    // The kernel knows masks and remainders.
    if (this.indirection.scaled) return ways.fill(WAY_GATHER);
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
    const seen = inner === undefined ? d : innermostOf(bytes, d, inner, this.tunnels);
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

/** A hash by options that need no device. */
export interface InsideHash {
  readonly key: Uint8Array;
  readonly fields: FlowFields;
  readonly xfrm: Xfrm;
  readonly hfunc: Hfunc;
}

function insideOf(options: RssContextOptions & { key: Uint8Array }, variant: HashVariant | undefined): InsideHash {
  const { key, fields = {}, xfrm = 'none', hfunc = 'toeplitz' } = options;
  // Its key is too short for Toeplitz, and its order is our sort.
  if (variant === 'flow-dissector') return { key, fields: {}, xfrm: 'sort', hfunc: 'xxh32' };
  return { key, fields, xfrm, hfunc };
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
  nic: NicProfile | undefined,
  main?: RssContext,
): RssContext {
  const { key, xfrm, hfunc, fields, tableSize, indirection: option = { equal: queues } } = options;
  if (tableSize !== undefined) checkInteger('tableSize', tableSize, 1, TABLE_MAX);
  const table = makeIndirection(option, tableSize ?? TABLE_SIZE);
  const indirection = nic?.table.scaled === true ? table.scale() : table;
  const hasher = main?.hasher ?? new FlowHasher({ key, xfrm, hfunc, fields, variant: nic?.variant });
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
  options: RssContextOptions & { key: Uint8Array },
  main: RssContext,
  queues: number,
  nic: NicProfile | undefined,
): Map<number, RssContext> {
  const known = new Map([[0, main]]);
  if (typeof contexts !== 'object' || contexts === null)
    throw optionError('contexts', 'contexts at their numbers', contexts);
  for (const [number, own] of Object.entries(contexts)) {
    if (!/^[1-9]\d{0,9}$/.test(number) || Number(number) > 0xfffffffe) {
      throw optionError('contexts', 'numbers from 1 on', number);
    }
    const { key = options.key, xfrm = options.xfrm, hfunc = options.hfunc, fields = options.fields } = own;
    // A hasher has a table of 64 KiB.
    const same = own.key === undefined && own.xfrm === undefined && own.hfunc === undefined && own.fields === undefined;
    const name = `contexts[${number}].`;
    const all = { ...own, key, xfrm, hfunc, fields };
    known.set(Number(number), makeContext(name, all, queues, nic, same ? main : undefined));
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
