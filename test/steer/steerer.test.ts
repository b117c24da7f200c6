import { describe, expect, it } from 'vitest';
import { CLASSES } from '../../src/counters.ts';
import { seededKey } from '../../src/hash/keys.ts';
import type { SteererOptions } from '../../src/steer/options.ts';
import { DROPPED, Steerer } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { tupleFrame } from '../../src/wire/emit.ts';
import * as f from '../support/frames.ts';
import rss from '../vectors/rss.json' with { type: 'json' };

describe('Steerer', () => {
  it.each(rss.rows)('places $src:$sport by table index', ({ src, dst, sport, dport, ports, index128, index512 }) => {
    const { bytes, dissection } = tupleFrame({ src, dst, sport, dport });
    const steerer = new Steerer({ queues: 4 });
    expect(steerer.steer(bytes, dissection)).toBe(index128 % 4);
    expect([steerer.hash >>> 0, steerer.valid]).toEqual([Number.parseInt(ports, 16), 1]);
    const weighted = new Steerer({ queues: 2, tableSize: 512, indirection: { weight: [1, 1] } });
    expect(weighted.steer(bytes, dissection)).toBe(index512 < 256 ? 0 : 1);
    expect(new Steerer({ queues: 8, indirection: [7] }).steer(bytes, dissection)).toBe(7);
  });

  it('sends packets without a hash to queue 0, whatever the table says', () => {
    const steerer = new Steerer({ queues: 4, indirection: [3, 3] });
    const frame = f.ethernet({ payload: f.filler(28), type: 0x0806 });
    const d = new Dissection();
    dissect(frame, 0, frame.length, 1, d);
    expect([steerer.steer(frame, d), steerer.valid, steerer.hash]).toEqual([0, 0, 0]);
  });

  describe('with rules', () => {
    const esp = tupleFrame({ src: '10.0.0.1', dst: '10.0.0.2', spi: 0x1001 });
    const tcp = tupleFrame({ src: '10.0.0.1', dst: '10.0.0.2', sport: 1, dport: 443 });
    const key = seededKey('context');

    it('sends to queues, drops, and leaves the rest to the hash, which it computes all the same', () => {
      const rules = ['flow-type esp4 spi 0x1001 action 3', 'flow-type tcp4 dst-port 443 action -1'];
      const plain = new Steerer({ queues: 4 });
      const steerer = new Steerer({ queues: 4, rules });
      for (const { bytes, dissection } of [esp, tcp]) {
        const hashed = plain.steer(bytes, dissection);
        expect(steerer.steer(bytes, dissection)).toBe(dissection === esp.dissection ? 3 : DROPPED);
        expect([steerer.hash, steerer.valid, steerer.hashedQueue]).toEqual([plain.hash, 1, hashed]);
      }
      expect(steerer.rule?.text).toBe(rules[1]);
      const other = tupleFrame({ src: '10.0.0.1', dst: '10.0.0.2', spi: 0x1002 });
      expect(steerer.steer(other.bytes, other.dissection)).toBe(plain.steer(other.bytes, other.dissection));
      expect([steerer.rule, steerer.used]).toEqual([undefined, steerer]);
    });

    it('sends to contexts with hash and table of their own', () => {
      const contexts = { 1: { key, tableSize: 32, indirection: { equal: 2 }, fields: { esp: 'fn' } }, 7: {} };
      const rules = ['flow-type esp4 context 1 action 2', 'flow-type tcp4 context 7', 'flow-type udp4 context 0'];
      const steerer = new Steerer({ queues: 4, rules, contexts });
      const own = new Steerer({ queues: 2, key, tableSize: 32, fields: { esp: 'fn' } });
      expect(steerer.steer(esp.bytes, esp.dissection)).toBe(2 + own.steer(esp.bytes, esp.dissection));
      expect([steerer.hash, steerer.used.indirection.size]).toEqual([own.hash, 32]);
      const plain = new Steerer({ queues: 4 });
      expect(steerer.steer(tcp.bytes, tcp.dissection)).toBe(plain.steer(tcp.bytes, tcp.dissection));
      expect(steerer.hash).toBe(plain.hash);
    });

    it('has the letter r behind rules', () => {
      const fields = { tcp4: 'r', esp4: 'sdr' };
      const rules = ['flow-type tcp4 dst-port 443 action 1', 'flow-type udp4 context 1'];
      const steerer = new Steerer({ queues: 4, fields, rules, contexts: { 1: { fields: { udp: 'r' } } } });
      const udp = tupleFrame({ src: '10.0.0.1', dst: '10.0.0.2', sport: 1, dport: 2, proto: 'udp' });
      const of = ({ bytes, dissection }: typeof udp): number => steerer.steer(bytes, dissection);
      expect([of(tcp), of(esp), of(udp)]).toEqual([1, DROPPED, DROPPED]);
      const plain = new Steerer({ queues: 4, fields });
      expect(plain.steer(tcp.bytes, tcp.dissection)).toBe(DROPPED);
      expect(CLASSES.filter((_, cls) => plain.ways(true)[cls] === 5)).toEqual(['tcp4', 'esp4']);
    });

    it('leaves the classes that they speak of to itself when the kernel does not know them', () => {
      const steerer = new Steerer({
        queues: 4,
        rules: ['flow-type esp4 action 1', 'flow-type udp6 action 1'],
      });
      const { hasher } = steerer;
      const ways = steerer.ways(false);
      const taken = CLASSES.filter((_, cls) => ways[cls] !== hasher.ways[cls]);
      expect(steerer.ways(true)).toEqual(hasher.ways);
      expect(taken).toEqual(['udp6', 'esp4', 'natt6', 'ike6', 'keepalive6']);
    });

    it.each<[string, Partial<SteererOptions>, string, RegExp]>([
      ['a queue that is not there', { rules: ['flow-type tcp4 action 4'] }, 'ERR_RXSTEER_RULE', /below 4 .*got 4$/],
      [
        'a context that is not there',
        { rules: ['flow-type tcp4 context 1'] },
        'ERR_RXSTEER_RULE',
        /context .*\(0\), got 1$/,
      ],
      [
        'a context whose queues go beyond',
        { rules: ['flow-type tcp4 context 1 action 3'], contexts: { 1: { indirection: { equal: 2 } } } },
        'ERR_RXSTEER_RULE',
        /got 3 \+ 1$/,
      ],
      [
        'a context with a bad table',
        { contexts: { 1: { indirection: [9] } } },
        'ERR_RXSTEER_INDIRECTION',
        /^contexts\[1\]\./,
      ],
      ['context 0', { contexts: { 0: {} } }, 'ERR_RXSTEER_OPTION', /contexts/],
      ['a text', { rules: 'flow-type tcp4 action 1' as unknown as string[] }, 'ERR_RXSTEER_OPTION', /rules/],
      ['what is no text', { rules: [5] as unknown as string[] }, 'ERR_RXSTEER_RULE', /a text, got 5/],
    ])('refuses %s', (_, options, code, message) => {
      expect(() => new Steerer({ queues: 4, ...options })).toThrow(
        expect.objectContaining({ code, message: expect.stringMatching(message) }),
      );
    });
  });

  it.each<[string, Partial<SteererOptions>, string]>([
    ['no queues', { queues: 0 }, 'ERR_RXSTEER_OPTION'],
    ['a table of 0', { tableSize: 0 }, 'ERR_RXSTEER_OPTION'],
    ['a table over 2048', { tableSize: 4096 }, 'ERR_RXSTEER_OPTION'],
    ['a short key', { key: new Uint8Array(8) }, 'ERR_RXSTEER_KEY'],
    ['unknown letters', { fields: { esp4: 'q' } }, 'ERR_RXSTEER_FIELDS'],
    ['an unknown hfunc', { hfunc: 'sum' as 'toeplitz' }, 'ERR_RXSTEER_OPTION'],
    ['an unknown xfrm', { xfrm: 'x' as 'none' }, 'ERR_RXSTEER_OPTION'],
    ['an unknown level', { level: 'middle' as 'inner' }, 'ERR_RXSTEER_OPTION'],
    ['an entry beyond the queues', { indirection: [0, 4] }, 'ERR_RXSTEER_INDIRECTION'],
    ['equal over more than there are', { indirection: { equal: 5 } }, 'ERR_RXSTEER_INDIRECTION'],
    ['two sizes', { indirection: [0, 1], tableSize: 4 }, 'ERR_RXSTEER_INDIRECTION'],
  ])('refuses %s', (_, options, code) => {
    expect(() => new Steerer({ queues: 4, ...options })).toThrow(expect.objectContaining({ code }));
  });
});

