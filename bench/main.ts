/**
 * `npm run bench -- [NAME...] ...`: the questions of `questions.ts`. `npm run bench -- peers ...`: ours beside C programs.
 * `npm run bench -- histogram ...`: what `rxsteer bench` measures. `npm run bench -- steady ...`: minutes of load.
 * `npm run bench -- ratios ...`: what CI shows. `npm run bench -- growth ...`: cost and memory by flows, SAs, lanes, sizes.
 * `npm run bench -- scaling ...`: the model of `docs/scaling.md`.
 */
import { fileURLToPath } from 'node:url';

const CAPTURE = fileURLToPath(new URL('../test/captures/esp/linux_many.pcap', import.meta.url));
const SAS = CAPTURE.replace('.pcap', '.sas.json');

const [name, ...rest] = process.argv.slice(2);
if (name === 'peers') process.exitCode = await (await import('./peers/run.ts')).peersCommand(rest);
else if (name === 'histogram') {
  // In a checkout there is a capture to loop: what a Linux kernel sent.
  const capture = rest.some((arg) => /^--capture(=|$)/.test(arg)) ? [] : ['--capture', CAPTURE, '--sa', SAS];
  process.argv.splice(2, process.argv.length, 'bench', ...rest, ...capture);
  await import('../src/cli/main.ts');
} else if (name === 'steady') process.exitCode = await (await import('./steady/command.ts')).steadyCommand(rest);
else if (name === 'ratios') process.exitCode = (await import('./ratios/command.ts')).ratiosCommand(rest);
else if (name === 'growth') process.exitCode = await (await import('./growth/run.ts')).growthCommand(rest);
else if (name === 'scaling') process.exitCode = (await import('./growth/scaling.ts')).scalingCommand(rest);
else await import('./run.ts');
