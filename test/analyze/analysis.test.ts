/** Counts of an analysis against a steerer that is asked about every packet. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Analysis } from '../../src/analyze/analysis.ts';
import { describeAnalysis } from '../../src/analyze/describe.ts';
import { CaptureSession, nicScenarios, planScenarios, type Scenario } from '../../src/analyze/index.ts';
import { readCapture } from '../../src/capture/index.ts';
import { microsoftKey, seededKey } from '../../src/hash/keys.ts';
import { NIC_PROFILES } from '../../src/steer/nic/index.ts';
import { Steerer } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { CAPTURES, captureFrames, mutate, randomNumbers, sampleFrames } from '../support/corpus.ts';
import { fragments } from '../support/packets.ts';
import { analyze, feed, packetOf, type Timed, timed } from './traffic.ts';

const random = randomNumbers(7);
const frames: Timed[] = [...sampleFrames(), ...captureFrames(CAPTURES, 150)].flatMap(({ bytes, linkType }) =>
  // flows repeat, and some are damaged
  [bytes, bytes, random(4) === 0 ? mutate(bytes, random) : bytes].map((frame) => ({ frame, linkType, at: 0 })),
);
const mixed = frames
  .map((packet) => ({ packet, order: random(1 << 20) }))
  .sort((a, b) => a.order - b.order)
  .map(({ packet }, i): Timed => ({ ...packet, at: i * 40_000 }));

const given: Scenario[] = [
  ...nicScenarios(
    NIC_PROFILES.map(({ name }) => name),
    [5, 8],
  ),
  { name: 'inner', kind: 'given', steering: { queues: 4, level: 'inner' } },
  {
    name: 'octeontx2 esp',
    kind: 'given',
    steering: { queues: 4, nic: 'octeontx2', fields: { esp: 'sdfn', ah: 'sdfn' } },
  },
  { name: 'sort', kind: 'given', steering: { queues: 4, xfrm: 'sort', hfunc: 'xxh32' } },
  {
    name: 'discard',
    kind: 'given',
    steering: { queues: 4, key: microsoftKey(52), fields: { esp: 'r', ether: 'mvt', gtpu: 'sdfne' } },
  },
  {
    name: 'rules',
    kind: 'given',
    steering: {
      queues: 4,
      rules: ['flow-type esp4 action 3', 'flow-type tcp4 dst-port 443 action -1', 'flow-type udp4 context 1'],
      contexts: { 1: { indirection: { equal: 2, start: 2 } } },
    },
  },
];

interface Counts {
  packets: number[];
  bytes: number[];
  dropped: number;
}

function naive({ steering }: Scenario, packets: readonly Timed[]): Counts {
  const steerer = new Steerer(steering);
  const d = new Dissection();
  const counts = {
    packets: new Array<number>(steering.queues).fill(0),
    bytes: new Array<number>(steering.queues).fill(0),
    dropped: 0,
  };
  for (const { frame, linkType = 1 } of packets) {
    dissect(frame, 0, frame.length, linkType, d);
    const queue = steerer.steer(frame, d);
    if (queue < 0) counts.dropped++;
    else {
      counts.packets[queue]++;
      counts.bytes[queue] += frame.length;
    }
  }
  return counts;
}

describe('an analysis', () => {
  const scenarios = planScenarios({ given, queues: [4, 8] });
  it.each([
    ['all flows kept', 1 << 12],
    ['a sample of the flows', 16],
  ])('steers every packet as its scenario does: %s', (_what, flowLimit) => {
    const service = { rate: 20_000, ring: 8 };
    const report = describeAnalysis(feed(new Analysis({ scenarios, flowLimit, service }), mixed), { files: [] });
    expect(report.flows.exact).toBe(flowLimit > 16);
    expect(report.scenarios.length).toBeGreaterThan(30);
    report.scenarios.forEach((scenario, i) => {
      const expected = naive(scenarios[i], mixed);
      expect(
        scenario.queues.map(({ packets }) => packets),
        scenario.name,
      ).toEqual(expected.packets);
      expect(
        scenario.queues.map(({ bytes }) => bytes),
        scenario.name,
      ).toEqual(expected.bytes);
      expect(scenario.dropped, scenario.name).toBe(expected.dropped);
      const { depth } = scenario.measures;
      expect(depth!.queues.every(({ max }) => max <= 8)).toBe(true);
    });
  });

  it('counts windows, buckets and queues alike', () => {
    const analysis = feed(new Analysis({ scenarios }), mixed);
    analysis.flush();
    for (const { tally, prepared } of analysis.running) {
      const rows = tally.windows.packets;
      for (let queue = 0; queue < tally.queues; queue++) {
        let sum = 0;
        for (let at = queue; at < rows.length; at += tally.queues) sum += rows[at];
        expect(sum).toBe(tally.queuePackets[queue]);
      }
      if (prepared.scenario.steering.rules !== undefined) continue;
      const hashed = tally.bucketPackets.reduce((a, b) => a + b, 0);
      expect(hashed + tally.unhashed + tally.dropped).toBe(mixed.length);
    }
  });

  it('says the same twice, to the byte', () => {
    const text = (): string => JSON.stringify(analyze(mixed, { scenarios, flowLimit: 64 }));
    expect(text()).toBe(text());
  });

  it('counts by length on the wire, and by what was captured', () => {
    const frame = packetOf({ src: '10.0.0.1', dst: '10.0.0.2', sport: 1, dport: 2 });
    const report = analyze([{ frame, at: 0, wire: 1500 }]);
    expect(report.input).toMatchObject({ packets: 1, bytes: frame.length, wireBytes: 1500 });
    expect(report.scenarios[0].queues.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(1500);
  });
});

describe('a session', () => {
  const bytes = (name: string): Uint8Array => readFileSync(new URL(name, CAPTURES));
  const ways: [string, Scenario['steering']][] = [
    ['another table', { queues: 12, tableSize: 64 }],
    ['another key', { queues: 8, key: seededKey('x') }],
    ['a device', { queues: 4, nic: 'ice' }],
    ['a device that must see each packet', { queues: 4, nic: 'linux-rps' }],
    ['rules', { queues: 4, rules: ['flow-type esp4 action 1'] }],
  ];

  it.each(['linux_mx_tunnel_4_raw.pcap', 'scapy_fragments.pcap', 'scapy_neg_replay.pcap'])(
    'says the same as an analysis that reads the packets again: %s',
    (name) => {
      const session = new CaptureSession(bytes(name), name);
      for (const [what, steering] of ways) {
        const scenario: Scenario = { name: what, kind: 'given', steering };
        const analysis = new Analysis({ scenarios: planScenarios({ given: [scenario] }) });
        let at = 0;
        for (const record of readCapture(bytes(name))) {
          const { linkType, seconds, nanos, bytes: frame, wireLength } = record;
          analysis.frame(frame, 0, frame.length, wireLength, linkType, seconds, nanos);
          at++;
        }
        expect(session.packets).toBe(at);
        expect(session.report([scenario]), what).toEqual(describeAnalysis(analysis, { files: [name] }));
      }
      expect(session.report([]).scenarios).toHaveLength(24);
    },
  );

  it('counts frames without a flow by other scenarios too', () => {
    const analysis = new Analysis({ scenarios: planScenarios({ given: [] }), keep: true });
    const packet = packetOf({ src: '10.0.0.1', dst: '10.0.0.2', spi: 1000 });
    const all = new Uint8Array(packet.length + 60);
    all.set(packet);
    all.set([8, 6], packet.length + 12); // ARP
    analysis.frame(all, 0, packet.length, packet.length, 1, 1_700_000_000, 0);
    analysis.frame(all, packet.length, 60, 60, 1, 1_700_000_002, 0);
    // without a time of its own
    analysis.frame(all, packet.length, 60, 60, 1, 0, 0);
    const run = analysis.rerun(all, [{ name: 'x', kind: 'given', steering: { queues: 4, fields: { ether: 'm' } } }])!;
    const [{ tally }] = run.running;
    expect(tally.queuePackets.reduce((a, b) => a + b, 0)).toBe(3);
    expect(tally.unhashed).toBe(0);
    expect([run.windows.used, run.windows.width]).toEqual([analysis.windows.used, analysis.windows.width]);
  });

  it('reports damage, and refuses what is no capture', () => {
    const whole = bytes('scapy_neg_replay.pcap');
    const session = new CaptureSession(whole.subarray(0, whole.length - 9), 'cut');
    expect(session.report([]).damage).toMatchObject({ offset: expect.any(Number) });
    expect(() => new CaptureSession(new Uint8Array(9), 'zeros')).toThrow('expected a pcap or pcapng capture');
  });
});

describe('flows and SAs', () => {
  const pair = { src: '10.0.0.1', dst: '10.0.0.2' };

  it('on queues: by hand', () => {
    const report = analyze(
      timed([
        packetOf({ ...pair, spi: 0x1000 }),
        packetOf({ ...pair, spi: 0x1001 }),
        packetOf({ ...pair, spi: 0x1000 }),
        packetOf({ ...pair, sport: 1, dport: 2 }),
        packetOf({ src: pair.dst, dst: pair.src, sport: 2, dport: 1 }),
      ]),
    );
    expect(report.flows).toMatchObject({ count: 4, exact: true, packets: 5 });
    expect(report.sas).toMatchObject({
      count: 2,
      packets: 3,
      heaviest: [{ spi: '0x00001000', packets: 2, packetShare: 0.4 }, {}],
    });
    for (const { queues, measures, name } of report.scenarios) {
      expect(
        queues.reduce((sum, { flows }) => sum + flows, 0),
        name,
      ).toBe(4);
      expect(
        queues.reduce((sum, { sas }) => sum + sas, 0),
        name,
      ).toBe(2);
      expect(measures.directions.bothWays, name).toBe(1);
    }
    const addresses = report.scenarios.find(({ name }) => name === 'addresses/4')!;
    expect(addresses.queues.filter(({ sas }) => sas > 0)).toHaveLength(1);
  });

  it('directions part, unless the hash is symmetric', () => {
    const flows = Array.from({ length: 64 }, (_, i) => ({ ...pair, sport: 1024 + i, dport: 443 }));
    const packets = timed(
      flows.flatMap((flow) => [
        packetOf(flow),
        packetOf({ src: flow.dst, dst: flow.src, sport: flow.dport, dport: flow.sport }),
      ]),
    );
    const scenario = (xfrm: 'none' | 'symmetric-xor'): Scenario => ({
      name: xfrm,
      kind: 'given',
      steering: { queues: 8, xfrm },
    });
    const report = analyze(packets, { scenarios: [scenario('none'), scenario('symmetric-xor')] });
    const [none, symmetric] = report.scenarios.map(({ measures }) => measures.directions);
    expect(none.bothWays).toBe(64);
    expect(none.parted).toBeGreaterThan(40);
    expect(symmetric).toEqual({ bothWays: 64, parted: 0 });
  });

  it('a NAT that moves an SA splits it, where ports of UDP are hashed', () => {
    const ports = [4500, 50_001, 50_002, 50_003, 50_004, 50_005];
    const packets = timed(ports.map((sport) => packetOf({ ...pair, natt: true, spi: 0x2000, sport, dport: 4500 })));
    const report = analyze(packets);
    const split = (name: string): number => report.scenarios.find((s) => s.name === name)!.measures.reordering.splitSas;
    expect(report.sas.count).toBe(1);
    expect([split('addresses/8'), split('ports/8'), split('spi-natt/8')]).toEqual([0, 1, 0]);
  });

  it('sequence numbers in the hash spray an SA, and it is told', () => {
    const packets = timed(
      Array.from({ length: 400 }, (_, i) => {
        const frame = packetOf({ ...pair, spi: 0x3000 });
        new DataView(frame.buffer).setUint32(38, i);
        return frame;
      }),
    );
    const steering = { queues: 4, nic: 'octeontx2', fields: { esp: 'sdfn', ah: 'sdfn' } };
    const report = analyze(packets, { scenarios: planScenarios({ given: [{ name: 'o', kind: 'given', steering }] }) });
    const { reordering } = report.scenarios[0].measures;
    expect(reordering.splitSas).toBe(1);
    expect(reordering.strays).toBeGreaterThan(200);
    expect(report.verdict.map(({ cause }) => cause)).toContain('reordering');
  });

  it('fragments that land apart from the whole packets of their flow are found', () => {
    const packets: Uint8Array[] = [];
    for (let i = 0; i < 32; i++) {
      const udp = packetOf({ ...pair, proto: 'udp', sport: 1000 + i, dport: 53 });
      packets.push(udp);
      const long = new Uint8Array(20 + 64);
      long.set(udp.subarray(14, 14 + 28));
      long[3] = long.length;
      for (const piece of fragments(long, 32, i)) {
        const frame = new Uint8Array(14 + piece.length);
        frame.set([8, 0], 12);
        frame.set(piece, 14);
        packets.push(frame);
      }
    }
    const report = analyze(timed(packets));
    const apart = (name: string) => report.scenarios.find((s) => s.name === name)!.measures.reordering;
    expect(apart('addresses/8')).toMatchObject({ fragmentedFlows: 0, fragments: 0 });
    expect(apart('ports/8').fragmentedFlows).toBeGreaterThan(20);
    expect(apart('ports/8').fragments).toBe(apart('ports/8').fragmentedFlows);
  });
});

describe('time', () => {
  it('shows what the whole hides: two halves on one queue each', () => {
    const pair = { src: '10.0.0.1', dst: '10.0.0.2' };
    const [a, b] = [0x1000, 0x1001].map((spi) => packetOf({ ...pair, spi }));
    const scenario: Scenario = {
      name: 'two',
      kind: 'given',
      steering: { queues: 2, rules: ['flow-type esp4 spi 0x1000 action 0', 'flow-type esp4 spi 0x1001 action 1'] },
    };
    const packets = Array.from({ length: 2000 }, (_, i): Timed => ({ frame: i < 1000 ? a : b, at: i * 1e6 }));
    const [{ measures }] = analyze(packets, { scenarios: [scenario] }).scenarios;
    expect(measures.packets.maxOverMean).toBe(1);
    expect(measures.overTime).toMatchObject({ packets: { p50: 2, max: 2 } });
    expect(analyze(packets.slice(0, 3), { scenarios: [scenario] }).scenarios[0].measures.overTime).toBeNull();
  });

  it('of packets without one is that of the packet before', () => {
    const analysis = new Analysis({ scenarios: planScenarios({ given: [] }) });
    const frame = packetOf({ src: '10.0.0.1', dst: '10.0.0.2', spi: 1000 });
    for (const seconds of [1_700_000_000, 0, 0, 1_700_000_001])
      analysis.frame(frame, 0, frame.length, 60, 1, seconds, 0);
    expect(describeAnalysis(analysis, { files: [] }).input.seconds).toBeLessThan(3);
  });
});

describe('what cannot be', () => {
  it('throws at once', () => {
    expect(() => new Analysis({ scenarios: [] })).toThrow('scenarios: expected one or more');
    const scenarios = planScenarios({ given: [] });
    expect(() => new Analysis({ scenarios, flowLimit: 3 })).toThrow('flowLimit');
    expect(() => new Analysis({ scenarios, service: { rate: 0, ring: 4 } })).toThrow('service.rate');
    expect(() =>
      planScenarios({ given: [{ name: 'x', kind: 'given', steering: { queues: 4, nic: 'nope' } }] }),
    ).toThrow('nic');
  });
});

it('more flows than are kept: bounded, the load of every queue exact, heavy ones found', () => {
  const analysis = new Analysis({ scenarios: planScenarios({ given: [], queues: [8] }), flowLimit: 4096 });
  const frame = packetOf({ src: '10.0.0.1', dst: '10.0.0.2', sport: 1, dport: 443 });
  const heavy = packetOf({ src: '192.0.2.1', dst: '10.0.0.2', sport: 1, dport: 443 });
  const view = new DataView(frame.buffer);
  for (let i = 0; i < 200_000; i++) {
    view.setUint32(26, 0x0a000000 + i * 7);
    analysis.frame(frame, 0, frame.length, 100, 1, 1_700_000_000, i * 1000);
    if (i % 4 === 0) analysis.frame(heavy, 0, heavy.length, 1000, 1, 1_700_000_000, i * 1000);
  }
  const { flows, scenarios, verdict } = describeAnalysis(analysis, { files: [] });
  expect(flows).toMatchObject({ exact: false, sample: { limit: 4096 } });
  expect(Math.abs(flows.count / 200_000 - 1)).toBeLessThan(0.1);
  // a fifth of the packets in one flow: 1 / (0.2 ** 2), and next to nothing of the others
  expect(Math.abs(flows.effective / 25 - 1)).toBeLessThan(0.05);
  expect(flows.heaviest[0]).toMatchObject({ src: '192.0.2.1' });
  expect(flows.heaviest[0].packets).toBeLessThanOrEqual(50_000);
  expect(flows.heaviest[0].packets + flows.sample!.shortPackets).toBeGreaterThanOrEqual(50_000);
  expect(verdict[0].cause).toBe('elephant');
  for (const { queues } of scenarios) {
    expect(queues.reduce((sum, { packets }) => sum + packets, 0)).toBe(250_000);
    expect(queues.reduce((sum, one) => sum + one.flows, 0)).toBe(flows.count);
  }
});
