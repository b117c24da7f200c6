import { createHash } from 'node:crypto';
import { RxSteerError } from '../errors.ts';
import type { CryptoName, Sa } from '../esp/index.ts';
import { FLUSH_REASONS, type LinuxVersion, PASS_REASONS } from '../gro/index.ts';
import { createBlockPool } from '../io/blocks.ts';
import { captureBatches } from '../io/capture-file.ts';
import { LINK_ETHERNET } from '../wire/dissect.ts';
import { FrameWriter } from './frame-writer.ts';
import { GroMachine, type MachineFrame, type MachineOutput, POLL_MOST } from './gro-machine.ts';
import { zeroL4Checksums } from './l4-zero.ts';

export interface GroRunOptions {
  readonly file: string;
  /** Frames of each poll, 1 to 64; behind them, and without: polls of 64. */
  readonly polls?: readonly number[];
  /** The hash of each frame as the NIC gave it; `zero`: none; `compute`: ours, of the inner flow. */
  readonly hashes: 'zero' | 'compute' | readonly number[];
  readonly as: LinuxVersion;
  readonly udp: 'off' | 'forwarding' | readonly number[];
  readonly vlanStripped: boolean;
  readonly nattGro: boolean;
  readonly maxSize?: number;
  readonly maxSize4?: number;
  /** UDP ports of tunnel devices; absent: there is none. */
  readonly vxlan?: number;
  readonly geneve?: number;
  readonly gue?: number;
  readonly sas: readonly Sa[];
  readonly crypto?: CryptoName;
  readonly out?: string;
}

/** A frame that came out. */
export interface GroFrame {
  readonly len: number;
  readonly sha256: string;
  /** Of the frame with every TCP and UDP checksum, inner and outer, set to 0. */
  readonly sha256L4Zero: string;
  /** 0: not merged. */
  readonly gsoSize: number;
  readonly gsoSegs: number;
  readonly gsoType: string;
  /** Numbers of the input frames in it. */
  readonly from: readonly number[];
  /** ESP or AH that was passed up as it came, though there are security associations. */
  readonly fromWire: boolean;
}

/** What `rxsteer gro --json` prints. */
export interface GroReport {
  readonly schema: 'rxsteer.gro/1';
  readonly input: { readonly packets: number };
  readonly frames: readonly GroFrame[];
  /** Input frames that came out in no form. */
  readonly notDelivered: readonly number[];
  /** Held packets completed, and packets never held, by reason. */
  readonly flushes: Readonly<Record<string, number>>;
  readonly passes: Readonly<Record<string, number>>;
}

/**
 * What GRO makes of the frames of a capture, on one queue.
 *
 * @throws RxSteerError ERR_RXSTEER_CAPTURE_FORMAT: frames that are not Ethernet; what `captureBatches` throws
 * @throws RxSteerError ERR_RXSTEER_OPTION, ERR_RXSTEER_FILE, ERR_RXSTEER_CRYPTO
 */
export async function runGro(options: GroRunOptions): Promise<GroReport> {
  const { vxlan = false, geneve = false, gue = false } = options;
  const machine = new GroMachine({ ...options, tunnels: { vxlan, geneve, gue } });
  const ports = [options.vxlan ?? -1, options.geneve ?? -1, options.gue ?? -1];
  const writer = options.out === undefined ? undefined : new FrameWriter(options.out);
  const frames: GroFrame[] = [];
  const delivered = new Set<number>();
  let packets = 0;
  let poll: MachineFrame[] = [];
  let polls = 0;
  const run = (): void => {
    for (const output of machine.poll(poll)) {
      writer?.write(LINK_ETHERNET, output.seconds, output.nanos, output.bytes);
      for (const number of output.from) delivered.add(number);
      frames.push(describe(output, ports));
    }
    poll = [];
    polls++;
  };
  try {
    for await (const frame of readFrames(options.file)) {
      poll.push(frame);
      packets++;
      checkHashes(options.hashes, packets);
      if (poll.length === (options.polls?.[polls] ?? POLL_MOST)) run();
    }
    if (poll.length > 0) run();
  } finally {
    writer?.close();
    machine.close();
  }
  return {
    schema: 'rxsteer.gro/1',
    input: { packets },
    frames,
    notDelivered: Array.from({ length: packets }, (_, i) => i).filter((i) => !delivered.has(i)),
    flushes: counts(FLUSH_REASONS, machine.device.flushes, machine.cells.flushes),
    passes: counts(PASS_REASONS, machine.device.passes, machine.cells.passes),
  };
}

async function* readFrames(file: string): AsyncGenerator<MachineFrame> {
  const pool = createBlockPool();
  for await (const batch of captureBatches([file], pool)) {
    if (batch.linkType !== LINK_ETHERNET) {
      throw new RxSteerError(
        'ERR_RXSTEER_CAPTURE_FORMAT',
        `${file}: expected frames of Ethernet (link type 1), got link type ${batch.linkType}`,
      );
    }
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offsets[i];
      const bytes = pool.bytes.slice(at, at + Math.min(batch.lengths[i], 256 << 10));
      yield { bytes, seconds: batch.seconds[i], nanos: batch.nanos[i] };
    }
  }
}

function checkHashes(hashes: GroRunOptions['hashes'], packets: number): void {
  if (typeof hashes === 'string' || hashes.length >= packets) return;
  throw new RxSteerError(
    'ERR_RXSTEER_USAGE',
    `--hashes: expected a hash for each frame, got ${hashes.length} for more frames than that`,
  );
}

function describe(output: MachineOutput, ports: readonly number[]): GroFrame {
  const { bytes } = output;
  const zeroed = bytes.slice();
  zeroL4Checksums(zeroed, ports);
  return {
    len: bytes.length,
    sha256: sha256(bytes),
    sha256L4Zero: sha256(zeroed),
    gsoSize: output.gsoSize,
    gsoSegs: output.segments,
    gsoType: output.gsoType,
    from: output.from,
    fromWire: output.fromWire,
  };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function counts(names: readonly string[], device: Float64Array, cells: Float64Array): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [name, device[i] + cells[i]] as const).filter(([, n]) => n > 0));
}
