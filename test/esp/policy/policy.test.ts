/** Policies and selectors against a matcher that knows nothing of words, groups or tables. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RxSteerError } from '../../../src/errors.ts';
import {
  createSa,
  exportSas,
  importSas,
  Policy,
  type PolicyConfig,
  parseSaFile,
  SaSelectors,
  type SelectorConfig,
  SelectorRoom,
  Traffic,
} from '../../../src/esp/index.ts';
import { parseAddress } from '../../../src/wire/address.ts';
import { Dissection, dissectIp } from '../../../src/wire/dissect.ts';
import { fragments, ip, tcp, udp } from '../../support/packets.ts';
import { sa } from '../../support/sas.ts';

/** A packet by what its maker knows of it. */
interface Made {
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly sport: number;
  readonly dport: number;
  /** Only a fragment of it, the first or the second. */
  readonly fragment: number;
}

function bytesOf({ src, dst, proto, sport, dport, fragment }: Made): Uint8Array {
  const options = { src, dst, sport, dport };
  const payload = new Uint8Array(64).fill(1);
  const whole =
    proto === 6 ? tcp(payload, options) : proto === 17 ? udp(payload, options) : ip(proto, payload, options);
  return fragment < 0 ? whole : fragments(whole, 32)[fragment];
}

function trafficOf(made: Made): Traffic {
  const bytes = bytesOf(made);
  const d = new Dissection();
  const cls = dissectIp(bytes, 0, bytes.length, d);
  const traffic = new Traffic();
  traffic.load(bytes, cls, d.l3, d.l4, d.proto);
  return traffic;
}

const bits = (address: string): string =>
  [...parseAddress(address)].map((byte) => byte.toString(2).padStart(8, '0')).join('');

function inPrefix(prefix: string | readonly string[] | undefined, address: string): boolean {
  if (prefix === undefined) return true;
  if (typeof prefix !== 'string') return prefix.some((one) => inPrefix(one, address));
  const [base, length] = prefix.split('/');
  const [a, b] = [bits(base), bits(address)];
  return a.length === b.length && b.startsWith(a.slice(0, length === undefined ? a.length : Number(length)));
}

const inPorts = (range: number | string | undefined, port: number): boolean => {
  if (range === undefined) return true;
  const [low, high = low] = String(range).split('-').map(Number);
  return port >= low && port <= high;
};

const NUMBERS: Record<string, number> = { tcp: 6, udp: 17, icmp: 1, esp: 50, gre: 47 };

/** `hidden`: what counts when ports lie in another fragment. */
function naive(c: SelectorConfig, made: Made, hidden: boolean): boolean {
  const proto = typeof c.proto === 'string' ? NUMBERS[c.proto] : c.proto;
  if (!inPrefix(c.src, made.src) || !inPrefix(c.dst, made.dst)) return false;
  if (proto !== undefined && proto !== made.proto) return false;
  if (c.sport === undefined && c.dport === undefined && c.ports === undefined) return true;
  if (made.proto !== 6 && made.proto !== 17) return false;
  if (made.fragment >= 0) return hidden;
  return (
    inPorts(c.sport, made.sport) &&
    inPorts(c.dport, made.dport) &&
    (inPorts(c.ports, made.sport) || inPorts(c.ports, made.dport))
  );
}

function naiveDrops(policy: readonly PolicyConfig[], made: Made): boolean {
  const isKeying = made.fragment < 0 && (made.proto === 50 || (made.proto === 17 && made.dport === 500));
  for (const entry of policy) {
    const ported = entry.sport !== undefined || entry.dport !== undefined || entry.ports !== undefined;
    const speaks = entry.proto === 'esp' || (entry.proto === 'udp' && ported);
    if (isKeying && !speaks) continue;
    if (naive(entry, made, entry.action !== 'bypass')) return entry.action !== 'bypass';
  }
  return false;
}

const V4 = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '10.128.0.1', '192.0.2.1'];
const V6 = ['fd00::1', 'fd00::2', 'fd00:0:0:1::1', 'fd00:8000::1', '2001:db8::1'];
const PORTS = [80, 443, 500, 1000, 60000];

