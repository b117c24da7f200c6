/**
 * What a kernel does with a burst of frames: GRO on the device; ESP opened inside it, and a second GRO for what was in it
 * (`gro_cells`), which runs when the device's poll is over.
 */
import { CLASS_AH4, CLASS_ESP4, CLASS_NATT4 } from '../counters.ts';
import { Crypto, type CryptoName, type Sa, SaTable } from '../esp/index.ts';
import { Gro, type GroOptions, gsoType } from '../gro/index.ts';
import { FlowHasher } from '../hash/flow-hasher.ts';
import { microsoftKey } from '../hash/keys.ts';
import { createKernels } from '../kernels/create.ts';
import type { Kernels } from '../kernels/kernels.ts';
import { type EspStage, isProtected, STAGE_OPENED } from '../lane/esp-stage.ts';
import { createFrameMemory } from '../memory/frame-memory.ts';
import * as P from '../memory/packet-table.ts';
import { Scratch } from '../memory/scratch.ts';
import { Dissection, dissect, LINK_ETHERNET } from '../wire/dissect.ts';
import { innermostOf } from '../wire/tunnel.ts';
import { machineEsp } from './gro-esp.ts';

/** Most frames of a poll, as NAPI's budget. */
export const POLL_MOST = 64;
const MIB = 1 << 20;
const PAGE = 1 << 16;
const FRAMES = 20 * MIB;
/** Each frame of a poll opened, layer in layer. */
const SCRATCH = 64 * MIB;
/** Between frames: nothing of one is taken for another's. */
const GAP = 64;

export interface MachineOptions extends Pick<GroOptions, 'as' | 'maxSize' | 'maxSize4' | 'udp' | 'tunnels'> {
  readonly hashes: 'zero' | 'compute' | readonly number[];
  readonly sas: readonly Sa[];
  /** The outermost VLAN tag was taken off by the NIC. */
  readonly vlanStripped: boolean;
  /** ESP in UDP is opened before GRO; else it is passed up as it came, and opened behind it. */
  readonly nattGro: boolean;
  readonly crypto?: CryptoName;
}

/** A frame of the input. */
export interface MachineFrame {
  readonly bytes: Uint8Array;
  readonly seconds: number;
  readonly nanos: number;
}

/** A packet that came out. */
export interface MachineOutput {
  readonly bytes: Uint8Array;
  readonly gsoSize: number;
  /** 0: not merged. */
  readonly segments: number;
  readonly gsoType: string;
  /** Numbers of the frames in it. */
  readonly from: readonly number[];
  /** ESP or AH that was passed up as it came, though there are security associations. */
  readonly fromWire: boolean;
  readonly seconds: number;
  readonly nanos: number;
}

/** A part of the memory that the bytes of a frame, or of what was in it, are in. */
interface Extent {
  readonly start: number;
  readonly end: number;
  readonly number: number;
}

export class GroMachine {
  readonly device: Gro;
  readonly cells: Gro;
  private readonly options: MachineOptions;
  private readonly bytes: Uint8Array;
  private readonly kernels: Kernels;
  private readonly table = new P.PacketTable(2 * POLL_MOST, 6 * POLL_MOST);
  private readonly scratch = new Scratch({ offset: PAGE + FRAMES, length: SCRATCH });
  private readonly d = new Dissection();
  private readonly inner = new Dissection();
  private readonly hasher = new FlowHasher({ key: microsoftKey() });
  private readonly stage: EspStage | undefined;
  private readonly crypto: Crypto | undefined;
  private readonly sas: readonly Sa[];
  private readonly saTable: SaTable | undefined;
  private readonly hasNatt: boolean;
  private extents: Extent[] = [];
  private readonly outputs: MachineOutput[] = [];
  /** TPID of the tag that was taken off, by frame. */
  private readonly tags = new Map<number, number>();
  private number = 0;

