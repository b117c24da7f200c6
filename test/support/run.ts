/** Runs programs as a user would: another process, the root of the checkout as its folder, nothing on stdin. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

export interface Outcome {
  /** Exit code; null when a signal ended it, as the time limit does. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Milliseconds after which it is ended. Default 60,000. */
  readonly timeout?: number;
}

/** What the test runner sets for its own processes is not passed on. */
function environment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1' };
  for (const name of Object.keys(env)) {
    if (
      /^(VITEST|NODE_OPTIONS$|NODE_ENV$|FORCE_COLOR$|TEST$|npm_(lifecycle|package|command|config_local_prefix))/.test(
        name,
      )
    )
      delete env[name];
  }
  return env;
}

export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeout ?? 60_000,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs a TypeScript or JavaScript file of the checkout with tsx. */
export function runTsx(file: string, args: readonly string[] = []): Promise<Outcome> {
  return run(process.execPath, [fileURLToPath(import.meta.resolve('tsx/cli')), file, ...args]);
}
