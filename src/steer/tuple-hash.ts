/** The flow hash of addresses, protocol and ports, for those who have no packet at hand. */
import { CLASS_OTHER4, CLASS_SCTP4, CLASS_TCP4, CLASS_UDP4 } from '../counters.ts';
import type { FlowHasher } from '../hash/flow-hasher.ts';
import { put16 } from '../wire/bytes.ts';
import { Dissection } from '../wire/dissection.ts';
import { IPV4_SRC } from '../wire/ipv4.ts';
import { IPV6_SRC } from '../wire/ipv6.ts';
import { PROTO_SCTP, PROTO_TCP, PROTO_UDP } from '../wire/protocols.ts';
import type { Tuple } from '../wire/tuple.ts';

const CLASS_OF: ReadonlyMap<number, number> = new Map([
  [PROTO_TCP, CLASS_TCP4],
  [PROTO_UDP, CLASS_UDP4],
  [PROTO_SCTP, CLASS_SCTP4],
]);

const d = new Dissection();
const bytes = new Uint8Array(44);

/**
 * The hash that a packet of this flow has (int32): one without a VLAN tag and with flow label 0, if these are hashed. `undefined`
 * when its flow type is hashed by nothing.
 */
export function hashTuple(hasher: FlowHasher, tuple: Tuple): number | undefined {
  const six = tuple.family === 6;
  const size = six ? 16 : 4;
  const src = six ? IPV6_SRC : IPV4_SRC;
  bytes.fill(0);
  bytes.set(tuple.src.subarray(0, size), src);
  bytes.set(tuple.dst.subarray(0, size), src + size);
  d.l3 = 0;
  d.l4 = src + 2 * size;
  put16(bytes, d.l4, tuple.sport);
  put16(bytes, d.l4 + 2, tuple.dport);
  d.cls = (CLASS_OF.get(tuple.protocol) ?? CLASS_OTHER4) | (six ? 1 : 0);
  d.proto = tuple.protocol;
  d.vlan = 0;
  const hash = hasher.hash(bytes, d);
  return hasher.valid === 0 ? undefined : hash;
}
