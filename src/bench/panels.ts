/** How bars are put together for people: in groups that are the same but for what is received. */
import type { FailedScenario, HistogramRow } from './row.ts';
import { TITLES } from './scenario.ts';

export interface Panel {
  readonly title: string;
  readonly bars: readonly { readonly label: string; readonly row: HistogramRow }[];
}

type Wanted = readonly [title: string, is: (row: HistogramRow) => boolean];

const received =
  (lanes: number, steered: boolean): ((row: HistogramRow) => boolean) =>
  (row) =>
    row.kind === 'receive' &&
    row.protection !== 'captured' &&
    row.lanes === lanes &&
    (lanes < 2 || steered === (row.steering === 'flow' || row.steering === 'spi'));

const PANELS: readonly Wanted[] = [
  ["The talk's seven cases: 16 streams, two lanes", ({ talk }) => talk],
  ['One stream, dispatcher and lane in one thread', received(0, true)],
  ['One stream, a dispatcher and one lane (two threads)', received(1, true)],
  ['16 streams, a dispatcher and two lanes, steered: by ports, ESP by SPI', received(2, true)],
  ['The same, not steered: one queue for all, ESP by addresses', received(2, false)],
  ['A capture, looped', ({ protection }) => protection === 'captured'],
  ['Beside it: one stream by node:tls on the loopback, the receiving process', ({ kind }) => kind === 'tls'],
];

/** Groups without a bar are left out. */
export function panels(rows: readonly (HistogramRow | FailedScenario)[]): Panel[] {
  const measured = rows.filter((row): row is HistogramRow => !('failed' in row));
  return PANELS.map(([title, is], number) => ({
    title,
    bars: measured.filter(is).map((row) => ({ label: label(row, number === 0), row })),
  })).filter(({ bars }) => bars.length > 0);
}

function label({ kind, protection, gro, crypto, steering, lanes }: HistogramRow, told: boolean): string {
  if (kind === 'tls') return `TLS ${TITLES[protection]}`;
  if (protection === 'captured') {
    return [lanes === 0 ? 'one thread' : lanes === 1 ? 'one lane' : `${lanes} lanes`, ...(gro ? [] : ['no GRO'])].join(
      ', ',
    );
  }
  const parts = [TITLES[protection]];
  if (crypto !== null && protection !== 'null') parts.push(crypto);
  if (!gro) parts.push('no GRO');
  if (told && protection === 'clear' && steering === 'none') parts.push('not steered');
  return parts.join(', ');
}

/** What must be known to hold these figures against those of the talk. */
export const SETTING: readonly string[] = [
  'Gigabits of TCP payload a second, as iperf counts. Frames come from a capture in the page cache; with GRO, checksums are verified;',
  'nothing is digested. There is no NIC and nobody to acknowledge anything. Dispatcher and lanes are a thread each: with fewer',
  'processors than threads they take turns. The talk (Varadhan, Netdev 1.1, 2016) had NICs, TCP and its ACKs on hardware of 2016: over',
  '9 Gb/s in clear with offloads (line rate), and under IPsec about 2 Gb/s without, 8 with software offloads, and 4.5 for AES-GCM-256',
  'with a core at 100 %. Of a capture that is looped, payload of UDP counts too, and every round starts the windows of its SAs again.',
];
