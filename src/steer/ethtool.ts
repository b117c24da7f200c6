/**
 * What `ethtool` printed, read back as configuration: `ethtool -x DEV` (key, function, transformation, table), `ethtool -n DEV
 * rx-flow-hash TYPE` (fields) and `ethtool -n DEV` (rules), one after the other in any order.
 *
 * A line that starts with `$` or `#` is the command that was typed. ethtool does not print of which context a table is, so
 * `$ ethtool -x eth0 context 1` in front of it says so.
 */
import { RxSteerError, shown } from '../errors.ts';
import { AS_UDP, parseFlowHash, type Xfrm } from '../hash/fields.ts';
import { HFUNCS, type Hfunc } from '../hash/hfunc.ts';
import { parseKey } from '../hash/keys.ts';
import { EthtoolRule } from './ethtool-rule.ts';
import type { RssContextOptions, SteererOptions } from './options.ts';
import { parseRule } from './rule.ts';

const TABLE = /^RX flow hash indirection table for \S+ with (\d+) RX ring\(s\):$/;
const CONTEXT = /^For RSS context (\d+):$/;
const FIELDS = /^(?:IPSEC )?(TCP|UDP|SCTP|AH\/ESP|AH|ESP|GTP-U) over IPV([46]) flows (use these fields|- All matching)/;
const XFRM_LINE = /^(symmetric-xor|symmetric-or-xor): (on|off)$/;
const UNSUPPORTED = 'Operation not supported';

/** The fields as ethtool prints them, and their letters. */
const FIELD_LETTERS: Record<string, string> = {
  L2DA: 'm',
  'VLAN tag': 'v',
  'L3 proto': 't',
  'IP SA': 's',
  'IP DA': 'd',
  'L4 bytes 0 & 1 [TCP/UDP src port]': 'f',
  'L4 bytes 2 & 3 [TCP/UDP dst port]': 'n',
  'GTP TEID': 'e',
  'IPv6 Flow Label': 'l',
};

/**
 * Reads what ethtool printed: `new Steerer({ queues: 8, ...parseEthtool(text) })`. `queues` is the number of RX rings, where
 * the text says it. What the text does not say, or says is not supported, is left out.
 *
 * A NIC takes ESP in UDP for UDP: with the fields of UDP, `natt` is set to be hashed as that. (Our default hashes the SPI in it,
 * which such a NIC does not.)
 *
 * @param name of the file, for errors
 * @throws RxSteerError `ERR_RXSTEER_ETHTOOL`: names the line, what was expected and what came
 */
export function parseEthtool(text: string, name: string = 'ethtool output'): Partial<SteererOptions> {
  const reader = new EthtoolReader();
  reader.read(text, name);
  return reader.options();
}

/** Reads one text after the other, of one device. */
export class EthtoolReader {
  private name = '';
  private number = 0;
  private section: ((line: string) => void) | undefined;
  /** What is not finished yet: the fields of a flow type, a rule, an indirection table, and the line that they began at. */
  private fields: { types: string[]; letters: string; at: number } | undefined;
  private rule: EthtoolRule | undefined;
  private began = 0;
  private queues: number | undefined;
  private context = 0;
  private readonly contexts = new Map<number, RssContextOptions & { indirection?: number[] }>();
  private readonly rules: string[] = [];

  read(text: string, name: string): void {
    this.name = name;
    this.context = 0;
    this.number = 0;
    for (const raw of text.split('\n')) {
      this.number++;
      const line = raw.trim();
      if (line === '') this.endFields();
      else if (!this.heading(line)) {
        if (this.section === undefined) throw this.error('what ethtool -x or -n prints', line);
        this.section(line);
      }
    }
    this.endFields();
    if (this.rule !== undefined) throw this.error('an Action for the filter', 'the end', this.began);
    this.section = undefined;
  }

  /** What has been read so far. */
  options(): Partial<SteererOptions> {
    const { queues, rules } = this;
    const contexts: Record<number, RssContextOptions> = {};
    for (const [number, own] of this.contexts) if (number !== 0) contexts[number] = own;
    return {
      ...(queues === undefined ? {} : { queues }),
      ...this.contexts.get(0),
      ...(rules.length === 0 ? {} : { rules }),
      ...(Object.keys(contexts).length === 0 ? {} : { contexts }),
    };
  }

