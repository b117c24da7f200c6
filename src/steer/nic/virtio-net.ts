import { fact, type NicProfile } from './profile.ts';

const DRIVER = 'drivers/net/virtio_net.c';

export const VIRTIO_NET: NicProfile = {
  name: 'virtio-net',
  title: 'virtio-net with VIRTIO_NET_F_RSS, as QEMU has it',
  variant: 'plain',
  keyLengths: [40],
  table: { sizes: [128, 64, 32, 16, 8, 4, 2, 1], size: () => 128 },
  hfuncs: ['toeplitz'],
  xfrms: ['none'],
  fields: { tcp: 'sdfn', udp: 'sdfn', sctp: 'sd', esp: 'sd', ah: 'sd', natt: 'udp', ip: 'sd' },
  settable: { tcp: ['sd', 'sdfn', 'r'], udp: ['sd', 'sdfn', 'r'], ip: ['sd', 'r'] },
  tunnels: 0,
  facts: {
    key: fact(
      'verified',
      'The device says how many bytes it takes; QEMU says 40.',
      'QEMU hw/virtio/virtio-net.h, VIRTIO_NET_RSS_MAX_KEY_SIZE',
    ),
    table: fact(
      'verified',
      'A power of two, taken with a mask; the device says how many at most, QEMU says 128.',
      `${DRIVER}, indirection_table_mask; QEMU VIRTIO_NET_RSS_MAX_TABLE_LEN`,
    ),
    tcp: fact(
      'verified',
      'Addresses and ports: all hash types that the device has are on.',
      `${DRIVER}, virtnet_init_default_rss`,
    ),
    udp: fact('verified', 'Addresses and ports.', `${DRIVER}, virtnet_init_default_rss`),
    sctp: fact('verified', 'There is no hash type for it: addresses.', `${DRIVER}, virtnet_set_hashflow`),
    esp: fact('verified', 'There is no hash type for it: addresses.', `${DRIVER}, virtnet_set_hashflow`),
    ah: fact('verified', 'There is no hash type for it: addresses.', `${DRIVER}, virtnet_set_hashflow`),
    natt: fact('verified', 'Not looked into: UDP.', `${DRIVER}, virtnet_set_hashflow`),
    fragments: fact('memory', 'Addresses alone.', 'not confirmed'),
    tunnels: fact('memory', 'The outer packet.', 'not confirmed'),
    symmetry: fact('memory', 'Off.', 'not confirmed'),
    ethtool: fact('verified', 'tcp and udp: sd, sdfn or r; ip: sd or r.', `${DRIVER}, virtnet_set_hashflow`),
  },
};
