/** The kernel that makes rows does what the lane's own code does with the same packets, whatever they are. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { Crypto, createSas, type SaConfig, sealTransport, sealTunnel } from '../../src/esp/index.ts';
import type { Batch } from '../../src/lane/batch.ts';
import { FastPath } from '../../src/lane/fast-path.ts';
import { mutate, randomNumbers } from '../support/corpus.ts';
import { LaneBench, type LaneBenchOptions } from '../support/lane-bench.ts';
import { ether, fill, ip, tcp, udp } from '../support/packets.ts';

const hidden = vi.hoisted(() => ({ take: false }));
vi.mock('../../src/kernels/create.ts', async (original) => {
  const actual = await original<typeof import('../../src/kernels/create.ts')>();
  const createKernels: typeof actual.createKernels = (memory, bytes) => {
    const { take, ...others } = actual.createKernels(memory, bytes);
    return hidden.take || take === undefined ? others : { ...others, take };
  };
  return { createKernels };
});

const GCM = { aead: 'aes-gcm', key: '000102030405060708090a0b0c0d0e0f10111213' } as const;
const NULL = { cipher: 'null', auth: 'none' } as const;
const SHA1 = { auth: 'hmac-sha1', authKey: '33'.repeat(20) } as const;
const ENDS = { src: '192.0.2.1', dst: '192.0.2.2' };
const ENDS6 = { src: '2001:db8::1', dst: '2001:db8::2' };
const one = (more: Partial<SaConfig>): Omit<SaConfig, 'spi'> => ({
  mode: 'tunnel',
  transform: GCM,
  replayWindow: 64,
  ...ENDS,
  ...more,
});
const SAS = createSas(
  [
    one({}),
    one({ transform: NULL }),
    one({ transform: NULL, encap: 'udp' }),
    one({ esn: true, initialSeq: '0xfffffff0' }),
    one({ ...ENDS6 }),
    one({ ...ENDS6, encap: 'udp', trustIcv: true }),
    one({ transform: { cipher: 'null', ...SHA1 }, replayWindow: 32 }),
    one({ transform: { cipher: 'aes-cbc', key: '11'.repeat(16), ...SHA1 } }),
    one({ transform: { aead: 'aes-gmac', key: GCM.key } }),
    one({ transform: { aead: 'chacha20-poly1305', key: '00'.repeat(36) } }),
    one({ mode: 'transport' }),
    one({ mode: 'any' }),
    one({ limits: { hard: { packets: 20 } } }),
    one({ selectors: [{ proto: 'tcp' }] }),
  ].map((sa, i) => ({ ...sa, spi: 0x1001 + i })),
);

/** A packet of one of many kinds, as numbers say. */
interface Kind {
  readonly sa: number;
  readonly inner: number;
  readonly sequence: number;
  readonly length: number;
  readonly tfc: number;
  readonly tos: number;
  readonly mutation: number;
  readonly tags: number;
  readonly end: boolean;
}

/** Numbers go up by themselves; `jump` is how far one is away from that. */
function frames(kinds: readonly Kind[]): { frame: Uint8Array; end: boolean }[] {
  const sent = SAS.map(({ initialSeq }) => initialSeq + 1n);
  const streams = new Array<number>(16).fill(1);
  return kinds.map((kind, i) => {
    const { sa: which, inner, sequence, length, tos, mutation, end } = kind;
    const sa = SAS[which % SAS.length];
    const six = inner % 3 === 2;
    const ends = sa.mode === 'tunnel' ? (six ? ENDS6 : { src: '10.1.0.1', dst: '10.1.0.2' }) : ENDS;
    const seq = streams[inner & 7];
    if (inner < 8) streams[inner & 7] += length;
    const packet =
      inner < 8
        ? tcp(length, { ...ends, seq, sport: 40_000 + inner, tos: tos & 3 })
        : inner < 11
          ? udp(length, { ...ends, sport: inner === 10 ? 4500 : 5000 })
          : inner === 11
            ? ip(1, fill(length, i), ends)
            : tcp(length, { ...ends, flags: inner === 12 ? 0x18 : 0x14, seq });
    let frame = ether(packet);
    if (which < SAS.length) {
      const at = sent[which] + BigInt(sequence);
      const number = at > sa.initialSeq ? at : sa.initialSeq + 1n;
      sent[which]++;
      const sealed =
        sa.mode === 'transport'
          ? sealTransport(sa, number, packet)
          : sealTunnel(sa, number, packet, { tfcPadding: kind.tfc });
      if ((tos & 4) !== 0 && sealed[0] >> 4 === 4) sealed[1] |= tos & 3;
      frame = ether(sealed);
    }
    for (let tag = 0; tag < kind.tags; tag++) {
      frame = Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, 0, tag + 1, ...frame.subarray(12));
    }
    return { frame: mutation === 0 ? frame : mutate(frame, randomNumbers(mutation)), end };
  });
}

