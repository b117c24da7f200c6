/**
 * `npm run bench -- peers [CASE...] [--quick] [--json] [--list]`: our cases beside C programs that do the same work on the same input,
 * with DPDK, OpenSSL and intel-ipsec-mb.
 *
 *     repeat 0:  ours   peer   peer'
 *     repeat 1:  peer'  peer   ours      turns are taken, so that neither side has the better half of a machine that changes
 *     ...
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchJson } from '../../src/bench/json.ts';
import { machine } from '../../src/bench/machine.ts';
import { machineLine } from '../table.ts';
import { build } from './build.ts';
import { type Comparison, comparisons, type Peer } from './comparisons.ts';
import { inputFile, inputs } from './inputs.ts';
import { type PeerRow, peerHeading, peerLine, peerRow, type SkippedRow } from './rows.ts';
import { Side, type SideRepeat } from './side.ts';

const OUR_SIDE = fileURLToPath(new URL('./our-side.ts', import.meta.url));

interface PeersEffort {
  readonly repeats: number;
  /** Timed seconds of a repeat, and of the warm-up. */
  readonly seconds: number;
  readonly warmUp: number;
}

const FULL: PeersEffort = { repeats: 9, seconds: 0.2, warmUp: 0.5 };
const QUICK: PeersEffort = { repeats: 5, seconds: 0.03, warmUp: 0.2 };

/** Runs with the arguments behind `peers`; resolves with the exit code. */
export async function peersCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, list: { type: 'boolean' } },
    allowPositionals: true,
  });
  const wanted = comparisons.filter(
    ({ case: name }) => positionals.length === 0 || positionals.some((text) => name.includes(text)),
  );
  if (wanted.length === 0) {
    process.stderr.write(`bench: no case has ${positionals.join(' or ')} in its name; see peers --list\n`);
    return 2;
  }
  if (values.list) {
    for (const { case: name, peers } of wanted) {
      for (const peer of peers) process.stdout.write(`${name} ${peer.name} ${peer.case}\n`);
    }
    return 0;
  }
  const say = (line: string): void => {
    if (!values.json) process.stdout.write(`${line}\n`);
  };
  say(`${machineLine(machine())}\n\n${peerHeading()}`);
  const folder = mkdtempSync(join(tmpdir(), 'rxsteer-peers-'));
  const rows: (PeerRow | SkippedRow)[] = [];
  let failed = false;
  try {
    for (const comparison of wanted) {
      try {
        for (const row of await compare(comparison, values.quick ? QUICK : FULL, folder)) {
          rows.push(row);
          say(peerLine(row));
        }
      } catch (error) {
        process.stderr.write(`bench: ${comparison.case}: ${(error as Error).message}\n`);
        failed = true;
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  say(
    '\nNanoseconds per item, medians; ratio: ours over the peer, median, minimum and maximum of repeats that took turns.',
  );
  if (values.json) process.stdout.write(benchJson(rows));
  return failed ? 1 : 0;
}

interface Opponent {
  readonly peer: Peer;
  readonly side: Side;
  readonly version: string;
  readonly repeats: SideRepeat[];
}

async function compare(
  { question, case: name, peers }: Comparison,
  effort: PeersEffort,
  folder: string,
): Promise<(PeerRow | SkippedRow)[]> {
  const skipped: SkippedRow[] = [];
  const opponents: Opponent[] = [];
  const skip = ({ name: who, case: its }: Peer, why: string): void =>
    void skipped.push({ case: name, peer: { name: who, case: its }, skipped: why });
  const ours = new Side(process.execPath, [...process.execArgv, OUR_SIDE, question, name], name);
  try {
    const ready = await ours.start();
    for (const peer of peers) {
      const why = 'skipped' in ready ? ready.skipped : await meet(peer, folder, opponents);
      if (why !== undefined) skip(peer, why);
    }
    const own: SideRepeat[] = [];
    const turns = [{ side: ours, repeats: own }, ...opponents];
    if (opponents.length > 0) {
      for (const { side } of turns) await side.repeat(effort.warmUp);
      for (let k = 0; k < effort.repeats; k++) {
        for (const { side, repeats } of k % 2 === 0 ? turns : turns.toReversed()) {
          repeats.push(await side.repeat(effort.seconds));
        }
      }
    }
    return [...opponents.map(({ peer, version, repeats }) => peerRow(name, peer, version, own, repeats)), ...skipped];
  } finally {
    for (const side of [ours, ...opponents.map((opponent) => opponent.side)]) await side.end();
  }
}

/** Starts a peer and adds it to the opponents, or says why it cannot take part. */
async function meet(peer: Peer, folder: string, opponents: Opponent[]): Promise<string | undefined> {
  const program = build(peer.program);
  if ('why' in program) return program.why;
  const input = inputs[peer.input]();
  const path = join(folder, peer.input);
  writeFileSync(path, inputFile(input));
  const side = new Side(program.path, [peer.case, path], `${peer.program} ${peer.case}`);
  try {
    const ready = await side.start();
    if (!('skipped' in ready)) {
      if (ready.check !== input.check) {
        throw new Error(`${peer.program} ${peer.case} makes ${ready.check} of the input, and not ${input.check}`);
      }
      opponents.push({ peer, side, version: ready.version, repeats: [] });
      return undefined;
    }
    await side.end();
    return ready.skipped;
  } catch (error) {
    await side.end();
    throw error;
  }
}