  /** Takes a line that begins a section, or stands by itself. */
  private heading(line: string): boolean {
    let match: RegExpExecArray | null;
    if (/^[$#]/.test(line)) {
      this.context = Number(/\bcontext\s+(\d+)\b/.exec(line)?.[1] ?? 0);
      return this.begin(undefined);
    }
    match = TABLE.exec(line);
    if (match !== null) {
      this.rings(Number(match[1]));
      return this.begin(this.tableLine);
    }
    if (line === 'RSS hash key:') return this.begin(this.keyLine);
    if (line === 'RSS hash function:') return this.begin(this.functionLine);
    if (line === 'RSS input transformation:') return this.begin(this.xfrmLine);
    match = CONTEXT.exec(line);
    if (match !== null) {
      this.context = Number(match[1]);
      return this.begin(undefined);
    }
    match = FIELDS.exec(line);
    if (match !== null) {
      this.begin(this.fieldLine);
      const bases = match[1].toLowerCase().replace('-', '').split('/');
      const letters = match[3] === 'use these fields' ? '' : 'r';
      this.fields = { types: bases.map((base) => `${base}${match?.[2]}`), letters, at: this.number };
      return true;
    }
    match = /^(\d+) RX rings available$/.exec(line);
    if (match !== null) {
      this.rings(Number(match[1]));
      return this.begin(undefined);
    }
    if (/^Total \d+ rules$/.test(line)) return this.begin(undefined);
    match = /^Filter: (\d+)$/.exec(line);
    if (match === null) return false;
    this.begin(this.ruleLine);
    this.rule = new EthtoolRule(match[1]);
    this.began = this.number;
    return true;
  }

  private begin(section: ((line: string) => void) | undefined): true {
    this.endFields();
    if (this.rule !== undefined) throw this.error('an Action for the filter', 'another section', this.began);
    this.section = section;
    return true;
  }

  private readonly tableLine = (line: string): void => {
    if (line === UNSUPPORTED) return;
    const match = /^(\d+):((?:\s+\d+)+)$/.exec(line);
    const own = this.own();
    const table = own.indirection ?? [];
    if (match === null || (Number(match[1]) !== 0 && Number(match[1]) !== table.length)) {
      throw this.error(`entries from ${table.length} on`, line);
    }
    if (Number(match[1]) === 0 && table.length > 0) {
      throw this.error(
        `one table for ${this.contextName()} (a line "$ ethtool -x DEV context N" in front names another)`,
        line,
      );
    }
    own.indirection = [...table, ...match[2].trim().split(/\s+/).map(Number)];
  };

  private readonly keyLine = (line: string): void => {
    if (line === UNSUPPORTED) return;
    const own = this.own();
    if (own.key !== undefined) throw this.error(`one key for ${this.contextName()}`, 'another');
    // Nothing here shows a key.
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2})*$/i.test(line))
      throw this.error('a key as bytes with colons', `${line.length} characters`);
    own.key = this.checked(() => parseKey(line));
  };

  private readonly functionLine = (line: string): void => {
    const match = /^(\S+): (on|off)$/.exec(line);
    if (match === null) {
      if (line === UNSUPPORTED) return;
      throw this.error('a hash function, on or off', line);
    }
    if (match[2] === 'off') return;
    if (!HFUNCS.includes(match[1] as Hfunc)) throw this.error(`one of ${HFUNCS.join(', ')} to be on`, line);
    this.own().hfunc = match[1] as Hfunc;
  };

  private readonly xfrmLine = (line: string): void => {
    const match = XFRM_LINE.exec(line);
    if (match === null) throw this.error('symmetric-xor or symmetric-or-xor, on or off', line);
    const own = this.own();
    if (match[2] === 'off') own.xfrm ??= 'none';
    else if (own.xfrm !== undefined && own.xfrm !== 'none')
      throw this.error('at most one transformation to be on', line);
    else own.xfrm = match[1] as Xfrm;
  };

  private readonly fieldLine = (line: string): void => {
    const letter = FIELD_LETTERS[line];
    if (letter === undefined || this.fields === undefined) throw this.error('a field of the hash', line);
    this.fields.letters += letter;
  };

  private readonly ruleLine = (line: string): void => {
    const { rule } = this;
    const wrong = rule === undefined ? 'expected nothing behind the Action' : rule.line(line);
    if (wrong !== undefined)
      throw new RxSteerError('ERR_RXSTEER_ETHTOOL', `${this.place()}: ${wrong}, got ${shown(line)}`);
    if (rule?.done !== true) return;
    const text = rule.text();
    this.checked(() => parseRule(text));
    this.rules.push(text);
    this.rule = undefined;
  };

  private endFields(): void {
    const { fields } = this;
    if (fields === undefined) return;
    this.fields = undefined;
    const own = this.own();
    const all: Record<string, string> = { ...own.fields };
    for (const type of fields.types) {
      this.checked(() => parseFlowHash(`${type}=${fields.letters}`), fields.at);
      if (all[type] !== undefined && all[type] !== fields.letters) {
        throw this.error(
          `${type} to have one set of fields in ${this.contextName()} (${all[type]})`,
          fields.letters,
          fields.at,
        );
      }
      all[type] = fields.letters;
      if (type.startsWith('udp')) all[type.replace('udp', 'natt')] = AS_UDP;
    }
    own.fields = all;
  }

  private rings(count: number): void {
    if (count < 1) throw this.error('at least one RX ring', String(count));
    this.queues ??= count;
    if (this.queues !== count) throw this.error(`one device, with ${this.queues} RX rings`, `${count} RX rings`);
  }

  private own(): RssContextOptions & { indirection?: number[] } {
    let own = this.contexts.get(this.context);
    if (own === undefined) {
      own = {};
      this.contexts.set(this.context, own);
    }
    return own;
  }

  private contextName(): string {
    return this.context === 0 ? 'the device' : `context ${this.context}`;
  }

  /** Runs a parser; what it throws gets the place in front. */
  private checked<T>(run: () => T, at: number = this.number): T {
    try {
      return run();
    } catch (error) {
      throw new RxSteerError('ERR_RXSTEER_ETHTOOL', `${this.place(at)}: ${(error as Error).message}`);
    }
  }

  private place(at: number = this.number): string {
    return `${this.name} line ${at}`;
  }

  private error(expected: string, got: string, at: number = this.number): RxSteerError {
    return new RxSteerError('ERR_RXSTEER_ETHTOOL', `${this.place(at)}: expected ${expected}, got ${shown(got)}`);
  }
}
