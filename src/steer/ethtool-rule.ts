/** One filter as `ethtool -n DEV` prints it, turned into the text that `ethtool -N` takes. Its masks are those of that text. */

const TYPES: Record<string, string> = {
  'TCP over': 'tcp',
  'UDP over': 'udp',
  'SCTP over': 'sctp',
  'IPSEC AH over': 'ah',
  'IPSEC ESP over': 'esp',
  Raw: 'ip',
};

/** The field that a line tells of, and the mask of that field which leaves nothing to match. */
const FIELDS: Record<string, readonly [name: string, nothing: string]> = {
  'Src IP addr': ['src-ip', ''],
  'Dest IP addr': ['dst-ip', ''],
  TOS: ['tos', '0xff'],
  'Traffic Class': ['tclass', '0xff'],
  'Src port': ['src-port', '0xffff'],
  'Dest port': ['dst-port', '0xffff'],
  SPI: ['spi', '0xffffffff'],
  Protocol: ['l4proto', '0xff'],
  'L4 bytes': ['l4data', '0xffffffff'],
  VLAN: ['vlan', '0xffff'],
  'VLAN EtherType': ['vlan-etype', '0xffff'],
  'User-defined': ['user-def', '0xffffffffffffffff'],
  'Dest MAC addr': ['dst-mac', 'FF:FF:FF:FF:FF:FF'],
};

export class EthtoolRule {
  /** Its last line has been taken. */
  done = false;
  private readonly location: string;
  private type = '';
  private readonly words: string[] = [];
  private context: string | undefined;
  private action = '';

  constructor(location: string) {
    this.location = location;
  }

  /** Takes a line; returns what was expected when it is another one. */
  line(line: string): string | undefined {
    const type = /^Rule Type: (.+) IPv([46])$/.exec(line);
    if (type !== null && Object.hasOwn(TYPES, type[1])) {
      this.type = `${TYPES[type[1]]}${type[2]}`;
      return undefined;
    }
    if (/^(Flow|Rule) Type: /.test(line)) return 'expected a filter of IPv4 or IPv6';
    const context = /^RSS Context ID: (\d+)$/.exec(line);
    if (context !== null) {
      this.context = context[1];
      return undefined;
    }
    if (line.startsWith('Action: ')) return this.actionLine(line.slice(8));
    return this.fieldLine(line);
  }

  /** The rule, as `ethtool -N` takes it. */
  text(): string {
    const context = this.context === undefined ? [] : ['context', this.context];
    return ['flow-type', this.type, ...this.words, 'action', this.action, ...context, 'loc', this.location].join(' ');
  }

  private actionLine(action: string): string | undefined {
    const queue = /^Direct to queue (\d+)$/.exec(action);
    const context = /^Direct to RSS context id (\d+)(?: \(queue base offset: (\d+)\))?$/.exec(action);
    if (queue !== null) this.action = queue[1];
    else if (context !== null) {
      this.context = context[1];
      this.action = context[2] ?? '0';
    } else if (action === 'Drop') this.action = '-1';
    else return 'expected Direct to queue N, Direct to RSS context id N or Drop';
    if (this.type === '') return 'expected a Rule Type before the Action';
    this.done = true;
    return undefined;
  }

  private fieldLine(line: string): string | undefined {
    const match = /^([^:]+): (\S+) mask: (\S+)$/.exec(line);
    if (match === null || !Object.hasOwn(FIELDS, match[1])) return 'expected a field of the filter with its mask';
    const [, label, printed, mask] = match;
    const [name, nothing] = FIELDS[label];
    if (mask === nothing || /^(255\.255\.255\.255|(ffff:){7}ffff)$/.test(mask)) return undefined;
    // %d: an SPI from 0x80000000 on is printed as a negative number.
    const value = name === 'spi' && printed.startsWith('-') ? String(Number(printed) >>> 0) : printed;
    this.words.push(name, value);
    if (!/^(0x0|0\.0\.0\.0|::)$/.test(mask)) this.words.push('m', mask);
    return undefined;
  }
}
