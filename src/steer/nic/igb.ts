import { fact, type NicProfile } from './profile.ts';

const ETHTOOL = 'drivers/net/ethernet/intel/igb/igb_ethtool.c';

export const IGB: NicProfile = {
  name: 'igb',
  title: 'Intel 82576, I350, I210, driver igb',
  variant: 'plain',
  keyLengths: [40],
  table: { sizes: [128], size: () => 128 },
  hfuncs: ['toeplitz'],
  xfrms: ['none'],
  fields: { tcp: 'sdfn', udp: 'sd', sctp: 'sd', esp: 'sd', ah: 'sd', natt: 'udp', ip: 'sd' },
  settable: { udp: ['sd', 'sdfn'] },
  tunnels: 0,
  facts: {
    key: fact('memory', '40 bytes; ethtool neither shows nor sets it.', 'igb_main.c'),
    table: fact('verified', '128 entries.', `${ETHTOOL}, IGB_RETA_SIZE`),
    tcp: fact('memory', 'Addresses and ports.', 'as ixgbe'),
    udp: fact(
      'documented',
      'Addresses, since fragments would be reordered otherwise (so in Linux since 2010); sdfn can be asked for.',
      'as ixgbe, d6ea7c9ccc9f',
    ),
    sctp: fact('memory', 'Addresses.', 'as ixgbe'),
    esp: fact('memory', 'Addresses.', 'as ixgbe'),
    ah: fact('memory', 'Addresses.', 'as ixgbe'),
    natt: fact('memory', 'Not looked into: UDP.', 'as ixgbe'),
    fragments: fact('documented', 'Addresses alone, as RSS has it.', 'Microsoft, RSS hashing types'),
    tunnels: fact('memory', 'The outer packet.', 'not confirmed'),
    symmetry: fact('memory', 'Off, and ethtool has no xfrm for it.', 'not confirmed'),
    ethtool: fact('memory', 'UDP: sd or sdfn. All others stay as they are.', 'as ixgbe'),
  },
};
