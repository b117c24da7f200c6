/** Configuration mistakes: each says by a code and a sentence what was expected and what came, and no sentence shows a key. */
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import type { ReceiverOptions } from '../../src/receiver/options.ts';
import { createReceiver } from '../../src/receiver/receiver.ts';
import { KEY_HEX } from '../support/sas.ts';

const consumer = { onPackets() {} };
const one = {
  spi: '0x1001',
  dst: '192.0.2.2',
  mode: 'tunnel',
  transform: { aead: 'aes-gcm', key: KEY_HEX },
} as const;

type Mistake = [what: string, options: Record<string, unknown>, code: ErrorCode, message: RegExp];

const mistakes: Mistake[] = [
  ['no queues', { queues: 0 }, 'ERR_RXSTEER_OPTION', /^queues: expected an integer from 1 to 256, got 0$/],
  ['a device that nobody knows', { rss: { nic: 'ne2000' } }, 'ERR_RXSTEER_OPTION', /^nic: expected mlx5, /],
  ['half a queue', { queues: 1.5 }, 'ERR_RXSTEER_OPTION', /^queues: .*got 1\.5$/],
  ['queues as text', { queues: '4' }, 'ERR_RXSTEER_OPTION', /^queues: .*got "4"$/],
  ['an unknown option', { quues: 4 }, 'ERR_RXSTEER_OPTION', /^quues: there is no such option$/],
  ['a ring of 1000', { ring: 1000 }, 'ERR_RXSTEER_OPTION', /^ring: expected a power of two, got 1000$/],
  ['a ring of 64', { ring: 64 }, 'ERR_RXSTEER_OPTION', /^ring: expected an integer from 128 to 65536, got 64$/],
  ['another policy', { full: 'block' }, 'ERR_RXSTEER_OPTION', /^full: expected 'drop' or 'wait', got "block"$/],
  ['another idleness', { idle: 'spin' }, 'ERR_RXSTEER_OPTION', /^idle: expected 'async' or 'block', got "spin"$/],
  [
    'determinism that drops',
    { deterministic: true },
    'ERR_RXSTEER_OPTION',
    /^full: expected 'wait' when 'deterministic' is set, got "drop"$/,
  ],
  ['inline as text', { inline: 'yes' }, 'ERR_RXSTEER_OPTION', /^inline: expected true or false, got "yes"$/],
  [
    'too little memory',
    { memory: 1 << 20 },
    'ERR_RXSTEER_OPTION',
    /^memory: expected bytes from \d+ \(for 4 lanes\) to \d+, got 1048576$/,
  ],
  ['a timeout below 0', { consumerTimeout: -1 }, 'ERR_RXSTEER_OPTION', /^consumerTimeout: .*got -1$/],
  ['a port that is none', { nattPort: 65536 }, 'ERR_RXSTEER_OPTION', /^nattPort: .*got 65536$/],
  [
    'an unknown class',
    { deliver: { tcp: true } },
    'ERR_RXSTEER_OPTION',
    /^deliver: expected class names .*, got "tcp"$/,
  ],
  [
    'a class that is no flag',
    { deliver: { tcp4: 1 } },
    'ERR_RXSTEER_OPTION',
    /^deliver\.tcp4: expected true or false, got 1$/,
  ],
  ['a policy that is no list', { esp: { sas: [], policy: {} } }, 'ERR_RXSTEER_OPTION', /^esp\.policy: expected a list/],
  [
    'a policy without action',
    { esp: { sas: [], policy: [{ src: '10.0.0.0/8' }] } },
    'ERR_RXSTEER_OPTION',
    /^esp\.policy\[0\]\.action: expected 'protect', 'bypass' or 'discard', got undefined$/,
  ],
  [
    'a policy with other words',
    { esp: { sas: [], policy: [{ port: 80, action: 'discard' }] } },
    'ERR_RXSTEER_OPTION',
    /^esp\.policy\[0\]\.port: expected one of src, dst, /,
  ],
  [
    'a policy with half a prefix',
    { esp: { sas: [], policy: [{ action: 'bypass' }, { src: ['10.0.0.0/8', '10/8'], action: 'discard' }] } },
    'ERR_RXSTEER_OPTION',
    /^esp\.policy\[1\]\.src: expected a prefix such as "10\.1\.0\.0\/16", or an address, got "10\/8"$/,
  ],
  ['fragments for ever', { fragments: { timeout: 0 } }, 'ERR_RXSTEER_OPTION', /^fragments\.timeout: .*got 0$/],
  [
    'an unknown order',
    { gro: { order: 'bsd' } },
    'ERR_RXSTEER_OPTION',
    /^gro\.order: expected 'flow' or 'linux', got "bsd"$/,
  ],
  ['super-packets over 64 KiB', { gro: { maxSize: 1 << 20 } }, 'ERR_RXSTEER_OPTION', /^gro\.maxSize: .*got 1048576$/],
  ['a hash key that is short', { rss: { key: new Uint8Array(15) } }, 'ERR_RXSTEER_KEY', /15/],
  ['an unknown level', { rss: { level: 2 } }, 'ERR_RXSTEER_OPTION', /^level: expected 'outer' or 'inner', got 2$/],
  ['an unknown letter', { rss: { fields: { tcp4: 'sdx' } } }, 'ERR_RXSTEER_FIELDS', /x/],
  ['an unknown flow type', { rss: { fields: { tcp5: 'sd' } } }, 'ERR_RXSTEER_FIELDS', /tcp5/],
  [
    'an entry beyond the queues',
    { queues: 2, rss: { indirection: [0, 1, 2] } },
    'ERR_RXSTEER_INDIRECTION',
    /expected a queue below 2, got 2/,
  ],
  ['a table of size 0', { rss: { tableSize: 0 } }, 'ERR_RXSTEER_OPTION', /^tableSize: .*got 0$/],
  ['SAs that are no list', { esp: { sas: {} } }, 'ERR_RXSTEER_SA', /^sas: expected an array/],
  ['an SA without destination', { esp: { sas: [{ ...one, dst: undefined }] } }, 'ERR_RXSTEER_SA', /sas\[0\].*dst/],
  [
    'an SA twice',
    { esp: { sas: [one, one] } },
    'ERR_RXSTEER_SA_DUPLICATE',
    /^sas\[1\] \(SPI 0x00001001\): same destination 192\.0\.2\.2 and SPI as sas\[0\]$/,
  ],
  [
    'a key of another length',
    { esp: { sas: [{ ...one, transform: { aead: 'aes-gcm', key: KEY_HEX.slice(2) } }] } },
    'ERR_RXSTEER_SA',
    /key.*19/,
  ],
  [
    'a key that is no hexadecimal',
    { esp: { sas: [{ ...one, transform: { aead: 'aes-gcm', key: `zz${KEY_HEX}` } }] } },
    'ERR_RXSTEER_SA',
    /key/,
  ],
  [
    'a pin beyond the queues',
    { queues: 2, esp: { sas: [{ ...one, queue: 2 }] } },
    'ERR_RXSTEER_OPTION',
    /^esp\.sas\[0\]\.queue: expected an integer from 0 to 1, got 2$/,
  ],
  [
    'an unknown fate of unknown SPIs',
    { esp: { sas: [one], onUnknownSpi: 'keep' } },
    'ERR_RXSTEER_OPTION',
    /^esp\.onUnknownSpi: .*got "keep"$/,
  ],
  ['RFS that is no object', { rfs: true }, 'ERR_RXSTEER_OPTION', /^rfs: expected false or an object, got true$/],
  ['RFS that is a text', { rfs: 'on' }, 'ERR_RXSTEER_OPTION', /^rfs: expected false or an object, got "on"$/],
  ['RFS that is nothing', { rfs: null }, 'ERR_RXSTEER_OPTION', /^rfs: expected false or an object, got null$/],
  [
    'RFS that is a list',
    { rfs: [] },
    'ERR_RXSTEER_OPTION',
    /^rfs: expected false or an object, got an object \(Array\)$/,
  ],
  [
    'RFS where placement must not depend on timing',
    { rfs: {}, deterministic: true, full: 'wait' },
    'ERR_RXSTEER_OPTION',
    /^rfs: expected false when 'deterministic' is set: .*, got an object/,
  ],
  ['an unknown part of RFS', { rfs: { entires: 64 } }, 'ERR_RXSTEER_OPTION', /^rfs\.entires: there is no such option$/],
  [
    'too few claims',
    { rfs: { entries: 32 } },
    'ERR_RXSTEER_OPTION',
    /^rfs\.entries: expected an integer from 64 to 4194304, got 32$/,
  ],
  ['too many claims', { rfs: { entries: 1 << 23 } }, 'ERR_RXSTEER_OPTION', /^rfs\.entries: .*got 8388608$/],
  [
    '1000 claims',
    { rfs: { entries: 1000 } },
    'ERR_RXSTEER_OPTION',
    /^rfs\.entries: expected a power of two, got 1000$/,
  ],
  ['claims as text', { rfs: { entries: '64' } }, 'ERR_RXSTEER_OPTION', /^rfs\.entries: .*got "64"$/],
  ['half a stage', { rfs: { twoStage: 1 } }, 'ERR_RXSTEER_OPTION', /^rfs\.twoStage: expected true or false, got 1$/],
  ['an affinity', { rfs: { saAffinity: 'all' } }, 'ERR_RXSTEER_OPTION', /^rfs\.saAffinity: .*got "all"$/],
  ['some reordering', { rfs: { allowReorder: 0 } }, 'ERR_RXSTEER_OPTION', /^rfs\.allowReorder: .*got 0$/],
  [
    'a flow limit that waits',
    { rfs: { flowLimit: true }, full: 'wait' },
    'ERR_RXSTEER_OPTION',
    /^full: expected 'drop' when 'rfs\.flowLimit' is set, got "wait"$/,
  ],
  [
    'a flow limit of few buckets',
    { rfs: { flowLimit: 32 } },
    'ERR_RXSTEER_OPTION',
    /^rfs\.flowLimit: expected .*from 64 to 65536, got 32$/,
  ],
  [
    'a flow limit of 100 buckets',
    { rfs: { flowLimit: 100 } },
    'ERR_RXSTEER_OPTION',
    /^rfs\.flowLimit: expected a power of two, got 100$/,
  ],
  ['a flow limit as text', { rfs: { flowLimit: 'yes' } }, 'ERR_RXSTEER_OPTION', /^rfs\.flowLimit: .*got "yes"$/],
  [
    'no consumer',
    { consumer: undefined },
    'ERR_RXSTEER_CONSUMER',
    /^consumer: expected the URL of a module, .*got undefined$/,
  ],
  ['a consumer that takes nothing', { consumer: {} }, 'ERR_RXSTEER_CONSUMER', /^consumer: expected .*got object$/],
  [
    'a consumer that is a function',
    { consumer: () => {} },
    'ERR_RXSTEER_CONSUMER',
    /^consumer: expected .*got function$/,
  ],
  ['a path instead of a URL', { consumer: './consumer.js' }, 'ERR_RXSTEER_CONSUMER', /^consumer: /],
  [
    'an object for threads',
    { inline: false },
    'ERR_RXSTEER_CONSUMER',
    /^consumer: an object cannot be sent to a worker thread/,
  ],
];

describe('createReceiver refuses', () => {
  it.each(mistakes)('%s', async (_, options, code, message) => {
    const made = createReceiver({ inline: true, consumer, ...options } as unknown as ReceiverOptions);
    const error = await made.then(
      (rx) => rx.close().then(() => undefined),
      (reason: Error) => reason,
    );
    expect(error).toMatchObject({ name: 'RxSteerError', code, message: expect.stringMatching(message) });
    expect(error!.message).not.toContain(KEY_HEX.slice(2, 12));
    expect(error!.message).not.toMatch(/\n/);
  });
});

it('statistics show the hash key, and no key of an SA', async () => {
  const rx = await createReceiver({ inline: true, consumer, esp: { sas: [one] } });
  const text = JSON.stringify(await rx.close());
  expect(text).toContain('"hkey"');
  expect(text).not.toContain(KEY_HEX);
  expect(text).not.toContain(KEY_HEX.slice(0, 16));
});
