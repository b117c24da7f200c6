/** The whole path on captures that other software made: the same result inline and in 1, 2 and 4 threads, and the right one. */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PcapngWriter } from '../../src/capture/index.ts';
import { microsoftKey } from '../../src/hash/keys.ts';
import { BLOCK_SIZE } from '../../src/memory/frame-memory.ts';
import { type ReplayOptions, type ReplayReport, runReplay } from '../../src/report/replay.ts';
import { Steerer } from '../../src/steer/steerer.ts';
import { Dissection, dissect } from '../../src/wire/dissect.ts';
import { CAPTURE_NAMES, type Capture, capture, type ExpectedFlow, framesOf } from '../support/captures.ts';
import * as frames from '../support/frames.ts';
import { arp, ether, fill, tcp, udp } from '../support/packets.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rxsteer-replay-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function replay(options: Partial<ReplayOptions>): Promise<ReplayReport> {
  const rss = { key: microsoftKey() };
  return (await runReplay({ files: [], queues: 4, inline: true, digest: 'sha256', rss, ...options })).report;
}

const add = (counts: Readonly<Record<string, number | undefined>>): number =>
  Object.values(counts).reduce<number>((sum, n) => sum + (n ?? 0), 0);

/** Nothing lost, nothing reordered, every packet in one class and one queue. */
function soundness(report: ReplayReport): void {
  expect(report.invariants).toEqual({ conserved: true, reordered: 0 });
  expect(add(report.classes)).toBe(report.input.packets);
  expect(report.queues.reduce((sum, queue) => sum + queue.packets, 0)).toBe(report.input.packets);
  expect(report.queues.reduce((sum, queue) => sum + queue.bytes, 0)).toBe(report.input.bytes);
  const segments = report.queues.reduce((sum, queue) => sum + queue.segments, 0);
  expect(segments + add(report.drops) + add(report.absorbed)).toBe(report.input.packets);
}

/** What must not depend on threads. */
function placement({ queues, classes, malformed, drops, absorbed, sas, gro, unknownSpis }: ReplayReport): unknown {
  return { queues, classes, malformed, drops, absorbed, sas, gro, unknownSpis };
}

/** What must not depend on the number of lanes either. */
function content({ classes, malformed, sas, flows }: ReplayReport): unknown {
  const kept = flows.map(({ queues: _queues, packets: _packets, ...flow }) => flow);
  return { classes, malformed, sas, flows: kept.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) };
}

function check(report: ReplayReport, { expected, sas }: Capture): void {
  soundness(report);
  expect(report.sas.length).toBe(sas.length);
  for (const want of expected.sas) {
    const got = report.sas.find((sa) => sa.spi === want.spi && sa.dst === want.dst);
    const failed = { icv: 0, replay: 0, short: 0, padding: 0, ...want.failed };
    expect(got, want.spi).toMatchObject({ opened: want.ok, dummy: want.dummy, failed });
  }
  const opened = report.sas.reduce((sum, sa) => sum + sa.opened, 0);
  expect(opened).toBe(expected.totals.ok);
  const digestOf = (proto: string, flow: ExpectedFlow): string | null | undefined =>
    report.flows.find(
      (f) =>
        f.proto === proto &&
        f.src === flow.src &&
        f.sport === flow.sport &&
        f.dst === flow.dst &&
        f.dport === flow.dport &&
        f.protected,
    )?.digest;
  for (const [proto, flows] of [
    ['tcp', expected.tcp],
    ['udp', expected.udp],
  ] as const) {
    for (const flow of flows) {
      expect(digestOf(proto, flow), `${proto} ${flow.src} ${flow.sport}`).toBe(`sha256:${flow.sha256}`);
    }
  }
}

