/** The modules of the lab as a browser loads them: paths that it may ask for, and their texts. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, posix } from 'node:path';

const ENTRIES = ['src/lab/main.js', 'src/lab/worker.js'];
/** The tree that this module is of: the checkout, or `dist`. */
const ROOT = new URL('../../', import.meta.url);
const ENDING = extname(import.meta.url);
const IMPORT = /(\b(?:from|import)\s*)(['"])([^'"]+)\2/g;
/** The one package that the core uses. It is no module of browsers. */
const PACKAGE = 'ipaddr.js';
const PACKAGE_PATH = 'package/ipaddr.js';

/** Texts at paths such as `src/lab/main.js`. In a checkout the types are taken off first. */
export async function labModules(): Promise<ReadonlyMap<string, string>> {
  const plain = ENDING === '.ts' ? await stripper() : (text: string) => text;
  const modules = new Map<string, string>();
  const waiting = [...ENTRIES];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (modules.has(path)) continue;
    if (path === PACKAGE_PATH) {
      modules.set(path, asModule(readFileSync(createRequire(import.meta.url).resolve(PACKAGE), 'utf8')));
      continue;
    }
    const folder = posix.dirname(path);
    const source = readFileSync(new URL(path.replace(/\.js$/, ENDING), ROOT), 'utf8');
    const text = plain(source).replace(IMPORT, (_, before: string, quote: string, name: string) => {
      const target = name === PACKAGE ? PACKAGE_PATH : posix.join(folder, name);
      waiting.push(target);
      return `${before}${quote}${name === PACKAGE ? posix.relative(folder, target) : name}${quote}`;
    });
    modules.set(path, text);
  }
  return modules;
}

/** What the build does, for a module at a time. */
async function stripper(): Promise<(text: string) => string> {
  const { default: ts } = await import('typescript');
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
    useDefineForClassFields: false,
    rewriteRelativeImportExtensions: true,
  };
  return (text) => ts.transpileModule(text, { compilerOptions }).outputText;
}

/** A CommonJS text as a module with a default export. */
function asModule(text: string): string {
  return `const module = { exports: {} };\n(function (module, exports) {\n${text}\n}).call({}, module, module.exports);\nexport default module.exports;\n`;
}
