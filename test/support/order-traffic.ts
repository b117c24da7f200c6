/** Traffic whose order can be checked wherever it comes out: every 8 bytes of payload say which flow they are of, and their number. */
import { createSa, type Sa, sealTunnel } from '../../src/esp/index.ts';
import type { Batch } from '../../src/lane/batch.ts';
import { parseAddress } from '../../src/wire/address.ts';
import { put32, u32 } from '../../src/wire/bytes.ts';
import { Tuple } from '../../src/wire/tuple.ts';
import { ether, tcp } from './packets.ts';

export const RECORD = 8;

/** What lanes write down together: see {@link OrderLog}. */
export interface OrderWords {
  /** Of each flow, the number of the record that came last + 1. */
  readonly last: Int32Array;
  /** Records that came before one that was sent earlier; records; claims. */
  readonly counts: Int32Array;
}

export function orderWords(flows: number): OrderWords {
  const shared = (words: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * words));
  return { last: shared(flows), counts: shared(3) };
}

/** Checks the order of all flows over all lanes, at delivery. */
export class OrderLog {
  private readonly words: OrderWords;

  constructor(words: OrderWords) {
    this.words = words;
  }

  check(batch: Batch): void {
    const { last, counts } = this.words;
    for (let i = 0; i < batch.length; i++) {
      const offset = batch.contiguous(i);
      const end = offset + batch.byteLength(i);
      for (let at = offset + batch.headerLength(i) + 20; at < end; at += RECORD) {
        const flow = u32(batch.bytes, at);
        const number = u32(batch.bytes, at + 4);
        // Two lanes that have packets of one flow at a time see each other here, too.
        if (Atomics.exchange(last, flow, number + 1) !== number) Atomics.add(counts, 0, 1);
        Atomics.add(counts, 1, 1);
      }
    }
  }

  claimed(): void {
    Atomics.add(this.words.counts, 2, 1);
  }
}

/** TCP flows, some in clear, some inside SAs, each of which has several. */
export class OrderTraffic {
  readonly sas: readonly Sa[];
  readonly flows: number;
  readonly sent: Int32Array;
  private readonly clear: number;
  private readonly perSa: number;
  private readonly sequences: Int32Array;

  constructor(clear: number, sas: number, perSa: number) {
    this.clear = clear;
    this.perSa = perSa;
    this.flows = clear + sas * perSa;
    this.sent = new Int32Array(this.flows);
    this.sequences = new Int32Array(sas);
    this.sas = Array.from({ length: sas }, (_, i) =>
      createSa({
        spi: 0x1000 + 7 * i,
        src: '192.0.2.1',
        dst: '192.0.2.2',
        mode: 'tunnel',
        replayWindow: 4096,
        transform: { cipher: 'null', auth: 'none' },
      }),
    );
  }

  /** The next frame of a flow, with so many records. */
  frame(flow: number, records = 1): Uint8Array {
    const payload = new Uint8Array(RECORD * records);
    const first = this.sent[flow];
    this.sent[flow] += records;
    for (let i = 0; i < records; i++) {
      put32(payload, RECORD * i, flow);
      put32(payload, RECORD * i + 4, first + i);
    }
    const packet = tcp(payload, { sport: 1024 + flow, dport: 443, seq: 1 + RECORD * first });
    const sa = this.saOf(flow);
    return ether(sa < 0 ? packet : sealTunnel(this.sas[sa], ++this.sequences[sa], packet));
  }

  /** The number of a flow's SA, or -1. */
  saOf(flow: number): number {
    return flow < this.clear ? -1 : Math.floor((flow - this.clear) / this.perSa);
  }

  /** All flows of an SA. */
  flowsOf(sa: number): number[] {
    return Array.from({ length: this.perSa }, (_, i) => this.clear + sa * this.perSa + i);
  }

  /** What the packets of a flow have as addresses, protocol and ports. */
  tuple(flow: number): Tuple {
    const tuple = new Tuple();
    tuple.src.set(parseAddress('10.1.0.1'));
    tuple.dst.set(parseAddress('10.1.0.2'));
    tuple.protocol = 6;
    tuple.sport = 1024 + flow;
    tuple.dport = 443;
    return tuple;
  }

  get records(): number {
    return this.sent.reduce((a, b) => a + b);
  }
}