const packet = fc.boolean().chain((v6) =>
  fc.record({
    src: fc.constantFrom(...(v6 ? V6 : V4)),
    dst: fc.constantFrom(...(v6 ? V6 : V4)),
    proto: fc.constantFrom(6, 17, 1, 50, 47),
    sport: fc.constantFrom(...PORTS),
    dport: fc.constantFrom(...PORTS),
    fragment: fc.constantFrom(-1, -1, -1, 0, 1),
  }),
);

const range = fc.oneof(fc.constantFrom(...PORTS), fc.constantFrom('0-500', '443-1000', '60000', '0-65535'));
const selector: fc.Arbitrary<SelectorConfig> = fc.boolean().chain((v6) => {
  const prefix = fc
    .tuple(
      fc.constantFrom(...(v6 ? V6 : V4)),
      fc.constantFrom(...(v6 ? ['', '/64', '/17', '/0', '/128'] : ['', '/24', '/9', '/0', '/31'])),
    )
    .map(([address, length]) => address + length);
  const side = fc.option(fc.oneof(prefix, fc.array(prefix, { minLength: 1, maxLength: 3 })), { nil: undefined });
  const upper = fc.oneof(
    fc.record({ proto: fc.constantFrom('tcp', 'udp', 'icmp', 'esp', 'gre', 6, 17, 47) }),
    fc.record({ proto: fc.constantFrom('tcp', 'udp'), ports: range }),
    fc.record({ proto: fc.constantFrom('tcp', 'udp'), dport: range, sport: fc.option(range, { nil: undefined }) }),
    fc.record({ dport: range }),
    fc.constant({}),
  );
  return fc.tuple(fc.record({ src: side, dst: side }), upper).map(([ends, rest]) => ({ ...ends, ...rest }));
});

