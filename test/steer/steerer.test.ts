import { describe, expect, it } from 'vitest';
import { Steerer, type SteererOptions } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { tupleFrame } from '../../src/wire/emit.ts';
import { ethernet, filler } from '../support/frames.ts';
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
    const frame = ethernet({ payload: filler(28), type: 0x0806 });
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
    ['an unknown hfunc', { hfunc: 'sum' as 'toeplitz' }, 'ERR_RXSTEER_OPTION'],
    ['an unknown xfrm', { xfrm: 'x' as 'none' }, 'ERR_RXSTEER_OPTION'],
    ['an entry beyond the queues', { indirection: [0, 4] }, 'ERR_RXSTEER_INDIRECTION'],
    ['equal over more than there are', { indirection: { equal: 5 } }, 'ERR_RXSTEER_INDIRECTION'],
    ['two sizes', { indirection: [0, 1], tableSize: 4 }, 'ERR_RXSTEER_INDIRECTION'],
  ])('refuses %s', (_, options, code) => {
    expect(() => new Steerer({ queues: 4, ...options })).toThrow(expect.objectContaining({ code }));
  });
});
