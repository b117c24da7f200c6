/** What other software sent: every SA of every capture opens exactly what its manifest says. */
import { describe, expect, it } from 'vitest';
import { SaTable } from '../../src/esp/index.ts';
import { createKernels } from '../../src/kernels/index.ts';
import { Bench, espPackets, manifest, manifestSas } from './support.ts';

const whole = manifest().filter((capture) => capture.frames?.ip_fragments === undefined);

describe.each(whole)('$file', (capture) => {
  const sas = manifestSas(capture);
  const packets = espPackets(capture.file);

  function counts(bench: Bench): unknown[] {
    const table = SaTable.create(sas);
    for (const { dst, spi, packet } of packets) {
      const sa = table.lookup(dst, 0, dst.length === 16, spi);
      if (sa >= 0) bench.open(packet, sa);
    }
    return sas.map((_, i) => bench.state.counts(i));
  }

  const expected = capture.sas.map((sa) => ({
    packets: sa.ok + sa.dummy + Object.values(sa.fail).reduce((sum, n) => sum + n, 0),
    opened: sa.ok,
    dummy: sa.dummy,
    failed: {
      icv: sa.fail.auth ?? 0,
      replay: sa.fail.replay ?? 0,
      short: sa.fail.malformed ?? 0,
      padding: sa.fail.bad_padding ?? 0,
    },
    bytes: expect.any(Number),
  }));

  it('has the packets that the manifest counts', () => {
    expect(packets.length).toBe(capture.totals.esp_packets);
  });

  it('opens what the manifest says', () => {
    expect(counts(new Bench(sas))).toEqual(expected);
  });

  it('opens the same in private memory and with kernels', () => {
    expect(counts(new Bench(sas, {}, new Uint8Array(140_000)))).toEqual(expected);
    const memory = new WebAssembly.Memory({ initial: 3, maximum: 3, shared: true });
    const bytes = new Uint8Array(memory.buffer);
    expect(counts(new Bench(sas, { kernels: createKernels(memory, bytes) }, bytes))).toEqual(expected);
  });

  it('opens none of it a second time', () => {
    const bench = new Bench(sas);
    counts(bench);
    const once = sas.map((_, i) => bench.state.counts(i).opened);
    counts(bench);
    expect(sas.map((_, i) => bench.state.counts(i).opened)).toEqual(once);
  });

  it('gives whole inner packets in tunnel mode', () => {
    const bench = new Bench(sas);
    const table = SaTable.create(sas);
    for (const { dst, spi, packet } of packets) {
      const sa = table.lookup(dst, 0, dst.length === 16, spi);
      if (sa < 0 || sas[sa].mode !== 'tunnel' || bench.open(packet, sa) !== 0) continue;
      const inner = bench.payload();
      const { nextHeader } = bench.opener;
      if (nextHeader !== 4 && nextHeader !== 41) continue;
      expect(inner[0] >> 4).toBe(nextHeader === 4 ? 4 : 6);
      const length = nextHeader === 4 ? (inner[2] << 8) | inner[3] : 40 + ((inner[4] << 8) | inner[5]);
      expect(inner.length).toBeGreaterThanOrEqual(length);
    }
  });
});
