/** The right cause for what holds traffic back, and what it rests on. */
import { describe, expect, it } from 'vitest';
import { planScenarios, type Scenario } from '../../src/analyze/index.ts';
import { CAUSES, type Cause, type VerdictEntry } from '../../src/analyze/report.ts';
import { symmetricKey } from '../../src/hash/keys.ts';
import type { SteererOptions } from '../../src/steer/options.ts';
import { fragments } from '../support/packets.ts';
import { analyze, packetOf, spis, timed } from './traffic.ts';

const pair = { src: '192.0.2.1', dst: '192.0.2.2' };

function verdict(frames: readonly Uint8Array[], steering?: SteererOptions): VerdictEntry[] {
  const given: Scenario[] = steering === undefined ? [] : [{ name: 'mine', kind: 'given', steering }];
  return [...analyze(timed(frames), { scenarios: planScenarios({ given }) }).verdict];
}

function repeat(frames: readonly Uint8Array[], times: number): Uint8Array[] {
  return Array.from({ length: frames.length * times }, (_, i) => frames[i % frames.length]);
}

const causes = (entries: readonly VerdictEntry[]): Cause[] =>
  entries.filter(({ severity }) => severity === 'cause').map(({ cause }) => cause);
const entry = (entries: readonly VerdictEntry[], cause: Cause): VerdictEntry =>
  entries.find((one) => one.cause === cause)!;

const manySas = spis(64).map((spi) => packetOf({ ...pair, spi }));
const manyNatt = spis(64).map((spi) => packetOf({ ...pair, spi, natt: true }));
const clear = Array.from({ length: 4000 }, (_, i) =>
  packetOf({ src: `10.0.${i & 63}.${i % 200}`, dst: pair.dst, sport: 1024 + ((i * 7919) % 60000), dport: 443 }),
);