describe.each(CAPTURE_NAMES)('%s', (name) => {
  const one = capture(name);
  const options = { files: [one.path], sas: one.sas };
  const inline = new Map<number, ReplayReport>();

  it.each([1, 2, 4])('inline, %i queues: what its manifest says', async (queues) => {
    const report = await replay({ ...options, queues });
    check(report, one);
    inline.set(queues, report);
    expect(content(report)).toEqual(content(inline.get(1)!));
  });

  // A thread costs half a second to start.
  const threads = name.startsWith('scapy_n') ? 2 : 4;
  it(`in ${threads} threads: the same`, async () => {
    const report = await replay({ ...options, queues: threads, inline: false });
    check(report, one);
    expect(placement(report)).toEqual(placement(inline.get(threads)!));
    expect(content(report)).toEqual(content(inline.get(threads)!));
  });

  it('without GRO: the same streams, byte for byte', async () => {
    const report = await replay({ ...options, queues: 2, gro: false });
    check(report, one);
    expect(report.gro.merged).toBe(0);
    expect(content(report)).toEqual(content(inline.get(2)!));
  });

  it('without digests: the same flows, though no payload is looked at', async () => {
    const report = await replay({ ...options, queues: 2, digest: 'none' });
    soundness(report);
    const flows = inline.get(2)!.flows.map(({ digest: _digest, ...flow }) => flow);
    expect(report.flows).toEqual(flows);
  });

  it('without SAs, ESP stays what it was', async () => {
    const report = await replay({ files: [one.path] });
    soundness(report);
    expect(report.flows.filter((flow) => flow.protected)).toEqual([]);
    expect(report.classes).toEqual(inline.get(1)!.classes);
  });
});

describe('linux_many', () => {
  const one = capture('linux_many');
  const options = { files: [one.path], sas: one.sas };

  it.each([1, 2])('in %i threads: as inline', async (queues) => {
    for (const digest of ['xxh64', 'none'] as const) {
      if (digest === 'none' && queues === 1) continue;
      const inline = await replay({ ...options, queues, digest });
      const threads = await replay({ ...options, queues, digest, inline: false });
      soundness(threads);
      expect(placement(threads)).toEqual(placement(inline));
      expect(content(threads)).toEqual(content(inline));
    }
  });

  it('merges with GRO, and delivers as many packets more without', async () => {
    const merged = await replay(options);
    const plain = await replay({ ...options, gro: false });
    expect(merged.gro.merged).toBeGreaterThan(100);
    expect(plain.gro).toEqual({ merged: 0, ratio: 1, flushes: {} });
    const delivered = (report: ReplayReport): number => report.queues.reduce((sum, queue) => sum + queue.delivered, 0);
    expect(delivered(plain) - delivered(merged)).toBe(merged.gro.merged);
  });

  it('spreads as its fields say', async () => {
    const used = async (fields: Record<string, string>): Promise<number> => {
      const report = await replay({ ...options, digest: 'none', rss: { key: microsoftKey(), fields } });
      soundness(report);
      return report.queues.filter((queue) => queue.packets > 0).length;
    };
    expect(await used({ esp: 'sdfn' })).toBe(4);
    expect(await used({ esp: 'fn' })).toBe(4);
  });

  it('twice over: replay windows start again each round', async () => {
    const report = await replay({ ...options, loop: 2, digest: 'none' });
    soundness(report);
    expect(report.input).toMatchObject({ packets: 2 * 975, loop: 2 });
    expect(report.drops).toEqual({});
    expect(report.sas.reduce((sum, sa) => sum + sa.opened, 0)).toBe(2 * 975);
  });

  it('twice in one go: all of it is replayed', async () => {
    const report = await replay({ ...options, files: [one.path, one.path] });
    soundness(report);
    expect(report.drops).toEqual({ replay: 975 });
    const once = await replay(options);
    expect(report.flows.map((flow) => flow.digest)).toEqual(once.flows.map((flow) => flow.digest));
  });
});

