/** Wireshark opens what we seal: an oracle for every transform that it knows. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PcapngWriter } from '../../src/capture/index.ts';
import { createSa, type SaConfig, sealTransport, sealTunnel } from '../../src/esp/index.ts';
import { fill, udp } from '../support/packets.ts';

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
if (!hasTshark) console.log('skipped: there is no tshark on PATH to open what is sealed');

const hex = (bytes: number): string => Buffer.from(fill(bytes, 3)).toString('hex');

/** Transform, Wireshark's names of cipher and authentication, and its keys. */
const TRANSFORMS: [string, SaConfig['transform'], string, string, string, string][] = [
  ...[128, 192, 256].map((bits): (typeof TRANSFORMS)[number] => {
    const key = hex(bits / 8 + 4);
    return [`aes-gcm-${bits}`, { aead: 'aes-gcm', key }, 'AES-GCM with 16 octet ICV [RFC4106]', key, 'NULL', ''];
  }),
  ...(
    [
      ['hmac-sha1', 20, 96, 'HMAC-SHA-1-96 [RFC2404]'],
      ['hmac-md5', 16, 96, 'HMAC-MD5-96 [RFC2403]'],
      ['hmac-sha256', 32, 128, 'HMAC-SHA-256-128 [RFC4868]'],
      ['hmac-sha384', 48, 192, 'HMAC-SHA-384-192 [RFC4868]'],
      ['hmac-sha512', 64, 256, 'HMAC-SHA-512-256 [RFC4868]'],
    ] as const
  ).map(([auth, bytes, icvBits, name]): (typeof TRANSFORMS)[number] => {
    const [key, authKey] = [hex(16), hex(bytes)];
    return [
      `aes-cbc with ${auth}`,
      { cipher: 'aes-cbc', key, auth, authKey, icvBits },
      'AES-CBC [RFC3602]',
      key,
      name,
      authKey,
    ];
  }),
  [
    'aes-ctr with hmac-sha1',
    { cipher: 'aes-ctr', key: hex(20), auth: 'hmac-sha1', authKey: hex(20), icvBits: 96 },
    'AES-CTR [RFC3686]',
    hex(20),
    'HMAC-SHA-1-96 [RFC2404]',
    hex(20),
  ],
  [
    'null with hmac-sha256',
    { cipher: 'null', auth: 'hmac-sha256', authKey: hex(32) },
    'NULL',
    '',
    'HMAC-SHA-256-128 [RFC4868]',
    hex(32),
  ],
];

/** UDP payloads, in hexadecimal, and the verdicts on ICVs that tshark finds in ESP packets. */
function open(packets: readonly Uint8Array[], cipher: string, key: string, auth: string, authKey: string): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'rxsteer-tshark-'));
  try {
    const writer = new PcapngWriter();
    const pieces = [writer.start(101), ...packets.map((packet, i) => writer.frame(101, 1000, i, packet).slice())];
    const path = join(folder, 'a.pcapng');
    writeFileSync(path, Buffer.concat(pieces));
    const text = (value: string): string => (value === '' ? '""' : `"0x${value}"`);
    const sa = `"IPv4","192.0.2.1","192.0.2.2","0x00001001","${cipher}",${text(key)},"${auth}",${text(authKey)}`;
    const options = ['esp.enable_encryption_decode:TRUE', 'esp.enable_authentication_check:TRUE', `uat:esp_sa:${sa}`];
    const fields = ['udp.payload', 'esp.icv_good'].flatMap((name) => ['-e', name]);
    const args = ['-r', path, ...options.flatMap((option) => ['-o', option]), '-T', 'fields', ...fields];
    const ran = spawnSync('tshark', args, { encoding: 'utf8' });
    expect(ran.status, ran.stderr).toBe(0);
    return ran.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.skipIf(!hasTshark)('tshark opens what is sealed', () => {
  it.each(TRANSFORMS)('by %s', { timeout: 60_000 }, (_, transform, cipher, key, auth, authKey) => {
    const config = { spi: 0x1001, src: '192.0.2.1', dst: '192.0.2.2', transform } as const;
    const payloads = [1, 64, 1200].map((length) => fill(length, length));
    const inner = (payload: Uint8Array): Uint8Array => udp(payload, { src: '192.0.2.1', dst: '192.0.2.2' });
    const tunnel = createSa({ ...config, mode: 'tunnel' });
    const transport = createSa({ ...config, mode: 'transport' });
    const packets = [
      ...payloads.map((payload, i) => sealTunnel(tunnel, i + 1, inner(payload), { tfcPadding: i * 8 })),
      ...payloads.map((payload, i) => sealTransport(transport, i + 9, inner(payload))),
    ];
    const opened = open(packets, cipher, key, auth, authKey);
    expect(opened.map(([payload]) => payload)).toEqual(
      [...payloads, ...payloads].map((payload) => Buffer.from(payload).toString('hex')),
    );
    expect(opened.every(([, good]) => good !== '0' && good !== 'False')).toBe(true);
  });
});
