import { fact, type NicProfile } from './profile.ts';

const AF = 'drivers/net/ethernet/marvell/octeontx2/af/rvu_nix.c, set_flowkey_fields';
const PF = 'drivers/net/ethernet/marvell/octeontx2/nic';
const PORTS = ['sd', 'sdfn', 'sdv', 'sdfnv'];

export const OCTEONTX2: NicProfile = {
  name: 'octeontx2',
  title: 'Marvell OCTEON TX2 and CN10K, driver rvu_nicpf',
  variant: 'spi-sequence',
  keyLengths: [44, 48],
  table: { sizes: [256, 128, 64], size: () => 256 },
  hfuncs: ['toeplitz'],
  xfrms: ['none'],
  fields: {
    tcp4: 'sdfnvt',
    tcp6: 'sdfnv',
    udp4: 'sdfnvt',
    udp6: 'sdfnv',
    sctp4: 'sdfnvt',
    sctp6: 'sdfnv',
    esp4: 'sdvt',
    esp6: 'sdv',
    ah4: 'sdvt',
    ah6: 'sdv',
    natt: 'udp',
    ip4: 'sdvt',
    ip6: 'sdv',
  },
  settable: { tcp: PORTS, udp: PORTS, sctp: PORTS, esp: ['sd', 'sdfn'], ah: ['sd', 'sdfn'] },
  together: [
    ['tcp4', 'tcp6'],
    ['udp4', 'udp6'],
    ['sctp4', 'sctp6'],
    ['esp4', 'esp6', 'ah4', 'ah6'],
  ],
  tunnels: 0,
  approximate: [
    {
      says: 'what is hashed is known; where each field stands in the 40 bytes that the device hashes is not. Equal packets hash alike, the values are ours',
    },
  ],
  facts: {
    key: fact(
      'verified',
      '44 bytes. DPDK takes 48, of which the device uses 44 too.',
      `${PF}/otx2_common.h, RSS_HASH_KEY_SIZE; DPDK NIX_HASH_KEY_SIZE`,
    ),
    table: fact(
      'verified',
      '256 entries; 64 and 128 can be chosen in DPDK, where 64 is the default.',
      'af/common.h, MAX_RSS_INDIR_TBL_SIZE; DPDK cnxk.rst',
    ),
    tcp: fact('verified', 'Addresses, ports, VLAN and, of IPv4, the protocol.', `${PF}/otx2_common.c, otx2_rss_init`),
    udp: fact('verified', 'As TCP.', `${PF}/otx2_common.c, otx2_rss_init`),
    sctp: fact('verified', 'As TCP.', `${PF}/otx2_common.c, otx2_rss_init`),
    esp: fact(
      'verified',
      'Addresses (VLAN, protocol). Asked for sdfn, the 8 bytes of SPI and sequence number: the packets of one SA then go to all queues, out of order. In a receiver an SA stays in its lane all the same: packets without an SA, and `hash`, show what the device does.',
      `${AF}; b9b7421a01d8`,
    ),
    ah: fact('verified', 'As ESP, from the SPI of AH on.', AF),
    natt: fact('memory', 'Not looked into: UDP.', 'no flow key for it in set_flowkey_fields'),
    fragments: fact('memory', 'Addresses alone.', 'not confirmed'),
    tunnels: fact('memory', 'The outer packet; the device has keys for the inner one, which Linux does not use.', AF),
    symmetry: fact('memory', 'Off.', 'not confirmed'),
    ethtool: fact(
      'verified',
      'sd or sdfn, IPv4 and IPv6 in one, esp4, ah4, esp6 and ah6 in one. Letters without v turn VLAN off for all types, and ESP turns it and the protocol off for all: here for that type.',
      `${PF}/otx2_ethtool.c, otx2_set_rss_hash_opts`,
    ),
  },
};
