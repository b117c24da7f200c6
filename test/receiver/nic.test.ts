/** A receiver on a NIC profile: packets go where the device would put them, and an SA stays where it is. */
import { describe, expect, it } from 'vitest';
import { sealTunnel } from '../../src/esp/index.ts';
import { seededKey } from '../../src/hash/keys.ts';
import { nicKeyLength } from '../../src/steer/nic/index.ts';
import { Steerer } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { ether, tcp } from '../support/packets.ts';
import { closingFault, inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

describe('a receiver with a nic', () => {
  it('keeps an SA in one lane, though the device would spread its packets', async () => {
    const one = sa(0x1001);
    const frames = Array.from({ length: 40 }, (_, i) => ether(sealTunnel(one, i + 1, tcp(20, { seq: 1 + 20 * i }))));
    const rss = { nic: 'octeontx2', key: seededKey('octeontx2', nicKeyLength('octeontx2')), fields: { esp: 'sdfn' } };
    const queuesOf = async (esp: object): Promise<number[]> => {
      const { rx } = await inlineReceiver({ queues: 4, rss, esp: { onUnknownSpi: 'deliver', ...esp } as never });
      for (const frame of frames) rx.push(frame);
      const stats = await rx.close();
      expect(closingFault(stats)).toBeUndefined();
      return stats.queues.map((queue) => queue.packets);
    };
    expect((await queuesOf({ sas: [one] })).filter((packets) => packets > 0)).toEqual([40]);
    expect((await queuesOf({ sas: [] })).filter((packets) => packets > 0).length).toBeGreaterThan(2);
  });

  it.each(['mlx5', 'ice', 'ena', 'linux-rps', 'rxsteer'])('places clear packets as %s does', async (nic) => {
    const { rx } = await inlineReceiver({ queues: 4, rss: { nic } });
    const steerer = new Steerer({ queues: 4, nic, key: Buffer.from(rx.stats().hkey, 'hex') });
    const expected = [0, 0, 0, 0];
    const d = new Dissection();
    for (let sport = 1; sport <= 100; sport++) {
      const frame = ether(tcp(20, { sport }));
      dissect(frame, 0, frame.length, 1, d);
      expected[steerer.steer(frame, d)]++;
      rx.push(frame);
    }
    const stats = await rx.close();
    expect(stats.queues.map((queue) => queue.packets)).toEqual(expected);
  });
});
