/**
 * `npm run bench -- [NAME...] ...`: the questions of `questions.ts`. `npm run bench -- peers ...`: ours beside C programs.
 * `npm run bench -- histogram ...`: what `rxsteer bench` measures. `npm run bench -- growth ...`: cost and memory by flows, SAs, lanes, sizes.
 * `npm run bench -- scaling ...`: the model of `docs/scaling.md`.
 */
const [name, ...rest] = process.argv.slice(2);
if (name === 'peers') process.exitCode = await (await import('./peers/run.ts')).peersCommand(rest);
else if (name === 'growth') process.exitCode = await (await import('./growth/run.ts')).growthCommand(rest);
else if (name === 'scaling') process.exitCode = (await import('./growth/scaling.ts')).scalingCommand(rest);
else if (name === 'histogram') process.exitCode = await (await import('../src/cli/bench.ts')).benchCommand(rest);
else await import('./run.ts');

export {};
