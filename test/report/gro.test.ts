/** Every case of the corpus, as every kernel gave it: the machine around GRO, with ESP opened inside it. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/capture/index.ts';
import { createSas } from '../../src/esp/index.ts';
import { LINUX_VERSIONS, type LinuxVersion } from '../../src/gro/index.ts';
import { type GroReport, runGro } from '../../src/report/gro.ts';
import { groText } from '../../src/report/gro-text.ts';
import { styleFor } from '../../src/report/terminal.ts';
import { CAPTURES, type ExpectedFrame, type OracleCase, readCases, readPcap, sha256 } from '../gro/oracle.ts';

const cases = readCases();

const run = (name: string, c: OracleCase, as: LinuxVersion, out?: string): Promise<GroReport> =>
  runGro({
    file: fileURLToPath(new URL(`${name}.pcap`, CAPTURES)),
    hashes: c.hashes ?? 'zero',
    as,
    polls: c.polls,
    udp: c.udp ?? 'off',
    vlanStripped: c.vlan_stripped ?? false,
    nattGro: c.natt_gro ?? true,
    sas: createSas(c.sas ?? []),
    crypto: 'node',
    ...(c.gro_max === undefined ? {} : { maxSize: c.gro_max }),
    ...(c.gro_max4 === undefined ? {} : { maxSize4: c.gro_max4 }),
    ...(c.vxlan === undefined ? {} : { vxlan: c.vxlan }),
    ...(c.geneve === undefined ? {} : { geneve: c.geneve }),
    ...(out === undefined ? {} : { out }),
  });

function likeExpected(report: GroReport, expected: readonly ExpectedFrame[]): ExpectedFrame[] {
  return report.frames.map((f, i) => {
    const out: ExpectedFrame = { gso_size: f.gsoSize, gso_segs: f.gsoSegs, from: [...f.from] };
    if (f.fromWire) out.wire = true;
    if (f.gsoSegs === 0) return { ...out, sha256: f.sha256 };
    out.gso_type = f.gsoType;
    out.sha256_l4zero = f.sha256L4Zero;
    if (expected[i]?.sha256_l4full !== undefined) out.sha256_l4full = f.sha256;
    return out;
  });
}

describe.each(LINUX_VERSIONS)('%s', (as) => {
  it('makes what that kernel made of every case', async () => {
    let compared = 0;
    for (const [name, c] of Object.entries(cases)) {
      const expected = c.as.includes(as) ? c.expect : c.differs?.[as];
      if (expected === undefined) continue;
      expect(likeExpected(await run(name, c, as), expected), name).toEqual(expected);
      compared++;
    }
    expect(compared).toBeGreaterThanOrEqual(as === 'linux-6.1' ? 364 : 378);
  }, 120_000);
});

describe('the report', () => {
  it('counts why, says what was not delivered, and writes what came out', async () => {
    const out = join(mkdtempSync(join(tmpdir(), 'rxsteer-')), 'out.pcapng');
    const c = cases.esp_tunnel_inner_badcsum;
    const report = await run('esp_tunnel_inner_badcsum', c, 'linux-6.18', out);
    expect(report).toMatchObject({
      schema: 'rxsteer.gro/1',
      input: { packets: 6 },
      notDelivered: [],
      flushes: { poll: 1, 'tcp-sequence': 1 },
      passes: { 'tcp-checksum': 1 },
    });
    const written = [...readCapture(readFileSync(out))].map((record) => sha256(record.bytes));
    expect(written).toEqual(report.frames.map((f) => f.sha256));
    const text = groText(report, styleFor({}, {}));
    expect(text).toMatch(/^6 frames in, 3 out, 2 of them merged/);
    expect(text).toMatch(/tcp-sequence +1/);
  });

  it('a packet that fails is not delivered, one of an unknown SPI is passed up as it came', async () => {
    const c = cases.esp_two_sa_one_flow;
    const [first, second] = c.sas ?? [];
    const frames = (await run('esp_two_sa_one_flow', { ...c, sas: [first] }, 'linux-6.18')).frames;
    expect(frames.filter((f) => f.fromWire).map((f) => f.from)).not.toEqual([]);
    const wrong = { ...second, spi: first.spi };
    const report = await run('esp_two_sa_one_flow', { ...c, sas: [wrong] }, 'linux-6.18');
    expect(report.frames.every((f) => f.fromWire)).toBe(true);
    expect(report.notDelivered.length + report.frames.length).toBe(6);
  });

  it('stripped tags come back with their TPID; hashes are needed for every frame; only Ethernet', async () => {
    const [frame, second] = readPcap(new URL('vlan_accel_same.pcap', CAPTURES));
    const service = frame.slice();
    service.set([0x88, 0xa8], 12);
    const path = join(mkdtempSync(join(tmpdir(), 'rxsteer-')), 'in.pcap');
    let next = second;
    const capture = (linkType: number): void => {
      const head = Buffer.alloc(40);
      head.writeUInt32LE(0xa1b2c3d4);
      head.writeUInt16LE(2, 4);
      head.writeUInt16LE(4, 6);
      head.writeUInt32LE(65_535, 16);
      head.writeUInt32LE(linkType, 20);
      head.writeUInt32LE(service.length, 32);
      head.writeUInt32LE(service.length, 36);
      writeFileSync(path, Buffer.concat([head, service, head.subarray(24), next]));
    };
    const options = { file: path, hashes: 'compute', as: 'linux-6.18', udp: 'off', nattGro: true, sas: [] } as const;
    capture(1);
    // The next segment with the same tag of another type: of another flow.
    const frames = (await runGro({ ...options, vlanStripped: true })).frames;
    expect(frames.map((f) => f.sha256)).toEqual([sha256(service), sha256(second)]);
    next = second.slice();
    next.set([0x88, 0xa8], 12);
    capture(1);
    expect((await runGro({ ...options, vlanStripped: true })).frames.map((f) => f.gsoSegs)).toEqual([2]);
    await expect(runGro({ ...options, vlanStripped: true, hashes: [] })).rejects.toThrow('--hashes');
    capture(101);
    await expect(runGro({ ...options, vlanStripped: false })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_CAPTURE_FORMAT' }),
    );
  });
});
