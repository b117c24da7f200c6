import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLASSES } from '../../src/counters.ts';
import { parseRule, type Rule } from '../../src/steer/rule.ts';
import { RuleTable } from '../../src/steer/rule-table.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { randomNumbers } from '../support/corpus.ts';
import { ah, bytesOf, esp, ethernet, filler, ipv4, ipv6, sctp, tcp, udp } from '../support/frames.ts';
import { randomFrames, randomRules } from '../support/rules.ts';

const code = 'ERR_RXSTEER_RULE';
const V4 = { src: '10.1.2.3', dst: '192.168.7.9' };
const V6 = { src: '2001:db8::1', dst: 'fe80::2:3' };

/** The location of the rule that matches the frame, or -1. */
function matchOf(rules: readonly string[], frame: Uint8Array): number {
  const table = new RuleTable(rules.map(parseRule));
  const d = new Dissection();
  dissect(frame, 0, frame.length, 1, d);
  const number = table.match(frame, d);
  return number < 0 ? -1 : table.rules[number].location;
}

const frame4 = (proto: number, payload: Uint8Array, more: object = {}): Uint8Array =>
  ethernet({ payload: ipv4({ ...V4, proto, payload, ...more }) });
const TCP4 = frame4(6, tcp({ sport: 1234, dport: 443 }));
const ESP4 = frame4(50, esp(0x1001));
const NATT4 = frame4(17, udp({ sport: 4500, dport: 4500, payload: esp(0x1001) }));

