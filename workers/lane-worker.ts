/** What the pool starts in a lane's thread. A shell only: piscina requires it, and under tsx that makes slow CommonJS of it. */
import { extname } from 'node:path';
import { importModule } from '../src/receiver/import-module.ts';
import type { LaneFailure, LaneTask } from '../src/receiver/lane-task.ts';

export default async function run(task: LaneTask): Promise<LaneFailure | undefined> {
  const thread = new URL(`../src/receiver/lane-thread${extname(import.meta.url)}`, import.meta.url);
  const { runLane } = (await importModule(thread.href)) as typeof import('../src/receiver/lane-thread.ts');
  return runLane(task);
}
