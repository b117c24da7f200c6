/** Incremental digests of what a flow carried, behind one small interface. */
import { createHash } from 'node:crypto';
import type { XXHashAPI } from 'xxhash-wasm';
import { optionError } from '../errors.ts';

export type DigestKind = 'none' | 'xxh64' | 'sha256';

export interface FlowDigest {
  update(bytes: Uint8Array): void;
  /** `sha256:<64 hex>` or `xxh64:<16 hex>` of what came so far; more may follow. */
  text(): string;
}

/**
 * What makes the digests of a kind; undefined for `none`.
 * @param xxhash what xxhash-wasm's default function resolves to; needed for `xxh64`
 * @throws RxSteerError `ERR_RXSTEER_OPTION` for another kind, or `xxh64` without `xxhash`.
 */
export function digestMaker(kind: DigestKind, xxhash?: XXHashAPI): (() => FlowDigest) | undefined {
  if (kind === 'none') return undefined;
  if (kind === 'sha256') return sha256;
  if (kind !== 'xxh64') throw optionError('digest', "'none', 'xxh64' or 'sha256'", kind);
  if (xxhash === undefined) throw optionError('xxhash', "the API of xxhash-wasm, for digest 'xxh64'", xxhash);
  return () => {
    const state = xxhash.create64();
    return {
      update(bytes) {
        state.update(bytes);
      },
      text: () => `xxh64:${state.digest().toString(16).padStart(16, '0')}`,
    };
  };
}

function sha256(): FlowDigest {
  const state = createHash('sha256');
  return {
    update(bytes) {
      state.update(bytes);
    },
    text: () => `sha256:${state.copy().digest('hex')}`,
  };
}