describe('the verdict', () => {
  it('one SA: no hash helps, more SAs do', () => {
    const entries = verdict(repeat([packetOf({ ...pair, spi: 0x1001 })], 1000));
    expect(causes(entries)).toEqual(['one-sa']);
    const { evidence, remedies } = entry(entries, 'one-sa');
    expect(evidence).toMatchObject({ packetShare: 1, timesFairShare: 8, bound: 8, sas: 1, queues: 8 });
    expect(remedies[0]).toMatchObject({
      before: 8,
      after: 1,
      commands: [expect.stringContaining('per_cpu_sas = yes')],
    });
  });

  it('one SA a peer pair: each too heavy', () => {
    const peers = [1, 2, 3, 4].map((n) => packetOf({ src: `192.0.2.${n}`, dst: '192.0.2.9', spi: 0x1000 + n }));
    const found = entry(verdict(repeat(peers, 500)), 'one-sa');
    expect(found.evidence).toMatchObject({ heavySas: 4, addressPairs: 4, bound: 2 });
    expect(found.remedies[0]).toMatchObject({ before: 2, after: 1 });
  });

  it('many SAs between one pair: hash the SPI', () => {
    const entries = verdict(repeat(manySas, 50));
    expect(causes(entries)[0]).toBe('spi-unhashed');
    const { evidence, remedies } = entry(entries, 'spi-unhashed');
    expect(evidence).toMatchObject({ sas: 64, addressPairs: 1, maxOverMean: 8, idleQueues: 7, idleWithSpi: 0 });
    expect(remedies[0]).toMatchObject({
      before: 8,
      scenario: 'spi/8',
      commands: ['ethtool -N DEV rx-flow-hash esp4 sdfn'],
    });
    expect(remedies[0].after).toBeLessThan(2);
    expect(remedies[1].commands.at(-1)).toContain('rps_cpus');
    expect(remedies[2].commands[0]).toMatch(/^ethtool -N DEV flow-type esp4 spi 0x[0-9a-f]{8} action 0$/);
  });

  it.each([
    ['vmxnet3', /^Let vmxnet3/, 1],
    ['ixgbe', /^ixgbe does not/, 0],
    ['octeontx2', /only together with the sequence number/, 0],
  ])('many SAs on %s: what that device can', (nic, says, commands) => {
    const [remedy] = entry(verdict(repeat(manySas, 50), { queues: 8, nic }), 'spi-unhashed').remedies;
    expect(remedy.says).toMatch(says);
    expect(remedy.commands).toHaveLength(commands);
  });

  it('many SAs on a device that hashes the SPI: no cause there', () => {
    expect(causes(verdict(repeat(manySas, 50), { queues: 4, nic: 'mlx5' }))).not.toContain('spi-unhashed');
  });

  it('SAs over IPv6: the commands are of IPv6', () => {
    const six = spis(64).map((spi) => packetOf({ src: '2001:db8::1', dst: '2001:db8::2', spi }));
    const { remedies } = entry(verdict(repeat(six, 20)), 'spi-unhashed');
    expect(remedies[0].commands).toEqual(['ethtool -N DEV rx-flow-hash esp6 sdfn']);
    expect(remedies[2].commands[0]).toContain('flow-type esp6');
  });

  it('NAT-T on one port: a port for each SA', () => {
    const entries = verdict(repeat(manyNatt, 50));
    expect(causes(entries)[0]).toBe('natt-one-port');
    const { evidence, remedies } = entry(entries, 'natt-one-port');
    expect(evidence).toMatchObject({ nattSas: 64, udpEndpointPairs: 1, nattShare: 1, maxOverMean: 8 });
    expect(remedies[0].commands[0]).toContain('per_cpu_sas = encap');
  });

  it('NAT-T with a port for each SA: no cause', () => {
    const ports = spis(64).map((spi, i) => packetOf({ ...pair, spi, natt: true, sport: 20_000 + 7 * i, dport: 4500 }));
    expect(causes(verdict(repeat(ports, 50)))).not.toContain('natt-one-port');
  });

  it('a periodic key: another one', () => {
    const halves = Array.from({ length: 64 }, (_, i) => packetOf({ ...pair, spi: 0x00010001 * (i + 1) }));
    const entries = verdict(repeat(halves, 50), { queues: 8, key: symmetricKey() });
    expect(causes(entries)[0]).toBe('periodic-key');
    const { evidence, remedies } = entry(entries, 'periodic-key');
    expect(evidence).toMatchObject({ scenario: 'mine/8', maxOverMean: 8 });
    expect(remedies[0].after).toBeLessThan(2);
    expect(remedies[0].commands[0]).toContain('hkey');
    const harmless = entry(verdict(clear, { queues: 8, key: symmetricKey() }), 'periodic-key');
    expect(harmless.severity).toBe('note');
  });

  it('a table that the queues do not divide', () => {
    const found = entry(verdict(clear, { queues: 12 }), 'table-not-multiple');
    // ceil(128 / 12) * 12 / 128
    expect(found.evidence).toMatchObject({ tableSize: 128, queues: 12, unavoidable: 1.03125 });
    expect(found.remedies[0].commands).toContain('ethtool -X DEV equal 8');
    expect(causes(verdict(clear, { queues: 8 }))).not.toContain('table-not-multiple');
  });

  it('an elephant: a queue of its own', () => {
    const flow = packetOf({ ...pair, sport: 5001, dport: 80 });
    const entries = verdict(clear.flatMap((frame) => [frame, flow]));
    expect(causes(entries)[0]).toBe('elephant');
    const { evidence, remedies } = entry(entries, 'elephant');
    expect(evidence).toMatchObject({ flow: 'tcp4 192.0.2.1:5001 > 192.0.2.2:80', packetShare: 0.5, bound: 4 });
    expect(remedies[0].commands[0]).toBe(
      'ethtool -N DEV flow-type tcp4 src-ip 192.0.2.1 dst-ip 192.0.2.2 src-port 5001 dst-port 80 action 7',
    );
  });

  it('clear TCP: balanced, and no ESP', () => {
    expect(verdict(clear).map(({ cause, severity }) => [cause, severity])).toEqual([
      ['balanced', 'note'],
      ['no-esp', 'note'],
    ]);
  });

  it('a few SAs of as many peers: dice', () => {
    const peers = spis(24).map((spi, n) =>
      packetOf({ src: `10.${(n * 37) & 255}.${(n * n * 101) & 255}.${(n * 53) & 255}`, dst: '192.0.2.9', spi }),
    );
    const found = entry(verdict(repeat(peers, 100)), 'few-units');
    expect(found.evidence).toMatchObject({ units: 24, effectiveUnits: 24, queues: 8, bound: 1 });
    expect(found.remedies[0].commands[0]).toContain('rxsteer key place');
  });

  it('fragments: said, with their share', () => {
    const long = new Uint8Array(84);
    long.set(packetOf({ ...pair, proto: 'udp', sport: 7, dport: 8 }).subarray(14));
    long[3] = long.length;
    const pieces = fragments(long, 32).map((piece) => new Uint8Array([...new Uint8Array(12), 8, 0, ...piece]));
    const found = entry(verdict(repeat(pieces, 200)), 'fragments');
    expect(found).toMatchObject({ severity: 'cause', evidence: { fragmentShare: 1 } });
  });

  it('nothing at all: said', () => {
    expect(verdict([]).map(({ cause }) => cause)).toEqual(['empty']);
  });

  it('frames that are no IP: they have no hash', () => {
    const arp = new Uint8Array(60);
    arp.set([8, 6], 12);
    const entries = verdict([...repeat([arp], 4000), ...clear]);
    expect(causes(entries)).toEqual(['unhashed']);
    expect(entry(entries, 'unhashed').evidence).toMatchObject({ unhashedShare: 0.5 });
    expect(causes(verdict(repeat([arp], 100)))).toEqual(['unhashed']);
  });

  it('has only causes that the catalogue has', () => {
    for (const { cause } of verdict(repeat([...manySas, ...manyNatt], 9))) expect(CAUSES).toContain(cause);
  });
});