describe('a rule', () => {
  it.each<[string, Uint8Array, boolean]>([
    ['flow-type tcp4 action 1', TCP4, true],
    ['flow-type tcp6 action 1', TCP4, false],
    ['flow-type udp4 action 1', TCP4, false],
    ['flow-type ip4 action 1', TCP4, true],
    ['flow-type tcp4 dst-port 443 action 1', TCP4, true],
    ['flow-type tcp4 dst-port 0x1bb action 1', TCP4, true],
    ['flow-type tcp4 src-port 443 action 1', TCP4, false],
    ['flow-type tcp4 dst-port 0 m 0x1ff action 1', TCP4, true],
    ['flow-type tcp4 dst-port 0 m 0x1fe action 1', TCP4, false],
    ['flow-type tcp4 src-ip 10.1.2.3 dst-ip 192.168.7.9 src-port 1234 dst-port 443 action 1', TCP4, true],
    ['flow-type tcp4 src-ip 10.9.9.9 m 0.255.255.255 action 1', TCP4, true],
    ['flow-type tcp4 src-ip 10.9.9.9 src-ip-mask 0.0.255.255 action 1', TCP4, false],
    ['flow-type esp4 spi 0x1001 action 2', ESP4, true],
    ['flow-type esp4 spi 0x1000 m 0x1 action 2', ESP4, true],
    ['flow-type esp4 spi 0x1000 action 2', ESP4, false],
    ['flow-type esp4 spi 0x1001 action 2', NATT4, false],
    ['flow-type natt4 spi 0x1001 action 2', NATT4, true],
    ['flow-type udp4 dst-port 4500 action 2', NATT4, true],
    ['flow-type ip4 l4proto 17 l4data 0x11941194 action 2', NATT4, true],
    ['flow-type ip4 l4proto 50 spi 4097 action 2', ESP4, true],
    ['flow-type ip4 src-port 1234 dst-port 443 action 0', TCP4, true],
    ['flow-type ip4 l4data 0 m 0xffffffff action 0', TCP4, true],
    ['flow-type ah4 spi 7 action 2', frame4(51, ah(7)), true],
    ['flow-type ip4 spi 7 action 2', frame4(51, ah(7)), false],
    ['flow-type sctp4 src-port 5 action 2', frame4(132, sctp(5, 6)), true],
    ['flow-type esp4 spi 0xffffffff action 2', frame4(50, esp(0xffffffff)), true],
    ['flow-type tcp4 tos 0xb8 action 2', frame4(6, tcp({ sport: 1, dport: 2 }), { tos: 0xb8 }), true],
    ['flow-type tcp4 tos 0xb8 action 2', TCP4, false],
    // No ports behind a fragment's header, whatever its bytes are.
    ['flow-type tcp4 action 1', frame4(6, tcp({ sport: 1, dport: 2 }), { mf: true, df: false }), false],
    ['flow-type ip4 action 1', frame4(6, tcp({ sport: 1, dport: 2 }), { mf: true, df: false }), true],
    ['flow-type ip4 dst-port 2 action 1', frame4(6, tcp({ sport: 1, dport: 2 }), { mf: true, df: false }), false],
    ['flow-type ip4 l4data 0 m 1 action 1', frame4(253, bytesOf(0, 0, 0)), false],
    ['flow-type ip4 l4data 0 m 1 action 1', frame4(253, bytesOf(0, 0, 0, 1)), true],
    ['flow-type ip4 action 1', ethernet({ payload: filler(28), type: 0x0806 }), false],
  ])('%s', (rule, frame, matches) => {
    expect(matchOf([`${rule} loc 9`], frame)).toBe(matches ? 9 : -1);
  });

  it('of IPv6', () => {
    const frame = ethernet({ payload: ipv6({ ...V6, proto: 50, payload: esp(5) }) });
    expect(matchOf(['flow-type esp6 dst-ip fe80::2:3 spi 5 action 1 loc 3'], frame)).toBe(3);
    expect(matchOf(['flow-type esp6 src-ip 2001:db8:: m ::ffff:ffff action 1 loc 3'], frame)).toBe(3);
    expect(matchOf(['flow-type esp6 src-ip 2001:db9:: m ::ffff:ffff action 1 loc 3'], frame)).toBe(-1);
    expect(matchOf(['flow-type ip6 l4proto 50 tclass 0 action 1 loc 3'], frame)).toBe(3);
    expect(matchOf(['flow-type ip6 l4proto 50 tclass 4 action 1 loc 3'], frame)).toBe(-1);
  });

  it('with vlan asks for a tag', () => {
    const tagged = ethernet({
      payload: ipv4({ ...V4, proto: 6, payload: tcp({ sport: 1, dport: 2 }) }),
      vlans: [0x6005],
    });
    const zero = ethernet({ payload: ipv4({ ...V4, proto: 6, payload: tcp({ sport: 1, dport: 2 }) }), vlans: [0] });
    expect(matchOf(['flow-type tcp4 vlan 5 m 0xf000 action 1 loc 1'], tagged)).toBe(1);
    expect(matchOf(['flow-type tcp4 vlan 5 action 1 loc 1'], tagged)).toBe(-1);
    expect(matchOf(['flow-type tcp4 vlan 0 action 1 loc 1'], zero)).toBe(1);
    expect(matchOf(['flow-type tcp4 vlan 0 action 1 loc 1'], TCP4)).toBe(-1);
    expect(matchOf(['flow-type tcp4 vlan 0 m 0xffff action 1 loc 1'], TCP4)).toBe(1);
  });

  it('reads action, context and location', () => {
    expect(parseRule('flow-type tcp4 action -1')).toMatchObject({ action: -1, context: -1, location: -1 });
    expect(parseRule(' flow-type  tcp4 context 1 loc 0x10 ')).toMatchObject({ action: 0, context: 1, location: 16 });
    expect(parseRule('flow-type tcp4 queue 3')).toMatchObject({ action: 3 });
  });

  it.each([
    ['', /flow-type TYPE first/],
    ['esp4 spi 1 action 2', /flow-type TYPE first/],
    ['flow-type quic4 action 1', /a flow type \(tcp, .*, got "quic4"$/],
    ['flow-type tcp action 1', /a flow type/],
    ['flow-type constructor4 action 1', /a flow type/],
    ['flow-type ether action 1', /known to ethtool/],
    ['flow-type tcp4', /expected an action/],
    ['flow-type tcp4 action', /a value behind action/],
    ['flow-type tcp4 dst-port 1 m', /a mask behind dst-port 1 m$/],
    ['flow-type tcp4 dst-port 65536 action 1', /dst-port: expected a whole number from 0 to 65535, got "65536"$/],
    ['flow-type tcp4 dst-port 010 action 1', /dst-port: .* got "010"$/],
    ['flow-type tcp4 dst-port 1 m -1 action 1', /dst-port m: /],
    ['flow-type tcp4 dst-port 1 dst-port 2 action 1', /dst-port once/],
    ['flow-type tcp4 action 1 queue 1', /action once/],
    ['flow-type tcp4 action -2', /action: /],
    ['flow-type tcp4 queue -1', /queue: /],
    ['flow-type tcp4 action 1 m 1', /no mask for action/],
    ['flow-type tcp4 loc 65536 action 1', /loc: /],
    ['flow-type tcp4 spi 1 action 1', /expected src-ip, .*, got "spi"$/],
    ['flow-type esp4 spi 0x100000000 action 1', /spi: expected a whole number from 0 to 0xffffffff/],
    ['flow-type esp6 tos 1 action 1', /tclass.*, got "tos"$/],
    ['flow-type esp4 src-ip ::1 action 1', /src-ip: expected an IPv4 address, got "::1"$/],
    ['flow-type esp6 src-ip 1.2.3.4 action 1', /src-ip: expected an IPv6 address/],
    ['flow-type esp4 dst-ip 1.2.3 action 1', /dst-ip: /],
    ['flow-type tcp4 dst-mac 02:00:00:00:00:01 action 1', /dst-mac is known to ethtool/],
    ['flow-type tcp4 user-def 1 action 1', /known to ethtool/],
    ['flow-type ip4 l4data 1 dst-port 1 action 1', /only one field/],
    ['flow-type ip4 dst-port 1 spi 1 action 1', /only one of/],
  ])('refuses %j', (text, message) => {
    expect(() => parseRule(text)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});

describe('rules', () => {
  it('go by location, lowest first; without one the newest goes first, from the end', () => {
    const a = 'flow-type tcp4 action 0';
    expect(matchOf([`${a} loc 5`, `${a} dst-port 443 loc 4`, `${a} loc 3 src-port 9`], TCP4)).toBe(4);
    expect(matchOf([`${a} loc 4`, `${a} dst-port 443 loc 5`], TCP4)).toBe(4);
    const table = new RuleTable([a, `${a} loc 65534`, `${a} dst-port 1`, `${a} dst-port 2`].map(parseRule));
    expect(table.rules.map(({ location }) => location)).toEqual([65532, 65533, 65534, 65535]);
    expect(table.rules[0].text).toContain('dst-port 2');
    expect(() => matchOf([`${a} loc 4`, `${a} loc 4`], TCP4)).toThrow(expect.objectContaining({ code }));
  });

  it('of shapes that alternate go by location all the same', () => {
    const rules = [
      'flow-type tcp4 dst-port 9 action 0 loc 1',
      'flow-type tcp4 src-port 9 action 0 loc 2',
      'flow-type tcp4 dst-port 443 action 0 loc 3',
      'flow-type tcp4 src-port 1234 action 0 loc 4',
    ];
    expect(matchOf(rules, TCP4)).toBe(3);
    expect(
      matchOf(
        rules.map((rule) => rule.replace('loc 3', 'loc 5')),
        TCP4,
      ),
    ).toBe(4);
  });

  const WIDE: Record<string, number> = { spi: 4, l4data: 4, l4proto: 1, tos: 1, tclass: 1 };

  /** Straight from the words of the manual: every rule in the order of locations, every field by itself. */
  function reference(rules: readonly Rule[], frame: Uint8Array, d: Dissection): number {
    const name = CLASSES[d.cls];
    const six = name.endsWith('6');
    const [byOuter] = [name.slice(0, -1)];
    for (const rule of [...rules].sort((x, y) => x.location - y.location)) {
      const words = rule.text.split(' ');
      const type = words[1];
      if (type.endsWith('6') !== six) continue;
      const base = type.slice(0, -1);
      const udpToo = base === 'udp' && ['natt', 'ike', 'keepalive'].includes(byOuter);
      if (base !== 'ip' && base !== byOuter && !udpToo) continue;
      let ok = true;
      for (let i = 2; i < words.length; ) {
        const [field, value] = [words[i], words[i + 1]];
        const mask = words[i + 2] === 'm' ? words[i + 3] : undefined;
        i += mask === undefined ? 2 : 4;
        if (['action', 'context', 'loc'].includes(field)) continue;
        const size = six ? 16 : 4;
        const l4 = byOuter === 'fragment' || d.end - d.l4 < 4 ? undefined : frame.slice(d.l4, d.l4 + 4);
        const got: Record<string, ArrayLike<number> | undefined> = {
          'src-ip': frame.slice(d.l3 + (six ? 8 : 12)).slice(0, size),
          'dst-ip': frame.slice(d.l3 + (six ? 8 : 12) + size).slice(0, size),
          'src-port': l4?.slice(0, 2),
          'dst-port': l4?.slice(2, 4),
          l4proto: [d.proto],
          l4data: l4,
          tos: [frame[d.l3 + 1]],
          tclass: [(frame[d.l3] << 4) | (frame[d.l3 + 1] >> 4)],
          vlan: d.vlan === 0 ? undefined : [d.vlan >> 8, d.vlan],
          spi: base === 'ip' ? l4 : [d.spi >>> 24, (d.spi >> 16) & 255, (d.spi >> 8) & 255, d.spi & 255],
        };
        const bytes = got[field];
        const wide = field.endsWith('-ip') ? size : (WIDE[field] ?? 2);
        const encode = (text: string): number[] =>
          field.endsWith('-ip')
            ? [...parseAddress(text)]
            : Array.from({ length: wide }, (_, j) => Math.floor(Number(text) / 256 ** (wide - 1 - j)) % 256);
        const want = encode(value);
        const dontCare = mask === undefined ? want.map(() => 0) : encode(mask);
        if (dontCare.every((byte) => byte === 255)) continue;
        ok &&= bytes !== undefined && want.every((byte, j) => ((byte ^ bytes[j]) & ~dontCare[j] & 255) === 0);
      }
      if (ok) return rule.location;
    }
    return -1;
  }

  it('are matched as one after the other would be', () => {
    const few = (...values: (string | number)[]): fc.Arbitrary<string> => fc.constantFrom(...values.map(String));
    const field = (name: string, values: fc.Arbitrary<string>, masks: fc.Arbitrary<string>): fc.Arbitrary<string> =>
      fc.oneof(
        fc.constant(''),
        values.map((v) => ` ${name} ${v}`),
        fc.tuple(values, masks).map(([v, m]) => ` ${name} ${v} m ${m}`),
      );
    const rule = fc.constantFrom('4', '6').chain((family) => {
      const addresses = family === '4' ? few('10.0.0.1', '10.0.1.2') : few('2001:db8::1', '2001:db8::1:2');
      const masks = family === '4' ? few('0.0.0.255', '0.0.255.255', '255.255.255.255') : few('::ffff', '::ffff:ffff');
      const ip = fc.tuple(field('src-ip', addresses, masks), field('dst-ip', addresses, masks));
      const ports = fc.tuple(field('src-port', few(1, 2), few(1, 3)), field('dst-port', few(1, 2), few(3, 0xffff)));
      const spi = field('spi', few(0x10001, 0x10002, 0xf0010002), few(3, 0xffff, 0xffffffff)).map((s) => [s]);
      const proto = field('l4proto', few(6, 17, 50), few(255, 4)).map((s) => [s]);
      const by = (types: string[], ...parts: fc.Arbitrary<string[]>[]): fc.Arbitrary<string> =>
        fc
          .tuple(fc.constantFrom(...types), ...parts)
          .map(([type, ...texts]) => `flow-type ${type}${family}${texts.flat().join('')} action 1`);
      return fc.oneof(
        by(['tcp', 'udp'], ip, ports),
        by(['esp', 'natt'], ip, spi),
        by(['ip'], ip, proto, ports),
        by(['ip'], proto, spi),
      );
    });
    const rules = fc.array(rule, { minLength: 1, maxLength: 40 }).chain((texts) =>
      fc
        .shuffledSubarray(
          texts.map((_, i) => i),
          { minLength: texts.length },
        )
        .map((locs) => texts.map((text, i) => `${text} loc ${locs[i]}`)),
    );
    const port = fc.constantFrom(1, 2, 0xf001);
    const spiOf = fc.constantFrom(0x10001, 0x10002, 0xf0010002);
    const payload = fc.oneof(
      fc.tuple(port, port).map(([sport, dport]): [number, Uint8Array] => [6, tcp({ sport, dport })]),
      fc.tuple(port, port).map(([sport, dport]): [number, Uint8Array] => [17, udp({ sport, dport })]),
      spiOf.map((spi): [number, Uint8Array] => [50, esp(spi)]),
      spiOf.map((spi): [number, Uint8Array] => [17, udp({ sport: 2, dport: 4500, payload: esp(spi) })]),
      fc.constant<[number, Uint8Array]>([253, bytesOf(0, 1)]),
    );
    const packet = fc
      .tuple(fc.constantFrom(4, 6), fc.boolean(), fc.boolean(), payload, fc.boolean())
      .map(([family, a, b, [proto, bytes], mf]) => {
        const at = (one: boolean): string =>
          family === 4 ? (one ? '10.0.0.1' : '10.0.1.2') : one ? '2001:db8::1' : '2001:db8::1:2';
        const ends = { src: at(a), dst: at(b), proto, payload: bytes };
        return ethernet({ payload: family === 4 ? ipv4({ ...ends, mf, df: false }) : ipv6(ends) });
      });
    const d = new Dissection();
    fc.assert(
      fc.property(rules, fc.array(packet, { minLength: 1, maxLength: 20 }), (texts, frames) => {
        const parsed = texts.map(parseRule);
        const table = new RuleTable(parsed);
        for (const frame of frames) {
          dissect(frame, 0, frame.length, 1, d);
          const number = table.match(frame, d);
          expect(number < 0 ? -1 : table.rules[number].location).toBe(reference(parsed, frame, d));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('of all types, fields and masks, in sets of any size, are matched as one after the other would be', () => {
    const random = randomNumbers(77);
    const d = new Dissection();
    let matched = 0;
    for (const size of [1, 2, 5, 20, 100, 400]) {
      for (let set = 0; set < 20; set++) {
        const table = new RuleTable(randomRules(random, size).map(parseRule));
        for (const frame of randomFrames(random, 60)) {
          dissect(frame, 0, frame.length, 1, d);
          const number = table.match(frame, d);
          if (number >= 0) matched++;
          expect(number < 0 ? -1 : table.rules[number].location).toBe(reference(table.rules, frame, d));
        }
      }
    }
    expect(matched).toBeGreaterThan(2000);
  });
});
