/**
 * Compiles `assembly/kernels.ts` and embeds the result in `wasm.ts`: `npm run kernels`. With `--check` it writes nothing
 * and fails when the committed text is not what a build gives. A tool of the checkout: not part of the package.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/**
 * The limits of the import must enclose those of the memory that is given: at least one page, and any maximum that 32-bit
 * addresses allow. Nothing is reserved by declaring it.
 */
const FLAGS = [
  ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--noAssert', '--runtime', 'stub'],
  ...['--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory'],
  ...['--importMemory', '--sharedMemory', '--noExportMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
];

const SOURCES = readdirSync(here('assembly'));

async function compile(): Promise<Uint8Array> {
  let module: Uint8Array | undefined;
  const { error, stderr } = await asc.main(['kernels.ts', ...FLAGS, '--outFile', 'kernels.wasm'], {
    // The compiler adds an extension to imports that have one already.
    readFile(name) {
      const source = name.replace(/\.ts\.ts$/, '.ts');
      return SOURCES.includes(source) ? readFileSync(here(`assembly/${source}`), 'utf8') : null;
    },
    writeFile: (name, contents) => {
      if (name === 'kernels.wasm' && typeof contents !== 'string') module = contents;
    },
    listFiles: () => [],
  });
  if (error || !module) throw new Error(`the kernels do not compile\n${stderr.toString()}`, { cause: error });
  return module;
}

function embed(module: Uint8Array): string {
  return `/** The module that \`npm run kernels\` makes of \`assembly/\`: ${module.length} bytes in base64. Generated, do not edit. */
export const KERNELS_WASM: string =
  '${Buffer.from(module).toString('base64')}';
`;
}

const target = here('wasm.ts');
const text = embed(await compile());
if (!process.argv.includes('--check')) {
  writeFileSync(target, text);
} else if (readFileSync(target, 'utf8') !== text) {
  console.error('src/kernels/wasm.ts is not what assembly/kernels.ts compiles to: run `npm run kernels` and commit it');
  process.exitCode = 1;
} else {
  console.log('src/kernels/wasm.ts is up to date');
}
