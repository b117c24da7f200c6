/**
 * `npm run demo`: real IPsec traffic, made by the Linux kernel, through four worker lanes: hashed by its addresses only, and
 * hashed by its SPI. Shows how the load falls, what was opened, what GRO made of it, and that nothing was lost.
 */
import { fileURLToPath } from 'node:url';
import { parseSaFile } from '../src/esp/index.ts';
import { microsoftKey } from '../src/hash/index.ts';
import { readTextFile } from '../src/io/text-file.ts';
import { type Replay, runReplay } from '../src/report/replay.ts';
import { verdict } from '../src/report/replay-text.ts';
import { bar, byteText, grouped, type Style, styleFor } from '../src/report/terminal.ts';

const QUEUES = 4;
const BAR = 22;
const CAPTURES = new URL('../test/captures/esp/', import.meta.url);

const SCENES = [
  { name: 'linux_mx_tunnel_4_raw', title: 'Two gateways, one pair of addresses, 38 tunnels' },
  { name: 'linux_many', title: '40 pairs of hosts, 80 SAs, all sending at once' },
];

const WAYS = [
  { title: 'addresses only (esp sd)', letters: 'sd' },
  { title: 'addresses and SPI (esp sdfn)', letters: 'sdfn' },
];

const style = styleFor(process.stdout, process.env);
const print = (line = ''): boolean => process.stdout.write(`${line}\n`);

print(style.bold('rxsteer: IPsec through receive-side steering'));
print(
  style.dim(`${QUEUES} queues, a worker thread each; every packet is decrypted and coalesced in the lane of its SA`),
);
let failed = false;
for (const { name, title } of SCENES) {
  const replays: Replay[] = [];
  for (const { letters } of WAYS) replays.push(await replay(name, letters));
  show(title, replays);
  failed ||= replays.some(({ report }) => !report.invariants.conserved || report.invariants.reordered > 0);
}
print();
print(
  style.dim(
    'The hash of the addresses sends all tunnels of a pair of gateways to one queue a direction. The SPI stands where',
  ),
);
print(
  style.dim('ports stand; hashing it spreads the SAs, and each SA stays in one lane, so its packets stay in order.'),
);
print(style.dim('Your own capture: npm run -s rxsteer -- replay FILE --sa SAS.json'));
process.exitCode = failed ? 1 : 0;

function replay(name: string, letters: string): Promise<Replay> {
  const path = (file: string): string => fileURLToPath(new URL(file, CAPTURES));
  return runReplay({
    files: [path(`${name}.pcap`)],
    sas: parseSaFile(readTextFile(path(`${name}.sas.json`))),
    queues: QUEUES,
    rss: { key: microsoftKey(), fields: { esp: letters } },
    digest: 'xxh64',
  });
}

function show(title: string, replays: readonly Replay[]): void {
  const [{ report }] = replays;
  print();
  print(style.bold(title) + style.dim(`: ${grouped(report.input.packets)} packets, ${byteText(report.input.bytes)}`));
  print();
  // Both ways side by side; widths are counted before colours come in.
  const wide = BAR + 22;
  print(
    `  ${WAYS.map((way) => style.accent(way.title.padEnd(wide)))
      .join('  ')
      .trimEnd()}`,
  );
  for (let queue = 0; queue < QUEUES; queue++) {
    print(
      `  ${replays
        .map((r) => load(r, queue, wide))
        .join('  ')
        .trimEnd()}`,
    );
  }
  print(
    `  ${replays
      .map((r) => evenness(r).padEnd(wide))
      .join('  ')
      .trimEnd()}`,
  );
  print();
  for (const line of outcome(replays, style)) print(`  ${line}`);
}

function load({ report }: Replay, queue: number, wide: number): string {
  const { packets } = report.queues[queue];
  const most = Math.max(...report.queues.map((q) => q.packets));
  const share = `${Math.round((100 * packets) / report.input.packets)}%`.padStart(4);
  const text = `queue ${queue} ${bar(packets, most, BAR).padEnd(BAR)} ${grouped(packets).padStart(5)} ${share}`;
  return text.padEnd(wide);
}

function evenness({ report }: Replay): string {
  const most = Math.max(...report.queues.map((q) => q.packets));
  const idle = report.queues.filter((q) => q.packets === 0).length;
  const fair = report.input.packets / QUEUES;
  return `busiest ${(most / fair).toFixed(2)} x its fair share${idle > 0 ? `, ${idle} idle` : ''}`;
}

function outcome(replays: readonly Replay[], { good, bad }: Style): string[] {
  const lines: string[] = [];
  for (const [i, { report }] of replays.entries()) {
    const opened = report.sas.reduce((sum, sa) => sum + sa.opened, 0);
    const delivered = report.queues.reduce((sum, q) => sum + q.delivered, 0);
    const transforms = new Set(report.sas.map((sa) => sa.transform)).size;
    lines.push(
      `${WAYS[i].letters.padEnd(5)}${grouped(opened)} opened by ${transforms} transforms, ` +
        `${grouped(report.gro.merged)} merged, ${grouped(delivered)} delivered; ${verdict(report, style)}`,
    );
  }
  const digests = replays.map(({ report }) =>
    report.flows.map((flow) => `${flow.src} ${flow.sport} ${flow.digest}`).join(),
  );
  const same = digests.every((digest) => digest === digests[0]);
  lines.push(
    same
      ? good(`both ways delivered the same bytes in all ${grouped(replays[0].report.flows.length)} flows`)
      : bad('the two ways delivered different bytes'),
  );
  return lines;
}
