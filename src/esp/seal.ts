/**
 * Outbound ESP, RFC 4303 section 3.3: padding, trailer, IV, encryption, ICV. For generators, tests and tunnels; allocates.
 */
import { randomBytes } from 'node:crypto';
import { optionError } from '../errors.ts';
import { ESP_HEADER, emitEsp } from '../wire/esp.ts';
import type { SealingCipher } from './crypto/backend.ts';
import { nodeBackend } from './crypto/node.ts';
import type { Sa } from './sa.ts';

const TRAILER = 2;

export interface SealOptions {
  /** Bytes of zeros between payload and padding (RFC 4303 section 2.7): hides the length of a packet that knows its own. */
  readonly tfcPadding?: number;
  /** Instead of the IV that `seal` would take; as long as the transform's. Never use one twice with AEADs and CTR. */
  readonly iv?: Uint8Array;
}

interface Outbound {
  readonly cipher: SealingCipher;
  iv: bigint;
}

const outbound = new WeakMap<Sa, Outbound>();

/**
 * Makes the ESP packet of a payload: ESP header to ICV.
 *
 * IVs of AEADs and CTR count up from a random start, one counter an SA object, so that neither a sequence number that is sealed
 * twice nor a restart uses one again; IVs of CBC are random.
 * @param sequence up to 64 bits with ESN, 32 without
 * @param nextHeader protocol of the payload: 4 or 41 for a tunnel
 * @throws RxSteerError ERR_RXSTEER_OPTION
 */
export function seal(
  sa: Sa,
  sequence: bigint | number,
  payload: Uint8Array,
  nextHeader: number,
  options: SealOptions = {},
): Uint8Array {
  const { ivBytes, icvBytes, blockBytes } = sa.transform;
  const { low, high } = halves(sequence, sa.esn);
  const tfc = options.tfcPadding ?? 0;
  const align = Math.max(4, blockBytes);
  const padding = -(payload.length + tfc + TRAILER) & (align - 1);
  const text = ESP_HEADER + ivBytes;
  const icv = text + payload.length + tfc + padding + TRAILER;
  const packet = new Uint8Array(icv + icvBytes);
  emitEsp(packet, 0, sa.spi, low);
  const state = outboundOf(sa);
  packet.set(ivOf(state, ivBytes, options.iv), ESP_HEADER);
  packet.set(payload, text);
  for (let i = 1; i <= padding; i++) packet[icv - TRAILER - padding + i - 1] = i;
  packet[icv - 2] = padding;
  packet[icv - 1] = nextHeader;
  state.cipher.seal(packet, high | 0);
  return packet;
}

function outboundOf(sa: Sa): Outbound {
  let state = outbound.get(sa);
  if (state === undefined) {
    state = { cipher: nodeBackend.cipher(sa), iv: randomBytes(8).readBigUInt64BE() };
    outbound.set(sa, state);
  }
  return state;
}

function ivOf(state: Outbound, ivBytes: number, given: Uint8Array | undefined): Uint8Array {
  if (given !== undefined) {
    if (given.length !== ivBytes) throw optionError('iv', `${ivBytes} bytes`, given.length);
    return given;
  }
  if (ivBytes !== 8) return randomBytes(ivBytes);
  const iv = new Uint8Array(8);
  new DataView(iv.buffer).setBigUint64(0, state.iv);
  state.iv = BigInt.asUintN(64, state.iv + 1n);
  return iv;
}

/** Halves of a sequence number, unsigned. */
export function halves(sequence: bigint | number, esn: boolean): { low: number; high: number } {
  if (typeof sequence === 'number' && !Number.isSafeInteger(sequence))
    throw optionError('sequence', 'an integer', sequence);
  const n = BigInt(sequence);
  if (n < 0n || n > (esn ? 0xffffffffffffffffn : 0xffffffffn)) {
    throw optionError('sequence', esn ? '64 bits' : '32 bits without ESN', sequence);
  }
  return { low: Number(n & 0xffffffffn), high: Number(n >> 32n) };
}