describe('policy', () => {
  it('decides as the first entry that matches says', () => {
    const entry = fc
      .tuple(selector, fc.constantFrom('protect' as const, 'bypass' as const, 'discard' as const))
      .map(([config, action]) => ({ ...config, action }));
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 30 }),
        fc.array(packet, { minLength: 20, maxLength: 20 }),
        (list, packets) => {
          const policy = new Policy(list);
          for (const made of packets)
            expect(policy.drops(trafficOf(made)), JSON.stringify(made)).toBe(naiveDrops(list, made));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('of a thousand entries finds each one', () => {
    const list = Array.from(
      { length: 1000 },
      (_, i): PolicyConfig => ({
        src: `10.${i >> 8}.${i & 255}.0/${i % 3 === 0 ? 24 : 32}`,
        dst: '192.0.2.0/24',
        action: i % 2 === 0 ? 'protect' : 'bypass',
      }),
    );
    const policy = new Policy([...list, { src: '10.0.0.0/8', action: 'discard' }]);
    for (let i = 0; i < 1100; i++) {
      const made = { src: `10.${i >> 8}.${i & 255}.0`, dst: '192.0.2.9', proto: 6, sport: 1, dport: 2, fragment: -1 };
      expect(policy.drops(trafficOf(made)), String(i)).toBe(i >= 1000 || i % 2 === 0);
    }
  });

  it('a fragment does not slip by for the ports that it lacks, but nothing is let pass for them', () => {
    const made: Made = { src: '10.0.0.1', dst: '10.0.0.2', proto: 6, sport: 443, dport: 443, fragment: 1 };
    const guarded: PolicyConfig = { src: '10.0.0.0/24', proto: 'tcp', dport: 443, action: 'protect' };
    const open: PolicyConfig = { src: '10.0.0.0/24', proto: 'tcp', sport: 443, action: 'bypass' };
    for (const list of [[guarded], [open, guarded]]) {
      expect(new Policy(list).drops(trafficOf(made))).toBe(true);
      expect(new Policy(list).drops(trafficOf({ ...made, fragment: 0 }))).toBe(true);
      expect(new Policy(list).drops(trafficOf({ ...made, proto: 47 }))).toBe(false);
    }
    expect(new Policy([open, guarded]).drops(trafficOf({ ...made, fragment: -1 }))).toBe(false);
    // Behind an extension header in the second fragment nobody sees even the protocol.
    const six = trafficOf({ ...made, src: 'fd00::1', dst: 'fd00::2', proto: 60 });
    expect(new Policy([{ src: 'fd00::/16', proto: 'tcp', dport: 443, action: 'protect' }]).drops(six)).toBe(true);
  });
});

describe('selectors of SAs', () => {
  it('let pass what any of them matches, and no fragment whose ports they would have to know', () => {
    fc.assert(
      fc.property(
        fc.array(selector, { minLength: 1, maxLength: 4 }),
        fc.array(packet, { minLength: 10, maxLength: 10 }),
        (list, packets) => {
          let sas: ReturnType<typeof sa>[];
          try {
            sas = [sa(1), sa(2, { selectors: list })];
          } catch (error) {
            // Prefixes of both versions.
            if (error instanceof RxSteerError) return;
            throw error;
          }
          const again = importSas(exportSas(sas)).map((one) => one.selectors);
          const all = again.reduce((sum, one) => sum + SelectorRoom.count(one), 0);
          const buffer = new SharedArrayBuffer(SaSelectors.bytes(all));
          const room = new SelectorRoom(buffer, 0, all);
          // Those of another SA have been here before.
          room.give(room.put(again[1]));
          const [none, some] = again.map((one) => room.put(one));
          expect([none, room.left]).toEqual([0, 0]);
          const selectors = new SaSelectors(buffer, 0, all);
          for (const made of packets) {
            expect(selectors.allows(some, trafficOf(made))).toBe(list.some((one) => naive(one, made, false)));
          }
        },
      ),
    );
  });

  it.each<[string, unknown, string]>([
    ['no list', {}, 'selectors: expected a list of at least one, got an object (Object)'],
    ['none', [], 'selectors: expected a list of at least one, got an array of 0'],
    ['another property', [{ from: '10.0.0.0/8' }], 'unknown property selectors[0].from'],
    [
      'no prefix',
      [{}, { src: '10.0.0.0/33' }],
      'selectors[1].src: expected a prefix such as "10.1.0.0/16", or an address, got "10.0.0.0/33"',
    ],
    [
      'two versions',
      [{ src: '10.0.0.1', dst: 'fd00::1' }],
      'selectors[0].dst: expected a prefix of the IP version of src, got "fd00::1"',
    ],
    ['no port', [{ dport: '9-1' }], 'selectors[0].dport: expected a port or a range such as "1024-65535", got "9-1"'],
    [
      'ports of ICMP',
      [{ proto: 'icmp', ports: 1 }],
      'selectors[0].proto: expected tcp, udp or sctp, or none, where ports are given, got "icmp"',
    ],
    ['ports twice', [{ ports: 1, dport: 2 }], 'selectors[0].ports: expected none beside sport and dport, got 1'],
    [
      'an extension header',
      [{ proto: 44 }],
      'selectors[0].proto: expected a number up to 255 or a name such as tcp, of no IPv6 extension header, got 44',
    ],
  ])('refuse %s', (_, selectors, message) => {
    const make = (): unknown =>
      createSa({
        spi: 1,
        dst: '192.0.2.2',
        mode: 'tunnel',
        transform: { cipher: 'null', auth: 'none' },
        selectors: selectors as SelectorConfig[],
      });
    expect(make).toThrow(new RxSteerError('ERR_RXSTEER_SA', `sas[0] (SPI 0x00000001): ${message}`));
  });

  it('come with the states of ip xfrm', () => {
    const state = (sel: string): string =>
      `src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x1 reqid 0 mode transport\n\tauth-trunc hmac(md5) 0x${'11'.repeat(16)} 96\n\tsel ${sel} \n`;
    const of = (sel: string): unknown => parseSaFile(state(sel))[0].selectors;
    expect(of('src 192.0.2.1/32 dst 192.0.2.2/32 proto tcp dport 80 uid 0')).toEqual([
      { src: '192.0.2.1/32', dst: '192.0.2.2/32', proto: 'tcp', dport: '80' },
    ]);
    expect(of('src 0.0.0.0/0 dst 0.0.0.0/0 proto ipv6-icmp type 135')).toEqual([{ proto: 'ipv6-icmp' }]);
    expect(of('src ::/0 dst ::/0 uid 0')).toBeUndefined();
  });
});
