/**
 * What SAs are, keys included, in shared memory of their own: a lane takes an SA from there when its first packet comes, so adding one
 * is one write, however many lanes there are. It is apart from the frame memory, which consumers see. Layout of a record, in bytes:
 *
 *     0 SPI | 4 proto, mode, encap, flags | 8 cipher, authenticator, ICV bytes | 12 lengths: key, salt, authKey, source, destination
 *     20 window | 24 initial sequence number, low and high half | 32 source | 48 destination | 64 key | 96 salt | 100 authKey
 */
import { addressText } from '../wire/address.ts';
import { Sa, secretsOf } from './sa.ts';
import type { SaFacts } from './sa-config.ts';
import { ANY_ADDRESS } from './sa-entry.ts';
import { MODES } from './sa-state.ts';
import { AEADS, AUTHS, CIPHERS } from './transforms/index.ts';
import {
  type AuthFamily,
  type AuthName,
  makeAhTransform,
  makeTransform,
  type Transform,
} from './transforms/transform.ts';

const BYTES = 192;
const SPI = 0;
const PROTO = 4;
const MODE = 5;
const ENCAP = 6;
const FLAGS = 7;
const CIPHER = 8;
const AUTH = 9;
const ICV = 10;
const KEY_LENGTH = 12;
const SALT_LENGTH = 13;
const AUTH_KEY_LENGTH = 14;
const SOURCE_LENGTH = 15;
const DESTINATION_LENGTH = 16;
const WINDOW = 20;
const SEQUENCE = 24;
const SOURCE = 32;
const DESTINATION = 48;
const KEY = 64;
const SALT = 96;
const AUTH_KEY = 100;

const ESN = 1;
const TRUST_ICV = 2;

const CIPHER_FAMILIES = [...AEADS.values(), ...CIPHERS.values()];
const AUTH_FAMILIES: readonly AuthFamily[] = [...AUTHS.values()];
/** In AH a name that ESP has as a cipher's. */
const AUTH_NAMES: readonly (AuthName | undefined)[] = [undefined, ...AUTH_FAMILIES.map(({ name }) => name), 'aes-gmac'];

export class SaRecords {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  /** Memory for records of so many SAs. */
  static create(capacity: number): SharedArrayBuffer {
    return new SharedArrayBuffer(capacity * BYTES);
  }

  constructor(buffer: SharedArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  write(slot: number, sa: Sa): void {
    const { bytes, view } = this;
    const b = slot * BYTES;
    const { key, salt, authKey } = secretsOf(sa);
    const { transform, srcBytes, dstBytes } = sa;
    view.setUint32(b + SPI, sa.spi);
    bytes[b + PROTO] = sa.proto === 'ah' ? 1 : 0;
    bytes[b + MODE] = MODES.indexOf(sa.mode);
    bytes[b + ENCAP] = sa.encap === 'udp' ? 1 : 0;
    bytes[b + FLAGS] = (sa.esn ? ESN : 0) | (sa.trustIcv ? TRUST_ICV : 0);
    bytes[b + CIPHER] = CIPHER_FAMILIES.findIndex(({ name }) => name === transform.cipher);
    bytes[b + AUTH] = AUTH_NAMES.indexOf(transform.auth);
    bytes[b + ICV] = transform.icvBytes;
    bytes[b + KEY_LENGTH] = key.length;
    bytes[b + SALT_LENGTH] = salt.length;
    bytes[b + AUTH_KEY_LENGTH] = authKey.length;
    bytes[b + SOURCE_LENGTH] = srcBytes?.length ?? 0;
    bytes[b + DESTINATION_LENGTH] = dstBytes.length;
    view.setUint32(b + WINDOW, sa.replayWindow);
    view.setBigUint64(b + SEQUENCE, sa.initialSeq);
    if (srcBytes !== undefined) bytes.set(srcBytes, b + SOURCE);
    bytes.set(dstBytes, b + DESTINATION);
    bytes.set(key, b + KEY);
    bytes.set(salt, b + SALT);
    bytes.set(authKey, b + AUTH_KEY);
  }

  /** The SA of a record, with keys of its own: but for queue, group, selectors and limits, which stand elsewhere or are none of a lane's business. */
  read(slot: number): Sa {
    const { bytes, view } = this;
    const b = slot * BYTES;
    const part = (at: number, length: number): Uint8Array => bytes.slice(b + at, b + at + length);
    const key = part(KEY, bytes[b + KEY_LENGTH]);
    const salt = part(SALT, bytes[b + SALT_LENGTH]);
    const authKey = part(AUTH_KEY, bytes[b + AUTH_KEY_LENGTH]);
    const src = part(SOURCE, bytes[b + SOURCE_LENGTH]);
    const dst = part(DESTINATION, bytes[b + DESTINATION_LENGTH]);
    const facts: SaFacts = {
      spi: view.getUint32(b + SPI),
      proto: bytes[b + PROTO] === 1 ? 'ah' : 'esp',
      src: src.length === 0 ? undefined : addressText(src, 0, src.length),
      dst: dst.length === 0 ? ANY_ADDRESS : addressText(dst, 0, dst.length),
      srcBytes: src.length === 0 ? undefined : src,
      dstBytes: dst,
      mode: MODES[bytes[b + MODE]],
      encap: bytes[b + ENCAP] === 1 ? 'udp' : 'none',
      transform: this.transform(b),
      esn: (bytes[b + FLAGS] & ESN) !== 0,
      initialSeq: view.getBigUint64(b + SEQUENCE),
      replayWindow: view.getUint32(b + WINDOW),
      queue: undefined,
      group: undefined,
      selectors: undefined,
      trustIcv: (bytes[b + FLAGS] & TRUST_ICV) !== 0,
      limits: undefined,
    };
    return new Sa(facts, { key, salt, authKey });
  }

  /** Zeroes a record, keys and all. */
  wipe(slot: number): void {
    this.bytes.fill(0, slot * BYTES, (slot + 1) * BYTES);
  }

  /** Zeroes all. */
  wipeAll(): void {
    this.bytes.fill(0);
  }

  private transform(b: number): Transform {
    const { bytes } = this;
    const icvBits = bytes[b + ICV] * 8;
    const auth = AUTH_NAMES[bytes[b + AUTH]];
    if (bytes[b + PROTO] === 1) return makeAhTransform(auth as AuthName, bytes[b + AUTH_KEY_LENGTH], icvBits);
    const family = AUTH_FAMILIES.find(({ name }) => name === auth);
    return makeTransform(CIPHER_FAMILIES[bytes[b + CIPHER]], bytes[b + KEY_LENGTH], family, icvBits);
  }
}
