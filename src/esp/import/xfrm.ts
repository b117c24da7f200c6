/**
 * What `ip xfrm state` prints, with `-s` and `-o` too:
 *
 *     src 192.0.2.1 dst 192.0.2.2
 *         proto esp spi 0x00001001 reqid 1 mode tunnel
 *         replay-window 32 flag af-unspec esn
 *         aead rfc4106(gcm(aes)) 0x<key> 128
 *         encap type espinudp sport 4500 dport 4500 addr 0.0.0.0
 *         anti-replay esn context:
 *          seq-hi 0x0, seq 0x10, oseq-hi 0x0, oseq 0x0
 *          replay_window 128, bitmap-length 4
 *          ffff0000 00000000 00000000 00000000
 *
 * The state is that of the moment when it was printed: everything up to the highest number of that moment counts as seen, sent
 * ones too (`oseq`), for a capture from then on. States of IPComp and of its IP in IP are left out: ESP carries them.
 */
import type { SelectorConfig } from '../policy/selector.ts';
import type { SaConfig } from '../sa-config.ts';
import { shownSafely } from '../sa-entry.ts';
import { type ImportedSa, lineError } from './format.ts';
import { type XfrmAlgorithms, xfrmAuth, xfrmTransform } from './xfrm-algorithms.ts';

/** Protocols of states that are no SAs of ours: IPComp, what belongs to it, and those of mobility. */
const LEFT_OUT: ReadonlySet<string> = new Set(['comp', 'ipcomp', 'ipencap', 'ipv6', '4', '41', 'route2', 'hao']);
/** Bit of ESN among the flags, which old programs print as a number. */
const FLAG_ESN = 0x80;
/** Linux's smallest windows are smaller than ours. */
const LEAST_WINDOW = 32;

interface State {
  where: string;
  src: string;
  dst: string;
  proto: string | undefined;
  spi: string | undefined;
  mode: string | undefined;
  encap: string | undefined;
  esn: boolean;
  window: number;
  /** Highest numbers received and sent, halves. */
  numbers: Map<string, bigint>;
  algorithms: XfrmAlgorithms;
  selector: SelectorConfig | undefined;
}

/** The states of ESP and AH in the text, in its order. */
export function readXfrm(text: string, name: string): ImportedSa[] {
  const sas: ImportedSa[] = [];
  let state: State | undefined;
  const end = (): void => {
    if (state !== undefined && !LEFT_OUT.has(state.proto ?? ''))
      sas.push({ where: state.where, config: finish(state) });
  };
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    // With -o, backslashes stand where lines would end.
    for (const part of whole.split('\\')) {
      const line = part.trim();
      const ends = /^src\s+(\S+)\s+dst\s+(\S+)/.exec(line);
      if (ends !== null) {
        end();
        state = begin(`${name}: line ${index + 1}`, ends[1], ends[2]);
      } else if (line !== '') {
        if (state === undefined) throw lineError(`${name}: line ${index + 1}`, 'expected "src ADDRESS dst ADDRESS"');
        readLine(state, line);
      }
    }
  }
  end();
  return sas;
}

function begin(where: string, src: string, dst: string): State {
  if (src.includes('/') || dst.includes('/')) {
    throw lineError(where, 'expected the output of ip xfrm state, got one with prefixes, as of ip xfrm policy');
  }
  return {
    where,
    src,
    dst,
    proto: undefined,
    spi: undefined,
    mode: undefined,
    encap: undefined,
    esn: false,
    window: 0,
    numbers: new Map(),
    algorithms: {},
    selector: undefined,
  };
}

