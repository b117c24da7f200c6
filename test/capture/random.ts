import { frame, PcapngFile, pcapFile } from './build.ts';

export type Random = (below: number) => number;

/** Repeatable numbers from 0 to `below` - 1 (mulberry32). */
export function random(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const LINKS = [0, 1, 12, 14, 101, 108, 113, 228, 229, 276];
const RESOLUTIONS = [undefined, 0, 3, 6, 7, 9, 10, 12, 19, 0x80, 0x8a, 0x94, 0x9e, 0xa0, 0xbf];

/** Mostly small frames, some empty, few large. */
function someFrame(next: Random): Uint8Array {
  const kind = next(10);
  return frame(kind === 0 ? 0 : kind === 1 ? next(1500) : next(80), next(256));
}

function wireOf(next: Random, bytes: Uint8Array): number {
  return [bytes.length, bytes.length + next(2000), next(60), 0xffffffff][Math.min(3, next(12))] ?? bytes.length;
}

function randomPcap(next: Random): Uint8Array {
  const magic = [0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34][next(3)]!;
  const frames = Array.from({ length: next(30) }, () => {
    const bytes = someFrame(next);
    const fraction = next(8) === 0 ? next(0x100000000) : next(1e6);
    return { bytes, seconds: next(0x100000000), fraction, wire: wireOf(next, bytes) };
  });
  const fcs = next(4) === 0 ? 0x24000000 : 0;
  return pcapFile(frames, { little: next(2) === 0, magic, link: (LINKS[next(LINKS.length)]! | fcs) >>> 0 });
}

function randomPcapng(next: Random): Uint8Array {
  const file = new PcapngFile();
  for (let section = 1 + next(3); section > 0; section--) {
    file.section({ little: next(2) === 0, options: next(2) === 0 ? [{ code: 1, value: frame(next(20)) }] : [] });
    let interfaces = 0;
    const snaps: number[] = [];
    for (let block = next(25); block > 0; block--) {
      const kind = interfaces === 0 ? next(2) : next(12);
      const bytes = someFrame(next);
      const ticks = (BigInt(next(next(4) === 0 ? 0x100000000 : 500_000)) << 32n) | BigInt(next(0x100000000));
      if (kind === 0) {
        const snap = [0, 40, 65535][next(3)]!;
        const offset = [undefined, 0n, 100n, -100n, 1n << 40n][next(5)];
        const resolution = RESOLUTIONS[next(RESOLUTIONS.length)];
        const link = next(3) === 0 ? LINKS[next(LINKS.length)] : 1;
        file.interface({ link, snap, resolution, offset, end: next(2) === 0 });
        snaps.push(snap);
        interfaces++;
      } else if (kind === 1) file.unknown(next(3) === 0 ? 0x80000000 + next(1000) : 4 + 8 * next(9), next(60));
      else if (kind === 2) file.obsolete(next(interfaces), ticks, bytes, wireOf(next, bytes));
      else if (kind === 3) {
        const snap = snaps[0]!;
        const present = snap === 0 ? bytes : bytes.subarray(0, snap);
        file.simple(present, snap > 0 && present.length === snap ? snap + next(100) : present.length);
      } else {
        const comment = next(4) === 0 ? [{ code: 1, value: frame(next(30)) }] : [];
        file.enhanced(next(interfaces), ticks, bytes, wireOf(next, bytes), comment);
      }
    }
  }
  return file.bytes();
}

/** A well-formed capture with something of everything. */
export function randomCapture(next: Random): Uint8Array {
  return next(3) === 0 ? randomPcap(next) : randomPcapng(next);
}

/** Damages a copy: bits, bytes, words, cuts, insertions. */
export function mutate(next: Random, file: Uint8Array): Uint8Array {
  const out = Array.from(file);
  for (let times = 1 + next(3); times > 0; times--) {
    const at = next(out.length);
    const kind = next(6);
    if (kind === 0) out[at]! ^= 1 << next(8);
    else if (kind === 1) out[at] = next(256);
    else if (kind === 2) {
      const word = [0, 4, 12, 28, 32, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, out.length][next(10)]!;
      const from = next(4) === 0 ? at : at & ~3;
      for (let i = 0; i < 4 && from + i < out.length; i++) out[from + i] = (word >>> (8 * i)) & 0xff;
    } else if (kind === 3) out.length = Math.max(1, at);
    else if (kind === 4) out.splice(at, 0, ...frame(1 + next(9)));
    else out.splice(at, 1 + next(9));
    if (out.length === 0) out.push(0);
  }
  return Uint8Array.from(out);
}