describe('files', () => {
  it('add up, and their classes partition the input', async () => {
    const captures = CAPTURE_NAMES.slice(2, 5).map(capture);
    const apart: ReplayReport[] = [];
    for (const { path } of captures) apart.push(await replay({ files: [path], digest: 'none' }));
    const together = await replay({ files: captures.map(({ path }) => path), digest: 'none' });
    soundness(together);
    expect(together.input.packets).toBe(apart.reduce((sum, report) => sum + report.input.packets, 0));
    for (const name of new Set(apart.flatMap((report) => Object.keys(report.classes)))) {
      const key = name as keyof ReplayReport['classes'];
      expect(together.classes[key]).toBe(apart.reduce((sum, report) => sum + (report.classes[key] ?? 0), 0));
    }
  });

  it.each([true, false])(
    'are written as they were delivered, and read back to the same streams (inline %s)',
    async (inline) => {
      const one = capture('linux_mx_tunnel_4_raw');
      const out = join(folder, `out-${inline}.pcapng`);
      const report = await replay({ files: [one.path], sas: one.sas, inline, out });
      check(report, one);
      const back = await replay({ files: [out] });
      soundness(back);
      expect(back.input.packets).toBe(report.queues.reduce((sum, queue) => sum + queue.delivered, 0));
      const streams = ({ flows }: ReplayReport): string[] =>
        flows
          .filter((flow) => flow.proto === 'tcp')
          .map((f) => `${f.src} ${f.sport} ${f.dst} ${f.dport} ${f.payloadBytes} ${f.digest}`)
          .sort();
      expect(streams(back)).toEqual(streams(report));
      expect(streams(back).length).toBeGreaterThan(50);
    },
  );

  it('without packets are captures all the same', async () => {
    const empty = join(folder, 'empty.pcapng');
    writeFileSync(empty, new PcapngWriter().start(1));
    const out = join(folder, 'empty-out.pcapng');
    const report = await replay({ files: [empty], out });
    soundness(report);
    expect(report.input.packets).toBe(0);
    expect((await replay({ files: [out] })).input.packets).toBe(0);
  });

  it('that break off are reported up to there', async () => {
    const one = capture('scapy_neg_replay');
    const broken = join(folder, 'broken.pcap');
    const whole = readFileSync(one.path);
    writeFileSync(broken, whole);
    truncateSync(broken, whole.length - 3);
    for (const inline of [true, false]) {
      const report = await replay({ files: [broken], sas: one.sas, inline, digest: 'none' });
      soundness(report);
      expect(report.input.packets).toBe(framesOf(one.path).length - 1);
      expect(report.damage).toMatchObject({ offset: expect.any(Number), message: expect.stringContaining(broken) });
      expect(report.damage!.offset).toBeLessThan(whole.length);
    }
  });

  it('that are missing, or no captures, are errors', async () => {
    const text = join(folder, 'text.pcap');
    writeFileSync(text, 'this is no capture at all, but long enough to be one');
    await expect(replay({ files: [join(folder, 'none.pcap')] })).rejects.toMatchObject({ code: 'ERR_RXSTEER_FILE' });
    await expect(replay({ files: [text] })).rejects.toMatchObject({ code: 'ERR_RXSTEER_CAPTURE_FORMAT' });
  });

  it('are never written over, and one that cannot be written is an error', async () => {
    const path = join(folder, 'kept.pcap');
    const bytes = readFileSync(capture('scapy_neg_replay').path);
    writeFileSync(path, bytes);
    const refused = { code: 'ERR_RXSTEER_OPTION', message: expect.stringMatching(/^out: /) };
    await expect(replay({ files: [path], out: join(folder, '.', 'kept.pcap') })).rejects.toMatchObject(refused);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    await expect(replay({ files: [path], out: join(folder, 'no/such/folder.pcapng') })).rejects.toMatchObject({
      code: 'ERR_RXSTEER_FILE',
    });
  });

  it('end with the reason of a signal', async () => {
    const { path } = capture('linux_many');
    for (const inline of [true, false]) {
      await expect(replay({ files: [path], inline, signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
        'enough',
      );
    }
  });
});

/** Writes frames to a capture. */
function write(name: string, frames: Iterable<Uint8Array>): string {
  const writer = new PcapngWriter();
  const pieces: Uint8Array[] = [Uint8Array.from(writer.start(1))];
  let second = 1;
  for (const frame of frames) pieces.push(Uint8Array.from(writer.frame(1, second++, 0, frame)));
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(pieces));
  return path;
}

describe('clear traffic', () => {
  // A lane that gets a packet now and then keeps a block of the reader's each: its polls must end all the same.
  it('of one elephant and rare packets elsewhere comes to an end', async () => {
    // Packets without a hash go to queue 0; the elephant must not.
    const steerer = new Steerer({ queues: 2 });
    const d = new Dissection();
    let large = arp();
    for (let sport = 1; ; sport++) {
      large = ether(udp(fill(60_000, 1), { sport }));
      dissect(large, 0, large.length, 1, d);
      if (steerer.steer(large, d) === 1) break;
    }
    const path = write(
      'rare.pcapng',
      (function* () {
        for (let i = 0; i < 70; i++) {
          yield arp();
          for (let sent = 0; sent < BLOCK_SIZE; sent += large.length) yield large;
        }
      })(),
    );
    for (const inline of [true, false]) {
      const report = await replay({ files: [path], inline, digest: 'none', queues: 2 });
      soundness(report);
      expect(report.classes.nonip).toBe(70);
      expect(report.queues.map((queue) => queue.packets)).toContain(70);
    }
    rmSync(path);
  });

  it('in one tunnel stays in one queue, or spreads by the flows inside, whichever level is asked for', async () => {
    const flows = 16;
    const around = (n: number, sport: number, packet: Uint8Array): Uint8Array => {
      const tunnel =
        sport % 2 === 0 ? frames.gtpu({ payload: packet }) : frames.geneve({ payload: packet, protocol: 0x0800 });
      const outer = { src: '192.0.2.1', dst: '192.0.2.2' };
      const dport = sport % 2 === 0 ? 2152 : 6081;
      const ip = frames.ipv4({ ...outer, proto: 17, payload: frames.udp({ sport: 9, dport, payload: tunnel }) });
      // Of all packets of a flow, some are in a frame that is no IP.
      return n % 3 === 0 ? frames.ethernet({ payload: frames.mpls([16], ip), type: 0x8847 }) : ether(ip);
    };
    const path = write(
      'tunnels.pcapng',
      Array.from({ length: 50 * flows }, (_, n) => {
        const sport = 1 + (n % flows);
        return around((n / flows) | 0, sport, tcp(100, { seq: 1 + 100 * ((n / flows) | 0), sport }));
      }),
    );
    const placements: unknown[] = [];
    for (const inline of [true, false]) {
      const report = await replay({ files: [path], inline, rss: { key: microsoftKey(), level: 'inner' } });
      soundness(report);
      placements.push(placement(report));
      expect(report.classes).toMatchObject({ udp4: 33 * flows, nonip: 17 * flows });
      expect(report.queues.filter((queue) => queue.packets > 0).length).toBe(4);
      expect(report.flows.map((flow) => [flow.sport, flow.queues.length, flow.packets, flow.payloadBytes])).toEqual(
        Array.from({ length: flows }, (_, i) => [i + 1, 1, 50, 5000]),
      );
    }
    expect(placements[1]).toEqual(placements[0]);
    const outer = await replay({ files: [path], digest: 'none' });
    // Two tunnels, and the frames that have no hash.
    expect(outer.queues.filter((queue) => queue.packets > 0).length).toBeLessThanOrEqual(3);
    soundness(outer);
    rmSync(path);
  });

  it('is accounted for by its flows', async () => {
    const frames = Array.from({ length: 60 }, (_, i) =>
      ether(tcp(100, { seq: 1 + 100 * (i >> 1), sport: 1 + (i & 1) })),
    );
    const report = await replay({ files: [write('flows.pcapng', frames)] });
    soundness(report);
    expect(report.flows.map((f) => [f.proto, f.sport, f.segments, f.payloadBytes, f.protected])).toEqual([
      ['tcp', 1, 30, 3000, false],
      ['tcp', 2, 30, 3000, false],
    ]);
    expect(report.flows[0].digest).toBe(report.flows[1].digest);
  });
});
