/** Flows that whoever knows the key has chosen to hash into one entry of the table. */
import { describe, expect, it } from 'vitest';
import { FlowHasher } from '../../src/hash/flow-hasher.ts';
import { LinearSystem } from '../../src/hash/gf2.ts';
import { keyMap } from '../../src/hash/key-map.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { FlowAccounts } from '../../src/report/flows.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { ether, tcp } from '../support/packets.ts';
import { closingFault, inlineReceiver } from '../support/receivers.ts';

const ENDS = { src: '198.51.100.7', dst: '192.0.2.2', dport: 443 };
const FLOWS = 400;

/** Source ports under which the flow's hash has the same low 7 bits as under port 0: the kernel of seven equations. */
function collidingPorts(count: number): number[] {
  const sport = keyMap(microsoftKey())
    .find(({ type }) => type === 'tcp4')!
    .fields.find(({ name }) => name === 'sport')!;
  const system = new LinearSystem(sport.columns.map((column) => column & 127));
  return Array.from({ length: count }, (_, k) => system.solve(0, k + 1)!);
}

const PORTS = collidingPorts(FLOWS);
const attack = (flow: number, n: number): Uint8Array =>
  ether(tcp(100, { ...ENDS, sport: PORTS[flow], seq: 1 + 100 * n }));

/** The queue of each packet of a receiver of four. */
function queueOf(frame: Uint8Array): number {
  const d = new Dissection();
  dissect(frame, 0, frame.length, 1, d);
  return (new FlowHasher({ key: microsoftKey() }).hash(frame, d) & 127) % 4;
}
const ATTACKED = queueOf(attack(0, 0));

/** Flows of others, on the three other queues. */
const HONEST = Array.from({ length: 40 }, (_, i) => 2000 + i).filter(
  (sport) => queueOf(ether(tcp(1, { sport }))) !== ATTACKED,
);

describe('a flood of flows with colliding hashes', () => {
  it('is one entry of the table', () => {
    expect(new Set(PORTS).size).toBe(FLOWS);
    const hasher = new FlowHasher({ key: microsoftKey() });
    const d = new Dissection();
    const indices = PORTS.map((_, flow) => {
      const frame = attack(flow, 0);
      dissect(frame, 0, frame.length, 1, d);
      return hasher.hash(frame, d) & 127;
    });
    expect(new Set(indices).size).toBe(1);
  });

  it('fills its own ring, is counted as full, and costs other queues nothing', async () => {
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { rx, delivered } = await inlineReceiver({
      queues: 4,
      ring: 128,
      full: 'drop',
      gro: false,
      // whoever serves the attacked queue cannot follow
      onPackets: (batch) => (batch.lane === ATTACKED ? gate : undefined),
    });
    let refused = 0;
    let sent = 0;
    for (let n = 0; n < 10; n++) {
      for (let flow = 0; flow < FLOWS; flow++) {
        if (!rx.push(attack(flow, n))) refused++;
        if (flow % 10 !== 0) continue;
        const sport = HONEST[sent % HONEST.length];
        expect(rx.push(ether(tcp(100, { sport, seq: 1 + 100 * Math.floor(sent / HONEST.length) })))).toBe(true);
        sent++;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    // the ring, and what the consumer holds
    expect(refused).toBeGreaterThanOrEqual(10 * FLOWS - 128 - 64);
    expect(delivered.filter((p) => p.lane !== ATTACKED).length).toBe(sent);
    release();
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.drops).toEqual({ full: refused });
    const { packets, segments } = stats.queues[ATTACKED];
    expect(packets - segments).toBe(refused);
    for (const queue of stats.queues) {
      if (queue.queue !== ATTACKED) expect(queue.segments).toBe(queue.packets);
    }
  });

  it('evicts from GRO what it holds there, and is delivered whole and in order', async () => {
    const { rx, delivered } = await inlineReceiver({ queues: 1 });
    for (let n = 0; n < 4; n++) for (let flow = 0; flow < FLOWS; flow++) rx.push(attack(flow, n));
    const stats = await rx.close();
    expect(closingFault(stats)).toBeUndefined();
    expect(stats.queues[0].segments).toBe(4 * FLOWS);
    expect(stats.queues[0].flushes.evicted).toBeGreaterThan(3 * FLOWS);
    const next = new Map<number, number>();
    for (const { bytes } of delivered) {
      const at = new DataView(bytes.buffer, bytes.byteOffset);
      const sport = at.getUint16(34);
      expect(at.getUint32(38)).toBe(next.get(sport) ?? 1);
      next.set(sport, at.getUint32(38) + bytes.length - 54);
    }
    expect(next.size).toBe(FLOWS);
  });

  it('is as many flows of an account as there are', () => {
    const accounts = new FlowAccounts({ digest: 'none' });
    for (let n = 0; n < 2; n++) {
      for (let flow = 0; flow < FLOWS; flow++) {
        const frame = attack(flow, n);
        accounts.add(frame, frame.length, 14, 2, 0, 0, 0, 0, 1, n * FLOWS + flow, n * FLOWS + flow, 0, 1);
      }
    }
    expect(accounts.report().map(({ packets, payloadBytes }) => [packets, payloadBytes])).toEqual(
      Array(FLOWS).fill([2, 200]),
    );
  });
});
