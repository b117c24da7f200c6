import { put32 } from '../../wire/bytes.ts';
import { AHEAD_BYTES, Ahead } from '../ahead.ts';
import { createSa, type Sa } from '../sa.ts';
import type { Transform } from '../transforms/transform.ts';
import { BURST_OPENED, BURST_REFUSED, type Burst, type CryptoBackend, type PacketCipher } from './backend.ts';
import { ANSWER_HIGH, ANSWER_PAYLOAD, ANSWER_SEQUENCE, ANSWER_SPI, KNOWN_ANSWERS } from './known-answers.ts';

/** What a backend's test has shown. */
export interface SelfTest {
  /** What it did wrong: it is not to be used at all. */
  readonly wrong: string | undefined;
  /** Algorithms that the library would not do (no memory, FIPS), by `algorithms`, and what it said. */
  readonly cannot: ReadonlyMap<string, string>;
}

const AT = 64;
const TARGET = 512;
const ROOM = 256;
/** Packets of a burst. */
const TOGETHER = 20;

/** Has a backend open every known answer that it does not refuse, and refuse four forgeries of each. */
export function selfTest(backend: CryptoBackend): SelfTest {
  const cannot = new Map<string, string>();
  const bytes = new Uint8Array(new SharedArrayBuffer(1024));
  const together = new Uint8Array(
    new SharedArrayBuffer(backend.burst === undefined ? 0 : AHEAD_BYTES + TOGETHER * 256),
  );
  for (const [transform, esn, rest] of KNOWN_ANSWERS) {
    const sa = createSa({ spi: ANSWER_SPI, dst: '192.0.2.1', mode: 'tunnel', transform, esn });
    const refused = backend.refuses(sa.transform) !== undefined;
    const end = lay(bytes, rest);
    try {
      const fault =
        (refused ? undefined : tryOut(backend.cipher(sa), sa, bytes, end)) ??
        tryBurst(backend.burst, sa, rest, together);
      if (fault !== undefined) return { wrong: `self-test: ${sa.transform.name}: ${fault}`, cannot };
    } catch (error) {
      for (const name of algorithms(sa.transform)) cannot.set(name, (error as Error).message);
    }
  }
  return { wrong: undefined, cannot };
}

/** What of a transform can be missing from a library: the cipher with this key, the authenticator. */
export function algorithms({ cipher, keyBits, auth }: Transform): string[] {
  // What NULL cannot do is the authenticator's fault, so it comes first among the answers.
  return [
    ...(cipher === 'null' ? [] : [`${cipher}-${keyBits}`]),
    ...(auth === undefined || cipher !== 'null' ? [] : [auth]),
  ];
}

/** Puts a packet where it is opened. Returns its end. */
function lay(bytes: Uint8Array, rest: string): number {
  bytes.fill(0);
  put32(bytes, AT, ANSWER_SPI);
  put32(bytes, AT + 4, ANSWER_SEQUENCE);
  const packet = Buffer.from(rest, 'hex');
  bytes.set(packet, AT + 8);
  return AT + 8 + packet.length;
}

function tryOut(cipher: PacketCipher, sa: Sa, bytes: Uint8Array, end: number): string | undefined {
  const { icvBytes, ivBytes } = sa.transform;
  const high = sa.esn ? ANSWER_HIGH : 0;
  const open = (): boolean => cipher.open(bytes, AT, end, high, TARGET, ROOM);
  const opens = (): boolean => {
    if (!open()) return false;
    const { plain, at } = cipher;
    return ANSWER_PAYLOAD.every((byte, i) => plain[at + i] === byte);
  };
  if (!opens()) return 'does not open what is authentic';
  // A bit of the sequence number, of the IV (NULL: of the payload), of the text, of the ICV.
  for (const place of [AT + 7, AT + 8, AT + 8 + ivBytes + 5, end - icvBytes]) {
    bytes.fill(0, TARGET, TARGET + ROOM);
    bytes[place] ^= 0x10;
    const accepted = open();
    bytes[place] ^= 0x10;
    if (accepted) return 'opens what is forged';
    if (bytes.subarray(TARGET, TARGET + ROOM).some((byte) => byte !== 0)) return 'leaves what is not authentic';
    if (!opens()) return 'does not open what is authentic, behind a forgery';
  }
  if (sa.esn && cipher.open(bytes, AT, end, high + 1, TARGET, ROOM)) return 'does not look at the high half';
  return undefined;
}

/** Many of the same packet in one burst, some of them forged. */
function tryBurst(burst: Burst | undefined, sa: Sa, rest: string, bytes: Uint8Array): string | undefined {
  if (!burst?.takes(sa)) return undefined;
  const key = burst.key(sa);
  const ahead = new Ahead(bytes, 0, burst);
  for (const target of ahead.targets) bytes.fill(0, target, target + 64);
  const packet = Uint8Array.from(Buffer.from(rest, 'hex'));
  const forged = (i: number): boolean => i % 3 === 1;
  for (let i = 0; i < TOGETHER; i++) {
    const at = AHEAD_BYTES + i * 256;
    put32(bytes, at, ANSWER_SPI);
    put32(bytes, at + 4, ANSWER_SEQUENCE);
    bytes.set(packet, at + 8);
    // Each one at another place, the ICV last.
    if (forged(i)) bytes[at + 8 + packet.length - 1 - 2 * i] ^= 0x10;
    ahead.add(0, key, at, at + 8 + packet.length, sa.esn ? ANSWER_HIGH : 0);
  }
  ahead.run();
  for (let i = 0; i < TOGETHER; i++) {
    const at = AHEAD_BYTES + i * 256;
    const result = ahead.find(0, at, at + 8 + packet.length, sa.esn ? ANSWER_HIGH : 0);
    if (forged(i)) {
      if (result !== BURST_REFUSED) return 'opens what is forged, in a burst';
      const target = ahead.targets[i];
      if (bytes.subarray(target, target + 64).some((byte) => byte !== 0))
        return 'leaves what is not authentic, in a burst';
    } else if (result !== BURST_OPENED || !ANSWER_PAYLOAD.every((byte, k) => bytes[ahead.at + k] === byte)) {
      return 'does not open what is authentic, in a burst';
    }
  }
  return undefined;
}
