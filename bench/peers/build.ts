/** Builds the programs of the peers when they are first asked for, with the libraries that are there. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = join(HERE, 'src');
const BUILD = join(HERE, 'build');

interface Library {
  /** Debian's package. */
  readonly package: string;
  /** Its name for pkg-config, or, without one, a header and what to link. */
  readonly module?: string;
  readonly header?: string;
  readonly link?: string;
}

const DPDK: Library = { package: 'libdpdk-dev', module: 'libdpdk' };
const OPENSSL: Library = { package: 'libssl-dev', module: 'libcrypto' };
const IPSEC_MB: Library = { package: 'libipsec-mb-dev', header: 'intel-ipsec-mb.h', link: '-lIPSec_MB' };

const PROGRAMS: Readonly<Record<string, Library>> = {
  toeplitz: DPDK,
  steer: DPDK,
  gro: DPDK,
  esp: DPDK,
  evp: OPENSSL,
  ipsec_mb: IPSEC_MB,
};

/** A program that can be run, or why there is none. */
export type Built = { readonly path: string } | { readonly why: string };

const built = new Map<string, Built>();

/** Builds a program unless it is newer than all sources. */
export function build(program: string): Built {
  const known = built.get(program) ?? compile(program, PROGRAMS[program]);
  built.set(program, known);
  return known;
}

function compile(program: string, library: Library): Built {
  for (const tool of ['cc', 'pkg-config']) {
    if (spawnSync(tool, ['--version']).error !== undefined) {
      return { why: `there is no ${tool} (Debian: apt-get install build-essential pkg-config)` };
    }
  }
  const flags = flagsOf(library);
  if (flags === undefined)
    return { why: `${library.package} is not installed (Debian: apt-get install ${library.package})` };
  const path = join(BUILD, program);
  if (isFresh(path)) return { path };
  mkdirSync(BUILD, { recursive: true });
  // Behind DPDK's own flags, which ask for an old processor: its GFNI hash exists only when the compiler may use it.
  const options = ['-O3', '-march=native', '-DALLOW_EXPERIMENTAL_API', '-Wall', '-Wextra'];
  const args = [...flags.compile, ...options, '-o', path, join(SOURCES, `${program}.c`), ...flags.link];
  const { status, stderr } = spawnSync('cc', args, { encoding: 'utf8' });
  if (stderr !== '') process.stderr.write(stderr);
  return status === 0 ? { path } : { why: `${program}.c could not be compiled` };
}

function flagsOf({ module, header, link }: Library): { compile: string[]; link: string[] } | undefined {
  if (module === undefined) {
    const { status } = spawnSync('cc', ['-E', '-x', 'c', '-'], { input: `#include <${header}>\n` });
    return status === 0 ? { compile: [], link: [link!] } : undefined;
  }
  const ask = (what: string): string[] | undefined => {
    const { status, stdout } = spawnSync('pkg-config', [what, module], { encoding: 'utf8' });
    return status === 0 ? stdout.split(/\s+/).filter((word) => word !== '') : undefined;
  };
  const compile = ask('--cflags');
  const libraries = ask('--libs');
  return compile === undefined || libraries === undefined ? undefined : { compile, link: libraries };
}

function isFresh(path: string): boolean {
  const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && readdirSync(SOURCES).every((name) => statSync(join(SOURCES, name)).mtimeMs < made);
}
