import { XFRMS } from '../../hash/fields.ts';
import { HFUNCS } from '../../hash/hfunc.ts';
import { KEY_MAX, KEY_MIN } from '../../hash/keys.ts';
import { TUNNELS_ALL } from '../../wire/tunnel.ts';
import { TABLE_MAX, TABLE_SIZE } from '../indirection.ts';
import { fact, type NicProfile } from './profile.ts';

const lengths = Array.from({ length: KEY_MAX - KEY_MIN + 1 }, (_, i) => KEY_MIN + i);

export const RXSTEER: NicProfile = {
  name: 'rxsteer',
  title: 'What a device should do: the best we know',
  variant: 'plain',
  keyLengths: [40, ...lengths.filter((length) => length !== 40)],
  table: { sizes: { most: TABLE_MAX }, size: () => TABLE_SIZE },
  hfuncs: HFUNCS,
  xfrms: XFRMS,
  fields: { tcp: 'sdfn', udp: 'sdfn', sctp: 'sdfn', esp: 'sdfn', ah: 'sdfn', natt: 'sdfn', ip: 'sd' },
  settable: 'all',
  tunnels: TUNNELS_ALL,
  facts: {
    key: fact('verified', '16 to 64 bytes; bits behind its end are zeros.', 'rxsteer'),
    table: fact('verified', '1 to 2048 entries; a remainder where the size is no power of two.', 'rxsteer'),
    tcp: fact('verified', 'Addresses and ports.', 'rxsteer'),
    udp: fact('verified', 'Addresses and ports: a receiver reassembles fragments before it steers them.', 'rxsteer'),
    sctp: fact('verified', 'Addresses and ports.', 'rxsteer'),
    esp: fact('verified', 'Addresses and SPI.', 'rxsteer'),
    ah: fact('verified', 'Addresses and SPI.', 'rxsteer'),
    natt: fact('verified', 'Looked into: addresses and SPI.', 'rxsteer'),
    fragments: fact('verified', 'Addresses alone, where they are not reassembled.', 'rxsteer'),
    tunnels: fact('verified', 'The innermost packet of all clear tunnels, MPLS and PPPoE.', 'rxsteer'),
    symmetry: fact('verified', 'Off: an SPI is of one direction, so ESP gains nothing by it.', 'rxsteer'),
    ethtool: fact('verified', 'Everything.', 'rxsteer'),
  },
};
