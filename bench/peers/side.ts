/** One side of a comparison: a process that measures one repeat whenever it is asked for one. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** The first line of a side. */
export type Ready =
  | { readonly ready: true; readonly version: string; readonly check?: number }
  | { readonly skipped: string };

export interface SideRepeat {
  /** Nanoseconds of wall clock per item. */
  readonly ns: number;
  readonly items: number;
  /** Rounds thrown away. */
  readonly dropped: number;
}

export class Side {
  private readonly child: ChildProcessByStdio<Writable, Readable, null>;
  private readonly lines: AsyncIterator<string>;
  private readonly ended: Promise<unknown>;
  private readonly name: string;

  constructor(command: string, args: readonly string[], name: string) {
    this.name = name;
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.ended = new Promise((resolve) => {
      this.child.once('error', resolve);
      this.child.once('exit', resolve);
    });
    // A side that ended cannot be asked: its missing answer says so.
    this.child.stdin.on('error', () => {});
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** @throws Error: it ended without saying anything */
  async start(): Promise<Ready> {
    return (await this.line()) as Ready;
  }

  /** @throws Error: it ended */
  async repeat(seconds: number): Promise<SideRepeat> {
    this.child.stdin.write(`${seconds}\n`);
    return (await this.line()) as SideRepeat;
  }

  async end(): Promise<void> {
    this.child.stdin.end();
    await this.ended;
  }

  private async line(): Promise<unknown> {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name} ended early`);
    return JSON.parse(value);
  }
}
