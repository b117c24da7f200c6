/**
 * Compiles `assembly/kernels.ts` and embeds the result in `wasm.ts`: `npm run kernels`. With `--check` it writes nothing
 * and fails when the committed text is not what a build gives. A tool of the checkout: not part of the package.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileKernels } from './compile.ts';

function embed(module: Uint8Array): string {
  return `/** The module that \`npm run kernels\` makes of \`assembly/\`: ${module.length} bytes in base64. Generated, do not edit. */
export const KERNELS_WASM: string =
  '${Buffer.from(module).toString('base64')}';
`;
}

const target = fileURLToPath(new URL('wasm.ts', import.meta.url));
const text = embed(await compileKernels('src/kernels/assembly/kernels.ts'));
if (!process.argv.includes('--check')) {
  writeFileSync(target, text);
} else if (readFileSync(target, 'utf8') !== text) {
  console.error('src/kernels/wasm.ts is not what assembly/kernels.ts compiles to: run `npm run kernels` and commit it');
  process.exitCode = 1;
} else {
  console.log('src/kernels/wasm.ts is up to date');
}
