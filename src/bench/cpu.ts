import { readdirSync, readFileSync } from 'node:fs';

/** Processor time of a process at one moment, in nanoseconds. */
export interface CpuTimes {
  readonly wall: bigint;
  readonly process: number;
  /** By thread; empty where the system does not tell (Linux with CONFIG_SCHED_INFO does, in /proc/self/task). */
  readonly threads: ReadonlyMap<string, number>;
}

export interface CpuUse {
  readonly seconds: number;
  /** Processor seconds of all threads. */
  readonly cpuSeconds: number;
  /** The busiest thread's part of the time, 1 at most; null where the system does not tell. */
  readonly peak: number | null;
}

export function cpuTimes(): CpuTimes {
  const { user, system } = process.cpuUsage();
  return { wall: process.hrtime.bigint(), process: 1000 * (user + system), threads: threadTimes() };
}

/** What was used between two moments. */
export function cpuUse(from: CpuTimes, to: CpuTimes): CpuUse {
  const ns = Number(to.wall - from.wall);
  let busiest = -1;
  for (const [thread, time] of to.threads) busiest = Math.max(busiest, time - (from.threads.get(thread) ?? 0));
  return {
    seconds: ns / 1e9,
    cpuSeconds: (to.process - from.process) / 1e9,
    peak: busiest < 0 ? null : Math.min(1, busiest / ns),
  };
}

/** The first number of `schedstat` is the time that a thread was on a processor. */
function threadTimes(): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      times.set(thread, Number.parseInt(readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8'), 10));
    }
  } catch {
    // Not Linux, or a thread ended in between: nothing is known rather than something wrong.
    return new Map();
  }
  return times;
}