function readLine(state: State, line: string): void {
  const words = line.split(/\s+/);
  switch (words[0]) {
    case 'proto':
      state.proto = words[1];
      // With -s the number follows in decimals: 0x00001001(4097).
      state.spi = after(words, 'spi')?.replace(/\(.*/, '');
      state.mode = after(words, 'mode');
      break;
    case 'replay-window':
      // The statistics have a line that begins like this one.
      if (words[2] !== 'replay') {
        state.window = Number(words[1]);
        state.esn = words.slice(words.indexOf('flag') + 1).some(isEsn) && words.includes('flag');
      }
      break;
    case 'flag':
      state.esn = words.slice(1).some(isEsn);
      break;
    case 'replay_window':
      state.window = Number.parseInt(words[1], 10);
      break;
    case 'encap':
      state.encap = after(words, 'type');
      break;
    case 'enc':
    case 'auth':
    case 'auth-trunc':
    case 'aead':
      readAlgorithm(state, line);
      break;
    case 'sel':
      state.selector = readSelector(words);
      break;
    case 'anti-replay':
    case 'seq-hi':
    case 'oseq-hi':
      for (const [, number, value] of line.matchAll(/\b(o?seq(?:-hi)?) (0x[0-9a-f]{1,8})\b/gi)) {
        state.numbers.set(number, BigInt(value));
      }
      break;
    default:
  }
}

/** `sel src 10.1.0.0/16 dst 10.2.0.0/16 proto tcp dport 80`: of two prefixes of length 0, only the rest says something. */
function readSelector(words: readonly string[]): SelectorConfig | undefined {
  const [src, dst, proto, sport, dport] = ['src', 'dst', 'proto', 'sport', 'dport'].map((name) => after(words, name));
  const all = [src, dst].every((prefix) => prefix === undefined || /^(0\.0\.0\.0|::)\/0$/.test(prefix));
  const selector = {
    ...(all ? {} : { src, dst }),
    ...(proto === undefined ? {} : { proto }),
    ...(sport === undefined ? {} : { sport }),
    ...(dport === undefined ? {} : { dport }),
  };
  return Object.keys(selector).length === 0 ? undefined : selector;
}

function isEsn(flag: string): boolean {
  return flag === 'esn' || (/^[0-9a-f]{1,2}$/i.test(flag) && (Number.parseInt(flag, 16) & FLAG_ESN) !== 0);
}

function after(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}

/** `enc cbc(aes) 0x<key>`; with -s ` (256 bits)` behind the key; bits of the ICV behind that. */
function readAlgorithm(state: State, line: string): void {
  const match = /^(\S+)\s+(\S+)(?:\s+(0x[0-9a-f]*))?(?:\s*\(\d+ bits\))?(?:\s+(\d+))?$/i.exec(line);
  if (match === null) {
    const hidden = line.includes('<<Keys hidden>>') ? ', got hidden keys: leave "nokeys" out' : '';
    throw lineError(state.where, `${line.split(/\s+/)[0]}: expected an algorithm and a key in hexadecimal${hidden}`);
  }
  const [, kind, algorithm, key = '0x', bits] = match;
  const found = { name: algorithm, key, icvBits: bits === undefined ? undefined : Number(bits) };
  if (kind === 'enc') state.algorithms.enc = found;
  else if (kind === 'aead') state.algorithms.aead = found;
  else state.algorithms.auth = found;
}

function finish(state: State): SaConfig {
  const { where, proto, spi, mode, encap, esn, window, src } = state;
  if (proto !== 'esp' && proto !== 'ah') {
    throw lineError(where, `proto: expected esp or ah, got ${shownSafely(proto)}`);
  }
  if (spi === undefined) throw lineError(where, 'spi: expected a number, got none');
  if (mode !== 'tunnel' && mode !== 'transport') {
    throw lineError(where, `mode: expected tunnel or transport, got ${shownSafely(mode)}`);
  }
  if (encap !== undefined && encap !== 'espinudp') {
    throw lineError(where, `encap type: expected espinudp, got ${shownSafely(encap)}`);
  }
  const number = (name: string): bigint =>
    ((esn ? (state.numbers.get(`${name}-hi`) ?? 0n) : 0n) << 32n) | (state.numbers.get(name) ?? 0n);
  const received = number('seq');
  const sent = number('oseq');
  return {
    spi,
    proto,
    ...(/^(0\.0\.0\.0|::)$/.test(src) ? {} : { src }),
    dst: state.dst,
    mode,
    encap: encap === undefined ? 'none' : 'udp',
    transform: proto === 'ah' ? xfrmAuth(state.algorithms.auth, where) : xfrmTransform(state.algorithms, where),
    esn,
    initialSeq: `0x${(received > sent ? received : sent).toString(16)}`,
    ...(state.selector === undefined ? {} : { selectors: [state.selector] }),
    // None: the state of a sender, or a receiver that lets replays pass. This one does not.
    ...(window === 0 ? {} : { replayWindow: Math.max(LEAST_WINDOW, window) }),
  };
}
