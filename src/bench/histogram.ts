import { fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FailedScenario, HistogramEffort, HistogramRow } from './row.ts';
import type { Scenario } from './scenario.ts';

const PROGRAM = fileURLToPath(new URL(`./scenario-process${extname(import.meta.url)}`, import.meta.url));

/** Measures a bar in a process of its own. One that fails says why on stderr, and the others go on. */
export function measureScenario(scenario: Scenario, effort: HistogramEffort): Promise<HistogramRow | FailedScenario> {
  return new Promise((resolve) => {
    let row: HistogramRow | undefined;
    const child = fork(PROGRAM, [JSON.stringify(scenario), JSON.stringify(effort)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child.on('message', (message) => {
      row = message as HistogramRow;
    });
    child.on('error', ({ message }) => resolve({ case: scenario.name, failed: message }));
    child.on('exit', (code, signal) =>
      resolve(row ?? { case: scenario.name, failed: `its process ended with ${signal ?? code}` }),
    );
  });
}