function outcome(input: readonly { frame: Uint8Array; end: boolean }[], options: LaneBenchOptions): unknown {
  const rows: unknown[] = [];
  const onPackets = (batch: Batch): void => {
    for (let i = 0; i < batch.length; i++) {
      const facts = [batch.hash(i), batch.hashValid(i), batch.unit(i), batch.seconds(i), batch.nanos(i)];
      rows.push([
        ...facts,
        batch.wireLength(i),
        batch.vlan(i),
        batch.protocol(i),
        batch.linkType(i),
        batch.tunnelId(i),
      ]);
    }
  };
  const bench = new LaneBench({ ...options, sas: SAS, onPackets });
  const delivered = [];
  for (let i = 0; i < input.length; i++) {
    bench.push(input[i].frame, { end: input[i].end });
    if (input[i].end || i % 200 === 199) delivered.push(...bench.run());
  }
  bench.mark();
  delivered.push(...bench.run());
  expect(bench.unaccounted()).toBe(0);
  const { polls: _, ...counts } = bench.counts();
  return {
    delivered: delivered.map(({ bytes, ...more }) => ({ ...more, bytes: Buffer.from(bytes).toString('hex') })),
    rows,
    counts,
    sas: bench.sas(),
  };
}

/** What the kernel takes: tunnels without more about them, that something else than node:crypto opens; and packets in clear. */
const crypto = new Crypto();
const ORDINARY = [
  SAS.length,
  ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((i) => {
    const { backend, bursts } = crypto.choose(SAS[i]);
    return backend !== 'node' || bursts !== undefined || SAS[i].transform.auth === 'none';
  }),
];
crypto.close();

const SETTINGS: Record<string, LaneBenchOptions> = {
  'the defaults': {},
  'deterministic polls': { deterministic: true, full: 'wait' },
  'no GRO, OpenSSL': { gro: false, esp: { sas: SAS, crypto: 'openssl' } },
  'node:crypto, another NAT-T port': { nattPort: 4501, esp: { sas: SAS, crypto: 'node' } },
  'a symmetric hash': { rss: { key: new Uint8Array(40).fill(0x6d), xfrm: 'symmetric-xor' } },
  'addresses alone': {
    rss: { key: Uint8Array.from({ length: 40 }, (_, i) => i * 37), fields: { tcp: 'sd', udp: 'sd' } },
  },
  'tunnels taken off': { gro: { tunnels: 'decap' } },
  'a policy': { esp: { sas: SAS, policy: [{ src: '10.0.0.0/8', proto: 'udp', action: 'protect' }] } },
  'GRO in the order of Linux': { gro: { order: 'linux' } },
};

const kind = fc.record({
  sa: fc.integer({ min: 0, max: SAS.length + 2 }),
  inner: fc.nat({ max: 13 }),
  sequence: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: -70, max: 200 })),
  length: fc.oneof(fc.constant(100), fc.integer({ min: 0, max: 1400 })),
  tfc: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat({ max: 40 })),
  tos: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat({ max: 7 })),
  mutation: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 2 ** 31 - 1 })),
  tags: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat({ max: 6 })),
  end: fc.oneof({ weight: 30, arbitrary: fc.constant(false) }, fc.constant(true)),
});
/** Runs of packets of a kind, as traffic has them. */
const kinds = fc
  .array(fc.tuple(kind, fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 40 }))), { minLength: 1, maxLength: 25 })
  .map((runs) => runs.flatMap(([what, times]) => Array.from({ length: times }, () => what)));

describe('rows by the kernel', () => {
  for (const [name, options] of Object.entries(SETTINGS)) {
    it(`are those of the lane: ${name}`, () => {
      fc.assert(
        fc.property(kinds, (some) => {
          const input = frames(some);
          hidden.take = true;
          const own = outcome(input, options);
          hidden.take = false;
          expect(outcome(input, options)).toEqual(own);
        }),
        { numRuns: 25 },
      );
    });
  }

  it('take all that is ordinary', () => {
    const run = vi.spyOn(FastPath.prototype, 'run');
    for (const which of ORDINARY) {
      run.mockClear();
      // The first packet of an SA says where its peer is.
      const input = frames(
        Array.from({ length: 64 }, () => ({
          sa: which,
          inner: 0,
          sequence: 0,
          length: 100,
          tfc: 0,
          tos: 0,
          mutation: 0,
          tags: 0,
          end: false,
        })),
      );
      outcome(input, {});
      // ESN: the one that begins the next half.
      const ordinary = run.mock.results.reduce((sum, { value }) => sum + value, 0);
      expect(ordinary, `SA ${which}`).toBe(which === SAS.length ? 64 : which === 3 ? 62 : 63);
    }
    run.mockRestore();
  });
});
