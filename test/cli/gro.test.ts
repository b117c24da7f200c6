/** `rxsteer gro` as a program; what it says of every case of the corpus is in test/report/gro.test.ts. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCapture } from '../../src/capture/index.ts';
import { groCommand } from '../../src/cli/gro.ts';
import { CAPTURES, readCases, sha256 } from '../gro/oracle.ts';
import { type Outcome, runTsx } from '../support/run.ts';

const gro = (...args: string[]): Promise<Outcome> => runTsx('src/cli/main.ts', ['gro', ...args]);
const cases = readCases();
const path = (name: string): string => fileURLToPath(new URL(`${name}.pcap`, CAPTURES));

describe('rxsteer gro', () => {
  it('has a word for all that a case needs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rxsteer-'));
    const out = join(folder, 'out.pcapng');
    const sas = join(folder, 'sas.json');
    writeFileSync(sas, JSON.stringify({ schema: 'rxsteer.sas/1', sas: cases.esp_rss_hash_flips.sas }));
    const runs: [string, ...string[]][] = [
      ['udp_fwd_tail_v6', '--udp', 'forwarding', '--hashes', 'zero', '--out', out],
      ['udp_sock_same_v6', '--udp', '7999,8000', '--as', 'linux-6.12'],
      ['tun_geneve_opts_differ', '--geneve', '6081', '--hashes', 'zero', '--as', 'linux-7.2'],
      ['tun_vxlan_64k', '--vxlan', '0x12b5', '--max4', '65536'],
      ['esp_rss_hash_flips', '--sa', sas, '--hashes', '4097,0x1002,4097,4098,4097,4098', '--crypto', 'node'],
      ['poll_split', '--polls', cases.poll_split.polls.join(), '--hashes', 'zero'],
      ['vlan_accel_pcp', '--vlan-stripped', '--hashes', 'zero'],
      ['size_gro_max_16k_v6', '--max', '16384'],
    ];
    const outcomes = await Promise.all(runs.map(([name, ...args]) => gro(path(name), '--json', ...args)));
    for (const [i, { code, stdout, stderr }] of outcomes.entries()) {
      expect([code, stderr]).toEqual([0, '']);
      const report = JSON.parse(stdout);
      const [name] = runs[i];
      expect(report).toMatchObject({ schema: 'rxsteer.gro/1', notDelivered: [] });
      expect(
        report.frames.map((f: { from: number[] }) => f.from.join('+')),
        name,
      ).toEqual(cases[name].expect.map((f) => f.from.join('+')));
    }
    const written = [...readCapture(readFileSync(out))].map((record) => sha256(record.bytes));
    expect(written).toEqual(JSON.parse(outcomes[0].stdout).frames.map((f: { sha256: string }) => f.sha256));
  }, 60_000);

  it('prints a table for people', async () => {
    const { code, stdout } = await gro(path('tcp_flag_psh_middle'));
    expect(code).toBe(0);
    expect(stdout).toContain('5 frames in, 2 out, 2 of them merged');
    expect(stdout).toMatch(/^0 +1254 +3 +400 +tcpv4 +0-2$/m);
  }, 60_000);

  it.each([
    [[], 'gro needs one capture'],
    [['a', 'b'], 'gro needs one capture'],
    [['a', '--polls', '65'], '--polls: expected a whole number from 1 to 64'],
    [['a', '--polls', '1,,2'], '--polls: expected a whole number'],
    [['a', '--hashes', 'none'], '--hashes: expected zero or compute or numbers'],
    [['a', '--hashes', '0x1ffffffff'], '--hashes: expected a whole number'],
    [['a', '--as', 'linux-5.15'], '--as: expected linux-6.1 or'],
    [['a', '--udp', 'on'], '--udp: expected off or forwarding or numbers'],
    [['a', '--max', '0'], '--max: expected a whole number from 1 to 524280'],
    [['a', '--vxlan', '70000'], '--vxlan: expected a whole number from 1 to 65535'],
    [['a', '--natt-gro', 'yes'], '--natt-gro: expected on or off'],
  ])('%j is refused', async (args, message) => {
    await expect(groCommand(args)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_RXSTEER_USAGE', message: expect.stringContaining(message) }),
    );
  });
});
