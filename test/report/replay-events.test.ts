import { describe, expect, it } from 'vitest';
import { createSas, exportSas, parseSaFile } from '../../src/esp/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { readTextFile } from '../../src/io/text-file.ts';
import { type Replay, runReplay } from '../../src/report/replay.ts';
import { replayText } from '../../src/report/replay-text.ts';
import { styleFor } from '../../src/report/terminal.ts';

const capture = 'test/captures/esp/scapy_natt_transport_rewritten';
const [config] = exportSas(parseSaFile(readTextFile(`${capture}.sas.json`)));
const sas = createSas([{ ...config, limits: { soft: { packets: 10 }, hard: { packets: 30 } } }]);
const run = (inline: boolean): Promise<Replay> =>
  runReplay({ files: [`${capture}.pcap`], queues: 2, inline, rss: { key: microsoftKey() }, sas, digest: 'none' });

describe('a replay of an SA whose peer a NAT maps anew, and whose limits are too low', () => {
  it('tells of both, in threads as inline', async () => {
    const replay = await run(true);
    const { report } = replay;
    expect(report.events.counts).toEqual({ 'hard-limit': 1, 'peer-moved': 1, 'soft-limit': 1 });
    const sa = { spi: '0x44000000', proto: 'esp', dst: '192.0.2.2' };
    expect(report.events.list).toMatchObject([
      { kind: 'soft-limit', sa, unit: 'packets', packets: 10 },
      { kind: 'peer-moved', sa, from: { port: 61000 }, to: { port: 61777 } },
      { kind: 'hard-limit', sa, unit: 'packets', packets: 30 },
    ]);
    expect(report.sas).toMatchObject([{ packets: 37, opened: 30, failed: { expired: 7 }, life: 'dead' }]);
    expect(report.drops).toEqual({ 'sa-expired': 7 });
    expect(report.invariants.conserved).toBe(true);
    expect((await run(false)).report.events).toEqual(report.events);

    const text = replayText(replay, styleFor({ isTTY: false }, {}));
    expect(text).toMatch(/^Events\n.*soft-limit +0x44000000 +192\.0\.2\.2 +unit packets, packets 10, bytes \d+\n/m);
    expect(text).toMatch(/peer-moved .* from \S+ 61000, to \S+ 61777\n/);
    expect(text).toMatch(/30 of 37 opened +expired 7, dead/);
  });
});
