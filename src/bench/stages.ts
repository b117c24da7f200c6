/**
 * Where the time of a packet goes, in one thread. What ESP and GRO cost in the lane is the difference to a lane without them, so each of
 * the three has a process of its own, which none of the others trains, and they take turns.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HistogramEffort, StageCosts } from './row.ts';
import type { Scenario } from './scenario.ts';
import type { Split, SplitTask } from './split.ts';
import type { Traffic } from './traffic.ts';

const PROGRAM = fileURLToPath(new URL(`./stages-process${extname(import.meta.url)}`, import.meta.url));
/** Repeats for each of the scenario: what others do on the machine is in one of them, and does not count in the least of many. */
const REPEATS = 2;

/** The scenario must be one of a single lane. */
export async function measureStages(
  scenario: Scenario,
  traffic: Traffic,
  effort: HistogramEffort,
): Promise<StageCosts> {
  const { gro } = scenario;
  const task = {
    scenario,
    path: traffic.path,
    packets: traffic.packets,
    warmUp: effort.warmUp,
    seconds: effort.seconds,
  };
  const whole = new Side({ ...task, esp: true, gro });
  const opened = gro ? new Side({ ...task, esp: true, gro: false }) : whole;
  const bare = traffic.sas.length === 0 ? opened : new Side({ ...task, esp: false, gro: false });
  const sides = [...new Set([whole, opened, bare])];
  try {
    // The first turn warms up.
    for (let turn = 0; turn <= REPEATS * effort.repeats; turn++) {
      for (const side of sides) await side.turn(turn > 0);
    }
  } finally {
    for (const side of sides) side.end();
  }
  return {
    read: whole.least('read'),
    dispatch: whole.least('dispatch'),
    lane: bare.least('lane'),
    open: opened.least('lane') - bare.least('lane'),
    gro: whole.least('lane') - opened.least('lane'),
  };
}

/** One of the three, in its process. */
class Side {
  private readonly child: ChildProcess;
  private readonly splits: Split[] = [];

  constructor(task: SplitTask) {
    this.child = fork(PROGRAM, [JSON.stringify(task)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }

  /** One repeat. @throws Error: its process has ended */
  async turn(counts: boolean): Promise<void> {
    const { child } = this;
    const ended = new AbortController();
    const { signal } = ended;
    const answer = Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code, by]) => {
        throw new Error(`the process that measures stages ended with ${by ?? code}`);
      }),
    ]);
    child.send('go');
    try {
      const [split] = (await answer) as [Split];
      if (counts) this.splits.push(split);
    } finally {
      ended.abort();
    }
  }

  least(stage: keyof Split): number {
    return Math.min(...this.splits.map((one) => one[stage]));
  }

  end(): void {
    if (this.child.connected) this.child.disconnect();
  }
}
