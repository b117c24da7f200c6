/**
 * AH once more, from RFC 4302, 3566, 4493 and 4543 alone: the ICV of a packet, computed over fields that are put together one by one
 * instead of a copy with holes. Knows nothing of src/.
 */
import { createCipheriv, createHmac } from 'node:crypto';

type Bytes = Uint8Array;
const cat = (...parts: (Bytes | number[])[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));
const zeros = (n: number): Bytes => new Uint8Array(n);

/** AES of one block. */
const aes = (key: Bytes, block: Bytes): Bytes =>
  createCipheriv(`aes-${key.length * 8}-ecb`, key, null)
    .setAutoPadding(false)
    .update(block);

function cbcMac(key: Bytes, text: Bytes, whole: Bytes, filled: Bytes): Bytes {
  const blocks = Math.max(1, Math.ceil(text.length / 16));
  let state = zeros(16);
  for (let i = 0; i < blocks; i++) {
    let block: Bytes = Buffer.from(text.subarray(16 * i, 16 * i + 16));
    let subkey = zeros(16);
    if (i === blocks - 1) {
      subkey = block.length === 16 ? whole : filled;
      if (block.length < 16) block = cat(block, [0x80], zeros(15 - block.length));
    }
    state = aes(
      key,
      block.map((byte, k) => byte ^ state[k] ^ subkey[k]),
    );
  }
  return state;
}

function doubled(block: Bytes): Bytes {
  const n = BigInt(`0x${Buffer.from(block).toString('hex')}`);
  const twice = ((n << 1n) & ((1n << 128n) - 1n)) ^ (n >> 127n === 1n ? 0x87n : 0n);
  return Buffer.from(twice.toString(16).padStart(32, '0'), 'hex');
}

function macOf(auth: string, key: Bytes, text: Bytes, iv: Bytes): Bytes {
  if (auth === 'aes-gmac') {
    const aesKey = key.subarray(0, key.length - 4);
    const cipher = createCipheriv(`aes-${aesKey.length * 8}-gcm` as 'aes-128-gcm', aesKey, cat(key.subarray(-4), iv));
    cipher.setAAD(text).final();
    return cipher.getAuthTag();
  }
  if (auth === 'aes-cmac') {
    const k1 = doubled(aes(key, zeros(16)));
    return cbcMac(key, text, k1, doubled(k1));
  }
  if (auth === 'aes-xcbc') {
    const [k1, k2, k3] = [1, 2, 3].map((n) => aes(key, zeros(16).fill(n)));
    return cbcMac(k1, text, k2, k3);
  }
  return createHmac(auth.slice(5), key).update(text).digest();
}

function ipv4Header(p: Bytes): Bytes {
  const options: Bytes[] = [];
  const end = (p[0] & 15) * 4;
  for (let at = 20; at < end; ) {
    const length = p[at] <= 1 ? 1 : p[at + 1];
    if (p[at] === 0) {
      options.push(p.subarray(at, end));
      break;
    }
    options.push([1, 130, 133, 134, 148, 149].includes(p[at]) ? p.subarray(at, at + length) : zeros(length));
    at += length;
  }
  return cat([p[0], 0], p.subarray(2, 6), [0, 0], [0, p[9], 0, 0], p.subarray(12, 20), ...options);
}

/** Extension headers as the final destination sees them; the routing header only with nothing left. */
function ipv6Headers(p: Bytes, ah: number): Bytes {
  const parts: Bytes[] = [cat([0x60, 0, 0, 0], p.subarray(4, 7), [0], p.subarray(8, 40))];
  let next = p[6];
  for (let at = 40; at < ah; ) {
    const end = at + (p[at + 1] + 1) * 8;
    if (next === 43) parts.push(p.subarray(at, end));
    else {
      parts.push(p.subarray(at, at + 2));
      for (let o = at + 2; o < end; ) {
        const size = p[o] === 0 ? 1 : 2 + p[o + 1];
        const changes = (p[o] & 0x20) !== 0;
        parts.push(changes ? cat(p.subarray(o, o + 2), zeros(size - 2)) : p.subarray(o, o + size));
        o += size;
      }
    }
    next = p[at];
    at = end;
  }
  return cat(...parts);
}

/** The MAC, cut to `bytes`, that stands in the AH at `ah` of a packet that arrives. `high`: with ESN. */
export function ahMac(p: Bytes, ah: number, auth: string, key: Bytes, bytes: number, high?: number): Bytes {
  const field = (auth === 'aes-gmac' ? 8 : 0) + bytes;
  const head = p[0] >> 4 === 4 ? ipv4Header(p) : ipv6Headers(p, ah);
  const high32 = high === undefined ? [] : [high >>> 24, (high >>> 16) & 255, (high >>> 8) & 255, high & 255];
  const text = cat(head, p.subarray(ah, ah + 12), zeros(field), p.subarray(ah + 12 + field), high32);
  return macOf(auth, key, text, p.subarray(ah + 12, ah + 20)).subarray(0, bytes);
}