describe('level', () => {
  const outer = new Steerer({ queues: 4 });
  const inner = new Steerer({ queues: 4, level: 'inner' });
  const flow = f.ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 6, payload: f.tcp({ sport: 1000, dport: 80 }) });
  const six = f.ipv6({ src: 'fd00::1', dst: 'fd00::2', proto: 50, payload: f.esp(0xc0ffee01) });
  const around = (proto: number, payload: Uint8Array): Uint8Array =>
    f.ethernet({ payload: f.ipv4({ src: '192.0.2.1', dst: '192.0.2.2', proto, payload }), vlans: [5] });
  const udp = (dport: number, payload: Uint8Array): Uint8Array => around(17, f.udp({ sport: 9, dport, payload }));
  const hashOf = (steerer: Steerer, frame: Uint8Array): [number, number, number] => {
    const d = new Dissection();
    dissect(frame, 0, frame.length, 1, d);
    const before = { ...d };
    const queue = steerer.steer(frame, d);
    expect({ ...d }).toEqual(before);
    return [queue, steerer.hash, steerer.valid];
  };

  it.each<[string, (packet: Uint8Array) => Uint8Array]>([
    ['no tunnel', (packet) => f.ethernet({ payload: packet })],
    ['IP in IP', (packet) => around(packet === flow ? 4 : 41, packet)],
    ['GRE', (packet) => around(47, f.gre({ protocol: packet === flow ? 0x0800 : 0x86dd, payload: packet, key: 7 }))],
    ['VXLAN', (packet) => udp(4789, f.vxlan(7, f.ethernet({ payload: packet })))],
    ['Geneve', (packet) => udp(6081, f.geneve({ payload: f.ethernet({ payload: packet }) }))],
    ['GUE', (packet) => udp(6080, f.gue({ payload: packet }))],
    ['GTP-U', (packet) => udp(2152, f.gtpu({ payload: packet, sequence: 1 }))],
    ['MPLS', (packet) => f.ethernet({ payload: f.mpls([16, 17], packet), type: 0x8847 })],
    ['PPPoE', (packet) => f.ethernet({ payload: f.pppoe({ payload: packet }), type: 0x8864, vlans: [7] })],
  ])('inner hashes what is inside: %s', (_, wrap) => {
    for (const packet of [flow, six]) {
      const alone = hashOf(outer, f.ethernet({ payload: packet }));
      expect(alone[2]).toBe(1);
      expect(hashOf(inner, wrap(packet))).toEqual(alone);
    }
  });

  it('outer is the default, and hashes the tunnel', () => {
    const frame = udp(4789, f.vxlan(7, f.ethernet({ payload: flow })));
    const { bytes, dissection } = tupleFrame({
      src: '192.0.2.1',
      dst: '192.0.2.2',
      sport: 9,
      dport: 4789,
      proto: 'udp',
    });
    outer.steer(bytes, dissection);
    const plain = outer.hash;
    expect(hashOf(outer, frame)[1]).toBe(plain);
    expect(hashOf(inner, frame)[1]).not.toBe(plain);
    expect(hashOf(outer, f.ethernet({ payload: f.mpls([16], flow), type: 0x8847 }))).toEqual([0, 0, 0]);
  });

  it('inner goes by the outer packet where nothing inside can be told', () => {
    for (const frame of [
      udp(4789, f.vxlan(7, f.ethernet({ payload: f.filler(28), type: 0x0806 }))),
      udp(6081, f.geneve({ payload: flow, protocol: 0x0800, flags: 0x80 })),
      around(50, f.esp(77)),
      around(1, f.bytesOf([3, 4, 0, 0, 0, 0, 0, 0], flow)),
      f.ethernet({ payload: f.filler(28), type: 0x0806 }),
    ]) {
      expect(hashOf(inner, frame)).toEqual(hashOf(outer, frame));
    }
  });

  it('takes the NAT-T port from the record', () => {
    const natt = f.udp({ sport: 14500, dport: 14500, payload: f.esp(0xc0ffee01) });
    const packet = f.ipv4({ src: '10.0.0.1', dst: '10.0.0.2', proto: 17, payload: natt });
    const d = new Dissection();
    d.nattPort = 14500;
    const hash = (steerer: Steerer, frame: Uint8Array): number => {
      dissect(frame, 0, frame.length, 1, d);
      steerer.steer(frame, d);
      return steerer.hash;
    };
    expect(hash(inner, around(4, packet))).toBe(hash(outer, f.ethernet({ payload: packet })));
  });
});
