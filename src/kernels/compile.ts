/** Compiles AssemblyScript as the kernels are. A tool of the checkout: not part of the package. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const ROOT = new URL('../../', import.meta.url);

/**
 * The limits of the import must enclose those of the memory that is given: at least one page, and any maximum that 32-bit
 * addresses allow. Nothing is reserved by declaring it.
 */
const FLAGS = [
  ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--noAssert', '--runtime', 'stub'],
  ...['--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory'],
  ...['--importMemory', '--sharedMemory', '--noExportMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
];

/**
 * @param entry the file whose exports the module has; its path from the root of the checkout
 * @throws Error: it does not compile
 */
export async function compileKernels(entry: string): Promise<Uint8Array<ArrayBuffer>> {
  let module: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main([entry, ...FLAGS, '--outFile', 'module.wasm'], {
    readFile(name) {
      // The compiler adds an extension to imports that have one already.
      const path = fileURLToPath(new URL(name.replace(/\.ts\.ts$/, '.ts'), ROOT));
      return existsSync(path) ? readFileSync(path, 'utf8') : null;
    },
    writeFile: (name, contents) => {
      if (name === 'module.wasm' && typeof contents !== 'string') module = Uint8Array.from(contents);
    },
    listFiles: () => [],
  });
  if (error || !module) throw new Error(`${entry} does not compile\n${stderr.toString()}`, { cause: error });
  return module;
}
