import { TUNNELS_IP, TUNNELS_PPPOE } from '../../wire/tunnel.ts';
import { TABLE_MAX } from '../indirection.ts';
import { fact, type NicProfile } from './profile.ts';

const DISSECTOR = 'net/core/flow_dissector.c';

export const LINUX_RPS: NicProfile = {
  name: 'linux-rps',
  title: 'Linux in software: RPS of packets that the NIC gave no hash',
  variant: 'flow-dissector',
  keyLengths: [16],
  table: { sizes: { most: TABLE_MAX }, size: (queues) => queues, scaled: true },
  hfuncs: [],
  xfrms: ['none'],
  fields: {
    tcp: 'sdfnvt',
    udp: 'sdfnvt',
    sctp: 'sdfnvt',
    esp: 'sdfnvt',
    ah: 'sdfnvt',
    natt: 'udp',
    ip: 'sdvt',
    ether: 'vt',
  },
  settable: {},
  tunnels: TUNNELS_IP | TUNNELS_PPPOE,
  approximate: [
    {
      says: 'a model: Linux keys its siphash with a secret of the boot, so which packets hash alike is as in Linux, the values are ours',
    },
  ],
  facts: {
    key: fact(
      'verified',
      '16 bytes, random at boot and shown nowhere (before 2019: jhash with 32 bits).',
      `${DISSECTOR}, hashrnd; 55667441c84f`,
    ),
    table: fact(
      'verified',
      'The CPUs of rps_cpus; the index is hash * CPUs / 2^32, so the high bits, where RSS uses the low ones. A hash of 0 becomes 1.',
      'net/core/dev.c, get_rps_cpu; Documentation/networking/scaling.rst',
    ),
    tcp: fact(
      'verified',
      'Addresses, ports, protocol, VLAN (the ID here; in Linux also priority and tag type).',
      `${DISSECTOR}, flow_keys_dissector_keys`,
    ),
    udp: fact(
      'verified',
      'As TCP. DCCP and UDP-Lite too, which are addresses here.',
      `${DISSECTOR}, proto_ports_offset`,
    ),
    sctp: fact('verified', 'As TCP.', `${DISSECTOR}, proto_ports_offset`),
    esp: fact('verified', 'The SPI as ports are.', `${DISSECTOR}, proto_ports_offset`),
    ah: fact('verified', 'The SPI as ports are.', `${DISSECTOR}, proto_ports_offset`),
    natt: fact('verified', 'Not looked into: UDP.', DISSECTOR),
    fragments: fact('verified', 'Addresses and protocol, of the first fragment too.', DISSECTOR),
    tunnels: fact(
      'verified',
      'The inner packet of IP in IP, 6in4, GRE (its key is hashed too, not here) and PPPoE; the outer one of VXLAN, Geneve, GUE and GTP-U. MPLS labels end the walk: all of it hashes alike.',
      `${DISSECTOR}, __skb_flow_dissect and __skb_flow_dissect_mpls`,
    ),
    symmetry: fact(
      'verified',
      'Of both addresses, and of both ports, the smaller one goes first, each by themselves (until 5.14 both were swapped together). IPv6 with a flow label: addresses and label, no ports.',
      `${DISSECTOR}, __flow_hash_consistentify; 1e60cebf8294, 64ae13ed4784; FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL`,
    ),
    ethtool: fact('verified', 'Cannot be told what to hash.', DISSECTOR),
  },
};
