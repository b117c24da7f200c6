/** SAs as other programs write them down, for tests: iproute2's `ip xfrm state` and the `esp_sa` of Wireshark and strongSwan. */
import { exportSas, type Sa, type SaConfig } from '../../../src/esp/index.ts';

const XFRM_AEAD: Record<string, string> = {
  'aes-gcm': 'rfc4106(gcm(aes))',
  'aes-ccm': 'rfc4309(ccm(aes))',
  'aes-gmac': 'rfc4543(gcm(aes))',
  'chacha20-poly1305': 'rfc7539esp(chacha20,poly1305)',
};
const XFRM_CIPHER: Record<string, string> = {
  'aes-cbc': 'cbc(aes)',
  'aes-ctr': 'rfc3686(ctr(aes))',
  null: 'ecb(cipher_null)',
};
const XFRM_AUTH = (auth: string): string =>
  auth.startsWith('hmac-') ? `hmac(${auth.slice(5)})` : `${auth.slice(4)}(aes)`;

const hex32 = (n: bigint): string => `0x${n.toString(16)}`;

/** As iproute2 6.1 prints it. `stats`: with -s. */
export function xfrmText(sas: readonly Sa[], stats = false): string {
  return exportSas(sas)
    .map((sa) => xfrmState(sa, stats))
    .join('');
}

function xfrmState(sa: SaConfig, stats: boolean): string {
  const spi = Number(sa.spi);
  const hex = `0x${spi.toString(16).padStart(8, '0')}`;
  const bits = (key: string): string => (stats ? ` (${(key.length / 2) * 8} bits)` : '');
  const seq = BigInt(sa.initialSeq ?? 0);
  const esnWindow = sa.esn || (sa.replayWindow ?? 64) > 32;
  const flags = sa.esn ? 'flag af-unspec esn' : 'flag af-unspec';
  const lines = [
    `src ${sa.src ?? '0.0.0.0'} dst ${sa.dst}`,
    `\tproto esp spi ${hex}${stats ? `(${spi})` : ''} reqid 7${stats ? '(0x00000007)' : ''} mode ${sa.mode}`,
    `\treplay-window ${esnWindow ? 0 : sa.replayWindow} ${stats ? 'seq 0x00000000 ' : ''}${flags}${stats ? ' (0x20)' : ''}`,
  ];
  const { transform: t } = sa;
  if ('aead' in t) lines.push(`\taead ${XFRM_AEAD[t.aead]} 0x${t.key}${bits(t.key)} ${t.icvBits}`);
  else {
    const authKey = t.authKey ?? '';
    lines.push(`\tauth-trunc ${XFRM_AUTH(t.auth)} 0x${authKey}${bits(authKey)} ${t.icvBits}`);
    lines.push(`\tenc ${XFRM_CIPHER[t.cipher ?? '']} 0x${t.key ?? ''}${bits(t.key ?? '')}`);
  }
  if (sa.encap === 'udp') lines.push('\tencap type espinudp sport 4500 dport 4500 addr 0.0.0.0');
  if (esnWindow) {
    const words = Math.ceil((sa.replayWindow ?? 64) / 32);
    lines.push('\tanti-replay esn context:');
    lines.push(
      `\t seq-hi ${hex32(seq >> 32n)}, seq ${hex32(seq & 0xffffffffn)}, oseq-hi 0x0, oseq 0x0`,
      `\t replay_window ${sa.replayWindow}, bitmap-length ${words}`,
      `\t ${Array.from({ length: words }, () => '00000000').join(' ')}`,
    );
  } else lines.push(`\tanti-replay context: seq ${hex32(seq)}, oseq 0x0, bitmap 0x00000000`);
  lines.push('\tsel src 0.0.0.0/0 dst 0.0.0.0/0 ');
  if (stats) {
    lines.push(
      '\tlifetime config:',
      '\t  limit: soft (INF)(bytes), hard (INF)(bytes)',
      '\t  limit: soft (INF)(packets), hard (INF)(packets)',
      '\t  expire add: soft 0(sec), hard 0(sec)',
      '\tlifetime current:',
      '\t  0(bytes), 0(packets)',
      '\t  add 2024-08-29 09:30:00 use -',
      '\tstats:',
      '\t  replay-window 9 replay 3 failed 4',
    );
  }
  return `${lines.join('\n')}\n`;
}

const WIRESHARK_CIPHER: Record<string, string> = {
  'aes-cbc': 'AES-CBC [RFC3602]',
  'aes-ctr': 'AES-CTR [RFC3686]',
  null: 'NULL',
};
const WIRESHARK_AUTH: Record<string, string> = {
  'hmac-md5-96': 'HMAC-MD5-96 [RFC2403]',
  'hmac-sha1-96': 'HMAC-SHA-1-96 [RFC2404]',
  'hmac-sha256-96': 'HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]',
  'hmac-sha256-128': 'HMAC-SHA-256-128 [RFC4868]',
  'hmac-sha384-192': 'HMAC-SHA-384-192 [RFC4868]',
  'hmac-sha512-256': 'HMAC-SHA-512-256 [RFC4868]',
};

/** A line as Wireshark writes it; undefined for what it cannot say: other transforms, and where in its numbers an SA begins. */
export function wiresharkLine(sa: Sa): string | undefined {
  const [{ transform: t }] = exportSas([sa]);
  let names: (string | undefined)[];
  if ('aead' in t) {
    const name: Record<string, string> = {
      'aes-gcm': `AES-GCM with ${(t.icvBits ?? 128) / 8} octet ICV [RFC4106]`,
      'chacha20-poly1305': 'ChaCha20 with Poly1305 [RFC7634]',
    };
    names = [name[t.aead], `0x${t.key}`, 'NULL', ''];
  } else {
    const auth = WIRESHARK_AUTH[`${t.auth}-${t.icvBits}`];
    names = [WIRESHARK_CIPHER[t.cipher ?? ''], `0x${t.key ?? ''}`, auth, `0x${t.authKey ?? ''}`];
  }
  if (names.includes(undefined) || (sa.initialSeq & 0xffffffffn) !== 0n) return undefined;
  const spi = `0x${sa.spi.toString(16).padStart(8, '0')}`;
  const family = sa.dstBytes.length === 4 ? 'IPv4' : 'IPv6';
  const esn = sa.esn ? ['64-bit', String(sa.initialSeq >> 32n)] : ['32-bit', '0'];
  return [family, sa.src ?? '*', sa.dst, spi, ...names, ...esn].map((column) => `"${column}"`).join(',');
}
