/** SAs that come from a file that changes: `replay --watch`. */
import { describe, expect, it } from 'vitest';
import { createSas, exportSas, type Sa, sealTunnel } from '../../src/esp/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { type ReplayOptions, type ReplayReport, runReplay } from '../../src/report/replay.ts';
import { WatchedSas } from '../../src/report/watched-sas.ts';
import { capture } from '../support/captures.ts';
import { ether, udp } from '../support/packets.ts';
import { inlineReceiver } from '../support/receivers.ts';
import { sa } from '../support/sas.ts';

const other = { aead: 'aes-gcm', key: '77'.repeat(20) } as const;

describe('WatchedSas', () => {
  it('adds what appears, replaces what has changed, removes what is gone, and leaves the rest as it is', async () => {
    const given = [sa(1), sa(2), sa(3), sa(4, { group: 'g' })];
    const { rx, delivered } = await inlineReceiver({ queues: 2, esp: { sas: given } });
    const watched = new WatchedSas(rx.sas, given, new Int32Array(1024));
    for (const one of given) rx.push(ether(sealTunnel(one, 1, udp(9))));
    await rx.drain();
    const now = [sa(5), sa(1), sa(2, { transform: other }), sa(4, { group: 'h' })];
    expect(await watched.apply(now)).toEqual({ added: 1, replaced: 2, removed: 1 });
    const packets = Object.fromEntries([...rx.sas].map((one) => [one.spi, one.packets]));
    expect(packets).toEqual({ 1: 1, 2: 0, 4: 0, 5: 0 });
    expect(rx.sas.get(sa(4))).toMatchObject({ group: 'h' });
    // The same again, from another reading.
    expect(await watched.apply(createSas(exportSas(now)))).toEqual({ added: 0, replaced: 0, removed: 0 });
    for (const one of now) rx.push(ether(sealTunnel(one, 2, udp(9))));
    await rx.drain();
    expect(
      delivered
        .slice(4)
        .map((one) => watched.spis[one.sa - 1])
        .sort(),
    ).toEqual([1, 2, 4, 5]);
    expect((await rx.close()).drops).toEqual({});
  });

  it('goes on after a file that cannot be applied', async () => {
    const { rx } = await inlineReceiver({ queues: 2, esp: { sas: [sa(1)], maxSas: 2 } });
    const watched = new WatchedSas(rx.sas, [sa(1)], new Int32Array(2));
    const failing = watched.apply([sa(1), sa(2), sa(3)]);
    const working = watched.apply([sa(2)]);
    await expect(failing).rejects.toMatchObject({ code: 'ERR_RXSTEER_SA_CAPACITY' });
    expect(await working).toEqual({ added: 1, replaced: 0, removed: 1 });
    expect([...rx.sas].map(({ spi }) => spi)).toEqual([2]);
    await watched.idle();
    await rx.close();
  });

  it('replaces more than there is room for, one part after the other, and tries again what found none', async () => {
    const given = Array.from({ length: 7 }, (_, i) => sa(i + 1));
    const { rx } = await inlineReceiver({ queues: 2, esp: { sas: given, maxSas: 10 } });
    const watched = new WatchedSas(rx.sas, given, new Int32Array(10));
    const others = given.map(({ spi }) => sa(spi, { transform: other }));
    expect(await watched.apply(others)).toEqual({ added: 0, replaced: 7, removed: 0 });
    const full = [...others, sa(8), sa(9), sa(10)];
    expect(await watched.apply(full)).toEqual({ added: 3, replaced: 0, removed: 0 });
    for (let n = 0; n < 2; n++) {
      await expect(watched.apply([...given.slice(0, 1), ...full.slice(1)])).rejects.toMatchObject({
        code: 'ERR_RXSTEER_SA_CAPACITY',
      });
    }
    expect(rx.sas.size).toBe(10);
    await rx.close();
  });
});

describe('a replay whose SAs come by a change', () => {
  const one = capture('linux_many');
  const replay = async (more: Partial<ReplayOptions>): Promise<ReplayReport> => {
    const rss = { key: microsoftKey() };
    return (await runReplay({ files: [one.path], queues: 2, digest: 'sha256', rss, ...more })).report;
  };
  const content = ({ flows, sas }: ReplayReport): unknown => ({
    flows: flows.map(({ proto, src, dst, sport, dport, spis, digest }) => [
      proto,
      src,
      dst,
      sport,
      dport,
      spis,
      digest,
    ]),
    sas: sas.map(({ spi, dst, opened, failed }) => [spi, dst, opened, failed]),
  });

  it.each([true, false])('is as if they had been there (inline: %s)', async (inline) => {
    const changes: unknown[] = [];
    const watched = await replay({
      inline,
      sas: [],
      watch: (apply) => {
        apply(one.sas as Sa[]).then((change) => changes.push(change));
        return () => changes.push('ended');
      },
    });
    expect(content(watched)).toEqual(content(await replay({ inline: true, sas: one.sas })));
    expect(watched.formerSas).toBeUndefined();
    expect(changes).toEqual([{ added: one.sas.length, replaced: 0, removed: 0 }, 'ended', 'ended']);
  });

  it('tells of those that are gone', async () => {
    const watched = await replay({
      inline: true,
      sas: one.sas,
      loop: 2,
      watch: (apply) => {
        apply([]);
        return () => {};
      },
    });
    expect(watched.invariants).toEqual({ conserved: true, reordered: 0 });
    expect(watched.sas).toEqual([]);
    expect(watched.formerSas).toMatchObject({ sas: one.sas.length, packets: 0 });
    expect(watched.drops['unknown-spi']).toBeGreaterThan(0);
  });
});
