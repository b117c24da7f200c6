/** The process of one lane whose stages are measured: a repeat for each message, until the one that asks disconnects. */
import { type SplitTask, splitter } from './split.ts';

const repeat = splitter(JSON.parse(process.argv[2]) as SplitTask);
process.once('disconnect', () => process.exit());
process.on('message', () => {
  repeat().then(
    (split) => process.send!(split),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
      process.exit(1);
    },
  );
});
