/**
 * The layer rule of the source tree, as a function from files to complaints. Reads imports by TypeScript's own scanner, so
 * that `import type`, `export from` and `import()` count too.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** From the top; a file imports from its own folder and from rows below its own. */
const ROWS: readonly (readonly string[])[] = [
  ['cli', 'report', 'bench', 'lab'],
  ['receiver', 'io', 'analyze'],
  ['lane'],
  ['gro', 'esp', 'fragments'],
  ['steer'],
  ['hash', 'capture', 'memory', 'kernels', 'native'],
  ['wire'],
  ['errors', 'counters', 'events'],
];

/** Imports that the rows forbid, and why each is right. */
const ALLOWED: ReadonlyMap<string, string> = new Map([
  ['cli -> report', 'the command line prints what report/ lays out; report/ knows nothing of options'],
  ['lab -> report', 'the lab draws with the page that report/ lays out'],
  ['cli -> bench', 'the command line prints what bench/ measures; bench/ knows nothing of options'],
  ['bench -> report', 'bars and columns in a terminal, and what comes out of a capture'],
  ['workers -> receiver', 'the worker shell reads the messages and shared words that receiver/ defines'],
]);

/** These may be loaded by a browser: nothing of Node's, in them or in what they import. */
const BROWSER: ReadonlySet<string> = new Set(['wire', 'hash', 'steer', 'capture', 'kernels', 'analyze', 'lab']);

/** Tools of the checkout that stand beside what they make. */
const TOOLS: ReadonlySet<string> = new Set(['src/kernels/build.ts', 'src/kernels/compile.ts']);

/** What-if sweeps see what a NIC sees, and no more. */
const ANALYZE_USES: ReadonlySet<string> = new Set(['steer', 'hash', 'capture', 'wire', 'errors', 'counters']);

/** Packages that one place keeps to itself. */
const OWNERS: ReadonlyMap<string, string> = new Map([
  ['koffi', 'src/native/'],
  ['piscina', 'src/receiver/'],
]);

const NODE_GLOBALS: ReadonlySet<string> = new Set(['Buffer', 'process', 'require', 'setImmediate', '__dirname']);

/** Path from the root of the checkout, with slashes, to the text. */
export type Sources = ReadonlyMap<string, string>;

/** All TypeScript of `folders`, but for what AssemblyScript compiles. */
export function readSources(root: string, folders: readonly string[]): Sources {
  const sources = new Map<string, string>();
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = posix.join(entry.parentPath.slice(root.length).replaceAll('\\', '/').replace(/^\//, ''), entry.name);
      if (!entry.isFile() || !path.endsWith('.ts') || path.startsWith('src/kernels/assembly/')) continue;
      sources.set(path, readFileSync(join(root, path), 'utf8'));
    }
  }
  return sources;
}

/** The unit that the rule speaks of: a folder of src, a file directly in it without its ending, or `workers`. */
function unitOf(path: string): string {
  const [top, second = ''] = path.split('/');
  return top === 'src' ? second.replace(/\.ts$/, '') : (top ?? '');
}

function rowOf(unit: string): number {
  if (unit === 'index') return -2;
  if (unit === 'workers') return 1.5; // above lane, below receiver
  return ROWS.findIndex((row) => row.includes(unit));
}

/** Complaints, one sentence each; none when the tree keeps the rule. */
export function checkLayers(sources: Sources): string[] {
  const complaints: string[] = [];
  const graph = new Map<string, string[]>();
  const node = new Map<string, string>(); // file -> what of Node's it uses

  for (const [path, text] of sources) {
    const edges: string[] = [];
    graph.set(path, edges);
    if (TOOLS.has(path)) continue;
    const unit = unitOf(path);
    if (rowOf(unit) === -1) complaints.push(`${path}: ${unit} stands in no row`);
    for (const { fileName: specifier } of ts.preProcessFile(text, true, true).importedFiles) {
      if (!specifier.startsWith('.')) {
        if (specifier.startsWith('node:') || builtinModules.includes(specifier)) node.set(path, specifier);
        const owner = OWNERS.get(specifier);
        if (owner && !path.startsWith(owner)) complaints.push(`${path}: only ${owner} may import ${specifier}`);
        continue;
      }
      const target = posix.join(posix.dirname(path), specifier);
      if (!sources.has(target)) {
        complaints.push(`${path}: imports ${target}, which is not there`);
        continue;
      }
      edges.push(target);
      const complaint = TOOLS.has(target) ? 'is a tool' : edgeComplaint(unit, unitOf(target));
      if (complaint) complaints.push(`${path}: imports ${target}: ${complaint}`);
    }
    const global = BROWSER.has(unit) ? nodeGlobal(path, text) : undefined;
    if (global) node.set(path, global);
  }

  for (const path of sources.keys()) {
    if (!BROWSER.has(unitOf(path)) || TOOLS.has(path)) continue;
    const way = wayTo(graph, path, (file) => node.has(file));
    if (way) complaints.push(`${way.join(' -> ')} uses ${node.get(way.at(-1)!)}, and ${unitOf(path)} runs in browsers`);
  }
  return [...new Set([...complaints, ...cycles(graph)])];
}

function edgeComplaint(from: string, to: string): string | undefined {
  if (from === to || ALLOWED.has(`${from} -> ${to}`)) return undefined;
  if (from === 'index' && to === 'cli') return 'the library does not load the command line';
  if (from === 'analyze' && !ANALYZE_USES.has(to)) return `analyze uses only ${[...ANALYZE_USES].join(', ')}`;
  return rowOf(to) > rowOf(from) ? undefined : `${to} is no layer below ${from}`;
}

/** The first global of Node's that is used: a name that is declared here, or is a property's, is another thing. */
function nodeGlobal(path: string, text: string): string | undefined {
  let found: string | undefined;
  const visit = (at: ts.Node): void => {
    if (ts.isIdentifier(at) && NODE_GLOBALS.has(at.text)) {
      const { name } = at.parent as ts.Node & { name?: ts.Node };
      if (name !== at) found ??= at.text;
    }
    ts.forEachChild(at, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return found;
}

/** The shortest way from `start` to a file that `isEnd` accepts. */
function wayTo(
  graph: ReadonlyMap<string, string[]>,
  start: string,
  isEnd: (file: string) => boolean,
): string[] | undefined {
  const seen = new Set([start]);
  const queue = [[start]];
  for (const way of queue) {
    const at = way.at(-1)!;
    if (isEnd(at)) return way;
    for (const next of graph.get(at) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push([...way, next]);
    }
  }
  return undefined;
}

/** One complaint for each file at which a cycle closes. */
function cycles(graph: ReadonlyMap<string, string[]>): string[] {
  const complaints: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (at: string): void => {
    const from = way.indexOf(at);
    if (from >= 0) complaints.push(`cycle: ${[...way.slice(from), at].join(' -> ')}`);
    if (from >= 0 || done.has(at)) return;
    way.push(at);
    for (const next of graph.get(at) ?? []) visit(next);
    way.pop();
    done.add(at);
  };
  for (const path of graph.keys()) visit(path);
  return complaints;
}
