import { fact, type NicProfile } from './profile.ts';

const SET = 'drivers/net/ethernet/intel/ixgbe/ixgbe_ethtool.c, ixgbe_set_rss_hash_opt';

export const IXGBE: NicProfile = {
  name: 'ixgbe',
  title: 'Intel 82599, X520, X540, X550, driver ixgbe',
  variant: 'plain',
  keyLengths: [40],
  table: { sizes: [128, 512, 64], size: () => 128 },
  hfuncs: ['toeplitz'],
  xfrms: ['none'],
  fields: { tcp: 'sdfn', udp: 'sd', sctp: 'sd', esp: 'sd', ah: 'sd', natt: 'udp', ip: 'sd' },
  settable: { udp: ['sd', 'sdfn'] },
  tunnels: 0,
  facts: {
    key: fact('verified', '40 bytes.', 'ixgbe_main.c, ixgbe_store_key'),
    table: fact(
      'verified',
      '128 entries up to X540: the low 7 bits of the hash, then the table, which is i mod N by default. X550 has 512 (64 with SR-IOV).',
      'ixgbe_main.c, ixgbe_rss_indir_tbl_entries; mOS issue 17',
    ),
    tcp: fact('verified', 'Addresses and ports; nothing else can be set.', SET),
    udp: fact(
      'verified',
      'Addresses, since fragments would be reordered otherwise; sdfn can be asked for.',
      `${SET}; d6ea7c9ccc9f`,
    ),
    sctp: fact('verified', 'Addresses.', SET),
    esp: fact('verified', 'Addresses.', SET),
    ah: fact('verified', 'Addresses.', SET),
    natt: fact('verified', 'Not looked into: UDP. There are hash types of IP, TCP and UDP.', SET),
    fragments: fact('documented', 'Addresses alone, as RSS has it.', 'Microsoft, RSS hashing types'),
    tunnels: fact('memory', 'The outer packet.', 'not confirmed'),
    symmetry: fact('memory', 'Off, and ethtool has no xfrm for it.', 'not confirmed'),
    ethtool: fact('verified', 'UDP: sd or sdfn. All others stay as they are.', SET),
  },
};
