import { fact, type NicProfile } from './profile.ts';

const SET = 'drivers/net/ethernet/intel/i40e/i40e_ethtool.c, i40e_set_rss_hash_opt';

export const I40E: NicProfile = {
  name: 'i40e',
  title: 'Intel X710, XL710, XXV710, driver i40e',
  variant: 'plain',
  keyLengths: [52],
  table: { sizes: [512, 64], size: () => 512 },
  hfuncs: ['toeplitz'],
  xfrms: ['none'],
  fields: { tcp: 'sdfn', udp: 'sdfn', sctp: 'sdfn', esp: 'sd', ah: 'sd', natt: 'udp', ip: 'sd' },
  settable: { tcp: 'sdfn', udp: 'sdfn', sctp: ['sd'], esp: ['sd'], ah: ['sd'] },
  tunnels: 0,
  approximate: [
    {
      classes: ['sctp'],
      says: 'the device hashes the verification tag too, and ethtool says addresses; shown with ports alone',
    },
  ],
  facts: {
    key: fact(
      'verified',
      '52 bytes. 40 bytes and twelve zeros hash the same. The default key in the driver is words whose bytes lie in reverse in the registers: trust ethtool -x.',
      'DPDK usertools/dpdk-rss-flows.py and its commit 1cbed65dee; mOS issue 17',
    ),
    table: fact(
      'verified',
      '512 entries, so the low 9 bits of the hash; 64 of a VF (memory). A predictor made for a table of 128 is wrong where the queues are no power of two.',
      'mOS issue 17',
    ),
    tcp: fact('verified', 'Addresses and ports.', 'drivers/net/ethernet/intel/i40e/i40e_txrx.h, I40E_DEFAULT_RSS_HENA'),
    udp: fact('verified', 'Addresses and ports.', 'drivers/net/ethernet/intel/i40e/i40e_txrx.h, I40E_DEFAULT_RSS_HENA'),
    sctp: fact(
      'memory',
      'Is a packet type of its own: addresses, ports and verification tag, of which ethtool shows addresses.',
      'the type: I40E_DEFAULT_RSS_HENA; its fields: not confirmed',
    ),
    esp: fact(
      'verified',
      'Is packet type "other": addresses. With the ESP package of DPDK ESP and ESP in UDP get types of their own.',
      `${SET}; DPDK drivers/net/intel/i40e`,
    ),
    ah: fact('verified', 'As ESP.', SET),
    natt: fact(
      'documented',
      'Not looked into without that package: UDP.',
      'DPDK drivers/net/intel/i40e, customized packet types',
    ),
    fragments: fact(
      'verified',
      'Addresses: fragments are packet types of their own.',
      'drivers/net/ethernet/intel/i40e/i40e_txrx.h, I40E_DEFAULT_RSS_HENA',
    ),
    tunnels: fact('memory', 'The outer packet.', 'not confirmed'),
    symmetry: fact('memory', 'Off, and ethtool has no xfrm for it.', 'not confirmed'),
    ethtool: fact(
      'verified',
      'Letters s, d, f, n of TCP and UDP. f and n of esp, ah and sctp are refused (EINVAL).',
      SET,
    ),
  },
};