  constructor(options: MachineOptions) {
    this.options = options;
    const { sas } = options;
    this.sas = sas;
    const memory = createFrameMemory(PAGE + FRAMES + SCRATCH);
    this.bytes = new Uint8Array(memory.buffer);
    this.kernels = createKernels(memory, this.bytes);
    const gro = { ...options, order: 'linux', bucketBy: 'outer' } as const;
    const sink = { deliver: (row: number): void => this.deliver(row, false) };
    this.device = new Gro(this.bytes, this.kernels, this.table, sink, this.scratch, gro);
    this.cells = new Gro(this.bytes, this.kernels, this.table, sink, this.scratch, gro);
    this.hasNatt = sas.some((sa) => sa.encap === 'udp');
    if (sas.length === 0) return;
    this.saTable = SaTable.create(sas);
    this.crypto = new Crypto(options.crypto);
    const { d, bytes, kernels, scratch, saTable: table, crypto } = this;
    this.stage = machineEsp({ sas, table, crypto, d, bytes, kernels, scratch });
  }

  /** One poll of at most 64 frames. Returns what came out, in order. */
  poll(frames: readonly MachineFrame[]): MachineOutput[] {
    const opened: number[] = [];
    let at = PAGE;
    for (const frame of frames) {
      const number = this.number++;
      const row = this.place(frame, number, at);
      at += frame.bytes.length + GAP;
      this.receive(row, number, opened);
    }
    this.device.flush();
    for (const row of opened) this.cells.receive(row);
    this.cells.flush();
    this.table.clear();
    this.scratch.reset();
    this.extents = [];
    return this.outputs.splice(0);
  }

  close(): void {
    this.crypto?.close();
  }

  private receive(row: number, number: number, opened: number[]): void {
    const { w } = this.table;
    const b = row << P.ROW_SHIFT;
    const cls = w[b + P.P_CLS];
    const mode = isProtected(cls) ? this.modeOf(b) : undefined;
    if (this.stage === undefined || mode === undefined) {
      this.device.receive(row);
      return;
    }
    // What Linux does not open in GRO goes up as it came; behind it tunnels have a GRO of their own, transport mode has not.
    const sort = cls & ~1;
    const inGro = sort === CLASS_ESP4 || (sort === CLASS_NATT4 && this.options.nattGro);
    if (!inGro || !this.isPlainIp(b)) {
      this.deliver(row, true);
      if (mode === 'transport') return;
    }
    if (this.stage.descend(w, row) !== STAGE_OPENED) return;
    const start = w[b + P.P_OFF];
    this.extents.push({ start, end: start + w[b + P.P_LEN], number });
    this.hash(b, this.d, number);
    opened.push(row);
  }

  /** Mode of the SA of the packet of ESP or AH that was dissected last; undefined: nobody knows its SPI. */
  private modeOf(b: number): string | undefined {
    const { w } = this.table;
    const cls = w[b + P.P_CLS];
    const isV6 = (cls & 1) !== 0;
    const at = w[b + P.P_L3] + (isV6 ? 24 : 16);
    const sa = this.saTable?.lookup(this.bytes, at, isV6, this.d.spi, (cls & ~1) === CLASS_AH4) ?? -1;
    return sa < 0 ? undefined : this.sas[sa].mode;
  }

  /** Whether the IP header is one that GRO looks behind. */
  private isPlainIp(b: number): boolean {
    const { w } = this.table;
    const l3 = w[b + P.P_L3];
    if ((w[b + P.P_CLS] & 1) !== 0) return true;
    return this.bytes[l3] === 0x45 && this.kernels.checksum(l3, 20) === 0xffff;
  }

