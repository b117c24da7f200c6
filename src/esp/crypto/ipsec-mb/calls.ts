import type { CFunction } from '../../../native/ffi.ts';
import type { Frames } from '../native-cipher.ts';
import type { Manager } from './library.ts';

/** Functions of a manager, by key size: 128, 192, 256 bits. */
export interface IpsecMbCalls {
  readonly manager: Manager;
  readonly frames: Frames;
  readonly gcmPrecompute: readonly CFunction[];
  readonly gmacInit: readonly CFunction[];
  readonly gmacUpdate: readonly CFunction[];
  readonly gmacFinalize: readonly CFunction[];
}
