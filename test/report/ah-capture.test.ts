/** AH as scapy sends it: see test/captures/ah/make.py. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseSaFile } from '../../src/esp/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { runReplay } from '../../src/report/replay.ts';

interface Expected {
  readonly frames: number;
  readonly sas: readonly {
    readonly spi: string;
    readonly opened: number;
    readonly icv: number;
    readonly replay: number;
    readonly flow: Readonly<Record<string, string | number>>;
    readonly sha256: string;
  }[];
}

const place = (name: string): URL => new URL(`../captures/ah/${name}`, import.meta.url);
const text = (name: string): string => readFileSync(place(name), 'utf8');
const expected: Expected = JSON.parse(text('expected.json'));

describe('AH of other software, changed on its way by routers', async () => {
  const { report } = await runReplay({
    files: [fileURLToPath(place('ah.pcap'))],
    queues: 4,
    inline: true,
    digest: 'sha256',
    rss: { key: microsoftKey() },
    sas: parseSaFile(text('ah.sas.json')),
  });

  it.each(expected.sas.map((one, i) => ({ ...one, i, name: report.sas[i].transform, mode: report.sas[i].mode })))(
    '$spi $name $mode',
    ({ i, opened, icv, replay, flow, sha256 }) => {
      expect(report.sas[i]).toMatchObject({ opened, failed: { icv, replay, short: 0, padding: 0 } });
      const came = report.flows.filter(({ sport, src }) => sport === flow.sport && src === flow.src);
      expect(came).toMatchObject([{ ...flow, protected: true, packets: opened, digest: `sha256:${sha256}` }]);
    },
  );

  it('and nothing else comes out', () => {
    expect(report.input.packets).toBe(expected.frames);
    expect(report.flows.length).toBe(expected.sas.length);
    expect(report.drops).toEqual({ icv: expected.sas.length, replay: expected.sas.length });
    expect(report.invariants).toEqual({ conserved: true, reordered: 0 });
  });
});
