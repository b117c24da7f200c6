import { describe, expect, it } from 'vitest';
import { Steerer, type SteererOptions } from '../../src/steer/steerer.ts';
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

  it.each<[string, Partial<SteererOptions>, string]>([
    ['no queues', { queues: 0 }, 'ERR_RXSTEER_OPTION'],
    ['a table of 0', { tableSize: 0 }, 'ERR_RXSTEER_OPTION'],
    ['a table over 2048', { tableSize: 4096 }, 'ERR_RXSTEER_OPTION'],
    ['a short key', { key: new Uint8Array(8) }, 'ERR_RXSTEER_KEY'],
    ['unknown letters', { fields: { esp4: 'q' } }, 'ERR_RXSTEER_FIELDS'],
    ['an unknown hfunc', { hfunc: 'xor' as 'toeplitz' }, 'ERR_RXSTEER_OPTION'],
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
