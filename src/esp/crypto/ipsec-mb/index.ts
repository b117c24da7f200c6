/** The backend of intel-ipsec-mb: the fastest there is for AES-GCM, AES-GMAC and ChaCha20-Poly1305. */
import type { Sa } from '../../sa.ts';
import type { CryptoBackend } from '../backend.ts';
import { Contexts } from '../contexts.ts';
import { Frames, NativeCipher, type NativeUnit } from '../native-cipher.ts';
import { IpsecMbChaCha, IpsecMbGcm, IpsecMbGmac, SLOT_BYTES } from './aead.ts';
import { IpsecMbBurst } from './burst.ts';
import { BURST_SLOT_BYTES } from './burst-unit.ts';
import { type IpsecMbCalls, loadIpsecMb, Manager } from './library.ts';

const DONE: ReadonlySet<string> = new Set(['aes-gcm', 'aes-gmac', 'chacha20-poly1305']);

/** @param capacity expanded keys at a time; about 1 KiB each. @returns the backend, or why there is none */
export function createIpsecMb(capacity: number): CryptoBackend | string {
  const loaded = loadIpsecMb();
  if (typeof loaded === 'string') return loaded;
  const { ffi, layout } = loaded;
  let manager: Manager;
  try {
    manager = new Manager(loaded);
  } catch (error) {
    return (error as Error).message;
  }
  const frames = new Frames(ffi);
  const calls: IpsecMbCalls = {
    manager,
    frames,
    ffi,
    keyExpand: layout.keyExpand.map((at) => manager.at(at, 3)),
    cmacSubkeys: manager.at(layout.cmacSubkeys, 3),
    xcbcExpand: manager.at(layout.xcbcExpand, 4),
    oneBlock: Object.fromEntries(Object.entries(layout.oneBlock).map(([name, at]) => [name, manager.at(at, 2)])),
    gcmPrecompute: layout.gcmPrecompute.map((at) => manager.at(at, 2)),
    gmacInit: layout.gmacInit.map((at) => manager.at(at, 4)),
    gmacUpdate: layout.gmacUpdate.map((at) => manager.at(at, 4)),
    gmacFinalize: layout.gmacFinalize.map((at) => manager.at(at, 4)),
  };
  const contexts = new Contexts(ffi, capacity, SLOT_BYTES);
  const burstKeys = new Contexts(ffi, capacity, BURST_SLOT_BYTES);
  const burst = new IpsecMbBurst(calls, burstKeys);
  return {
    name: 'ipsec-mb',
    burst,
    refuses: ({ cipher }) => (DONE.has(cipher) ? undefined : `${cipher}: OpenSSL is faster with one packet at a time`),
    cipher: (sa) => new NativeCipher(sa, unitOf(sa, calls), frames, contexts),
    close() {
      contexts.close();
      burstKeys.close();
      burst.wipe();
      frames.close();
      manager.work.wipe();
      manager.memory.wipe();
    },
  };
}

function unitOf(sa: Sa, calls: IpsecMbCalls): NativeUnit {
  const { cipher } = sa.transform;
  if (cipher === 'aes-gcm') return new IpsecMbGcm(sa, calls);
  return cipher === 'aes-gmac' ? new IpsecMbGmac(sa, calls) : new IpsecMbChaCha(sa, calls);
}
