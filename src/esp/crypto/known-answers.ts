/**
 * What backends must open before they are trusted: for each algorithm a packet, sealed once by node:crypto (whose own answers the
 * tests hold against the RFCs' vectors) and written down, so that a fault cannot stand on both sides.
 */
import type { TransformConfig } from '../sa-config.ts';

/** A key of bytes 1, 2, 3, ...; with its salt. */
const key = (bytes: number): string =>
  Array.from({ length: bytes }, (_, i) => (i + 1).toString(16).padStart(2, '0')).join('');

/** SPI, and sequence number without and with ESN, of all packets; what is in them: 30 bytes that count up in sevens, IPv4. */
export const ANSWER_SPI = 0x1001;
export const ANSWER_SEQUENCE = 3;
export const ANSWER_HIGH = 2;
export const ANSWER_PAYLOAD: Uint8Array = Uint8Array.from({ length: 30 }, (_, i) => i * 7);

/** Transform, ESN, and in hexadecimal what follows the ESP header. */
export const KNOWN_ANSWERS: readonly (readonly [transform: TransformConfig, esn: boolean, packet: string])[] = [
  [
    { aead: 'aes-gcm', key: key(20), icvBits: 128 },
    true,
    'a0a1a2a3a4a5a6a7646fee72645ad686a3481ea8fe78556ba5f78d463c4dd01e7b46d49f76f35e2e134535a97a79f9d943d2a2919167202d',
  ],
  [
    { aead: 'aes-gcm', key: key(20), icvBits: 96 },
    false,
    'a0a1a2a3a4a5a6a7646fee72645ad686a3481ea8fe78556ba5f78d463c4dd01e7b46d49f76f35e2e3da84a0712c2a1d07389d637',
  ],
  [
    { aead: 'aes-gcm', key: key(20), icvBits: 64 },
    true,
    'a0a1a2a3a4a5a6a7646fee72645ad686a3481ea8fe78556ba5f78d463c4dd01e7b46d49f76f35e2e134535a97a79f9d9',
  ],
  [
    { aead: 'aes-gcm', key: key(28), icvBits: 128 },
    false,
    'a0a1a2a3a4a5a6a7ebd9a95ae7e3a2516c1a9a22779a6772b4f45d9c34f723b95e73a30a0355be895e5c6b1c92601c36830ad2e9a5608428',
  ],
  [
    { aead: 'aes-gcm', key: key(28), icvBits: 96 },
    true,
    'a0a1a2a3a4a5a6a7ebd9a95ae7e3a2516c1a9a22779a6772b4f45d9c34f723b95e73a30a0355be89da1a6386f0a0b83f6cff869a',
  ],
  [
    { aead: 'aes-gcm', key: key(28), icvBits: 64 },
    false,
    'a0a1a2a3a4a5a6a7ebd9a95ae7e3a2516c1a9a22779a6772b4f45d9c34f723b95e73a30a0355be895e5c6b1c92601c36',
  ],
  [
    { aead: 'aes-gcm', key: key(36), icvBits: 128 },
    true,
    'a0a1a2a3a4a5a6a798225699bf39581aa93ab8044023d7e7d2243f75c4ee4abf1417cc3fb289586ffcc50524344de3019db81f7541592d26',
  ],
  [
    { aead: 'aes-gcm', key: key(36), icvBits: 96 },
    false,
    'a0a1a2a3a4a5a6a798225699bf39581aa93ab8044023d7e7d2243f75c4ee4abf1417cc3fb289586f2c72cd45060c0903adbcc609',
  ],
  [
    { aead: 'aes-gcm', key: key(36), icvBits: 64 },
    true,
    'a0a1a2a3a4a5a6a798225699bf39581aa93ab8044023d7e7d2243f75c4ee4abf1417cc3fb289586ffcc50524344de301',
  ],
  [
    { aead: 'aes-ccm', key: key(19), icvBits: 128 },
    false,
    'a0a1a2a3a4a5a6a7ad8f0e5d6d374345744a381b669e39d433b0e767e884a50a2bdbed1ed4d77fce5aca750d0fa1252b6f23944f9431ef32',
  ],
  [
    { aead: 'aes-ccm', key: key(19), icvBits: 96 },
    true,
    'a0a1a2a3a4a5a6a7ad8f0e5d6d374345744a381b669e39d433b0e767e884a50a2bdbed1ed4d77fce41ec00fc32f94d5cc726f6d2',
  ],
  [
    { aead: 'aes-ccm', key: key(19), icvBits: 64 },
    false,
    'a0a1a2a3a4a5a6a7ad8f0e5d6d374345744a381b669e39d433b0e767e884a50a2bdbed1ed4d77fcefeb8813fe8a1eac4',
  ],
  [
    { aead: 'aes-ccm', key: key(27), icvBits: 128 },
    true,
    'a0a1a2a3a4a5a6a768d2e379e35a764a572a2b1f0d2e6827bca3b4eb3e14b88c408edab3a1ab3bb01df19f157f786910dda7e37f141cc472',
  ],
  [
    { aead: 'aes-ccm', key: key(27), icvBits: 96 },
    false,
    'a0a1a2a3a4a5a6a768d2e379e35a764a572a2b1f0d2e6827bca3b4eb3e14b88c408edab3a1ab3bb007d917c6c441b21f3833ca87',
  ],
  [
    { aead: 'aes-ccm', key: key(27), icvBits: 64 },
    true,
    'a0a1a2a3a4a5a6a768d2e379e35a764a572a2b1f0d2e6827bca3b4eb3e14b88c408edab3a1ab3bb0d53cc019caf5735e',
  ],
  [
    { aead: 'aes-ccm', key: key(35), icvBits: 128 },
    false,
    'a0a1a2a3a4a5a6a72df80ff88950643f3983ef475edc45313939b02f4ceb4ee74641615d82aecaada1de41980f21ca7fcb39b0bc3e23bb0e',
  ],
  [
    { aead: 'aes-ccm', key: key(35), icvBits: 96 },
    true,
    'a0a1a2a3a4a5a6a72df80ff88950643f3983ef475edc45313939b02f4ceb4ee74641615d82aecaadf86141a4315ce8d9d2871767',
  ],
  [
    { aead: 'aes-ccm', key: key(35), icvBits: 64 },
    false,
    'a0a1a2a3a4a5a6a72df80ff88950643f3983ef475edc45313939b02f4ceb4ee74641615d82aecaad5e24b75c6a9451d8',
  ],
  [
    { aead: 'aes-gmac', key: key(20), icvBits: 128 },
    true,
    'a0a1a2a3a4a5a6a700070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb00045dc02f43c0625ad88e265e1ff82aae73',
  ],
  [
    { aead: 'aes-gmac', key: key(28), icvBits: 128 },
    false,
    'a0a1a2a3a4a5a6a700070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb00045cea0b3e0df5bf19e21c742e74f2c06e',
  ],
  [
    { aead: 'aes-gmac', key: key(36), icvBits: 128 },
    true,
    'a0a1a2a3a4a5a6a700070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb00048753674ec85b435cb9235dfc0ee9ca36',
  ],
  [
    { aead: 'chacha20-poly1305', key: key(36), icvBits: 128 },
    false,
    'a0a1a2a3a4a5a6a7545d7c8bae9ff5231cead2b2f82da94893f8b980c5ae0c3f84c98076558551c05cf595275af05bfe91649a00141928da',
  ],
  [
    { cipher: 'null', auth: 'hmac-md5', authKey: key(16), icvBits: 96 },
    true,
    '00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb000448ffb018d620f89403d0ef16',
  ],
  [
    { cipher: 'null', auth: 'hmac-sha1', authKey: key(20), icvBits: 96 },
    false,
    '00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb000433ab87cc4f7c007cda620cf1',
  ],
  [
    { cipher: 'null', auth: 'hmac-sha256', authKey: key(32), icvBits: 128 },
    true,
    '00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb0004789100f0dd2bf93339f56a7f9d47f0f0',
  ],
  [
    { cipher: 'null', auth: 'hmac-sha384', authKey: key(48), icvBits: 192 },
    false,
    '00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb00044b00eb7b8008ee395854e1400634675e8566cd3c164ba0f8',
  ],
  [
    { cipher: 'null', auth: 'hmac-sha512', authKey: key(64), icvBits: 256 },
    true,
    '00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb00042d632227e87ac0ad66aa7ea8759ebd44ccf797614039d059642516879810202d',
  ],
  [
    { cipher: 'null', auth: 'aes-xcbc', authKey: key(16), icvBits: 96 },
    false,
    '00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb00040cc00a8636ba1673ada2a298',
  ],
  [
    { cipher: 'null', auth: 'aes-cmac', authKey: key(16), icvBits: 96 },
    true,
    '00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cb000421358555fc6b043f14aad2dd',
  ],
  [
    { cipher: 'aes-cbc', key: key(16), auth: 'hmac-sha1', authKey: key(20), icvBits: 96 },
    false,
    'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf9589dfac07d34c69028749402d6275981f40e4c4c5f25c15f3bfb8bdc4af0fa654caa7f03dbcbbf843f80784',
  ],
  [
    { cipher: 'aes-cbc', key: key(24), auth: 'hmac-sha1', authKey: key(20), icvBits: 96 },
    true,
    'a0a1a2a3a4a5a6a7a8a9aaabacadaeafcfd4177e42adf70aa4414a3f45117ed08a2b901a8e01aa2459b0291c37be5ff392a204dd4374a5e6f0c20360',
  ],
  [
    { cipher: 'aes-cbc', key: key(32), auth: 'hmac-sha1', authKey: key(20), icvBits: 96 },
    false,
    'a0a1a2a3a4a5a6a7a8a9aaabacadaeafbd599e371b1dcb1e7dad98fc9984975cea7da6d8fe51e58fc1dc7e36ea64d3eb2c4e588b390fa64ece9b2e10',
  ],
  [
    { cipher: 'aes-ctr', key: key(20), auth: 'hmac-sha1', authKey: key(20), icvBits: 96 },
    true,
    'a0a1a2a3a4a5a6a76441229aecfc69b8f3061889f68ade6a141f9ee2f4ea661633d8ee586ee83706a6bedfbf80c2bb8e3f832187',
  ],
  [
    { cipher: 'aes-ctr', key: key(28), auth: 'hmac-sha1', authKey: key(20), icvBits: 96 },
    false,
    'a0a1a2a3a4a5a6a7e0d1bc118089551c64f3373f04280cf19ba9d9ca775312c1fc8a6ad2e70a051f6b680814eef247c00cc6257f',
  ],
  [
    { cipher: 'aes-ctr', key: key(36), auth: 'hmac-sha1', authKey: key(20), icvBits: 96 },
    true,
    'a0a1a2a3a4a5a6a72f47cf6039c0e0092b67698167e6e066e85226092f89e88a39aa48f4d0b3b58a70191a60233ee36fa87f61ce',
  ],
];
