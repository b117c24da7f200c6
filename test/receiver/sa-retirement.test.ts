/** When the slot of an SA is free: lanes are polled by hand. */
import { describe, expect, it } from 'vitest';
import { type Sa, sealTunnel } from '../../src/esp/index.ts';
import { SaRetirement } from '../../src/receiver/sa-retirement.ts';
import type { SaStats } from '../../src/receiver/sa-stats.ts';
import { LaneGroup } from '../support/lane-group.ts';
import { ether, udp } from '../support/packets.ts';
import { sa } from '../support/sas.ts';

const outer = sa(1, { queue: 0 });
const inner = sa(2, { src: '10.9.0.1', dst: '10.9.0.2', queue: 1 });

interface Bench {
  readonly g: LaneGroup;
  /** What happened, in its order. */
  readonly log: string[];
  /** Lanes answer that they have forgotten. */
  answer(): void;
  retire(one: Sa): Promise<SaStats[]>;
  push(...frames: Uint8Array[]): void;
}

function bench(): Bench {
  const g = new LaneGroup({ queues: 2, sas: [outer, inner] });
  const log: string[] = [];
  let answer: () => void = () => {};
  const { sas, rings, handover, dispatcher } = g.core;
  const retirement = new SaRetirement({
    store: sas,
    rings,
    handover,
    dispatcher,
    progress: () => new Promise((resolve) => setImmediate(resolve)),
    forget(slots) {
      log.push(`forget ${[...slots]}`);
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  return {
    g,
    log,
    answer: () => answer(),
    push: (...frames) => g.push(...frames),
    retire(one) {
      const entry = [...sas.values()].find((each) => each.sa.spi === one.spi)!;
      sas.remove(entry);
      const gone = retirement.retire([entry]);
      gone.then(([stats]) => log.push(`free ${stats.id} with ${stats.packets}`));
      return gone;
    },
  };
}

async function turns(): Promise<void> {
  for (let n = 0; n < 5; n++) await new Promise((resolve) => setImmediate(resolve));
}

const nested = (seq: number): Uint8Array => ether(sealTunnel(outer, seq, sealTunnel(inner, seq, udp(9))));

describe('the end of an SA', () => {
  it('waits for its packets in the ring of its lane, and not for those that come later', async () => {
    const { g, log, push, retire, answer } = bench();
    push(ether(sealTunnel(outer, 1, udp(9))), ether(sealTunnel(outer, 2, udp(9))));
    retire(outer);
    await turns();
    expect(log).toEqual([]);
    g.poll(0);
    push(...Array.from({ length: 10 }, (_, i) => ether(udp(9, { sport: i }))));
    await turns();
    expect(log).toEqual(['forget 0']);
    answer();
    await turns();
    expect(log).toEqual(['forget 0', 'free 1 with 2']);
    g.run();
    expect(g.fault()).toBeUndefined();
  });

  it('waits for other lanes, which may have found it inside other ESP, and for what they have handed over', async () => {
    const { g, log, push, retire, answer } = bench();
    push(nested(1));
    g.poll(0);
    push(nested(2));
    retire(inner);
    await turns();
    // The first packet of it is on its way to lane 1; lane 0 has not looked at the second one.
    g.poll(1);
    await turns();
    expect(log).toEqual([]);
    g.poll(0);
    await turns();
    expect(log).toEqual(['forget 1']);
    answer();
    await turns();
    expect(log).toEqual(['forget 1', 'free 2 with 1']);
    g.run();
    expect(g.stats().drops).toEqual({ 'unknown-spi': 1 });
    expect(g.fault()).toBeUndefined();
  });

  it('waits for a hand-over though the ring of the lane that made it has passed', async () => {
    const { g, log, push, retire, answer } = bench();
    push(nested(1));
    g.poll(0);
    retire(inner);
    await turns();
    expect(log).toEqual([]);
    g.poll(1);
    await turns();
    expect(log).toEqual(['forget 1']);
    answer();
    await turns();
    expect(log[1]).toBe('free 2 with 1');
    expect(g.delivered.length).toBe(1);
  });

  it('takes those together that come while it lasts', async () => {
    const { g, log, push, retire, answer } = bench();
    push(ether(sealTunnel(outer, 1, udp(9))));
    const first = retire(outer);
    const second = retire(inner);
    g.run();
    await turns();
    answer();
    await first;
    await turns();
    answer();
    await second;
    expect(log).toEqual(['forget 0', 'free 1 with 1', 'forget 1', 'free 2 with 0']);
  });
});
