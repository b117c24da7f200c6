/** Repeats of both sides as rows, and rows as people read them. */
import type { Peer } from './comparisons.ts';
import type { SideRepeat } from './side.ts';

/** Median, minimum and maximum. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** A row of `npm run bench -- peers --json`: one of our cases beside one peer. Times are nanoseconds per item. */
export interface PeerRow {
  readonly case: string;
  readonly ns: number;
  readonly nsMin: number;
  readonly nsMax: number;
  readonly dropped: number;
  readonly repeats: number;
  readonly peer: {
    readonly name: Peer['name'];
    readonly case: string;
    readonly version: string;
    readonly ns: number;
    readonly nsMin: number;
    readonly nsMax: number;
    readonly dropped: number;
  };
  /** Ours over the peer's, of repeats that were measured one after the other: median, minimum, maximum. */
  readonly ratio: number;
  readonly ratioMin: number;
  readonly ratioMax: number;
  readonly target?: number;
}

export interface SkippedRow {
  readonly case: string;
  readonly peer: { readonly name: Peer['name']; readonly case: string };
  readonly skipped: string;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/** `ours[k]` and `theirs[k]` were measured one after the other: their ratio knows nothing of what the machine did meanwhile. */
export function peerRow(
  name: string,
  peer: Peer,
  version: string,
  ours: readonly SideRepeat[],
  theirs: readonly SideRepeat[],
): PeerRow {
  const own = spread(ours.map(({ ns }) => ns));
  const other = spread(theirs.map(({ ns }) => ns));
  const ratio = spread(ours.map(({ ns }, k) => ns / theirs[k].ns));
  const dropped = (repeats: readonly SideRepeat[]): number => repeats.reduce((sum, r) => sum + r.dropped, 0);
  return {
    case: name,
    ns: own.median,
    nsMin: own.min,
    nsMax: own.max,
    dropped: dropped(ours),
    repeats: ours.length,
    peer: {
      name: peer.name,
      case: peer.case,
      version,
      ns: other.median,
      nsMin: other.min,
      nsMax: other.max,
      dropped: dropped(theirs),
    },
    ratio: ratio.median,
    ratioMin: ratio.min,
    ratioMax: ratio.max,
    ...(peer.target === undefined ? {} : { target: peer.target }),
  };
}

const CASE = 43;
const PEER = 32;

export function peerHeading(): string {
  const columns = ['ns', 'peer ns', 'ratio', 'min', 'max', 'target'];
  return `${'ours'.padEnd(CASE)}${'peer'.padEnd(PEER)}${columns.map((column) => column.padStart(9)).join('')}`;
}

export function peerLine(row: PeerRow | SkippedRow): string {
  const start = row.case.padEnd(CASE) + `${row.peer.name} ${row.peer.case}`.padEnd(PEER);
  if ('skipped' in row) return `${start}  skipped: ${row.skipped}`;
  const cells = [
    row.ns.toFixed(1),
    row.peer.ns.toFixed(1),
    row.ratio.toFixed(2),
    row.ratioMin.toFixed(2),
    row.ratioMax.toFixed(2),
    row.target === undefined ? '' : row.target.toFixed(1),
  ];
  const missed = row.target !== undefined && row.ratio > row.target;
  return start + cells.map((cell) => cell.padStart(9)).join('') + (missed ? '  over' : '');
}
