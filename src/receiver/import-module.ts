import * as nodeModule from 'node:module';
import { isMainThread } from 'node:worker_threads';

/** Where tsx registers its hook for `import` in the calling thread. */
const TSX_API = 'tsx/esm/api';

let hooked: Promise<void> | undefined;

/** Imports a module by its URL, TypeScript too where the process runs under tsx. */
export async function importModule(url: string): Promise<Record<string, unknown>> {
  if (!isMainThread && /\.[cm]?tsx?$/.test(new URL(url).pathname)) {
    hooked ??= hookTsx();
    await hooked;
  }
  return import(url);
}

/**
 * tsx does not hook `import` in worker threads of Node 20, only `require`; what it requires becomes CommonJS, where each use
 * of an imported constant is a call (a lane is 20 times slower so). Its hook for `import` is registered here instead. It
 * has to be there before the first import: Node remembers a module that it could not load. Where Node has synchronous
 * hooks (22.15 and newer), tsx has done it all.
 */
async function hookTsx(): Promise<void> {
  if ('registerHooks' in nodeModule) return;
  const tsx = (await import(TSX_API).catch(() => undefined)) as { register: () => void } | undefined;
  tsx?.register();
}
