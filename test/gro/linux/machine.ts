/** `dev_gro_receive` and what is around it: buckets, order of delivery, EtherTypes. */
import { complete } from './complete.ts';
import { mustNotOvertake } from './flow-order.ts';
import { greReceive, inetReceive, ipInIpReceive, ipv6Receive, PROTO } from './ip.ts';
import { tcpReceive } from './l4.ts';
import { ETHERNET, type Host, keepSame, type Skb } from './skb.ts';
import { udpReceive } from './tunnels.ts';

const TYPES = [0x0800, 0x86dd, 0x8100, 0x88a8, 0x6558];
const BUCKETS = 8;
/** `MAX_GRO_SKBS`. */
const PER_BUCKET = 8;

export interface Delivered {
  bytes: Uint8Array;
  gsoSize: number;
  gsoType: string;
  /** 1: not merged. */
  segments: number;
  from: number[];
}

export class Machine {
  readonly host: Host;
  readonly verify: boolean;
  readonly delivered: Delivered[] = [];
  /** The youngest is the first of its list, as in Linux. */
  private readonly buckets: Skb[][] = Array.from({ length: BUCKETS }, () => []);
  private readonly flowOrder: boolean;

  /** `flowOrder`: as lanes, see flow-order.ts. */
  constructor(host: Host, flowOrder = false) {
    this.host = host;
    this.verify = host.verify ?? true;
    this.flowOrder = flowOrder;
  }

  /** `dev_gro_receive`. */
  receive(skb: Skb): void {
    const held = this.buckets[skb.hash & (BUCKETS - 1)];
    for (const p of held) {
      p.heldFlush = false;
      p.sameFlow =
        p.hash === skb.hash &&
        p.beside === skb.beside &&
        p.isFromEsp === skb.isFromEsp &&
        p.text(0, ETHERNET) === skb.text(0, ETHERNET);
    }
    const type = skb.bytes.length < ETHERNET ? 0 : skb.u16(12);
    if (!this.hasType(type)) {
      this.deliver(skb);
      return;
    }
    const pp = this.byType(held, skb, type);
    if (pp !== undefined) {
      held.splice(held.indexOf(pp), 1);
      this.deliver(pp);
    }
    if (skb.sameFlow) return;
    if (this.flowOrder && pp === undefined) this.completeFlow(skb);
    if (skb.flush) {
      this.deliver(skb);
      return;
    }
    if (held.length >= (this.host.perBucket ?? PER_BUCKET)) this.deliver(held.pop() as Skb);
    skb.gsoSize = skb.left;
    held.unshift(skb);
  }

  /** The end of a poll. */
  flush(): void {
    for (const held of this.buckets) while (held.length > 0) this.deliver(held.pop() as Skb);
  }

  /** Completes what `skb` must not overtake, bucket by bucket. */
  private completeFlow(skb: Skb): void {
    const match = mustNotOvertake(skb, skb.payloadAt > 0);
    if (match === undefined) return;
    for (const held of this.buckets) {
      for (const p of [...held].reverse()) {
        if (!match(p)) continue;
        held.splice(held.indexOf(p), 1);
        this.deliver(p);
      }
    }
  }

  private deliver(skb: Skb): void {
    this.delivered.push(complete(this.host, skb));
  }

  hasType(type: number): boolean {
    return TYPES.includes(type);
  }

  byType(held: Skb[], skb: Skb, type: number): Skb | undefined {
    if (type === 0x0800) return inetReceive(this, held, skb);
    if (type === 0x86dd) return ipv6Receive(this, held, skb);
    return type === 0x6558 ? this.ethernet(held, skb) : this.vlan(held, skb);
  }

  /** `eth_gro_receive`. */
  ethernet(held: Skb[], skb: Skb): Skb | undefined {
    return this.link(held, skb, ETHERNET);
  }

  /** `vlan_gro_receive`. */
  private vlan(held: Skb[], skb: Skb): Skb | undefined {
    return this.link(held, skb, 4);
  }

  /** A header that must be the same byte for byte and ends with an EtherType. */
  private link(held: Skb[], skb: Skb, length: number): Skb | undefined {
    const { at } = skb;
    const type = skb.has(length) ? skb.u16(at + length - 2) : 0;
    if (!this.hasType(type)) {
      skb.flush = true;
      return undefined;
    }
    keepSame(held, (p) => p.text(at, at + length) === skb.text(at, at + length));
    skb.at += length;
    return skb.call(() => this.byType(held, skb, type));
  }

  /** By IP protocol. */
  transport(held: Skb[], skb: Skb, proto: number, v6: boolean): Skb | undefined {
    switch (proto) {
      case PROTO.tcp:
        return tcpReceive(this, held, skb, v6);
      case PROTO.udp:
        return udpReceive(this, held, skb, v6);
      case PROTO.gre:
        return greReceive(this, held, skb);
      default:
        return ipInIpReceive(this, held, skb, proto === PROTO.ipv6);
    }
  }
}
