/**
 * What threads did with their time, from /proc/self/task: it tells contention from time-slicing. Where several cores pull at the same
 * lines, or share a core's units, a packet takes more processor time. Where there are more threads than processors, it takes what it took,
 * and threads wait, ready to run, for a processor: run delay, and involuntary switches.
 */
import { readdirSync, readFileSync } from 'node:fs';

interface ThreadTimes {
  /** Nanoseconds on a processor, and ready to run without one (Documentation/scheduler/sched-stats.rst of Linux). */
  readonly cpu: number;
  readonly delay: number;
  /** Switches because the thread slept, and because another one was to run. */
  readonly voluntary: number;
  readonly involuntary: number;
}

/** By thread number; empty where the system does not tell. */
export type ThreadSample = ReadonlyMap<number, ThreadTimes>;

/** What a thread did for each packet of the receiver; switches: for 1,000 packets. */
export interface ThreadFigures {
  readonly role: 'dispatcher' | 'lane' | 'helpers';
  readonly cpuNs: number;
  readonly delayNs: number;
  readonly voluntary: number;
  readonly involuntary: number;
}

export interface ThreadUse {
  readonly processors: number;
  /** Packets that the figures are of. */
  readonly packets: number;
  /** How often, for 1,000 packets, the dispatcher found a lane full and waited. */
  readonly full: number;
  /** The part of all packets that the busiest lane had. */
  readonly busiestLane: number;
  /** The dispatcher, lanes from the busiest on, and all others together. Empty where the system does not tell. */
  readonly threads: readonly ThreadFigures[];
}

export function sampleThreads(): ThreadSample {
  const sample = new Map<number, ThreadTimes>();
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      const [cpu, delay] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ').map(Number);
      const status = readFileSync(`/proc/self/task/${thread}/status`, 'utf8');
      const count = (name: string): number => Number(status.match(new RegExp(`^${name}:\\s*(\\d+)`, 'm'))?.[1] ?? 0);
      sample.set(Number(thread), {
        cpu,
        delay,
        voluntary: count('voluntary_ctxt_switches'),
        involuntary: count('nonvoluntary_ctxt_switches'),
      });
    }
  } catch {
    return new Map();
  }
  return sample;
}

/** What was done between two samples. The main thread is the dispatcher; the `lanes` busiest others are the lanes. */
export function threadFigures(
  from: ThreadSample,
  to: ThreadSample,
  lanes: number,
  packets: number,
  main: number = process.pid,
): ThreadFigures[] {
  const nothing: ThreadTimes = { cpu: 0, delay: 0, voluntary: 0, involuntary: 0 };
  const figures = (role: ThreadFigures['role'], used: readonly ThreadTimes[]): ThreadFigures => {
    const sum = (pick: (t: ThreadTimes) => number): number => used.reduce((all, t) => all + pick(t), 0);
    return {
      role,
      cpuNs: sum((t) => t.cpu) / packets,
      delayNs: sum((t) => t.delay) / packets,
      voluntary: (1000 * sum((t) => t.voluntary)) / packets,
      involuntary: (1000 * sum((t) => t.involuntary)) / packets,
    };
  };
  const used = [...to].map(([thread, now]) => {
    const then = from.get(thread) ?? nothing;
    return {
      thread,
      cpu: now.cpu - then.cpu,
      delay: now.delay - then.delay,
      voluntary: now.voluntary - then.voluntary,
      involuntary: now.involuntary - then.involuntary,
    };
  });
  if (used.length === 0) return [];
  const others = used.filter(({ thread }) => thread !== main).sort((a, b) => b.cpu - a.cpu);
  return [
    figures(
      'dispatcher',
      used.filter(({ thread }) => thread === main),
    ),
    ...others.slice(0, lanes).map((one) => figures('lane', [one])),
    figures('helpers', others.slice(lanes)),
  ];
}

/** The first processor that this process may run on; undefined where the system does not tell. */
export function firstProcessor(): number | undefined {
  try {
    const allowed = readFileSync('/proc/self/status', 'utf8').match(/^Cpus_allowed_list:\s*(\d+)/m);
    return allowed === null ? undefined : Number(allowed[1]);
  } catch {
    return undefined;
  }
}