  /** Copies a frame into the memory and makes its row. */
  private place(frame: MachineFrame, number: number, at: number): number {
    const { bytes, d } = this;
    let length = frame.bytes.length;
    bytes.set(frame.bytes, at);
    let vlan = 0;
    if (this.options.vlanStripped && length >= 18) {
      const type = (bytes[at + 12] << 8) | bytes[at + 13];
      if (type === 0x8100 || type === 0x88a8) {
        // The type of the tag is part of it, as in Linux (`vlan_all`).
        vlan = (type === 0x88a8 ? 0x30000 : 0x10000) | (bytes[at + 14] << 8) | bytes[at + 15];
        this.tags.set(number, type);
        bytes.copyWithin(at + 12, at + 16, at + length);
        length -= 4;
      }
    }
    const end = at + length;
    d.nattPort = this.hasNatt ? 4500 : -1;
    const cls = dissect(bytes, at, end, LINK_ETHERNET, d);
    const row = this.table.row();
    const { w } = this.table;
    const b = row << P.ROW_SHIFT;
    w[b + P.P_OFF] = at;
    w[b + P.P_LEN] = length;
    w[b + P.P_L3] = d.l3;
    w[b + P.P_L4] = d.l4;
    w[b + P.P_END] = d.end;
    w[b + P.P_CLS] = cls;
    w[b + P.P_PROTO] = d.proto;
    w[b + P.P_FLAGS] = LINK_ETHERNET << P.LINK_SHIFT;
    w[b + P.P_NUMBER] = w[b + P.P_LAST] = number;
    w[b + P.P_SEC] = frame.seconds;
    w[b + P.P_NSEC] = frame.nanos;
    w[b + P.P_WIRE] = frame.bytes.length;
    w[b + P.P_VLAN] = vlan === 0 ? d.vlan : vlan;
    this.extents.push({ start: at, end, number });
    this.hash(b, d, number);
    return row;
  }

  /** A NIC's hash stays with what was in ESP; ours is made anew, of the inner flow. */
  private hash(b: number, d: Dissection, number: number): void {
    const { hashes } = this.options;
    const { w } = this.table;
    if (hashes === 'zero') w[b + P.P_HASH] = 0;
    else if (hashes === 'compute')
      w[b + P.P_HASH] = this.hasher.hash(this.bytes, innermostOf(this.bytes, d, this.inner));
    else w[b + P.P_HASH] = hashes[number] | 0;
  }

  private deliver(row: number, fromWire: boolean): void {
    const { w, pieceOff, pieceLen, pieceNext } = this.table;
    const b = row << P.ROW_SHIFT;
    const number = w[b + P.P_NUMBER];
    const from = [number];
    const isMerged = w[b + P.P_PIECES] > 0;
    const tag = this.tags.get(number);
    const shift = tag === undefined ? 0 : 4;
    const off = w[b + P.P_OFF];
    const frame = new Uint8Array(shift + (isMerged ? w[b + P.P_TOTAL] : w[b + P.P_LEN]));
    if (isMerged) {
      let to = shift;
      for (let p = w[b + P.P_FIRST], k = 0; p >= 0; p = pieceNext[p], k++) {
        frame.set(this.bytes.subarray(pieceOff[p], pieceOff[p] + pieceLen[p]), to);
        to += pieceLen[p];
        if (k > 1) from.push(this.owner(pieceOff[p]));
      }
    } else frame.set(this.bytes.subarray(off, off + frame.length - shift), shift);
    if (tag !== undefined) {
      frame.copyWithin(0, 4, 16);
      const tci = w[b + P.P_VLAN];
      frame.set([tag >> 8, tag & 255, (tci >> 8) & 255, tci & 255], 12);
    }
    this.outputs.push({
      bytes: frame,
      gsoSize: w[b + P.P_GSO],
      segments: isMerged ? w[b + P.P_SEGS] : 0,
      gsoType: isMerged ? gsoType(this.bytes, w, b, this.options.as) : 'none',
      from,
      fromWire: fromWire || (this.stage !== undefined && isProtected(w[b + P.P_CLS])),
      seconds: w[b + P.P_SEC] >>> 0,
      nanos: w[b + P.P_NSEC],
    });
  }

  private owner(offset: number): number {
    const extent = this.extents.find(({ start, end }) => offset >= start && offset < end);
    if (extent === undefined) throw new Error('a piece outside of all frames');
    return extent.number;
  }
}
