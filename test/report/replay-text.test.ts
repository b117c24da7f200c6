import { describe, expect, it } from 'vitest';
import { microsoftKey } from '../../src/hash/keys.ts';
import { type Replay, runReplay } from '../../src/report/replay.ts';
import { replayText, verdict } from '../../src/report/replay-text.ts';
import { styleFor } from '../../src/report/terminal.ts';
import { capture } from '../support/captures.ts';

const plain = styleFor({}, {});
const painted = styleFor({ isTTY: true }, {});

async function replayOf(name: string, withSas: boolean): Promise<Replay> {
  const { path, sas } = capture(name);
  const rss = { key: microsoftKey() };
  return runReplay({ files: [path], queues: 4, inline: true, digest: 'none', rss, sas: withSas ? sas : [] });
}

describe('the report for people', () => {
  it('tells of classes, queues, SAs, drops, coalescing and flows, and ends with the verdict', async () => {
    const text = replayText(await replayOf('scapy_neg_replay', true), plain);
    const titles = ['Classes', 'Queues', 'Dropped', 'Security associations', 'Coalescing', 'Flows'];
    const at = titles.map((title) => text.indexOf(`\n${title}\n`));
    expect(at.every((place) => place > 0)).toBe(true);
    expect(at).toEqual([...at].sort((a, b) => a - b));
    expect(text).toMatch(/replay {2}36\n/);
    expect(text).toMatch(/0x[0-9a-f]{8} .* opened {2}replay \d+/);
    expect(text.trimEnd().split('\n').at(-1)).toBe('every packet accounted for, none reordered');
    expect(text).not.toContain('\u001b');
    expect(text).not.toMatch(/undefined|NaN|Infinity/);
    for (const line of text.split('\n')) expect(line).toBe(line.trimEnd());
  });

  it('counts the rows that it does not show, and says where they are', async () => {
    const text = replayText(await replayOf('linux_many', true), plain);
    expect(text.match(/\.\.\. and 60 more \(--json has all\)/g)).toHaveLength(2);
  });

  it('names the tunnel that a flow came by', async () => {
    const replay = await replayOf('linux_many', true);
    const [first, ...flows] = replay.report.flows;
    const tunnel = { type: 'vxlan', id: 42 } as const;
    const text = replayText(
      { ...replay, report: { ...replay.report, flows: [{ ...first, tunnel }, ...flows] } },
      plain,
    );
    expect(text).toMatch(/ esp, vxlan 42 +queue/);
    expect(text.match(/vxlan/g)).toHaveLength(1);
  });

  it('lists SPIs without SA', async () => {
    const text = replayText(await replayOf('scapy_neg_replay', false), plain);
    expect(text).toMatch(/Dropped\n {2}unknown-spi +\d+/);
    expect(text).toMatch(/Unknown SPIs\n {2}0x/);
  });

  it('is the same text with colours', async () => {
    const replay = await replayOf('scapy_neg_bitflip', true);
    const colourful = replayText(replay, painted);
    expect(colourful).toContain('\u001b[');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of
    const stripped = colourful.replace(/\u001b\[\d+m/g, '');
    expect(stripped.split('\n').map((line) => line.trimEnd())).toEqual(replayText(replay, plain).split('\n'));
  });

  it('of nothing, and of rounds', async () => {
    const replay = await replayOf('scapy_neg_replay', true);
    const report = { ...replay.report, input: { files: [], packets: 0, bytes: 0, loop: 3 } };
    const text = replayText({ ...replay, report, milliseconds: 1 }, plain);
    expect(text).toMatch(/^0 packets, 0 B in 3 rounds, replay windows started again in each/);
    expect(text).not.toMatch(/NaN/);
  });

  it('says what is wrong', async () => {
    const { report } = await replayOf('scapy_neg_replay', true);
    const bad = { ...report, invariants: { conserved: false, reordered: 1234 }, acrossSas: { reordered: 2 } };
    expect(verdict(bad, plain)).toBe('packets are unaccounted for, 1,234 reordered (2 across SAs or tunnels)');
    const damaged = { ...report, damage: { message: 'it breaks off', offset: 7 } };
    const text = replayText({ ...(await replayOf('scapy_neg_replay', true)), report: damaged }, plain);
    expect(text.split('\n')[1]).toBe('damaged: it breaks off; this is what lies before it');
  });
});
